"""Inception-v3 as the published scores have it: features for FID, logits for IS.

The network is TensorFlow's graph of 2015-12-05, which is not the one of torchvision or
Keras: it has 1008 classes, its average pools do not count the padding, and its last
block pools by the maximum. Images are brought to 299 x 299 by TensorFlow 1's bilinear
resize. Another network or another resize gives other numbers, which are no FID.

    weights = load("pt_inception-2015-12-05-6726825d.pth")
    pool3, logits = jax.jit(features)(weights.variables, images)

The weights are a file that is fetched by hand, once; `load` says from where.
"""

import functools
import hashlib
import io
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen
from flax.traverse_util import flatten_dict, unflatten_dict
from jax import lax

SIZE = 299
CLASSES = 1008
PUBLISHED = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
"""SHA-256 of pytorch-fid's and torch-fidelity's file of weights."""

_SOURCE = "source_sha256"  # in an npz: of the file that it was made from
_FILE = "pt_inception-2015-12-05-6726825d.pth"
_NOT_A_WEIGHT = ".num_batches_tracked"
# The last name of a variable: here, and in the published file.
_LEAVES = {
    "kernel": "weight",
    "scale": "weight",
    "bias": "bias",
    "mean": "running_mean",
    "var": "running_var",
}
# Axes by rank: PyTorch has [O, C, kh, kw] and [O, C], Flax [kh, kw, C, O] and [C, O].
_TO = {1: (0,), 2: (1, 0), 4: (3, 2, 0, 1)}
_FROM = {1: (0,), 2: (1, 0), 4: (2, 3, 1, 0)}

# --- images --------------------------------------------------------------------------


def resize(images: jax.Array, size: int = SIZE) -> jax.Array:
    """TensorFlow 1's bilinear resize, corners not aligned.

    Pixel i of the result is read at i * scale of the image: no half pixel is added, as
    later resizes do, so that the picture moves up and to the left. Going down, pixels
    between are left out, and nothing is smoothed.

    Args:
        images: `[N, H, W, C]`, uint8 or floats, of any range.
        size: height and width of the result.

    Returns:
        float32 `[N, size, size, C]`, of the same range.

    Raises:
        ValueError: if the shape is another.
    """
    if images.ndim != 4 or not all(images.shape[1:3]) or size < 1:
        raise ValueError(
            f"images has shape {images.shape} and size is {size}; expected images"
            " [N, H, W, C] of a pixel or more and a size of 1 or more"
        )
    x = jnp.asarray(images, jnp.float32)
    for axis in (2, 1):
        low, high, share = _places(x.shape[axis], size)
        before, after = (jnp.take(x, i, axis, mode="clip") for i in (low, high))
        share = share.reshape([-1 if i == axis else 1 for i in range(4)])
        x = before + (after - before) * share
    return x


