"""A convolutional conditional GAN for MNIST: a label at every layer of both nets.

Mirza and Osindero, "Conditional Generative Adversarial Nets", arXiv:1411.1784, with the
convolutional networks of a widely read MNIST repository (zhangqianhui,
"Conditional-Gans"), after the MNIST script of Radford et al., arXiv:1511.06434.

Reproduced: the one-hot label is joined to the input of every layer, as constant maps
`[H, W, classes]` where the input is an image, and always after the activation, so that
it is not normalised; batch normalisation everywhere but at the generator's output and
the discriminator's input; 3x3 kernels; latents uniform on [-1, 1]; Adam at 2e-4 with
beta1 0.5 on batches of 64; separate passes of the discriminator for real and for
generated batches. `classes=0` gives the same networks without labels.

Known differences: each player draws latents of its own, and the discriminator moves
first; in the repository both share the same latents. Its pictures brighten the samples;
ours show images in [0, 1], as the sigmoid returns them.
"""

import dataclasses
from functools import partial
from typing import Literal

import jax
import jax.core
import jax.numpy as jnp
import optax
from flax import linen

from jaxgan import bounds, losses, nn
from jaxgan.game import Game, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import images
from jaxgan.models.parts.classes import condition, known
from jaxgan.models.parts.two_players import adversarial

Statistics = Literal["batch", "running"]

# A transposed convolution makes the channels of the kernel's second-to-last axis.
_up_init = linen.initializers.he_normal(in_axis=-1, out_axis=-2)
_up_last_init = linen.initializers.xavier_normal(in_axis=-1, out_axis=-2)


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are those of the repository."""

    classes: bounds.Natural | None = 10
    """Number of classes of the labels; 0 for a GAN without labels, None for as many as
    the data has."""
    latent: bounds.Count = 100
    """Size of the latent vector z."""
    latent_distribution: Literal["normal", "uniform"] = "uniform"
    """Where z is drawn from: standard normal, or uniform on [-1, 1]."""
    width: bounds.Count = 128
    """Channels of the generator's maps."""
    discriminator: tuple[bounds.Count, bounds.Count] = (10, 64)
    """Channels of the discriminator's maps."""
    hidden: bounds.Count = 1024
    """Units of the dense layer of each net."""
    learning_rate: bounds.Rate = 2e-4
    """Adam's step size for both players."""
    beta1: bounds.Decay = 0.5
    """Adam's first momentum."""
    ema: bounds.Decay = 0.0
    """Decay of the moving average of the generator's weights; 0 averages nothing."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the networks; parameters, statistics and losses stay float32."""
    axis_name: str | None = None
    """Mapped axis to share batch statistics over; an axis "data" is found by itself."""

    def __post_init__(self):
        if self.classes == 1:
            raise ValueError("classes is 1; it must be at least 2, or 0 for no labels")
        bounds.check(self)


class Generator(linen.Module):
    """Latents `[B, Z]` and labels `[B]` to images `[B, 28, 28, 1]` in [0, 1]."""

    config: Config

    @linen.compact
    def __call__(
        self,
        latent: jax.Array,
        label: jax.Array | None = None,
        statistics: Statistics = "batch",
    ) -> jax.Array:
        """Draws an image for each latent, of the class of its label."""
        c, dtype = self.config, jnp.dtype(self.config.dtype)
        y = condition(known(c.classes), label, latent.shape[0])
        norm = _norm(c, statistics)
        x = latent
        for units in (c.hidden, 7 * 7 * c.width):
            x = linen.relu(norm()(_dense(units, dtype)(_join(x, y))))
        x = x.reshape(-1, 7, 7, c.width)
        up = nn.ConvTranspose(
            c.width, 3, use_bias=False, dtype=dtype, kernel_init=_up_init
        )
        x = linen.relu(norm()(up(_join(x, y))))
        x = nn.ConvTranspose(
            1, 3, dtype=dtype, kernel_init=_up_last_init, name="to_image"
        )(_join(x, y))
        return linen.sigmoid(x.astype(jnp.float32))


