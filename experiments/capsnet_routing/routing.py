"""Computes the coefficients of routing, what has ink below it, and means of both."""

import dataclasses
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan import capsules
from jaxgan.game import algorithm, variables
from jaxgan.lab import blocks, capsnets
from jaxgan.models import capsnet

BLOCK = 25  # images whose coefficients are computed together


class Routed(NamedTuple):
    """What routing made of images.

    Attributes:
        coupling: `[B, iterations, I, J]`; capsules below are numbered by row, column
            and type, `I = H * W * types`.
        primary: lengths of the capsules below, `[B, H, W, types]`.
        classes: lengths of the class capsules, `[B, J]`.
        inked: which places look at ink, bool `[B, H, W]`; see `inked`.
    """

    coupling: Any
    primary: Any
    classes: Any
    inked: Any


def route(model: capsnet.Config, variables: Any, image: np.ndarray) -> Routed:
    """Routes images `[B, H, W, C]` block by block."""
    return blocks.in_blocks(lambda x: _look(model, variables, x), image, size=BLOCK)


@functools.partial(jax.jit, static_argnums=0)
def _look(model, variables, image):
    (v, coupling), seen = capsnet.Encoder(model).apply(
        variables["encoder"],
        image,
        return_coupling=True,
        capture_intermediates=lambda m, _: isinstance(m, capsules.PrimaryCaps),
        mutable="intermediates",
    )
    (primary,) = jax.tree.leaves(seen)
    return Routed(
        coupling.swapaxes(0, 1),
        capsules.lengths(primary),
        capsules.lengths(v),
        inked(image, model.padding),
    )


def untrained(model: capsnet.Config) -> Any:
    """Variables of the same networks before any training."""
    key = jax.random.key(0)
    init = jax.jit(algorithm(capsnet.game(model)).init)
    return variables(init(key, capsnet.batch(model, key, 2)))


def inked(image: jax.Array, padding: str) -> jax.Array:
    """Which primary capsules look at ink: bool `[B, H, W]` of images `[B, H, W, C]`.

    The receptive field of a capsule is 17x17 pixels, so nearly all of them have ink
    somewhere. A capsule counts as inked if one of the 3x3 pixels in the middle of its
    field is above a half.
    """
    ink = (image.max(-1, keepdims=True) > 0.5).astype(jnp.float32)
    near = lax.reduce_window(ink, 0.0, lax.max, (1, 3, 3, 1), (1, 1, 1, 1), "SAME")
    # The same strides and padding as both 9x9 convolutions, with a 1 in the middle.
    middle = jnp.zeros((9, 9, 1, 1)).at[4, 4].set(1)
    for stride in (1, 2):
        near = lax.conv_general_dilated(
            near, middle, (stride, stride), padding,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )  # fmt: skip
    return near[..., 0] > 0.5


def before_squash(length: np.ndarray) -> np.ndarray:
    """The length ‖s‖ of a sum of votes from the length ‖v‖ it is squashed to."""
    return np.sqrt(length / (1 - length))


def of_classes(values: np.ndarray, there: np.ndarray) -> dict[str, np.ndarray]:
    """Averages `[B, n, J]` over images, for the true class and for the others."""
    true = (values * there[:, None]).sum(2)
    others = np.where(there[:, None], -1, values)
    rest = (values.sum(2) - true) / max(1, values.shape[2] - 1)
    return {
        "true_class": true.mean(0),
        "largest_other": others.max(2).mean(0),
        "mean_other": rest.mean(0),
    }


def weights(routed: Routed) -> dict[str, np.ndarray]:
    """Three ways to weight the capsules below in a mean, `[B, I]` each."""
    count, *_, types = routed.primary.shape
    ways = {
        "all": np.ones(routed.primary.shape),
        "by_length": routed.primary,
        "inked": routed.inked[..., None].repeat(types, -1).astype(float),
    }
    return {name: each.reshape(count, -1) for name, each in ways.items()}


def shares(coupling: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Averages `[B, n, I, J]` over capsules of weights `[B, I]`: `[B, n, J]`."""
    total = np.maximum(weight.sum(1), 1e-9)[:, None, None]
    return np.einsum("bnij,bi->bnj", coupling, weight) / total


def entropies(coupling: np.ndarray) -> np.ndarray:
    """The entropies of couplings `[..., J]`: from 0, certain, to 1, even."""
    c = np.maximum(coupling, 1e-30)
    return -(c * np.log(c)).sum(-1) / np.log(coupling.shape[-1])


def mean_coupling(
    coupling: np.ndarray, weight: np.ndarray, there: np.ndarray
) -> dict[str, np.ndarray]:
    """Means over images and capsules of weights `[B, I]`, for each iteration."""
    entropy = shares(entropies(coupling)[..., None], weight)
    return {
        **of_classes(shares(coupling, weight), there),
        "entropy": entropy.mean((0, 2)),
    }


def entropy_maps(routed: Routed) -> np.ndarray:
    """Entropies on the grid, means over types by length: `[B, iterations, H, W]`."""
    entropy, length = entropies(routed.coupling), routed.primary
    entropy = entropy.reshape(*entropy.shape[:2], *length.shape[1:])
    weight = np.maximum(length, 1e-9)[:, None]
    return (entropy * weight).sum(-1) / weight.sum(-1)


def lengths(routed: Routed, there: np.ndarray) -> dict[str, float | None]:
    """How long capsules are: medians of primary ones, means of the others."""
    primary, ink = routed.primary, routed.inked
    return {
        "primary": float(np.median(primary)),
        "primary_inked": float(np.median(primary[ink])) if ink.any() else None,
        "primary_other": float(np.median(primary[~ink])) if (~ink).any() else None,
        "true_class": float(routed.classes[there].mean()),
        "other_classes": float(routed.classes[~there].mean()),
    }


def stop_early(model, variables, image, label) -> dict[str, Any]:
    """Lengths of the class capsules, before and after, and the error, by iterations."""
    v = [
        blocks.in_blocks(
            lambda image, n=n: capsnets.encode(
                dataclasses.replace(model, iterations=n), variables, image
            ),
            image,
        )
        for n in range(1, model.iterations + 1)
    ]
    length = np.stack([np.asarray(capsules.lengths(jnp.asarray(x))) for x in v], 1)
    error = (length.argmax(2) != label[:, None]).mean(0)
    there = label[:, None] == np.arange(length.shape[-1])
    return {
        "error": error,
        "length": of_classes(length, there),
        "before_squash": of_classes(before_squash(length), there),
    }
