"""R3GAN: a modern baseline of two plain networks and a well-behaved loss.

Huang, Gokaslan, Kuleshov and Tompkin, "The GAN is dead; long live the GAN! A Modern GAN
Baseline", arXiv:2501.05441 (2024).

Reproduced: the relativistic pairing loss for both players, real i against fake i, and
gamma / 2 times the sum of the zero-centred penalties R1 on real and R2 on generated
images; no normalisation layer in either network, and none of the usual tricks (no
smoothing, no noise, no minibatch statistics); Adam without a first momentum; step size,
gamma and Adam's second momentum go from their first to their last values along half a
cosine; samples from a moving average of the generator.

Known differences: images are 28x28, and the networks are those of `digit_nets` without
norm; the paper's residual networks are those of `r3gan_images`. Both players see the
same real images in a step, the paper's see others. The average follows the generator
closely at first, as every average of `jaxgan.game` does, in place of the paper's
half-life that grows along the cosine. There is no augmentation.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import optax
from flax import linen

from jaxgan import bounds, losses
from jaxgan.game import Game
from jaxgan.models.model import Model
from jaxgan.models.parts import digit_nets, images
from jaxgan.models.parts.digit_nets import latent, sample
from jaxgan.models.parts.two_players import Objective, adversarial


@dataclasses.dataclass(frozen=True)
class Schedule:
    """What changes during training, from a first value to a last."""

    annealing: bounds.Natural = dataclasses.field(
        default=40_000, metadata={"before": 0}
    )
    """Steps over which gamma, the step size and beta2 go from their first to their last
    values; the paper takes 20 million images. With 0, they keep their first values."""
    gamma: bounds.Weight = 1.0
    """First weight of both gradient penalties, gamma / 2 (R1 + R2)."""
    last_gamma: bounds.Weight = 0.1
    """Last weight of both gradient penalties."""
    learning_rate: bounds.Rate = 2e-4
    """Adam's first step size for both players."""
    last_learning_rate: bounds.Rate = 5e-5
    """Adam's last step size for both players."""
    beta2: bounds.Decay = 0.9
    """Adam's first second momentum; its first momentum is 0."""
    last_beta2: bounds.Decay = 0.99
    """Adam's last second momentum."""
    ema: bounds.Decay = 0.999
    """Decay of the moving average of the generator's weights; 0 averages nothing."""


@dataclasses.dataclass(frozen=True)
class Config(Schedule, digit_nets.Config):
    """Networks and training."""

    generator_norm: ClassVar[bool] = False
    discriminator_norm: ClassVar[bool] = False

    latent: bounds.Count = 64
    """Size of the latent vector, drawn from a standard normal."""


def game(config: Config) -> Game:
    """Two players, one move each. Batches: `{"image": [B, 28, 28, 1] in [0, 1]}`."""
    nets = digit_nets.nets(config)
    return paired(config, *nets, latent=functools.partial(latent, config))


def paired(
    config: Schedule,
    generator: linen.Module,
    discriminator: linen.Module,
    *,
    latent: Callable[[jax.Array, int], jax.Array],
    condition: str | None = None,
    view: Callable[[jax.Array, jax.Array], jax.Array] = lambda examples, key: examples,
) -> Game:
    """The game of the paper for any two networks, as `adversarial` makes games.

    Slopes of the penalties are by images as the discriminator gets them, before `view`.

    Args:
        config: the schedules.
        generator: takes latents to images.
        discriminator: takes images to logits `[B]`.
        latent: `latent(key, B)` draws latents.
        condition: the name in a batch of the second argument of both, such as "label".
        view: what is done to real and generated images before they are judged.
    """

    def penalty(critic, real, fake, key):
        del key
        return losses.r1_penalty(critic, real) + losses.r2_penalty(critic, fake)

    gamma = annealed(config, config.gamma, config.last_gamma)
    return adversarial(
        generator,
        discriminator,
        latent=latent,
        losses=Objective(
            losses.relativistic_discriminator_loss,
            losses.relativistic_generator_loss,
            penalty,
            relativistic=True,
            penalty_weight=lambda step: gamma(step) / 2,
        ),
        optimizer=_adam(config),
        condition=condition,
        view=view,
        ema=config.ema,
    )


def annealed(config: Schedule, first: float, last: float) -> Callable[[Any], Any]:
    """Makes a function of the step that goes from `first` to `last`.

    It follows half a cosine for `annealing` steps, and stays at `last` afterwards.
    """
    if not config.annealing:
        return lambda step: first

    def value(step: Any) -> jax.Array:
        share = jnp.minimum(step / config.annealing, 1)
        return last + (first - last) * (1 + jnp.cos(jnp.pi * share)) / 2

    return value


def _adam(config):
    if not config.annealing:
        return optax.adam(config.learning_rate, 0.0, config.beta2)
    return optax.inject_hyperparams(optax.adam)(
        learning_rate=annealed(config, config.learning_rate, config.last_learning_rate),
        b1=0.0,
        b2=annealed(config, config.beta2, config.last_beta2),
    )


MODEL = Model(
    paper="2501.05441",
    config=Config,
    game=game,
    batch=images.digits,
    show=images.samples(latent, sample),
    tiny=Config(width=2, hidden=6, latent=4, annealing=3),
    latent=latent,
    sample=sample,
    # A constant added to every logit does not change the losses.
    still=("discriminator/Dense_0/bias",),
    exact=True,
)