class Discriminator(linen.Module):
    """Images `[B, 28, 28, 1]` in [0, 1] and labels `[B]` to logits `[B]`."""

    config: Config

    @linen.compact
    def __call__(
        self,
        image: jax.Array,
        label: jax.Array | None = None,
        statistics: Statistics = "batch",
    ) -> jax.Array:
        """Judges images together with the classes that they should show."""
        c, dtype = self.config, jnp.dtype(self.config.dtype)
        y = condition(known(c.classes), label, len(image))
        norm, he = _norm(c, statistics), linen.initializers.he_normal()
        first, second = c.discriminator
        x = nn.Conv(first, 3, 2, dtype=dtype, kernel_init=he)(_join(image, y))
        x = linen.leaky_relu(x, 0.2)
        x = nn.Conv(second, 3, 2, use_bias=False, dtype=dtype, kernel_init=he)(
            _join(x, y)
        )
        x = linen.leaky_relu(norm()(x), 0.2).reshape(len(image), -1)
        x = linen.leaky_relu(norm()(_dense(c.hidden, dtype)(_join(x, y))), 0.2)
        x = _join(x.astype(jnp.float32), y)
        xavier = linen.initializers.xavier_normal()
        return linen.Dense(1, kernel_init=xavier, name="to_logit")(x)[:, 0]


def game(config: Config) -> Game:
    """Two players, one move each; generated images have the labels of the real ones.

    Batches are `{"image": [B, 28, 28, 1] in [0, 1], "label": [B] in 0..classes-1}`.
    """
    return adversarial(
        Generator(config),
        Discriminator(config),
        latent=lambda key, count: latent(config, key, count),
        losses=(
            losses.non_saturating_discriminator_loss,
            losses.non_saturating_generator_loss,
        ),
        optimizer=optax.adam(config.learning_rate, config.beta1),
        condition="label" if known(config.classes) else None,
        ema=config.ema,
    )


def latent(config: Config, key: jax.Array, count: int) -> jax.Array:
    """Draws latents `[count, Z]`."""
    return nn.sample_latent(key, count, config.latent, config.latent_distribution)


def sample(
    config: Config,
    variables: Variables,
    latent: jax.Array,
    label: jax.Array | None = None,
    statistics: Statistics = "batch",
) -> jax.Array:
    """Images `[B, 28, 28, 1]` in [0, 1] from latents `[B, Z]` and labels `[B]`.

    The statistics of a batch match those of training only if it has all classes in
    equal numbers. In a batch of one class, the class is nearly normalised away: draw
    such batches with the "running" averages of training.

    Raises:
        ValueError: labels are missing, given to a model without classes, or not one for
            each latent.
    """
    generator = pure(Generator(config), "generator")
    return generator(variables, latent, label, statistics)[0]


def _join(x, y):
    """Appends the one-hot label to the channels, at every position of an image."""
    if y is None:
        return x
    if x.ndim == 4:
        y = jnp.broadcast_to(y[:, None, None, :], (*x.shape[:3], y.shape[-1]))
    return jnp.concatenate([x, y.astype(x.dtype)], axis=-1)


def _norm(config, statistics):
    return partial(
        nn.BatchNorm,
        use_running_average=nn.use_running(statistics),
        axis_name=config.axis_name,
        dtype=jnp.dtype(config.dtype),
    )


def _dense(units, dtype):
    he = linen.initializers.he_normal()
    return linen.Dense(units, use_bias=False, dtype=dtype, kernel_init=he)


MODEL = Model(
    paper="1411.1784",
    config=Config,
    game=game,
    batch=images.labelled_digits,
    show=images.samples(latent, sample, labels=True),
    tiny=Config(classes=3, latent=4, width=2, discriminator=(2, 2), hidden=6),
    latent=latent,
    sample=sample,
    labels=True,
    exact=True,
)
