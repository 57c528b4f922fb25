"""Generation by a discriminator alone: it generates the examples it rates highest.

The algorithm of H.-Y. Lee's lectures on GANs ("Can the discriminator generate?", 2018),
close to the herding of energy-based models (LeCun et al., "A Tutorial on Energy-Based
Learning", 2006): start with random negatives; train D to tell data from negatives; find
x = argmax D(x), by gradient ascent from noise; make these the new negatives; repeat. In
each round, peaks of D away from the data are found, become negatives, and are levelled,
until the remaining peaks are where the data are. A generator is a learned solver of
this argmax.

Some additions of ours keep it stable: the ascent stays inside the box of the data, its
steps are limited, and a gradient penalty and weight decay bound the slope of D, without
which the argmax is on the edge of the box. Negatives of earlier rounds are replayed, or
else D would forget them and go in circles.

As a game, its nets are D and a memory of negatives without parameters. The
"discriminator" owns D; the "solver", which searches instead of learning, owns the
memory.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import optax
from flax import linen
from jax import lax

from jaxgan import bounds, losses, nn
from jaxgan.game import Batch, Game, Move, Player, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import digit_nets


@dataclasses.dataclass(frozen=True)
class Config:
    """Network, rounds and ascent; the defaults are for points in the plane."""

    shape: tuple[bounds.Count, ...] = (2,)
    """Shape of an example: (2,) for points, (28, 28, 1) for digits."""
    low: bounds.Finite = -3.0
    """Lower bound of the box of examples, along every axis."""
    high: bounds.Finite = 3.0
    """Upper bound of that box."""
    hidden: tuple[bounds.Count, ...] = (64, 64)
    """Units of the dense layers."""
    width: bounds.Natural = 0
    """Channels of the first of two convolutions before the dense layers; 0 for none."""
    round_steps: bounds.Count = 200
    """Updates of D in a round, after which new negatives are sought."""
    negatives: bounds.Count = 128
    """Negatives sought in a round."""
    rounds_kept: bounds.Count = 20
    """Number of rounds whose negatives are remembered."""
    replay: bounds.Share = 0.5
    """Share of remembered negatives in a minibatch; the others are the last round's."""
    restarts: bounds.Count = 4
    """Ascents for each negative; the one that ends highest counts."""
    ascent_steps: bounds.Count = 200
    """Steps of an ascent."""
    ascent_rate: bounds.Rate = 0.05
    """Step size of an ascent, a factor of the slope."""
    ascent_reach: bounds.Rate = 0.05
    """Largest length of a step of an ascent."""
    noise: bounds.Weight = 0.0
    """Standard deviation of the noise of every ascent's step (Langevin dynamics)."""
    prior: bounds.Weight = 0.0
    """Weight of an L2 prior, half the squared norm, subtracted from D in ascents."""
    penalty: bounds.Weight = 0.01
    """Weight of the squared slope of D between data and negatives."""
    weight_decay: bounds.Weight = 1e-4
    """Weight decay of D, as in AdamW."""
    learning_rate: bounds.Rate = 2e-3
    """Adam's step size."""

    def __post_init__(self):
        bounds.check(self)
        if self.low >= self.high:
            raise ValueError(
                f"the box from {self.low} to {self.high} is empty; low must be less"
            )
        if self.width and (len(self.shape) != 3 or len(self.hidden) != 1):
            raise ValueError(
                f"width is {self.width}, but convolutions need images and one hidden"
                f" layer, and shape is {self.shape} and hidden is {self.hidden}; set"
                " width to 0"
            )


class Dense(linen.Module):
    """Examples `[B, ...]` to logits `[B]`.

    Attributes:
        hidden: units of the hidden layers.
    """

    hidden: tuple[int, ...]

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Judges examples."""
        return nn.MLP(self.hidden, 1)(x.reshape(x.shape[0], -1))[:, 0]


class Replay(linen.Module):
    """A memory of negatives, `[R, N, ...]`, with those of the last round last.

    Attributes:
        config: gives R, N and the box. The memory begins with N random negatives, R
            times.
    """

    config: Config

    @linen.compact
    def __call__(self, past: jax.Array | None = None) -> jax.Array:
        """Returns the negatives; remembers `past` if it is given."""
        c = self.config

        def anywhere():
            key, size = self.make_rng("params"), (1, c.negatives, *c.shape)
            first = jax.random.uniform(key, size, minval=c.low, maxval=c.high)
            return first.repeat(c.rounds_kept, axis=0)

        memory = self.variable("memory", "past", anywhere)
        if past is not None:
            memory.value = past
        return memory.value


def _nets(config: Config) -> dict[str, linen.Module]:
    if config.width:
        judge = digit_nets.Discriminator(config.width, config.hidden[0], norm=False)
    else:
        judge = Dense(config.hidden)
    return {"discriminator": judge, "negatives": Replay(config)}


def game(config: Config) -> Game:
    """D moves first, then the solver. Batches are `{"data": [B, *shape]}`.

    In every `round_steps`-th step, the solver replaces the oldest negatives by new
    ones; in other steps it does nothing. `solver/loss` is minus the mean logit of the
    newest negatives. `discriminator/right` is the share of examples with logits of the
    right sign, which is one half when D can no longer tell them apart.
    """
    nets = _nets(config)
    discriminate, replay = (pure(module, name) for name, module in nets.items())

    def critic(variables):
        return lambda x: discriminate(variables, x)[0]

    def discriminator_loss(variables, batch, turn):
        pick_key, mix_key = jax.random.split(turn.key)
        real, past = batch["data"], replay(variables)[0]
        fake = _pick(pick_key, past, len(real), config.replay)
        real_logits, variables = discriminate(variables, real)
        fake_logits, variables = discriminate(variables, fake)
        loss = losses.minimax_discriminator_loss(real_logits, fake_logits).mean()
        penalty = losses.gradient_penalty(
            critic(variables), real, fake, mix_key, target=0.0
        ).mean()
        right = jnp.concatenate([real_logits > 0, fake_logits < 0]).mean()
        metrics = {"penalty": penalty, "right": right}
        return loss + config.penalty * penalty, (variables, metrics)

    def solver_loss(variables, batch, turn):
        del batch
        past, _ = replay(variables)
        due = (turn.step + 1) % config.round_steps == 0

        def search(past):
            found = argmax(config, critic(variables), turn.key, config.negatives)
            return jnp.concatenate([past[1:], found[None]])

        past = lax.cond(due, search, lambda past: past, past)
        _, variables = replay(variables, past)
        return -critic(variables)(past[-1]).mean(), (variables, {})

    return Game(
        nets=nets,
        inputs=lambda batch: {"discriminator": (batch["data"][:1],), "negatives": ()},
        players={
            "discriminator": Player(
                discriminator_loss,
                ("discriminator",),
                optax.adamw(
                    config.learning_rate, weight_decay=config.weight_decay, b1=0.5
                ),
            ),
            "solver": Player(solver_loss, ("negatives",), optax.identity()),
        },
        moves=(Move("discriminator"), Move("solver")),
    )


def judge(config: Config, variables: Variables, x: jax.Array) -> jax.Array:
    """D's logits `[B]` of examples `[B, *shape]`."""
    return pure(_nets(config)["discriminator"], "discriminator")(variables, x)[0]