def _places(count: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where each of `size` pixels is read among `count`: two pixels and the share."""
    # In float32, as the graph has it, where products may fall below a whole number.
    place = np.arange(size, dtype=np.float32) * np.float32(count / size)
    low = np.minimum(place.astype(np.int32), count - 1)
    return low, np.minimum(low + 1, count - 1), place - low.astype(np.float32)


def normalize(images: jax.Array) -> jax.Array:
    """Pixels 0..255 `[N, H, W, 1 or 3]` to what the network takes, (x - 128) / 128.

    Args:
        images: grey ones become colour images of three equal channels.

    Returns:
        float32 `[N, H, W, 3]`, from -1 to 127 / 128.
    """
    x = (images.astype(jnp.float32) - 128) / 128
    return jnp.broadcast_to(x, (*x.shape[:3], 3))


# --- the network ---------------------------------------------------------------------


def average_pool(x: jax.Array) -> jax.Array:
    """The mean over 3 x 3 pixels, those beyond the border not counted.

    Args:
        x: `[N, H, W, C]`.

    Returns:
        The same shape.
    """
    total = _over_windows(jnp.add, _framed(x, 0.0), 1)
    rows, columns = (np.convolve(np.ones(n), np.ones(3), "same") for n in x.shape[1:3])
    share = (1 / np.outer(rows, columns)).astype(np.float32)
    return total * share[None, :, :, None]


def max_pool(x: jax.Array, stride: int) -> jax.Array:
    """The maximum over 3 x 3 pixels: at stride 1 about each pixel, at 2 inside only.

    Args:
        x: `[N, H, W, C]`.
        stride: 1 or 2.

    Returns:
        `[N, H, W, C]` at stride 1, `[N, (H - 1) // 2, (W - 1) // 2, C]` at stride 2.
    """
    return _over_windows(jnp.maximum, _framed(x, -np.inf) if stride == 1 else x, stride)


def _framed(x: jax.Array, value: float) -> jax.Array:
    return jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=value)


def _over_windows(combine: Callable, x: jax.Array, stride: int) -> jax.Array:
    """Combines shifted images, rows first: faster on CPU than `lax.reduce_window`."""
    for axis in (1, 2):
        last = x.shape[axis] - 3
        shifted = (
            lax.slice_in_dim(x, i, i + last + 1, stride, axis=axis) for i in range(3)
        )
        x = functools.reduce(combine, shifted)
    return x


class Unit(linen.Module):
    """Convolution without bias, batch norm by running averages, ReLU.

    Attributes:
        features: output channels.
        kernel: rows and columns.
        stride: of both.
        padding: "SAME" or "VALID".
    """

    features: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    padding: str = "SAME"

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `[N, H, W, C]` to `[N, h, w, features]`."""
        x = linen.Conv(
            self.features,
            self.kernel,
            self.stride,
            self.padding,
            use_bias=False,
            precision=lax.Precision.HIGHEST,  # float32 where a GPU would take less
            name="conv",
        )(x)
        norm = linen.BatchNorm(use_running_average=True, epsilon=1e-3, name="bn")
        return linen.relu(norm(x))


class BlockA(linen.Module):
    """35 x 35 pixels: 1x1, 5x5, twice 3x3, average pool.

    Attributes:
        pool_features: channels of the branch that pools.
    """

    pool_features: int

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `[N, H, W, C]` to `[N, H, W, 224 + pool_features]`."""
        one = Unit(64, name="branch1x1")(x)
        five = Unit(48, name="branch5x5_1")(x)
        five = Unit(64, (5, 5), name="branch5x5_2")(five)
        three = Unit(64, name="branch3x3dbl_1")(x)
        three = Unit(96, (3, 3), name="branch3x3dbl_2")(three)
        three = Unit(96, (3, 3), name="branch3x3dbl_3")(three)
        pool = Unit(self.pool_features, name="branch_pool")(average_pool(x))
        return jnp.concatenate([one, five, three, pool], -1)


class BlockB(linen.Module):
    """35 x 35 pixels to 17 x 17."""

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `[N, H, W, C]` to `[N, H / 2, W / 2, 480 + C]`."""
        three = Unit(384, (3, 3), 2, "VALID", name="branch3x3")(x)
        double = Unit(64, name="branch3x3dbl_1")(x)
        double = Unit(96, (3, 3), name="branch3x3dbl_2")(double)
        double = Unit(96, (3, 3), 2, "VALID", name="branch3x3dbl_3")(double)
        return jnp.concatenate([three, double, max_pool(x, 2)], -1)


class BlockC(linen.Module):
    """17 x 17 pixels: 1x1, 7x7 and twice 7x7 as rows and columns, average pool.

    Attributes:
        features: channels between the rows and the columns.
    """

    features: int

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `[N, H, W, C]` to `[N, H, W, 768]`."""
        row, column = (1, 7), (7, 1)
        one = Unit(192, name="branch1x1")(x)
        seven = Unit(self.features, name="branch7x7_1")(x)
        seven = Unit(self.features, row, name="branch7x7_2")(seven)
        seven = Unit(192, column, name="branch7x7_3")(seven)
        double = Unit(self.features, name="branch7x7dbl_1")(x)
        double = Unit(self.features, column, name="branch7x7dbl_2")(double)
        double = Unit(self.features, row, name="branch7x7dbl_3")(double)
        double = Unit(self.features, column, name="branch7x7dbl_4")(double)
        double = Unit(192, row, name="branch7x7dbl_5")(double)
        pool = Unit(192, name="branch_pool")(average_pool(x))
        return jnp.concatenate([one, seven, double, pool], -1)


class BlockD(linen.Module):
    """17 x 17 pixels to 8 x 8."""

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `[N, H, W, C]` to `[N, H / 2, W / 2, 512 + C]`."""
        three = Unit(192, name="branch3x3_1")(x)
        three = Unit(320, (3, 3), 2, "VALID", name="branch3x3_2")(three)
        seven = Unit(192, name="branch7x7x3_1")(x)
        seven = Unit(192, (1, 7), name="branch7x7x3_2")(seven)
        seven = Unit(192, (7, 1), name="branch7x7x3_3")(seven)
        seven = Unit(192, (3, 3), 2, "VALID", name="branch7x7x3_4")(seven)
        return jnp.concatenate([three, seven, max_pool(x, 2)], -1)


class BlockE(linen.Module):
    """8 x 8 pixels: 1x1, 3x3 as rows beside columns, 3x3 and the same, a pool.

    Attributes:
        last: whether it pools by the maximum, as the last block of the graph does;
            the one before pools by the average.
    """

    last: bool

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `[N, H, W, C]` to `[N, H, W, 2048]`."""
        row, column = (1, 3), (3, 1)
        one = Unit(320, name="branch1x1")(x)
        three = Unit(384, name="branch3x3_1")(x)
        double = Unit(448, name="branch3x3dbl_1")(x)
        double = Unit(384, (3, 3), name="branch3x3dbl_2")(double)
        pool = max_pool(x, 1) if self.last else average_pool(x)
        return jnp.concatenate(
            [
                one,
                Unit(384, row, name="branch3x3_2a")(three),
                Unit(384, column, name="branch3x3_2b")(three),
                Unit(384, row, name="branch3x3dbl_3a")(double),
                Unit(384, column, name="branch3x3dbl_3b")(double),
                Unit(192, name="branch_pool")(pool),
            ],
            -1,
        )


class Classes(linen.Module):
    """The last layer without its bias, which is only kept.

    Attributes:
        classes: number of them.
    """

    classes: int

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `[N, F]` to `[N, classes]`."""
        init = linen.initializers.zeros_init()
        kernel = self.param("kernel", init, (x.shape[-1], self.classes))
        self.param("bias", init, (self.classes,))
        return jnp.matmul(x, kernel, precision=lax.Precision.HIGHEST)


class Inception(linen.Module):
    """The network, from normalised images to features and logits.

    Parameters have the names of the published PyTorch file.
    """

    @linen.compact
    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Maps `[N, 299, 299, 3]` to pool3 `[N, 2048]` and logits `[N, 1008]`."""
        x = Unit(32, (3, 3), 2, "VALID", name="Conv2d_1a_3x3")(x)
        x = Unit(32, (3, 3), 1, "VALID", name="Conv2d_2a_3x3")(x)
        x = Unit(64, (3, 3), name="Conv2d_2b_3x3")(x)
        x = max_pool(x, 2)
        x = Unit(80, name="Conv2d_3b_1x1")(x)
        x = Unit(192, (3, 3), 1, "VALID", name="Conv2d_4a_3x3")(x)
        x = max_pool(x, 2)
        for part, pool_features in (("b", 32), ("c", 64), ("d", 64)):
            x = BlockA(pool_features, name=f"Mixed_5{part}")(x)
        x = BlockB(name="Mixed_6a")(x)
        for part, between in (("b", 128), ("c", 160), ("d", 160), ("e", 192)):
            x = BlockC(between, name=f"Mixed_6{part}")(x)
        x = BlockD(name="Mixed_7a")(x)
        x = BlockE(last=False, name="Mixed_7b")(x)
        x = BlockE(last=True, name="Mixed_7c")(x)
        pool3 = x.mean((1, 2))
        return pool3, Classes(CLASSES, name="fc")(pool3)


def features(variables: Any, images: jax.Array) -> tuple[jax.Array, jax.Array]:
    """What the network sees in images, whatever their size.

    The logits are without the last layer's bias: the official code of the inception
    score multiplies by the weights and never adds it. `classifier_score` of them is
    the inception score.

    Args:
        variables: of `load`, or of `random_variables`.
        images: uint8 `[N, H, W, 1 or 3]`; grey ones are repeated to three channels.

    Returns:
        `(pool3, logits)`, float32 `[N, 2048]`, 0 or more, and `[N, 1008]`.

    Raises:
        ValueError: if the images are of another shape or no bytes.

    References:
        Szegedy et al., 2015, https://arxiv.org/abs/1512.00567.
        Salimans et al., 2016, https://arxiv.org/abs/1606.03498.
        Heusel et al., 2017, https://arxiv.org/abs/1706.08500.
    """
    images = jnp.asarray(images)
    if (
        images.ndim != 4
        or images.shape[-1] not in (1, 3)
        or images.dtype != jnp.uint8  # floats could be of any range
    ):
        raise ValueError(
            f"images is {images.dtype} {images.shape}, expected uint8 [N, H, W, 1 or"
            " 3]; jaxgan.nn.to_uint8 makes bytes of images in [-1, 1]"
        )
    seen: Any = Inception().apply(variables, normalize(resize(images)))
    return seen


# --- weights -------------------------------------------------------------------------


class Weights(NamedTuple):
    """The network's variables, and which they are.

    Attributes:
        variables: what `features` takes.
        checksum: SHA-256 of the file, in hexadecimal.
        name: of the file, without its folder.
        source: SHA-256 of the file in PyTorch's form: of this one, or of the one that
            `experiments.convert_inception` made it of.
    """

    variables: Any
    checksum: str
    name: str
    source: str

    @property
    def published(self) -> bool:
        """Whether these are the weights that published scores were computed with."""
        return self.source == PUBLISHED


def load(path: str | os.PathLike) -> Weights:
    """Reads the network's weights from a file; never fetches one.

    Args:
        path: `.pth`, the published file (95 MB; reading it takes PyTorch), or `.npz`,
            with arrays of the same names and shapes.

    Raises:
        ValueError: if there is no such file, or it is one of something else.
    """
    path = pathlib.Path(path)
    try:
        content = path.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        raise ValueError(
            f"there is no file of weights at {path}; fetch {_FILE} (SHA-256"
            f" {PUBLISHED[:8]}...) from the release page of mseitzer/pytorch-fid on"
            " GitHub, or the same weights from that of toshas/torch-fidelity"
        ) from None
    checksum = hashlib.sha256(content).hexdigest()
    readers = {".npz": _read_npz, ".pth": _read_torch, ".pt": _read_torch}
    if path.suffix not in readers:
        raise ValueError(
            f"{path} ends in {path.suffix!r}, expected .npz or .pth; the published"
            f" file is {_FILE}"
        )
    arrays = readers[path.suffix](path, content)
    source = str(arrays.pop(_SOURCE, checksum))
    arrays = {name: x for name, x in arrays.items() if not name.endswith(_NOT_A_WEIGHT)}
    _check(path, arrays)
    return Weights(from_published(arrays), checksum, path.name, source)


def save(file: BinaryIO, weights: Weights) -> None:
    """Writes an npz that `load` reads without PyTorch.

    Args:
        file: open for writing bytes.
        weights: of `load`; their `source` is written too.
    """
    source: dict[str, Any] = {_SOURCE: np.array(weights.source)}
    np.savez(file, allow_pickle=False, **to_published(weights.variables), **source)


def expected_shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of the arrays in the published file."""
    return {
        _name(path): tuple(leaf.shape[axis] for axis in _TO[len(leaf.shape)])
        for path, leaf in _leaves().items()
    }


def to_published(variables: Any) -> dict[str, np.ndarray]:
    """The arrays of variables under their published names, as PyTorch lays them out."""
    flat: Any = flatten_dict(variables)
    return {
        _name(path): np.ascontiguousarray(np.asarray(x).transpose(_TO[x.ndim]))
        for path, x in flat.items()
    }


def from_published(arrays: Mapping[str, np.ndarray]) -> Any:
    """The variables of arrays that have all the published names."""
    return unflatten_dict(
        {
            path: jnp.asarray(
                arrays[_name(path)].transpose(_FROM[len(leaf.shape)]), jnp.float32
            )
            for path, leaf in _leaves().items()
        }
    )


def random_variables(key: jax.Array) -> Any:
    """Variables under which features are of order 1: for tests and timings, no scores.

    Drawn on the host, which compiles nothing; not under `jit`.

    Args:
        key: random key.
    """
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))

    def drawn(name: str, shape: tuple[int, ...]) -> np.ndarray:
        if name in ("scale", "var"):
            return rng.uniform(0.8, 1.2, shape)
        # He et al.'s scale keeps the second moment through a ReLU.
        scale = np.sqrt(2 / np.prod(shape[:-1])) if name == "kernel" else 0.1
        return scale * rng.standard_normal(shape, np.float32)

    return unflatten_dict(
        {
            path: jnp.asarray(drawn(path[-1], leaf.shape), jnp.float32)
            for path, leaf in _leaves().items()
        }
    )


