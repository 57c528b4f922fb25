"""Computes the coefficients of routing, and their means over classes."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import capsules
from jaxgan.lab import blocks, capsnets
from jaxgan.models import capsnet


def route(model: capsnet.Config, variables: Any, image: jax.Array):
    """Coupling `[B, iterations, I, J]`, lengths of primary capsules `[B, H, W, types]`.

    Capsules are numbered by row, column and type, `I = H * W * types`.
    """
    (_, coupling), seen = capsnet.Encoder(model).apply(
        variables["encoder"],
        image,
        return_coupling=True,
        capture_intermediates=lambda m, _: isinstance(m, capsules.PrimaryCaps),
        mutable="intermediates",
    )
    (primary,) = jax.tree.leaves(seen)
    return coupling.swapaxes(0, 1), capsules.lengths(primary)


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


def mean_entropy(coupling: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The entropy of capsules in each iteration: from 0, certain, to 1, even."""
    c = np.maximum(coupling, 1e-30)
    entropy = -(c * np.log(c)).sum(-1, keepdims=True) / np.log(coupling.shape[-1])
    return ((entropy * weight).sum(2) / weight.sum(2)).mean((0, 2))


def stop_early(model, variables, image, label) -> dict[str, Any]:
    """Lengths of the class capsules, and the error, with fewer iterations."""
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
    return {"error": error, "length": of_classes(length, there)}
