"""WGAN-GP: a Wasserstein critic with a penalty that keeps its gradient norm at one.

Gulrajani, Ahmed, Arjovsky, Dumoulin and Courville, "Improved Training of Wasserstein
GANs", arXiv:1704.00028, Algorithm 1.

Reproduced: the penalty at random points between real and generated examples, with one u
for each example; five critic steps for each step of the generator, each on new data and
latents; Adam at 1e-4 with (0.5, 0.9); two sets of networks of the authors' code:

- `Config`: for vectors, as in its two-dimensional toys; three hidden layers of 512 ReLU
  units in both, penalty weight 0.1, batch 256.
- `ImageConfig`: for 28x28 digits; 5x5 convolutions of width 64, 128 and 256 without any
  normalisation, penalty weight 10, batch 50.

Known differences: images come in [0, 1] as `[B, 28, 28, 1]`, kernels are initialised by
He et al.'s method with normal, not uniform, draws; the critic's net is named
"discriminator", as in every game of `adversarial`.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import ClassVar, Literal

import jax
import jax.numpy as jnp
import optax
from flax import linen

from jaxgan import bounds, losses, nn
from jaxgan.game import Batch, Game, Move, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import images
from jaxgan.models.parts.two_players import Objective, adversarial


@dataclasses.dataclass(frozen=True)
class _Training:
    """The settings that vectors and images have in common."""

    latent: bounds.Count
    """Size of the latent vector, drawn from a standard normal."""
    penalty: bounds.Weight
    """Weight of the gradient penalty."""
    critic_steps: bounds.Count = 5
    """Updates of the critic for each update of the generator."""
    learning_rate: bounds.Rate = 1e-4
    """Adam's step size for both players."""
    ema: bounds.Decay = 0.0
    """Decay of the moving average of the generator's weights; 0 averages nothing."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the networks."""

    def __post_init__(self):
        bounds.check(self)


@dataclasses.dataclass(frozen=True)
class Config(_Training):
    """Settings for vectors; the defaults are those of the paper's toy problems."""

    examples: ClassVar[str] = "data"

    latent: bounds.Count = 2
    """Size of the latent vector, drawn from a standard normal."""
    penalty: bounds.Weight = 0.1
    """Weight of the gradient penalty."""
    data: bounds.Count = 2
    """Size of a data vector."""
    hidden: tuple[bounds.Count, ...] = (512, 512, 512)
    """Units of the hidden layers of both nets."""

    def nets(self) -> tuple[linen.Module, linen.Module]:
        """Generator and critic."""
        return (
            nn.MLP(self.hidden, self.data, self.dtype),
            nn.MLP(self.hidden, 1, self.dtype),
        )


@dataclasses.dataclass(frozen=True)
class ImageConfig(_Training):
    """Settings for 28x28 images; the defaults are the paper's for MNIST."""

    examples: ClassVar[str] = "image"

    latent: bounds.Count = 128
    """Size of the latent vector, drawn from a standard normal."""
    penalty: bounds.Weight = 10.0
    """Weight of the gradient penalty."""
    width: bounds.Count = 64
    """Channels of the widest maps; they double at each halving of the resolution."""

    def nets(self) -> tuple[linen.Module, linen.Module]:
        """Generator and critic."""
        return ImageGenerator(self.width, self.dtype), ImageCritic(
            self.width, self.dtype
        )


class ImageGenerator(linen.Module):
    """Latents `[B, Z]` to images `[B, 28, 28, 1]` in [0, 1]."""

    width: int
    dtype: str = "float32"

    @linen.compact
    def __call__(self, latent: jax.Array) -> jax.Array:
        """Draws one image for each latent."""
        dtype, deepest = jnp.dtype(self.dtype), 4 * self.width

        def up(x, features):
            # At stride 2 each pixel of the result sees a quarter of the kernel's taps.
            init = linen.initializers.variance_scaling(8.0, "fan_in", "normal", 3, 2)
            return nn.ConvTranspose(features, 5, dtype=dtype, kernel_init=init)(x)

        x = linen.Dense(
            16 * deepest, dtype=dtype, kernel_init=linen.initializers.he_normal()
        )(latent)
        x = linen.relu(x).reshape(-1, 4, 4, deepest)
        x = linen.relu(up(x, 2 * self.width))[:, :7, :7]
        x = linen.relu(up(x, self.width))
        return linen.sigmoid(up(x, 1).astype(jnp.float32))


class ImageCritic(linen.Module):
    """Images `[B, 28, 28, 1]` to scores `[B]`, each independent of the other images."""

    width: int
    dtype: str = "float32"

    @linen.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Judges images."""
        x, init = image, linen.initializers.he_normal()
        for width in (self.width, 2 * self.width, 4 * self.width):
            conv = nn.Conv(width, 5, 2, dtype=jnp.dtype(self.dtype), kernel_init=init)
            x = linen.leaky_relu(conv(x), 0.2)
        return linen.Dense(1)(x.reshape(x.shape[0], -1).astype(jnp.float32))[:, 0]


def game(config: Config | ImageConfig) -> Game:
    """Critic k times, then generator.

    Batches are `{"data": [k, B, N]}`, or `{"image": [k, B, 28, 28, 1]}` in [0, 1].
    """

    def penalty(critic, real, fake, key):
        return config.penalty * losses.gradient_penalty(critic, real, fake, key)

    return adversarial(
        *config.nets(),
        latent=functools.partial(latent, config),
        losses=Objective(
            losses.wasserstein_discriminator_loss,
            losses.wasserstein_generator_loss,
            penalty,
        ),
        optimizer=optax.adam(config.learning_rate, 0.5, 0.9),
        data=config.examples,
        moves=(Move("discriminator", repeat=config.critic_steps), Move("generator")),
        ema=config.ema,
    )


def latent(config: Config | ImageConfig, key: jax.Array, count: int) -> jax.Array:
    """Latents `[count, Z]`."""
    return nn.sample_latent(key, count, config.latent)


def sample(
    config: Config | ImageConfig, variables: Variables, latent: jax.Array
) -> jax.Array:
    """Data vectors `[B, N]`, or images `[B, 28, 28, 1]`, from latents `[B, Z]`."""
    return pure(config.nets()[0], "generator")(variables, latent)[0]


def batch(config: Config | ImageConfig, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    shape = images.DIGIT if isinstance(config, ImageConfig) else (config.data,)
    made = images.batch(key, count, shape, repeats=config.critic_steps)
    return {config.examples: made["image"]}


def show(
    config: Config | ImageConfig, variables: Variables, key: jax.Array, batch: Batch
) -> Mapping[str, jax.Array]:
    """Draws samples of a model of images; nothing for one of vectors."""
    if isinstance(config, Config):
        return {}
    return images.samples(latent, sample)(config, variables, key, batch)


MODEL = Model(
    paper="1704.00028",
    config=ImageConfig,
    game=game,
    batch=batch,
    show=show,
    tiny=Config(hidden=(8, 8)),
    latent=latent,
    sample=sample,
    # A constant added to every score does not change the losses.
    still=("discriminator/Dense_2/bias",),
)
