"""The convolutional nets of the improved GAN.

Salimans et al., "Improved Techniques for Training GANs", arXiv:1606.03498, with the
sizes of the released scripts: minibatch discrimination on digits (figure 3, right) and
on CIFAR-10, and feature matching on CIFAR-10, which has no minibatch discrimination.
Known difference: leaky units have a slope of 0.1, where the released code has 0.2.
"""

import jax
import jax.numpy as jnp
from flax import linen

from jaxgan import nn
from jaxgan.models.parts.dense_digits import drop

INIT = linen.initializers.normal(0.05)


class Generator(linen.Module):
    """Latents `[B, Z]` to images `[B, R, R, C]` in [0, 1].

    A dense layer makes maps of an eighth of R, rounded up, and three transposed
    convolutions double them; what is more than R is cut off at all sides. Batch norms
    have no gain.

    Attributes:
        width: channels of the last hidden maps; the two before have twice and four
            times as many.
        resolution: R.
        channels: C.
        dtype: of the hidden layers.
    """

    width: int = 128
    resolution: int = 28
    channels: int = 1
    dtype: str = "float32"

    @linen.compact
    def __call__(self, latent: jax.Array) -> jax.Array:
        """Normalises with the statistics of the batch."""
        dtype, side = jnp.dtype(self.dtype), -(-self.resolution // 8)

        def hidden(x):
            norm = nn.BatchNorm(use_running_average=False, use_scale=False, dtype=dtype)
            return linen.relu(norm(x))

        x = linen.Dense(
            side * side * 4 * self.width, use_bias=False, dtype=dtype, kernel_init=INIT
        )(latent)
        # The statistics of the first layer are of its units, not of channels.
        x = hidden(x).reshape(-1, side, side, 4 * self.width)
        for width in (2 * self.width, self.width):
            up = nn.ConvTranspose(
                width, 5, use_bias=False, dtype=dtype, kernel_init=INIT
            )
            x = hidden(up(x))
        x = nn.WeightNormConv(self.channels, 5, 2, transposed=True, name="to_image")(x)
        cut = (8 * side - self.resolution) // 2
        x = x[:, cut : cut + self.resolution, cut : cut + self.resolution]
        return (1 + jnp.tanh(x.astype(jnp.float32))) / 2


class Discriminator(linen.Module):
    """Images `[B, R, R, C]` in [0, 1] to class logits `[B, K]` and features `[B, N]`.

    Nine convolutions with weight norm, of which only the logits learn their gains. The
    features are means over all positions; the logits see beside them how close the
    images of the batch are to each other. With the random streams "noise" and
    "dropout", it adds noise to images and drops half of the units in two places. Images
    below 32x32 get a border of two pixels, which makes 32x32 of digits.

    Attributes:
        classes: K.
        width: channels of the first three maps; the later ones have twice as many.
        kernels: of minibatch discrimination; 0 leaves it out.
        kernel_dims: dimensions in which a kernel measures distances.
        input_noise: the standard deviation of the noise.
        keep: the share of units that dropout keeps.
        input_keep: the share of an image's numbers that dropout keeps.
        dtype: of the hidden layers.
    """

    classes: int
    width: int = 96
    kernels: int = 100
    kernel_dims: int = 5
    input_noise: float = 0.2
    keep: float = 0.5
    input_keep: float = 1.0
    dtype: str = "float32"

    @linen.compact
    def __call__(self, image: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Judges a batch; see `nn.MinibatchDiscrimination` for what it may contain."""
        x = nn.GaussianNoise(self.input_noise)(image.astype(self.dtype))
        x = drop(self, x, self.input_keep) if self.input_keep < 1 else x
        narrow, wide = self.width, 2 * self.width
        x = self.layer(x, narrow, padding=3 if image.shape[1] < 32 else 1)
        x = self.layer(x, narrow)
        x = drop(self, self.layer(x, narrow, strides=2), self.keep)
        x = self.layer(x, wide)
        x = self.layer(x, wide)
        x = drop(self, self.layer(x, wide, strides=2), self.keep)
        x = self.layer(x, wide, padding=0)
        x = self.layer(x, wide, size=1)
        x = self.layer(x, wide, size=1)
        features = x.astype(jnp.float32).mean((1, 2))
        x = features
        if self.kernels:
            x = nn.MinibatchDiscrimination(self.kernels, self.kernel_dims)(x)
        dense = nn.WeightNormDense(self.classes, data_init=True, name="to_logits")
        return dense(x), features

    def layer(
        self,
        x: jax.Array,
        width: int,
        *,
        size: int = 3,
        strides: int = 1,
        padding: int | None = None,
    ) -> jax.Array:
        """Applies a convolution whose outputs the first batch standardises."""
        conv = nn.WeightNormConv(
            width, size, strides, padding, learn_gain=False, data_init=True
        )
        return linen.leaky_relu(conv(x), 0.1)
