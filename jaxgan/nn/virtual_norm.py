"""Virtual batch normalisation: normalises by a reference batch that never changes.

Salimans et al., "Improved Techniques for Training GANs", arXiv:1606.03498, section 3.5.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.nn.norm import gains


class VirtualBatchNorm(nn.Module):
    """Normalises each example by a reference batch and itself.

    It takes and returns the reference batch followed by the batch, `[R + B, ..., C]`,
    so that the other layers of a network treat both alike. An example is normalised
    with the mean and variance of the R reference examples and itself, R + 1 examples of
    equal weight; the reference batch is normalised with its own. Unlike with batch
    normalisation, the result for an example does not depend on the rest of the batch.
    The cost is a second pass through the network, for the reference batch; the paper
    uses it in the generator only.

    Attributes:
        reference: R, the number of reference examples at the front.
        epsilon: Added to the variance.
        scale_init: Initialiser of the gain "scale" [C].
    """

    reference: int
    epsilon: float = 1e-5
    scale_init: Callable[..., jax.Array] = gains

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Normalises `[R + B, ..., C]`.

        Raises:
            ValueError: there is no reference batch at the front, or nothing behind it.
        """
        if x.ndim < 2 or not 0 < self.reference < len(x):
            raise ValueError(
                f"VirtualBatchNorm takes [R + B, ..., C] with R = {self.reference}"
                f" reference examples in front, got {x.shape}"
            )
        channels = x.shape[-1:]
        scale = self.param("scale", self.scale_init, channels, jnp.float32)
        bias = self.param("bias", nn.initializers.zeros_init(), channels, jnp.float32)
        wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
        mean, variance = virtual_statistics(wide, self.reference)
        shape = (1,) * (x.ndim - 1) + channels
        factor = jax.lax.rsqrt(variance + self.epsilon) * scale.reshape(shape)
        return ((wide - mean) * factor + bias.reshape(shape)).astype(x.dtype)


def virtual_statistics(x: jax.Array, reference: int) -> tuple[jax.Array, jax.Array]:
    """The mean and variance for each example of `[R + B, ..., C]`: `[R + B, 1..., C]`.

    For the last B they are taken over the first R and the example itself; for the first
    R, over these R.
    """
    inner = tuple(range(1, x.ndim - 1))
    own_mean = x.mean(inner, keepdims=True)
    own_variance = x.var(inner, keepdims=True)
    first = x[:reference]
    mean = first.mean((0, *inner), keepdims=True)
    variance = first.var((0, *inner), keepdims=True)
    # The reference has weight R and the example 1; for the reference itself, 0.
    behind = (jnp.arange(len(x)) >= reference).reshape(-1, *[1] * (x.ndim - 1))
    share = jnp.where(behind, 1 / (reference + 1), 0)
    gap = own_mean - mean
    between = share * (1 - share) * jnp.square(gap)
    within = (1 - share) * variance + share * own_variance
    return mean + share * gap, within + between
