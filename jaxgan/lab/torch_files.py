"""Generators from files of PyTorch weights, read without running code they may hold."""

import dataclasses
import itertools
import pathlib
from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np

from jaxgan.lab.inference import Trained
from jaxgan.metrics import _weight_files
from jaxgan.models import dcgan

PUBLISHED = _weight_files.Published(
    "the generator of PyTorch's DCGAN example",
    "netG_epoch_N.pth",
    "from a run of pytorch/examples, dcgan/main.py",
    "save its arrays under the same names to an .npz file where PyTorch is",
)
NORM = ("weight", "bias", "running_mean", "running_var")


def open_dcgan(path: pathlib.Path | str) -> Trained:
    """Opens a generator that PyTorch's DCGAN example saved, of any size.

        trained = open_dcgan("netG_epoch_24.pth")
        draw = jax.jit(inference.drawing(trained))

    `dcgan.sample(trained.config, trained.variables, latent, "running")` is what PyTorch
    draws after `eval()`; `drawing` holds batch norms as for any other run.

    Args:
        path: `.pth` or `.pt`, which takes PyTorch, or `.npz` with the same names.

    Raises:
        ValueError: there is no such file, or it is of another network.
    """
    path = pathlib.Path(path)
    config = _config(path, shapes_of(path, PUBLISHED))
    arrays = arrays_of(path, PUBLISHED, _expected(config))
    variables = {"generator": _variables(config, arrays)}
    return as_trained("dcgan", dcgan.MODEL, config, variables)


def _config(path: pathlib.Path, shapes: Mapping[str, tuple[int, ...]]) -> dcgan.Config:
    """The sizes of a network, from those of its first and its last kernel."""
    convolutions = [name for name, shape in shapes.items() if len(shape) == 4]
    first = shapes.get("main.0.weight", ())
    if len(first) != 4 or len(convolutions) < 3:
        raise ValueError(
            f"{path} holds another network than {PUBLISHED.network}, whose kernels are"
            " main.0.weight, main.3.weight and so on"
        )
    last = shapes[convolutions[-1]]
    return dcgan.Config(
        resolution=4 * 2 ** (len(convolutions) - 1),
        channels=last[1],
        width=last[0],
        kernel=4,
        latent=first[0],
        latent_distribution="normal",
    )


def _expected(config: dcgan.Config) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the example's network."""
    widths = [config.latent, *reversed(config.widths), config.channels]
    found = {}
    for i, (below, above) in enumerate(itertools.pairwise(widths)):
        found[f"main.{3 * i}.weight"] = (below, above, 4, 4)
        if i < len(widths) - 2:
            found |= {f"main.{3 * i + 1}.{part}": (above,) for part in NORM}
    return found


def _variables(config: dcgan.Config, arrays: Mapping[str, np.ndarray]) -> dict:
    """The example's arrays as the variables of `dcgan.Generator`."""
    count = len(config.widths)
    # A transposed convolution of one pixel is a dense layer to 4x4 of them.
    first = arrays["main.0.weight"].transpose(0, 2, 3, 1).reshape(config.latent, -1)
    params = {"project": {"kernel": first}}
    stats = {}
    for i in range(1, count + 1):
        layer = {"kernel": arrays[f"main.{3 * i}.weight"].transpose(2, 3, 1, 0)}
        if i == count:  # ours has a bias, theirs has none
            layer["bias"] = np.zeros(config.channels, np.float32)
        params["to_image" if i == count else f"ConvTranspose_{i - 1}"] = layer
        scale, bias, mean, var = (arrays[f"main.{3 * i - 2}.{p}"] for p in NORM)
        params[f"BatchNorm_{i - 1}"] = {"scale": scale, "bias": bias}
        stats[f"BatchNorm_{i - 1}"] = {"mean": mean, "var": var}
    return {"params": wide(params), "batch_stats": wide(stats)}


def shapes_of(path, published) -> dict[str, tuple[int, ...]]:
    """The shapes of a file's arrays, which take no memory yet."""
    found, _ = _weight_files.read(path, published, {})
    return {name: np.shape(x) for name, x in found.items()}


def arrays_of(path, published, expected, also=()) -> dict[str, np.ndarray]:
    """The arrays of a file, which must be the expected ones.

    How often a norm was called, and what has a name that ends as `also` says, may be in
    it as well: old versions of PyTorch kept statistics that nothing read.
    """
    ends = ("num_batches_tracked", *also)
    found, _ = _weight_files.read(path, published, expected)
    arrays = {name: x for name, x in found.items() if not name.endswith(ends)}
    _weight_files.check(path, arrays, published, expected)
    return arrays


def as_trained(name, record, config, variables) -> Trained:
    """A model of the library at weights from elsewhere, as if a run had them."""
    plain = {
        "game": f"jaxgan.models.{name}.Config",
        "model": dataclasses.asdict(config),
    }
    return Trained(name, record, config, variables, 0, plain)


def wide(tree) -> dict[str, dict[str, jnp.ndarray]]:
    """Layers of arrays, in float32."""
    return {
        layer: {name: jnp.asarray(x, jnp.float32) for name, x in parts.items()}
        for layer, parts in tree.items()
    }
