"""How networks are told of a class: batch norms with gains for it, and projections."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen

from jaxgan.nn.layers import Dense, default_kernel_init
from jaxgan.nn.norm import BatchNorm, use_running
from jaxgan.nn.spectral import spectral_normalise


class ConditionalBatchNorm(linen.Module):
    """Batch norm whose gains and biases are linear functions of a condition.

    With one-hot labels they are a gain and a bias for each class (de Vries et al.,
    arXiv:1707.00683); with a latent and an embedding they are those of BigGAN (Brock et
    al., arXiv:1809.11096, appendix B).

    Attributes:
        statistics: whether to normalise by those of the "batch" or by "running"
            averages.
        centre: added to gains.
        spectral: whether to divide both matrices by their spectral norms.
        gain_init: initialiser of "gain" `[D, C]`.
        bias_init: initialiser of "bias" `[D, C]`.
        momentum: of the running averages.
        dtype: of the computation, by default that of x. Parameters: float32.
    """

    statistics: str = "batch"
    centre: float = 1.0
    spectral: bool = False
    gain_init: Callable[..., jax.Array] = default_kernel_init
    bias_init: Callable[..., jax.Array] = linen.initializers.zeros_init()
    momentum: float = 0.9
    dtype: Any = None

    @linen.compact
    def __call__(self, x: jax.Array, condition: jax.Array) -> jax.Array:
        """Normalises maps `[B, H, W, C]`, each under its condition `[B, D]`."""
        x = BatchNorm(
            use_running_average=use_running(self.statistics),
            use_scale=False,
            use_bias=False,
            momentum=self.momentum,
            dtype=self.dtype,
        )(x)

        def linear(name, init):
            shape = (condition.shape[-1], x.shape[-1])
            kernel = self.param(name, init, shape, jnp.float32)
            if self.spectral:
                kernel = spectral_normalise(self, kernel, name=f"{name}_vectors")
            return condition.astype(jnp.float32) @ kernel

        gain = linear("gain", self.gain_init)
        gain = gain + self.centre if self.centre else gain
        bias = linear("bias", self.bias_init)
        gain, bias = (v.astype(x.dtype)[:, None, None, :] for v in (gain, bias))
        return x * gain + bias


class Projection(linen.Module):
    """Logits of features and a class: a linear layer, plus an inner product with it.

    Miyato and Koyama, arXiv:1802.05637, equation 11.

    Attributes:
        spectral: whether to divide both matrices by their spectral norms.
        kernel_init: initialiser of both.
    """

    spectral: bool = False
    kernel_init: Callable[..., jax.Array] = default_kernel_init

    @linen.compact
    def __call__(
        self, features: jax.Array, condition: jax.Array | None = None
    ) -> jax.Array:
        """Judges features.

        Args:
            features: `[B, F]`.
            condition: one-hot labels `[B, K]`; None leaves the inner product out.

        Returns:
            `[B]`, float32.
        """
        features = features.astype(jnp.float32)

        def linear(units, name, use_bias):
            return Dense(
                units, use_bias, self.spectral, kernel_init=self.kernel_init, name=name
            )

        logit = linear(1, "to_logit", True)(features)[:, 0]
        if condition is None:
            return logit
        embedded = linear(features.shape[-1], "embed", False)(condition)
        return logit + (embedded * features).sum(-1)
