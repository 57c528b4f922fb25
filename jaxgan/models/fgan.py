"""f-GAN: any f-divergence, minimised through its variational bound.

Nowozin, Cseke and Tomioka, "f-GAN: Training Generative Neural Samplers using
Variational Divergence Minimization", arXiv:1606.00709.

Reproduced: T = g(V), with the output activation g of each divergence; both players take
one gradient step at the same time from the same state and the same latents (Algorithm
1, single-step); the generator raises E g(V) instead of lowering -E f*(g(V)) (section
3.2; `saturating` plays the zero-sum game); the MNIST networks: uniform latents, two
layers of 1200 batch-normalised ReLU units and sigmoid pixels in the generator, two
layers of 240 ELU units in V; Adam at 2e-4 with beta1 0.5. The paper's minibatches have
4096 images (the batch's size is the caller's).

Known differences: all activations g increase with V, so that a high output always means
"like the data"; in the printed table some decrease; see `jaxgan.losses.f_divergence`.
"""

import dataclasses
import functools
from typing import Literal

import jax
import jax.numpy as jnp
import optax
from flax import linen

from jaxgan import bounds, losses, nn
from jaxgan.game import Game, Move, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import images
from jaxgan.models.parts.two_players import Objective, adversarial

Divergence = Literal[
    "kl", "reverse_kl", "pearson", "neyman", "squared_hellinger", "jensen_shannon",
    "gan", "total_variation",
]  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are the paper's for MNIST."""

    divergence: Divergence = "kl"
    """The divergence of the data from the generator that is minimised."""
    saturating: bool = False
    """Whether to play the zero-sum game, whose generator hardly learns from clear
    fakes."""
    latent: bounds.Count = 100
    """Size of the latent vector, uniform on [-1, 1]."""
    hidden: tuple[bounds.Count, ...] = (1200, 1200)
    """Units of the generator's hidden layers."""
    variational: tuple[bounds.Count, ...] = (240, 240)
    """Units of the hidden layers of V, the variational function."""
    learning_rate: bounds.Rate = 2e-4
    """Adam's step size for both players."""
    ema: bounds.Decay = 0.0
    """Decay of the moving average of the generator's weights; 0 averages nothing."""

    def __post_init__(self):
        bounds.check(self)


class Generator(linen.Module):
    """Latents `[B, Z]` to images `[B, 28, 28, 1]` in [0, 1]."""

    hidden: tuple[int, ...]

    @linen.compact
    def __call__(self, latent: jax.Array) -> jax.Array:
        """Draws images, normalised with the batch's statistics."""
        x = latent
        for units in self.hidden:
            x = linen.Dense(units, use_bias=False)(x)
            x = linen.relu(nn.BatchNorm(use_running_average=False)(x))
        return linen.sigmoid(linen.Dense(28 * 28)(x)).reshape(-1, 28, 28, 1)


class Variational(linen.Module):
    """V, the variational function: images `[B, ...]` to raw outputs `[B]`."""

    hidden: tuple[int, ...]

    @linen.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Judges images, each by itself."""
        x = image.reshape(image.shape[0], -1)
        for units in self.hidden:
            x = linen.elu(linen.Dense(units)(x))
        return linen.Dense(1)(x)[:, 0]


def objective(
    divergence: Divergence, *, saturating: bool = False, gamma: float = 0.0
) -> Objective:
    """Makes the losses of both players for a divergence, for any networks.

    Args:
        divergence: a name that `losses.f_divergence` takes.
        saturating: whether the generator plays the zero-sum game.
        gamma: the weight of a later addition of the authors, gamma / 2 times the mean
            squared slope of T on the data.
    """
    activation = losses.f_divergence(divergence).activation

    def penalty(critic, real, fake, key):
        del fake, key
        slope = losses.r1_penalty(lambda x: activation(critic(x)), real)
        return gamma / 2 * slope

    return Objective(
        functools.partial(losses.f_gan_discriminator_loss, divergence=divergence),
        functools.partial(
            losses.f_gan_generator_loss, divergence=divergence, saturating=saturating
        ),
        penalty if gamma else None,
    )


def game(config: Config) -> Game:
    """Both players in one move. Batches: `{"image": [B, 28, 28, 1] in [0, 1]}`."""
    return adversarial(
        Generator(config.hidden),
        Variational(config.variational),
        latent=functools.partial(latent, config),
        losses=objective(config.divergence, saturating=config.saturating),
        optimizer=optax.adam(config.learning_rate, 0.5),
        moves=(Move("discriminator", "generator"),),
        ema=config.ema,
    )


def latent(config: Config, key: jax.Array, count: int) -> jax.Array:
    """Latents `[count, Z]`."""
    return nn.sample_latent(key, count, config.latent, "uniform")


def sample(config: Config, variables: Variables, latent: jax.Array) -> jax.Array:
    """Images `[B, 28, 28, 1]` in [0, 1] from latents `[B, Z]`."""
    return pure(Generator(config.hidden), "generator")(variables, latent)[0]


def thinks_real(divergence: Divergence, raw: jax.Array) -> jax.Array:
    """Tells where T = g(V) is above f'(1), its value where both densities are equal.

    Args:
        divergence: a name that `losses.f_divergence` takes.
        raw: outputs of V, of any shape.

    Returns:
        Booleans of the shape of `raw`.
    """
    row = losses.f_divergence(divergence)
    return row.activation(jnp.asarray(raw)) > row.threshold


MODEL = Model(
    paper="1606.00709",
    config=Config,
    game=game,
    batch=images.digits,
    show=images.samples(latent, sample),
    tiny=Config(latent=4, hidden=(6, 5), variational=(6, 5)),
    latent=latent,
    sample=sample,
)