def ascend(
    config: Config,
    score: Callable[[jax.Array], jax.Array],
    start: jax.Array,
    key: jax.Array,
) -> jax.Array:
    """Climbs `score` from `start`, inside the box.

    A step is x <- x + rate (dD/dx - prior x), limited to a length of `ascent_reach`,
    plus noise, clipped to the box. Steps and noise shrink towards the end, so that an
    ascent ends at a peak and not beside it.

    Args:
        config: `ascent_*`, `noise`, `prior` and the box.
        score: takes examples `[B, ...]` to `[B]`, each by itself.
        start: `[B, ...]`.
        key: a random key.

    Returns:
        The ends of the ascents, `[B, ...]`.
    """
    slope = jax.grad(lambda x: score(x).sum())
    ones = (1,) * (start.ndim - 1)

    def step(x, t):
        rest = 1 - t / config.ascent_steps
        move = config.ascent_rate * (slope(x) - config.prior * x)
        length = jnp.sqrt(jnp.square(move).reshape(len(x), -1).sum(-1) + 1e-20)
        move *= jnp.minimum(1, config.ascent_reach / length).reshape(-1, *ones)
        noise = jax.random.normal(jax.random.fold_in(key, t), x.shape)
        x = x + rest * (move + config.noise * noise)
        return jnp.clip(x, config.low, config.high), None

    return lax.scan(step, start, jnp.arange(config.ascent_steps))[0]


def argmax(
    config: Config,
    score: Callable[[jax.Array], jax.Array],
    key: jax.Array,
    count: int,
) -> jax.Array:
    """Searches for maxima of `score` from random places in the box.

    Args:
        config: as for `ascend`, with `restarts`.
        score: takes examples `[B, ...]` to `[B]`, each by itself.
        key: a random key.
        count: the number of maxima to search for.

    Returns:
        The best of `restarts` ascents for each, `[count, *shape]`.
    """
    start_key, climb_key = jax.random.split(key)
    start = jax.random.uniform(
        start_key,
        (config.restarts * count, *config.shape),
        minval=config.low,
        maxval=config.high,
    )
    end = ascend(config, score, start, climb_key)
    best = score(end).reshape(config.restarts, count).argmax(0)
    ends = end.reshape(config.restarts, count, *config.shape)
    return ends[best, jnp.arange(count)]


def generate(
    config: Config, variables: Variables, key: jax.Array, count: int
) -> jax.Array:
    """Generates examples `[count, *shape]` that D rates highest, by `argmax`."""
    return argmax(config, lambda x: judge(config, variables, x), key, count)


def _pick(key, past, count, share):
    """Picks negatives `[count, ...]`, a share from all rounds, others from the last."""
    old_key, new_key = jax.random.split(key)
    old = math.floor(count * share)
    everything = past.reshape(-1, *past.shape[2:])
    some = jax.random.randint(old_key, (old,), 0, len(everything))
    newest = jax.random.randint(new_key, (count - old,), 0, past.shape[1])
    return jnp.concatenate([everything[some], past[-1][newest]])


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    data = jax.random.uniform(
        key, (count, *config.shape), minval=config.low, maxval=config.high
    )
    return {"data": data}


def show(
    config: Config, variables: Variables, key: jax.Array, batch: Batch
) -> Mapping[str, jax.Array]:
    """Generates images that D rates highest; nothing where examples are points."""
    if len(config.shape) != 3:
        return {}
    return {"samples": generate(config, variables, key, len(batch["data"]))}


MODEL = Model(
    paper="Lee 2018",
    config=Config,
    game=game,
    batch=batch,
    show=show,
    tiny=Config(hidden=(8,), round_steps=1, negatives=8, rounds_kept=2, ascent_steps=3),
)
