"""The samples of a run, and the functions that arithmetic needs."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np


class Laboratory(NamedTuple):
    """The samples of a run, and the functions to work with them.

    Attributes:
        config: the flags.
        paint: takes latents `[..., Z]` to images uint8 `[..., H, W, C]`.
        latents: the latents of the samples, `[N, Z]`.
        images: the images of the samples, uint8 `[N, H, W, C]`.
        norm: the usual length of a latent.
        read: reads factors in images by a regressor that chose nothing, to score
            results; None without one.
        seen: the factors that another regressor read in the samples, to choose by.
        judge: tells whether the discriminator finds images at least as real as half of
            the samples, booleans `[N]`; None without such a net.
    """

    config: Any
    paint: Callable[[Any], np.ndarray]
    latents: np.ndarray
    images: np.ndarray
    norm: float
    read: Callable[[np.ndarray], dict[str, np.ndarray]] | None
    seen: dict[str, np.ndarray]
    judge: Callable[[np.ndarray], np.ndarray] | None

    def key(self, purpose: int) -> jax.Array:
        """A random key for a purpose."""
        return jax.random.fold_in(jax.random.key(self.config.seed), purpose)
