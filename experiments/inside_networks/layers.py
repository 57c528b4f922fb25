"""Finds the layers of a net whose maps can be shown, and what their units see."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.analysis import inside
from jaxgan.analysis.outline import Call, geometry, outline
from jaxgan.analysis.rectifiers import observed
from jaxgan.lab import inference

BLOCK = 50  # images in a batch


class Layer(NamedTuple):
    """Maps of a net.

    Attributes:
        number: the number of the rectifier.
        shape: the shape of its maps for one image, `(H, W, C)`.
        field: the pixels that a unit sees; the whole image if unknown.
    """

    number: int
    shape: tuple[int, int, int]
    field: inside.Field


def find_layers(
    trained: inference.Trained, net: str, images: np.ndarray, labels: np.ndarray
) -> list[Layer]:
    """The layers of a net whose maps can be shown.

    Raises:
        ValueError: there are none.
    """
    judge = inference.judging(trained, images[:BLOCK], labels[:BLOCK], net=net)
    one = inference.from_uint8(trained, images[:1]), jnp.asarray(labels[:1])
    shapes = [x.shape[1:] for x in jax.eval_shape(observed(judge), *one)[1]]
    rank = max((len(shape) for shape in shapes if len(shape) in (1, 3)), default=0)
    if not rank:
        raise ValueError(
            f"the net {net!r} of {trained.name} has no rectifiers, so there are no"
            " maps to show; give the run of a net with ReLUs, such as a DCGAN"
        )
    whole = inside.Field(images.shape[1], 0, 0)
    known, layers = fields(calls(trained, net), images.shape[1]), []
    for number, shape in enumerate(shapes):
        if len(shape) != rank:
            continue
        while known and known[0][0] != shape:
            known = known[1:]
        field = known[0][1] if known else whole
        known = known[1:]
        layers.append(Layer(number, (1,) * (3 - rank) + shape, field))
    return layers


def calls(trained: inference.Trained, net: str) -> tuple[Call, ...]:
    """Finds the layers of a net of a model, with their shapes."""
    game = trained.record.game(trained.config)
    batch = trained.batch(2)
    if game.repeats > 1:
        batch = jax.tree.map(lambda x: x[0], batch)
    module: Any = game.nets[net]  # the library's own are of linen
    return outline(module, *game.inputs(batch)[net])


def fields(
    layers: Sequence[Call], side: int
) -> list[tuple[tuple[int, ...], inside.Field]]:
    """Computes output shapes of successive convolutions, and what their units see.

    The list ends where something other than a convolution, such as pooling, resizes
    maps.

    Args:
        layers: from `calls`.
        side: the side of the image.
    """
    found, path, last = [], [], (side, side)
    for call in layers:
        shape = geometry(call)
        if shape is None:
            continue
        sizes = set(zip(shape.kernel, shape.stride, shape.padding, strict=True))
        if call.inputs[0][1:3] != last or len(sizes) > 1 or shape.transposed:
            break
        path += sizes
        last = call.output[1:3]
        found.append((call.output[1:], inside.receptive_field(path)))
    return found


def first_filters(
    model: inference.Trained, net: str, shape: tuple[int, ...]
) -> np.ndarray | None:
    """Makes tiles of the first layer's filters, `[O, T, h, w, c]`.

    The weights of units that see all pixels are drawn as images. None if the first
    layer with a kernel is neither a convolution nor such units.
    """
    for call in calls(model, net):
        own = model.variables[net]["params"]
        for name in filter(None, call.path.split("/")):
            own = own.get(name, {})
        kernel = own.get("kernel")
        if kernel is None:
            continue
        if kernel.ndim == 2 and len(kernel) == np.prod(shape):
            kernel = kernel.reshape(*shape, -1)
        return np.asarray(inside.kernel_tiles(kernel)) if kernel.ndim == 4 else None
    return None
