"""CycleGAN in miniature: unpaired translation between two sets of vectors.

Zhu, Park, Isola and Efros, "Unpaired Image-to-Image Translation using Cycle-Consistent
Adversarial Networks", arXiv:1703.10593. Reproduced: two generators trained jointly as
one player, two discriminators as the other, the least-squares losses, cycle consistency
with weight 10 and the pool of past fakes that each discriminator is shown. Different:
small dense networks on vectors instead of residual networks on images, and each slot of
the pool belongs to one position of the batch.
"""

import dataclasses

import jax
import jax.numpy as jnp
import optax
from flax import linen
from jax import lax

from jaxgan import bounds, losses, nn
from jaxgan.game import Batch, Game, Move, Player, pure
from jaxgan.models.model import Model


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training."""

    data: bounds.Count = 2
    """Size of a vector in either domain."""
    hidden: tuple[bounds.Count, ...] = (64, 64)
    """Units of the hidden layers of all four nets."""
    cycle: bounds.Weight = 10.0
    """Weight of cycle consistency."""
    learning_rate: bounds.Rate = 2e-4
    """Adam's step size."""

    def __post_init__(self):
        bounds.check(self)


class Pool(linen.Module):
    """A memory of past fakes, `[B, N]`, which returns an old one half of the time.

    With probability one half, a fake is exchanged for the one remembered at its
    position. At the first call, nothing is remembered, and all fakes pass through.
    """

    @linen.compact
    def __call__(self, fakes: jax.Array, key: jax.Array) -> jax.Array:
        """Returns the fakes to show to the discriminator, `[B, N]`."""
        past = self.variable("memory", "past", jnp.zeros_like, fakes)
        filled = self.variable("memory", "filled", jnp.zeros, fakes.shape[:1], bool)
        swap = jax.random.bernoulli(key, 0.5, fakes.shape[:1])
        shown = jnp.where((swap & filled.value)[:, None], past.value, fakes)
        if not self.is_initializing():
            past.value = jnp.where((swap | ~filled.value)[:, None], fakes, past.value)
            filled.value = jnp.ones_like(filled.value)
        return shown


def game(config: Config) -> Game:
    """Four nets, two memories, two players. Batches: `{"a": [B, N], "b": [B, N]}`."""
    mlp = lambda out: nn.MLP(config.hidden, out)  # noqa: E731
    nets = {
        "a_to_b": mlp(config.data),
        "b_to_a": mlp(config.data),
        "critic_a": mlp(1),
        "critic_b": mlp(1),
        "pool_a": Pool(),
        "pool_b": Pool(),
    }
    a_to_b, b_to_a, critic_a, critic_b, pool_a, pool_b = (
        pure(module, name) for name, module in nets.items()
    )

    def generator_loss(variables, batch, turn):
        del turn
        fake_b, variables = a_to_b(variables, batch["a"])
        fake_a, variables = b_to_a(variables, batch["b"])
        again_a, variables = b_to_a(variables, fake_b)
        again_b, variables = a_to_b(variables, fake_a)
        score_a, variables = critic_a(variables, fake_a)
        score_b, variables = critic_b(variables, fake_b)
        fool = losses.least_squares_generator_loss
        # Doubled, since the paper's loss, beside which the weight is 10, has no one
        # half.
        adversarial = 2 * (fool(score_a[:, 0]) + fool(score_b[:, 0])).mean()
        cycle = (
            jnp.abs(again_a - batch["a"]).mean() + jnp.abs(again_b - batch["b"]).mean()
        )
        loss = adversarial + config.cycle * cycle
        return loss, (variables, {"adversarial": adversarial, "cycle": cycle})

    def critics_loss(variables, batch, turn):
        key_a, key_b = jax.random.split(turn.key)
        fake_b, _ = a_to_b(variables, batch["a"])
        fake_a, _ = b_to_a(variables, batch["b"])
        shown_a, variables = pool_a(variables, lax.stop_gradient(fake_a), key_a)
        shown_b, variables = pool_b(variables, lax.stop_gradient(fake_b), key_b)
        total = jnp.zeros(())
        for critic, real, fake in (
            (critic_a, batch["a"], shown_a),
            (critic_b, batch["b"], shown_b),
        ):
            real_score, variables = critic(variables, real)
            fake_score, variables = critic(variables, fake)
            total += losses.least_squares_discriminator_loss(
                real_score[:, 0], fake_score[:, 0]
            ).mean()
        return total, (variables, {})

    adam = optax.adam(config.learning_rate, 0.5)
    return Game(
        nets=nets,
        inputs=lambda batch: {
            "a_to_b": (batch["a"],),
            "b_to_a": (batch["b"],),
            "critic_a": (batch["a"],),
            "critic_b": (batch["b"],),
            "pool_a": (batch["a"], jax.random.key(0)),
            "pool_b": (batch["b"], jax.random.key(0)),
        },
        players={
            "generators": Player(generator_loss, ("a_to_b", "b_to_a"), adam),
            "critics": Player(
                critics_loss, ("critic_a", "critic_b", "pool_a", "pool_b"), adam
            ),
        },
        moves=(Move("generators"), Move("critics")),
    )


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    a, b = jax.random.normal(key, (2, count, config.data))
    return {"a": a, "b": b}


MODEL = Model(
    paper="1703.10593",
    config=Config,
    game=game,
    batch=batch,
    show=None,
    tiny=Config(hidden=(8,)),
)