@functools.cache
def _leaves() -> dict[tuple[str, ...], jax.ShapeDtypeStruct]:
    """Paths and shapes of the variables."""
    images = jax.ShapeDtypeStruct((1, SIZE, SIZE, 3), jnp.float32)
    shapes: Any = jax.eval_shape(Inception().init, jax.random.key(0), images)
    flat: Any = flatten_dict(shapes)
    return flat


def _name(path: tuple[str, ...]) -> str:
    """("params", "fc", "kernel") -> "fc.weight"."""
    return ".".join([*path[1:-1], _LEAVES[path[-1]]])


def _read_npz(path: pathlib.Path, content: bytes) -> dict[str, np.ndarray]:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            return dict(file)
    except Exception as error:  # many kinds: a damaged archive, one array, pickles
        raise ValueError(f"{path} is no npz of arrays, or a damaged one") from error


def _read_torch(path: pathlib.Path, content: bytes) -> dict[str, np.ndarray]:
    try:
        import torch
    except ImportError:
        raise ValueError(
            f"reading {path} takes PyTorch; install torch==2.13.0, or convert the file"
            " once where it is, with python -m experiments.convert_inception"
        ) from None
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # many kinds, among them whole programs and cut files
        raise ValueError(
            f"{path} is no file of PyTorch weights, or a damaged one; the published"
            f" file is {_FILE}"
        ) from error
    if not isinstance(state, Mapping):
        raise ValueError(
            f"{path} holds a {type(state).__name__}, expected names and arrays, as in"
            f" {_FILE}"
        )
    return {
        # What is no array has no name that is expected, or a shape that is not.
        str(name): x.detach().float().numpy()
        if isinstance(x, torch.Tensor)
        else np.zeros(0)
        for name, x in state.items()
    }


def _check(path: pathlib.Path, arrays: Mapping[str, np.ndarray]) -> None:
    expected = expected_shapes()
    shared = [name for name in expected if name in arrays]
    faults = {
        "missing": [name for name in expected if name not in arrays],
        "unexpected": [name for name in arrays if name not in expected],
        "of another shape": [
            f"{name} {arrays[name].shape}, expected {expected[name]}"
            for name in shared
            if arrays[name].shape != expected[name]
        ],
    }
    if any(faults.values()):
        found = "; ".join(f"{what}: {_some(n)}" for what, n in faults.items() if n)
        raise ValueError(
            f"{path} holds another network than the FID's Inception ({found}); the"
            f" published file is {_FILE}"
        )
    if bad := [name for name in shared if not np.isfinite(arrays[name]).all()]:
        raise ValueError(
            f"{path} holds NaN or infinite weights ({_some(bad)}); fetch {_FILE} anew"
        )


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
