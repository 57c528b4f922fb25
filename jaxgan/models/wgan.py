"""WGAN: a critic with clipped weights estimates the Wasserstein distance.

Arjovsky, Chintala and Bottou, "Wasserstein GAN", arXiv:1701.07875, Algorithm 1.

Reproduced: the critic's loss is the difference of its mean scores, without logarithms;
all of its weights are clipped to ±0.01 after each of its five updates, each on new data
and latents; RMSProp at 5e-5 for both (Torch's: decay 0.99, epsilon outside the root),
without momentum, which the paper found to harm; minibatches of 64 (the batch's size is
the caller's).

Known differences: images are 28x28, and the networks are those of `digit_nets`. The
critic has no batch normalisation, unlike the paper's DCGAN: the score of an image
should not depend on the rest of the batch, and clipping to 0.01 would nearly zero gains
that belong near 1. The authors' code updates the critic a hundred times at each of the
first 25 steps of the generator and at every 500th; here it is always `critic_steps`,
because a game's schedule is the same at every step.
"""

import dataclasses
import functools
from typing import ClassVar

import jax
import optax

from jaxgan import bounds, losses
from jaxgan.game import Batch, Game, Move
from jaxgan.models.model import Model
from jaxgan.models.parts import digit_nets, images
from jaxgan.models.parts.digit_nets import latent, sample
from jaxgan.models.parts.two_players import adversarial


@dataclasses.dataclass(frozen=True)
class Config(digit_nets.Config):
    """Networks and training; the defaults of training are the paper's."""

    discriminator_norm: ClassVar[bool] = False

    clip: bounds.Rate = 0.01
    """Largest absolute value of a weight of the critic."""
    critic_steps: bounds.Count = 5
    """Updates of the critic for each update of the generator."""
    learning_rate: bounds.Rate = 5e-5
    """RMSProp's step size for both players."""


def game(config: Config) -> Game:
    """Critic k times, then generator. Batches: `{"image": [k, B, 28, 28, 1]}`."""
    rmsprop = optax.rmsprop(config.learning_rate, decay=0.99, eps_in_sqrt=False)
    return adversarial(
        *digit_nets.nets(config),
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


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
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
    # A constant added to every score does not change the losses.
    still=("discriminator/Dense_0/bias",),
)
