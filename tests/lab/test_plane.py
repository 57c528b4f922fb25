"""GANs of the plane that can be changed while they train."""

import dataclasses
import re
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.game import algorithm
from jaxgan.lab import plane
from jaxgan.lab.plane import Setting
from jaxgan.models.toys import points_gan

SMALL = Setting(width=3, layers=1, seeds=2, batch=8)


def trained(setting, steps=3, key=0):
    """Losses and states after some steps."""
    play = plane.player(setting)
    states = jax.jit(play.init)(jax.random.key(key))
    pool = plane.plane(setting).pool
    return jax.jit(play.advance)(states, plane.rates(setting), pool, jnp.int32(steps))


def test_eight_seeds_are_each_as_it_is_alone():
    setting = dataclasses.replace(SMALL, seeds=8, discriminator_steps=2)
    states, losses = trained(setting)
    play = plane.player(dataclasses.replace(setting, seeds=1))
    pool, advance = plane.plane(setting).pool, jax.jit(play.advance)
    first = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(0), jnp.arange(8))
    example = points_gan.batch(plane.config(setting), jax.random.key(0), 8)
    start = jax.jit(algorithm(points_gan.game(plane.config(setting))).init)
    for i in range(8):
        alone = jax.tree.map(lambda x: x[None], start(first[i], example))
        alone, own = advance(alone, plane.rates(setting), pool, jnp.int32(3))
        for name, values in losses.items():
            np.testing.assert_allclose(values[i], own[name][0], rtol=1e-4, atol=1e-5)
        both = (jax.tree.map(lambda x, i=i: x[i], states.params), alone.params)
        jax.tree.map(
            lambda x, y: np.testing.assert_allclose(x, y[0], rtol=1e-3, atol=1e-5),
            *both,
        )
    assert len({float(x) for x in losses["generator"]}) == 8


def test_steps_in_parts_are_the_same_steps():
    whole, _ = trained(SMALL, 4)
    play = plane.player(SMALL)
    states, advance = play.init(jax.random.key(0)), jax.jit(play.advance)
    pool, rates = plane.plane(SMALL).pool, plane.rates(SMALL)
    losses = []
    for steps in (1, 3):
        states, seen = advance(states, rates, pool, jnp.int32(steps))
        losses.append(seen["generator"])
    assert advance._cache_size() == 1
    np.testing.assert_array_equal(states.step, [4, 4])
    jax.tree.map(np.testing.assert_array_equal, whole.params, states.params)
    mean = (losses[0] + 3 * losses[1]) / 4
    np.testing.assert_allclose(trained(SMALL, 4)[1]["generator"], mean, rtol=1e-5)


@pytest.fixture(scope="module")
def begun():
    """The first states of SMALL, the same for all losses."""
    return jax.jit(plane.player(SMALL).init)(jax.random.key(0))


@pytest.mark.parametrize("loss", get_args(points_gan.Loss))
def test_every_loss_trains(loss, begun):
    setting = dataclasses.replace(SMALL, loss=loss, penalty="none")
    pool = plane.plane(SMALL).pool
    with jax.disable_jit():  # compiling would take longer than three steps
        states, losses = plane.player(setting).advance(
            begun, plane.rates(setting), pool, jnp.int32(3)
        )
    for values in (*jax.tree.leaves(states.params), *losses.values()):
        assert np.isfinite(values).all()
    for net in ("generator", "discriminator"):
        before, after = (x.params[net]["Dense_0"]["kernel"] for x in (begun, states))
        assert (before != after).any()


@pytest.mark.parametrize("penalty", ["none", "r1", "gradient", "clip"])
def test_numbers_change_without_another_program(penalty):
    setting = dataclasses.replace(SMALL, penalty=penalty)
    play = plane.player(setting)
    states, advance = play.init(jax.random.key(0)), jax.jit(play.advance)
    found = []
    for changes in (
        {},
        {"weight": 0.5},
        {"generator_rate": 0.1},
        {"discriminator_rate": 0.1},
        {"data": "grid25"},
    ):
        other = dataclasses.replace(setting, **changes)
        assert plane.form(other) == plane.form(setting)
        pool = plane.plane(other).pool
        after, _ = advance(states, plane.rates(other), pool, jnp.int32(2))
        found.append({net: jax.tree.leaves(x) for net, x in after.params.items()})
    assert advance._cache_size() == 1

    def same(a, b, net):
        return all((x == y).all() for x, y in zip(a[net], b[net], strict=True))

    start, weighted, of_g, of_d, data = found
    assert same(start, weighted, "discriminator") == (penalty == "none")
    for other, net in ((of_g, "generator"), (of_d, "discriminator")):
        assert not same(start, other, net)
    assert not same(start, data, "discriminator")


