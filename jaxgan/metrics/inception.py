"""Inception-v3 as in the published scores: features for FID, logits for IS.

The network is TensorFlow's graph of 2015-12-05, which is not the one of torchvision or
Keras: it has 1008 classes, its average pools do not count the padding, and its last
block pools by the maximum. Images are resized to 299 x 299 by TensorFlow 1's bilinear
method. Another network or another resize gives other numbers, which are not an FID.

    weights = load("pt_inception-2015-12-05-6726825d.pth")
    pool3, logits = jax.jit(features)(weights.variables, images)

The weights are a file to be fetched by hand, once; the errors of `load` say from where.
"""

import functools
import os
import pathlib
from collections.abc import Mapping
from typing import Any, BinaryIO, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxgan.metrics import _weight_files
from jaxgan.metrics._inception_net import Inception
from jaxgan.metrics.features import check_bytes

SIZE = 299
PUBLISHED = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
"""SHA-256 of pytorch-fid's and torch-fidelity's file of weights."""

_PUBLISHED = _weight_files.Published(
    "the FID's Inception",
    "pt_inception-2015-12-05-6726825d.pth",
    f"(SHA-256 {PUBLISHED[:8]}...) from the release page of mseitzer/pytorch-fid on"
    " GitHub, or the same weights from that of toshas/torch-fidelity",
    "convert the file once where PyTorch is, with python -m"
    " experiments.convert_inception",
)
_SOURCE = "source_sha256"  # in an npz: the checksum of the file it was made from
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

    Pixel i of the result is read at i * scale of the image, without the half pixel that
    later methods add, so the picture moves up and to the left. Pixels in between are
    left out when the image shrinks; nothing is smoothed.

    Args:
        images: `[N, H, W, C]`, uint8 or floats, in any range.
        size: the height and width of the result.

    Returns:
        float32 `[N, size, size, C]`, in the same range.

    Raises:
        ValueError: if the shape is wrong.
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
    """The two of `count` pixels between which each of `size` lies, and its share."""
    # In float32, as in the graph, where products may fall below a whole number.
    place = np.arange(size, dtype=np.float32) * np.float32(count / size)
    low = np.minimum(place.astype(np.int32), count - 1)
    return low, np.minimum(low + 1, count - 1), place - low.astype(np.float32)


def normalize(images: jax.Array) -> jax.Array:
    """Maps pixels 0..255, `[N, H, W, 1 or 3]`, to the network's input, (x - 128) / 128.

    Args:
        images: grey ones become colour images of three equal channels.

    Returns:
        float32 `[N, H, W, 3]`, from -1 to 127 / 128.
    """
    x = (images.astype(jnp.float32) - 128) / 128
    return jnp.broadcast_to(x, (*x.shape[:3], 3))


def features(variables: Any, images: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The features and logits of images of any size.

    The logits are without the last layer's bias: the official code of the inception
    score multiplies by the weights and never adds it. `classifier_score` of them is
    the inception score.

    Args:
        variables: from `load` or `random_variables`.
        images: uint8 `[N, H, W, 1 or 3]`; grey ones are repeated to three channels.

    Returns:
        `(pool3, logits)`, float32 `[N, 2048]`, 0 or more, and `[N, 1008]`.

    Raises:
        ValueError: if the images are not uint8 or have another shape.

    References:
        Szegedy et al., 2015, https://arxiv.org/abs/1512.00567.
        Salimans et al., 2016, https://arxiv.org/abs/1606.03498.
        Heusel et al., 2017, https://arxiv.org/abs/1706.08500.
    """
    images = check_bytes(images)
    if images.shape[-1] not in (1, 3):
        raise ValueError(
            f"images is {images.dtype} {images.shape}, expected uint8 [N, H, W, 1 or 3]"
        )
    seen: Any = Inception().apply(variables, normalize(resize(images)))
    return seen


# --- weights -------------------------------------------------------------------------


class Weights(NamedTuple):
    """The network's variables and their origin.

    Attributes:
        variables: what `features` takes.
        checksum: SHA-256 of the file, in hexadecimal.
        name: the name of the file, without its folder.
        source: SHA-256 of the file in PyTorch's form: this one, or the one from which
            `experiments.convert_inception` made it.
    """

    variables: Any
    checksum: str
    name: str
    source: str

    @property
    def published(self) -> bool:
        """Whether these are the weights behind the published scores."""
        return self.source == PUBLISHED


def load(path: str | os.PathLike) -> Weights:
    """Reads the network's weights from a file; never fetches one.

    Args:
        path: `.pth`, the published file (95 MB; reading it needs PyTorch), or `.npz`,
            with arrays of the same names and shapes.

    Raises:
        ValueError: if there is no such file, or it holds something else.
    """
    path, shapes = pathlib.Path(path), expected_shapes()
    arrays, checksum = _weight_files.read(path, _PUBLISHED, shapes)
    source = str(arrays.pop(_SOURCE, checksum))
    arrays = {name: x for name, x in arrays.items() if not name.endswith(_NOT_A_WEIGHT)}
    _weight_files.check(path, arrays, _PUBLISHED, shapes)
    return Weights(from_published(arrays), checksum, path.name, source)


def save(file: BinaryIO, weights: Weights) -> None:
    """Writes an npz that `load` reads without PyTorch.

    Args:
        file: a file open for writing bytes.
        weights: from `load`; their `source` is written too.
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
    """Builds the variables from arrays under their published names."""
    return unflatten_dict(
        {
            path: jnp.asarray(
                arrays[_name(path)].transpose(_FROM[len(leaf.shape)]), jnp.float32
            )
            for path, leaf in _leaves().items()
        }
    )


def random_variables(key: jax.Array) -> Any:
    """Draws variables that keep features of order 1, for tests and timings only.

    They are drawn on the host, which compiles nothing; not inside `jit`.

    Args:
        key: a random key.
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
