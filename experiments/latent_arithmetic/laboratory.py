"""The samples of a run, and what arithmetic does with them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np


class Laboratory(NamedTuple):
    """The samples of a run, and the functions to work with them.

    Attributes:
        config: the flags.
        paint: latents `[..., Z]` to images uint8 `[..., H, W, C]`.
        latents: of the samples, `[N, Z]`.
        images: of the samples, uint8 `[N, H, W, C]`.
        norm: the usual length of a latent.
        read: what the regressor reads in images; None without one.
        seen: what it reads in the samples.
        judge: whether the discriminator finds images at least as real as half of the
            samples, booleans `[N]`; None without such a net.
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
