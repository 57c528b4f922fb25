"""Self-attention of SAGAN, as BigGAN has it."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen

from jaxgan.nn.layers import Conv


class SelfAttention(linen.Module):
    """Every pixel looks at all others: `[B, H, W, C]` to the same shape.

    Queries and keys have C / 8 channels and values C / 2. Keys and values are those of
    the largest of 2x2 pixels, so height and width must be even. What is found is added
    with a gain that begins at 0, so that at first the layer changes nothing.

    Zhang, Goodfellow, Metaxas and Odena, arXiv:1805.08318, section 3; pooled keys and
    no biases are those of Brock et al., arXiv:1809.11096.

    Attributes:
        conv: makes its 1x1 convolutions, `conv(features, kernel_size, use_bias=...,
            name=...)`, with or without spectral norms.
    """

    conv: Callable[..., Any] = Conv

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Adds to each pixel what it sees elsewhere."""
        count, height, width, channels = x.shape

        def layer(features, name, pooled=False):
            made = self.conv(max(1, features), 1, use_bias=False, name=name)(x)
            made = (
                linen.max_pool(made, window_shape=(2, 2), strides=(2, 2))
                if pooled
                else made
            )
            return made.reshape(count, -1, made.shape[-1])

        query = layer(channels // 8, "query")
        key = layer(channels // 8, "key", pooled=True)
        value = layer(channels // 2, "value", pooled=True)
        # Not divided by the root of the channels: the papers do not.
        scores = jnp.einsum("bqc,bkc->bqk", query, key).astype(jnp.float32)
        weights = jax.nn.softmax(scores, axis=-1).astype(value.dtype)
        found = (weights @ value).reshape(count, height, width, -1)
        found = self.conv(channels, 1, use_bias=False, name="out")(found)
        gain = self.param("gain", linen.initializers.zeros, ())
        return x + gain.astype(x.dtype) * found