def test_numbers_as_arguments_are_those_of_the_config():
    """The step of a compiled game with other rates is that of a game made with them."""
    setting = dataclasses.replace(SMALL, weight=0.7, generator_rate=0.03, seeds=1)
    config = plane.config(setting)
    batch = {"data": jax.random.normal(jax.random.key(1), (8, 2))}
    fixed = algorithm(points_gan.game(config))
    state = jax.jit(fixed.init)(jax.random.key(0), batch)
    wanted, _ = jax.jit(fixed.step)(state, batch)
    given = plane.rates(setting)
    plain = plane.config(plane.form(setting))
    step = jax.jit(lambda r, s, b: algorithm(points_gan.game(plain, r)).step(s, b))
    found, _ = step(given, state, batch)
    jax.tree.map(
        lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-7),
        wanted.params,
        found.params,
    )


def test_what_there_is_to_see():
    setting = dataclasses.replace(SMALL, data="drawn", drawn=((0.5, -1.0), (1.0, 1.0)))
    there, play = plane.plane(setting), plane.player(setting)
    states = play.init(jax.random.key(0))
    seen = jax.jit(play.look)(states, there)
    config = plane.config(setting)
    for i in range(2):
        params = jax.tree.map(lambda x, i=i: x[i], states.params)
        now = {net: {"params": x} for net, x in params.items()}

        def score(x, now=now):
            return points_gan.score(config, now, jnp.float32(x))

        # The lattice begins at the lower left; its rows go right.
        half, side = plane.HALF, plane.SIDE
        corners = [[-half, -half], [half, -half], [-half, half]]
        found = seen.land[i][jnp.array([0, 0, side - 1]), jnp.array([0, side - 1, 0])]
        np.testing.assert_allclose(found, score(corners), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(
            seen.fake_logit[i], np.median(score(seen.fake[i])), rtol=1e-4, atol=1e-5
        )
        first, last = (
            np.asarray(params["discriminator"][f"Dense_{j}"]["kernel"]) for j in (0, 1)
        )
        bias = np.asarray(params["discriminator"]["Dense_0"]["bias"])
        at = np.asarray(seen.fake[i, : plane.ARROWS])
        active = np.where(at @ first + bias > 0, 1.0, 0.01)  # leaky ReLU's slope
        slope = (active * last[:, 0]) @ first.T
        np.testing.assert_allclose(seen.slope[i], slope, rtol=1e-4, atol=1e-5)
    # Modes that are not there are found by nobody.
    full = play.look(states, there._replace(sigma=jnp.float32(1e3)))
    assert full.modes.max() <= 2
    np.testing.assert_array_equal(full.near, 1.0)


def test_drawn_data_lie_where_they_were_drawn():
    setting = dataclasses.replace(SMALL, data="drawn", drawn=((-1.5, 0.25),))
    pool = np.asarray(plane.plane(setting).pool)
    np.testing.assert_allclose(pool.mean(0), [-1.5, 0.25], atol=0.01)
    np.testing.assert_allclose(pool.std(0), plane.DRAWN_SIGMA, rtol=0.05)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"weight": -1.0}, "weight is -1.0; it must be at least 0"),
        ({"generator_rate": 2.0}, "generator_rate is 2.0; it must be at least 1e-06"),
        ({"discriminator_rate": float("nan")}, "discriminator_rate is nan"),
        ({"width": 129}, "width is 129; it must be at least 2 and at most 128"),
        ({"seeds": 17}, "seeds is 17"),
        ({"batch": 4}, "batch is 4"),
        ({"loss": "best"}, "unknown loss 'best'"),
        ({"drawn": ()}, "give at least one"),
        ({"drawn": ((0.0, 2.5),)}, "at most 2"),
        ({"drawn": ((0.0,),)}, "without two coordinates"),
        ({"drawn": ((0.0, 0.0),) * 201}, "has 201 places; draw at most 200"),
        ({"dynamics": "extragradient"}, "set order to simultaneous"),
        ({"order": "simultaneous", "discriminator_steps": 2}, "use 1, or the alt"),
        ({"penalty": "clip", "weight": 0.0}, "must be above 0"),
    ],
)
def test_what_cannot_be_is_refused(changes, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        dataclasses.replace(Setting(), **changes)
