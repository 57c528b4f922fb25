"""A GAN of two perceptrons on points, with a choice of losses, penalties and dynamics.

By default it is the toy of Gulrajani et al., "Improved Training of Wasserstein GANs"
(arXiv:1704.00028): two nets of three hidden layers of 512 ReLU units, latents from N(0,
I) of the plane, a Wasserstein critic with a gradient penalty of weight 0.1, five critic
steps for each of the generator, Adam at 1e-4 with (0.5, 0.9). `wgan_gp` is the same
game by itself.

Added to it: the losses of `jaxgan.losses`; the zero-centred penalties of Mescheder et
al. (arXiv:1801.04406), DRAGAN's (arXiv:1705.07215), WGAN's clipping (arXiv:1701.07875);
simultaneous, extragradient (arXiv:1802.10551) and optimistic play (arXiv:1711.00141);
a step size for each player (arXiv:1706.08500).
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import optax
from flax import linen

from jaxgan import bounds, losses, nn
from jaxgan.dynamics import extragradient, schedule
from jaxgan.game import Batch, Game, Move, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts.two_players import Objective, adversarial

Loss = Literal[
    "non_saturating",
    "minimax",
    "hinge",
    "least_squares",
    "wasserstein",
    "relativistic",
    "relativistic_average",
    "boundary_seeking",
    "margin_ranking",
    "f_gan_kl",
    "f_gan_reverse_kl",
    "f_gan_pearson",
    "f_gan_neyman",
    "f_gan_squared_hellinger",
    "f_gan_jensen_shannon",
    "f_gan_gan",
    "f_gan_total_variation",
]
Penalty = Literal["none", "gradient", "r1", "r2", "r1r2", "dragan", "clip"]


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are WGAN-GP's on its toys."""

    data: bounds.Count = 2
    """Coordinates of a point."""
    latent: bounds.Count = 2
    """Size of the latent vector."""
    latent_distribution: Literal["normal", "uniform"] = "normal"
    """Distribution of the latents: standard normal, or uniform on [-1, 1]."""
    generator: tuple[bounds.Count, ...] = (512, 512, 512)
    """Units of the generator's hidden layers."""
    discriminator: tuple[bounds.Count, ...] = (512, 512, 512)
    """Units of the discriminator's hidden layers."""
    activation: Literal["relu", "leaky_relu", "tanh"] = "relu"
    """The function between layers."""
    loss: Loss = "wasserstein"
    """The losses of the players; f_gan_* are those of f-divergences
    (arXiv:1606.00709), and margin_ranking is the first stage of GoGAN with margin 1
    (arXiv:1704.04865)."""
    penalty: Penalty = "gradient"
    """Regularisation of the discriminator: a penalty on its slope between real and fake
    points (gradient), at real ones (r1), at fakes (r2), at both (r1r2), or around real
    ones (dragan); clip bounds its weights instead."""
    weight: bounds.Weight = 0.1
    """Weight of the penalty; for r1, r2 and r1r2 it is gamma, which the penalty halves
    as in the paper; for clip it is the bound."""
    discriminator_steps: bounds.Count = 5
    """Updates of the discriminator for each update of the generator."""
    order: Literal["alternating", "simultaneous"] = "alternating"
    """Order of moves: the players take turns, or move at once."""
    dynamics: Literal["adam", "extragradient", "optimistic"] = "adam"
    """Optimiser: Adam, ExtraAdam (only simultaneous), or optimistic Adam."""
    learning_rate: bounds.Rate = 1e-4
    """Step size of both players."""
    generator_learning_rate: bounds.Rate | None = None
    """Step size of the generator, if it is another."""
    beta1: bounds.Decay = 0.5
    """Adam's first momentum."""
    beta2: bounds.Decay = 0.9
    """Adam's second momentum."""
    decay_steps: bounds.Natural = 0
    """Steps over which the step size falls linearly to zero; 0 keeps it constant."""
    ema: bounds.Decay = 0.0
    """Decay of the moving average of the generator's weights; 0 averages nothing."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the networks; parameters, losses and penalties stay float32."""

    def __post_init__(self):
        bounds.check(self)
        if self.penalty == "clip" and not self.weight:
            raise ValueError(
                "weight is 0; with penalty clip it is the bound of the"
                " weights, and must be above 0"
            )
        if self.dynamics == "extragradient" and self.order != "simultaneous":
            raise ValueError(
                "extragradient moves both players at once: set order to simultaneous"
                " and discriminator_steps to 1"
            )
        _moves(self)


class Rates(NamedTuple):
    """The numbers of a config that may change while a game is played.

    Attributes:
        discriminator: the step size of the discriminator.
        generator: the step size of the generator.
        weight: the weight of the penalty.
    """

    discriminator: Any
    generator: Any
    weight: Any


def rates(config: Config) -> Rates:
    """The numbers that a config gives."""
    own = config.generator_learning_rate
    rate = config.learning_rate
    return Rates(rate, rate if own is None else own, config.weight)


