"""GANs of the plane that can be changed while they train, several seeds at once.

    setting = Setting(loss="hinge", seeds=8)
    play = player(setting)
    states = play.init(jax.random.key(0))
    points = plane(setting)
    states, losses = play.advance(states, rates(setting), points.pool, 100)
    seen = play.look(states, points)

All functions are pure, and may be compiled. Step sizes, the weight of the penalty, the
points and the number of steps are arguments: another value of them needs no new
program.
"""

import dataclasses
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan import bounds, metrics
from jaxgan.data.synthetic.points import SETS, Points, mixture
from jaxgan.game import TrainState, algorithm, variables
from jaxgan.lab import clouds
from jaxgan.models.toys import points_gan

HALF = 2.2  # the window is a square, from -HALF to HALF
SIDE = 48  # places along it at which the discriminator is asked
SAMPLES = 512  # points of each kind that are looked at
ARROWS = 64  # samples at which the slope of the discriminator is told
POOL = 2**15  # points of the data, of which batches are drawn
PLACES = 200  # modes, at most
FAR = 1e4  # where the modes are that a set does not have
DRAWN_SIGMA = 0.05  # the spread around points that are drawn by hand
_DATA = 0x64617461  # folded into the key of a seed, for its batches

Place = tuple[Annotated[float, bounds.Within(-2, 2)], ...]
_MOUTH = 1.4 * np.exp(1j * np.pi * np.linspace(1.15, 1.85, 14))
SMILE = (
    *((round(float(z.real), 3), round(float(z.imag), 3)) for z in _MOUTH),
    (-0.7, 0.8),
    (0.7, 0.8),
)


@dataclasses.dataclass(frozen=True)
class Setting:
    """What can be chosen, each within bounds that keep a step short."""

    data: Literal["ring4", "ring8", "grid25", "swiss_roll", "drawn"] = "ring8"
    """The points; "drawn" are those of `drawn`."""
    loss: points_gan.Loss = "non_saturating"
    """The losses of the players."""
    penalty: points_gan.Penalty = "r1"
    """The penalty on the slope of the discriminator."""
    weight: Annotated[float, bounds.Within(0, 100)] = 0.05
    """The weight of the penalty, the bound of weights for clip."""
    order: Literal["alternating", "simultaneous"] = "alternating"
    """Whether the players take turns or move at once."""
    dynamics: Literal["adam", "extragradient", "optimistic"] = "adam"
    """The optimiser."""
    discriminator_steps: Annotated[int, bounds.Within(1, 10)] = 1
    """Updates of the discriminator for each of the generator."""
    discriminator_rate: Annotated[float, bounds.Within(1e-6, 1)] = 2e-3
    """The step size of the discriminator."""
    generator_rate: Annotated[float, bounds.Within(1e-6, 1)] = 1e-3
    """The step size of the generator."""
    width: Annotated[int, bounds.Within(2, 128)] = 32
    """Units of a hidden layer of both nets."""
    layers: Annotated[int, bounds.Within(1, 4)] = 3
    """Hidden layers of both nets."""
    seeds: Annotated[int, bounds.Within(1, 16)] = 8
    """Seeds that train at once."""
    batch: Annotated[int, bounds.Within(8, 512)] = 128
    """Points of each kind in a minibatch."""
    drawn: Annotated[tuple[Place, ...], bounds.Long(1)] = SMILE
    """Places of the data `(x, y)`, where they are drawn by hand."""

    def __post_init__(self):
        bounds.check(self)
        if len(self.drawn) > PLACES:
            raise ValueError(
                f"drawn has {len(self.drawn)} places; draw at most {PLACES}"
            )
        if any(len(place) != 2 for place in self.drawn):
            raise ValueError("drawn has a place without two coordinates; give x and y")
        config(self)


class Plane(NamedTuple):
    """The data.

    Attributes:
        pool: points of it, `[POOL, 2]`.
        centres: its modes, `[PLACES, 2]`; those that it does not have are far away.
        sigma: the spread of a mode.
    """

    pool: jax.Array
    centres: jax.Array
    sigma: Any


class Play(NamedTuple):
    """Pure functions of the states of all seeds, whose leading axis is `[K, ...]`.

    Attributes:
        init: `init(key) -> states`; seed i begins with `fold_in(key, i)`.
        advance: `advance(states, rates, pool, steps) -> (states, losses)`, the losses
            of each player, `[K]`, as means over the steps.
        look: `look(states, plane) -> seen`, what there is to see, by name: see `Seen`.
    """

    init: Callable[[jax.Array], TrainState]
    advance: Callable[..., tuple[TrainState, dict[str, jax.Array]]]
    look: Callable[[TrainState, Plane], "Seen"]


