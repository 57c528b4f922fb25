"""R3GAN: a modern baseline of two plain networks and a well-behaved loss.

Huang, Gokaslan, Kuleshov and Tompkin, "The GAN is dead; long live the GAN! A Modern GAN
Baseline", arXiv:2501.05441 (2024).

Reproduced: the relativistic pairing loss for both players, real i against fake i, and
gamma / 2 times the sum of the zero-centred penalties R1 on real and R2 on generated
images; no normalisation layer in either network, and none of the usual tricks (no
smoothing, no noise, no minibatch statistics); Adam without a first momentum; samples
from a moving average of the generator.

Known differences: images are 28x28, and the networks are those of `digit_nets` without
norm, while the paper has residual networks of grouped convolutions with fix-up
initialisation; step size, gamma and Adam's second momentum are constant, while the
paper changes each of them during training.
"""

import dataclasses
import functools
from typing import ClassVar

import optax

from jaxgan import bounds, losses
from jaxgan.game import Game
from jaxgan.models.model import Model
from jaxgan.models.parts import digit_nets, images
from jaxgan.models.parts.digit_nets import latent, sample
from jaxgan.models.parts.two_players import Objective, adversarial


@dataclasses.dataclass(frozen=True)
class Config(digit_nets.Config):
    """Networks and training."""

    generator_norm: ClassVar[bool] = False
    discriminator_norm: ClassVar[bool] = False

    latent: bounds.Count = 64
    """Size of the latent vector, drawn from a standard normal."""
    gamma: bounds.Weight = 1.0
    """Weight of both gradient penalties, gamma / 2 (R1 + R2)."""
    learning_rate: bounds.Rate = 2e-4
    """Adam's step size for both players."""
    beta2: bounds.Decay = 0.99
    """Adam's second momentum; the first is 0."""
    ema: bounds.Decay = 0.999
    """Decay of the moving average of the generator's weights; 0 averages nothing."""


def game(config: Config) -> Game:
    """Two players, one move each. Batches: `{"image": [B, 28, 28, 1] in [0, 1]}`."""

    def penalty(critic, real, fake, key):
        del key
        slopes = losses.r1_penalty(critic, real) + losses.r2_penalty(critic, fake)
        return config.gamma / 2 * slopes

    return adversarial(
        *digit_nets.nets(config),
        latent=functools.partial(latent, config),
        losses=Objective(
            losses.relativistic_discriminator_loss,
            losses.relativistic_generator_loss,
            penalty,
            relativistic=True,
        ),
        optimizer=optax.adam(config.learning_rate, 0.0, config.beta2),
        ema=config.ema,
    )


MODEL = Model(
    paper="2501.05441",
    config=Config,
    game=game,
    batch=images.digits,
    show=images.samples(latent, sample),
    tiny=Config(width=2, hidden=6, latent=4),
    latent=latent,
    sample=sample,
    # A constant added to every logit does not change the losses.
    still=("discriminator/Dense_0/bias",),
    exact=True,
)