def game(config: Config, given: Rates | None = None) -> Game:
    """The discriminator moves k times, then the generator; or both move at once.

    Batches are `{"data": [B, N]}`, or `[k, B, N]` where a step takes k minibatches.

    Args:
        config: networks and training.
        given: takes the place of the numbers of the config. They may be arrays: a
            program that makes the game from its arguments needs no new compilation
            where they change.
    """
    numbers = rates(config) if given is None else given

    def optimizer(player: str) -> optax.GradientTransformation:
        updates = sum(m.repeat for m in _moves(config) if player in m.players)
        steps = config.decay_steps * updates
        rate = getattr(numbers, player)
        rate = optax.linear_schedule(rate, 0.0, steps) if steps else rate
        if config.dynamics == "optimistic":
            chosen = optax.optimistic_adam_v2(
                rate, b1=config.beta1, b2=config.beta2, nesterov=False
            )
        else:
            chosen = optax.adam(rate, config.beta1, config.beta2)
        if config.penalty == "clip" and player == "discriminator":
            chosen = optax.chain(chosen, losses.weight_clipping(numbers.weight))
        return extragradient(chosen) if config.dynamics == "extragradient" else chosen

    return adversarial(
        _generator(config),
        _discriminator(config),
        latent=lambda key, count: latent(config, key, count),
        losses=Objective(
            *_losses(config.loss),
            penalty=_penalty(config.penalty, numbers.weight),
            relativistic=config.loss.startswith("relativistic"),
        ),
        optimizer={name: optimizer(name) for name in ("discriminator", "generator")},
        data="data",
        moves=_moves(config),
        ema=config.ema,
    )


def latent(config: Config, key: jax.Array, count: int) -> jax.Array:
    """Latents `[count, Z]`."""
    return nn.sample_latent(key, count, config.latent, config.latent_distribution)


def sample(config: Config, variables: Variables, latent: jax.Array) -> jax.Array:
    """Points `[B, N]` from latents `[B, Z]`."""
    return pure(_generator(config), "generator")(variables, latent)[0]


def score(config: Config, variables: Variables, points: jax.Array) -> jax.Array:
    """The discriminator's logits `[B]` of points `[B, N]`."""
    return pure(_discriminator(config), "discriminator")(variables, points)[0][:, 0]


def _generator(config):
    return _mlp(config, config.generator, config.data)


def _discriminator(config):
    return _mlp(config, config.discriminator, 1)


def _mlp(config, hidden, out):
    activation = getattr(linen, config.activation)
    return nn.MLP(hidden, out, config.dtype, activation)


def _moves(config) -> tuple[Move, ...]:
    ahead = config.dynamics == "extragradient"
    order = "extragradient" if ahead else config.order
    steps = config.discriminator_steps
    return schedule("discriminator", "generator", order, steps)


def _losses(name: Loss) -> tuple[Callable, Callable]:
    """The losses of the discriminator and the generator."""
    if name.startswith("f_gan_"):
        divergence = name.removeprefix("f_gan_")
        return (
            functools.partial(losses.f_gan_discriminator_loss, divergence=divergence),
            functools.partial(losses.f_gan_generator_loss, divergence=divergence),
        )
    if name == "margin_ranking":
        ranking = losses.margin_ranking_discriminator_loss
        return functools.partial(ranking, margin=1.0), losses.wasserstein_generator_loss
    return (
        getattr(losses, f"{name}_discriminator_loss"),
        getattr(losses, f"{name}_generator_loss"),
    )


def _penalty(name: Penalty, w: Any) -> Callable | None:
    """Makes `(critic_fn, real, fake, key) -> [B]`, with weight w, or None."""

    def r1r2(critic_fn, real, fake, key):
        del key
        slopes = losses.r1_penalty(critic_fn, real) if "r1" in name else 0.0
        if "r2" in name:
            slopes += losses.r2_penalty(critic_fn, fake)
        return w / 2 * slopes

    def around(critic_fn, real, fake, key):
        del fake
        return w * losses.dragan_penalty(critic_fn, real, key)

    def between(critic_fn, real, fake, key):
        return w * losses.gradient_penalty(critic_fn, real, fake, key)

    penalties = {"gradient": between, "dragan": around}
    penalties |= dict.fromkeys(("r1", "r2", "r1r2"), r1r2)
    return penalties.get(name)


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    repeats = max(move.repeat for move in _moves(config))
    leading = (repeats, count) if repeats > 1 else (count,)
    return {"data": jax.random.normal(key, (*leading, config.data))}


MODEL = Model(
    paper="1704.00028",
    config=Config,
    game=game,
    batch=batch,
    show=None,
    tiny=Config(
        generator=(5,), discriminator=(6,), loss="hinge", penalty="r1r2",
        discriminator_steps=2, dynamics="optimistic", ema=0.9,
    ),
    latent=latent,
    sample=sample,
)  # fmt: skip