class Seen(NamedTuple):
    """What there is to see of K seeds.

    Attributes:
        fake: samples from the same latents each time, `[K, SAMPLES, 2]`.
        land: logits of D on the lattice, from the lowest row up, `[K, SIDE, SIDE]`.
        slope: gradients of D's logit at the first samples, `[K, ARROWS, 2]`.
        real_logit: the median of D on data, `[K]`.
        fake_logit: the median of D on samples, `[K]`.
        modes: modes with a sample within three sigma, `[K]`.
        near: the share of samples within three sigma of a mode, `[K]`.
    """

    fake: jax.Array
    land: jax.Array
    slope: jax.Array
    real_logit: jax.Array
    fake_logit: jax.Array
    modes: jax.Array
    near: jax.Array


def config(setting: Setting) -> points_gan.Config:
    """The game of a setting.

    Raises:
        ValueError: its choices do not fit together.
    """
    hidden = (setting.width,) * setting.layers
    return points_gan.Config(
        generator=hidden,
        discriminator=hidden,
        activation="leaky_relu",
        loss=setting.loss,
        penalty=setting.penalty,
        weight=setting.weight,
        discriminator_steps=setting.discriminator_steps,
        order=setting.order,
        dynamics=setting.dynamics,
        learning_rate=setting.discriminator_rate,
        generator_learning_rate=setting.generator_rate,
    )


def form(setting: Setting) -> Setting:
    """The same setting without what a program takes as an argument.

    Settings of equal form share a program.
    """
    plain = Setting()
    return dataclasses.replace(
        setting,
        data=plain.data,
        drawn=plain.drawn,
        weight=plain.weight,
        discriminator_rate=plain.discriminator_rate,
        generator_rate=plain.generator_rate,
    )


def rates(setting: Setting) -> points_gan.Rates:
    """The numbers that `advance` takes, as arrays."""
    return jax.tree.map(jnp.float32, points_gan.rates(config(setting)))


def points(setting: Setting) -> Points:
    """The distribution of the data."""
    if setting.data == "drawn":
        return mixture(np.array(setting.drawn), DRAWN_SIGMA)
    return SETS[setting.data]


def plane(setting: Setting, seed: int = 0) -> Plane:
    """Draws the data of a setting."""
    there = points(setting)
    centres = np.full((PLACES, 2), FAR, np.float32)
    centres[: len(there.centres)] = there.centres
    pool = there.sample(jax.random.key(seed), POOL)
    return Plane(pool, jnp.asarray(centres), jnp.float32(there.sigma))


def player(setting: Setting) -> Play:
    """Makes the functions that train and look at the seeds of a setting."""
    model, count, batch = config(setting), setting.seeds, setting.batch
    lattice = jnp.asarray(clouds.lattice(np.array([[-HALF, HALF]] * 2), SIDE))
    latent = points_gan.latent(model, jax.random.key(0), SAMPLES)

    def init(key: jax.Array) -> TrainState:
        keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(count))
        example = points_gan.batch(model, jax.random.key(0), batch)
        start = algorithm(points_gan.game(model)).init
        return jax.vmap(start, (0, None))(keys, example)

    def advance(
        states: TrainState, given: points_gan.Rates, pool: jax.Array, steps: Any
    ) -> tuple[TrainState, dict[str, jax.Array]]:
        game = points_gan.game(model, given)
        step = algorithm(game, unroll=False).step  # there are no convolutions
        repeats = (game.repeats,) if game.repeats > 1 else ()

        def one(state):
            key = jax.random.fold_in(jax.random.fold_in(state.key, _DATA), state.step)
            which = jax.random.randint(key, (*repeats, batch), 0, len(pool))
            state, seen = step(state, {"data": pool[which]})
            return state, {name: seen[f"{name}/loss"] for name in game.players}

        def body(_, carried):
            states, sums = carried
            states, seen = jax.vmap(one)(states)
            return states, jax.tree.map(jnp.add, sums, seen)

        nothing = {name: jnp.zeros(count) for name in game.players}
        states, sums = lax.fori_loop(0, steps, body, (states, nothing))
        return states, {name: total / steps for name, total in sums.items()}

    def look(states: TrainState, plane: Plane) -> Seen:
        def one(state):
            now = variables(state)
            fake = points_gan.sample(model, now, latent)

            def score(points):
                return points_gan.score(model, now, points)

            return Seen(
                fake=fake,
                land=score(lattice).reshape(SIDE, SIDE),
                slope=jax.grad(lambda x: score(x).sum())(fake[:ARROWS]),
                real_logit=jnp.median(score(plane.pool[:SAMPLES])),
                fake_logit=jnp.median(score(fake)),
                modes=metrics.modes_covered(fake, plane.centres, plane.sigma),
                near=metrics.high_quality_fraction(fake, plane.centres, plane.sigma),
            )

        return jax.vmap(one)(states)

    return Play(init, advance, look)
