"""WGAN: a critic of clipped weights estimates the Wasserstein distance.

Arjovsky, Chintala and Bottou, "Wasserstein GAN", arXiv:1701.07875, Algorithm 1.

Reproduced: the critic's loss is the difference of its mean scores, without logarithms;
all of its weights are clipped to ±0.01 after every one of its five updates, each on
data and latents of its own; RMSProp at 5e-5 for both (Torch's: decay 0.99, epsilon
outside the root), without momentum, which the paper found to harm; minibatches of 64
(the batch's size is the caller's).

Known differences: 28x28 images and the networks of `digit_nets`. The critic has no
batch normalisation, which the paper's DCGAN has: the score of an image shall not depend
on its company, and clipping to 0.01 would all but close gains that belong near 1. The
authors' code updates the critic a hundred times at each of the first 25 steps of the
generator and at every 500th; here it is always `critic_steps`, because a game's
schedule is the same at every step.
"""

import dataclasses
import functools
from typing import Literal

import jax
import optax

from jaxgan import bounds, losses, nn
from jaxgan.game import Batch, Game, Move, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import digit_nets, images
from jaxgan.models.parts.two_players import adversarial


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults of training are the paper's."""

    width: bounds.Count = 64
    """Channels of the wide maps; the narrow ones have twice as many."""
    hidden: bounds.Count = 1024
    """Units of the dense layers."""
    latent: bounds.Count = 100
    """Size of the latent vector, drawn from a standard normal."""
    clip: bounds.Rate = 0.01
    """Largest absolute value of a weight of the critic."""
    critic_steps: bounds.Count = 5
    """Critic updates to one of the generator."""
    learning_rate: bounds.Rate = 5e-5
    """RMSProp's step size, of both players."""
    ema: bounds.Decay = 0.0
    """Decay of the moving average of the generator's weights; 0 follows the weights."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Arithmetic of the networks."""

    def __post_init__(self):
        bounds.check(self)


def game(config: Config) -> Game:
    """Critic k times, then generator. Batches: `{"image": [k, B, 28, 28, 1]}`."""
    rmsprop = optax.rmsprop(config.learning_rate, decay=0.99, eps_in_sqrt=False)
    return adversarial(
        _generator(config),
        digit_nets.Discriminator(
            config.width, config.hidden, norm=False, dtype=config.dtype
        ),
        latent=functools.partial(latent, config),
        losses=(
            losses.wasserstein_discriminator_loss,
            losses.wasserstein_generator_loss,
        ),
        optimizer={
            "discriminator": optax.chain(rmsprop, losses.weight_clipping(config.clip)),
            "generator": rmsprop,
        },
        moves=(Move("discriminator", repeat=config.critic_steps), Move("generator")),
        ema=config.ema,
    )


def latent(config: Config, key: jax.Array, count: int) -> jax.Array:
    """Latents `[count, Z]`."""
    return nn.sample_latent(key, count, config.latent)


def sample(config: Config, variables: Variables, latent: jax.Array) -> jax.Array:
    """Images `[B, 28, 28, 1]` in [0, 1] from latents `[B, Z]`."""
    return pure(_generator(config), "generator")(variables, latent)[0]


def _generator(config):
    return digit_nets.Generator(config.width, config.hidden, dtype=config.dtype)


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """A random batch, as `game` takes it."""
    return images.batch(key, count, repeats=config.critic_steps)


MODEL = Model(
    paper="1701.07875",
    config=Config,
    game=game,
    batch=batch,
    show=images.samples(latent, sample),
    tiny=Config(width=2, hidden=6, latent=4, critic_steps=2),
    latent=latent,
    sample=sample,
    # A constant added to every score leaves both losses as they are.
    still=("discriminator/Dense_0/bias",),
)
