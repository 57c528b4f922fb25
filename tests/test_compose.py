"""Algorithms made of algorithms, and states carried from one game to another."""

import itertools

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import compose, train
from jaxgan.game import Game, Move, Player, TrainState, algorithm, pure, variables
from jaxgan.models.toys import progressive


def plain(state):
    return jax.tree.map(
        lambda x: (
            jax.random.key_data(x)
            if jnp.issubdtype(x.dtype, jax.dtypes.prng_key)
            else x
        ),
        state,
    )


def noisy_regression(rate=0.1):
    """One dense net that fits its input plus noise of its own drawing."""
    nets = {"net": nn.Dense(1), "memory": nn.BatchNorm(use_running_average=False)}
    net, memory = (pure(module, name) for name, module in nets.items())

    def loss(variables, batch, turn):
        out, variables = net(variables, batch["x"])
        _, variables = memory(variables, batch["x"])
        noise = jax.random.normal(turn.key, out.shape)
        error = jnp.square(out - batch["x"].mean(1, keepdims=True) - noise).mean()
        return error, (variables, {"noise": noise.mean()})

    return algorithm(
        Game(
            nets,
            lambda batch: {"net": (batch["x"],), "memory": (batch["x"],)},
            {"p": Player(loss, ("net", "memory"), optax.sgd(rate))},
            (Move("p"),),
            ema={"net": 0.9},
        )
    )


def play(run, key, batch, steps=2):
    """The state and metrics after some steps, compiled as one: faster in a test."""

    def all_of_it(key, batch):
        state = run.init(key, batch)
        for _ in range(steps):
            state, metrics = run.step(state, batch)
        return state, metrics

    return jax.jit(all_of_it)(key, batch)


def data(seed, *shape):
    return {"x": jnp.asarray(np.random.default_rng(seed).normal(size=shape), "float32")}


# --- adopt ---------------------------------------------------------------------------

SMALL = progressive.Config(resolution=4, width=4, latent=6)
LARGE = progressive.Config(resolution=8, width=4, latent=6, fade_from=2, fade_steps=4)
KEPT = {
    "generator": {"project", "block4", "to_image4"},
    "critic": {"from_image4", "block4", "to_score"},
}
GROWN = {
    "generator": {"block8", "to_image8"},
    "critic": {"from_image8", "block8"},
}


def images(resolution):
    drawn = np.random.default_rng(resolution).uniform(-1, 1, (4, *[resolution] * 2, 3))
    return {"image": jnp.asarray(drawn, "float32")}


@pytest.fixture(scope="module")
def stages():
    """The end of the first stage, the fresh second one, and the second as adopted."""
    small = algorithm(progressive.game(SMALL))
    step = jax.jit(small.step)
    old = jax.jit(small.init)(jax.random.key(0), images(4))
    for _ in range(LARGE.fade_from):
        old, _ = step(old, images(4))
    large = algorithm(progressive.game(LARGE))
    fresh = jax.jit(large.init)(jax.random.key(1), images(8))
    return old, fresh, compose.adopt(fresh, old), large


def test_adopt_keeps_what_both_stages_have_and_the_new_blocks_as_initialised(stages):
    old, fresh, grown, _ = stages
    for net in KEPT:
        assert set(grown.params[net]) == KEPT[net] | GROWN[net]
        for name in KEPT[net]:
            chex.assert_trees_all_equal(grown.params[net][name], old.params[net][name])
        for name in GROWN[net]:
            chex.assert_trees_all_equal(
                grown.params[net][name], fresh.params[net][name]
            )
    for name in KEPT["generator"]:  # averages are carried as averages
        average = grown.ema["generator"][name]
        chex.assert_trees_all_equal(average, old.ema["generator"][name])
        kernel, weight = average["kernel"], old.params["generator"][name]["kernel"]
        assert not np.array_equal(kernel, weight)


def test_adopt_carries_step_and_key_and_starts_optimisers_afresh(stages):
    old, fresh, grown, _ = stages
    assert int(grown.step) == LARGE.fade_from
    np.testing.assert_array_equal(
        jax.random.key_data(grown.key), jax.random.key_data(old.key)
    )
    chex.assert_trees_all_equal(grown.opt_state, fresh.opt_state)
    assert all(not x.any() for x in jax.tree.leaves(grown.opt_state))


def test_a_grown_generator_starts_as_the_old_one_enlarged(stages):
    old, _, grown, _ = stages
    latent = jax.random.normal(jax.random.key(3), (4, 6))
    sample = jax.jit(progressive.sample, static_argnums=0)
    before = sample(SMALL, variables(old), latent, old.step)
    after = sample(LARGE, variables(grown), latent, grown.step)
    pixels_doubled = np.kron(before, np.ones((1, 2, 2, 1)))
    np.testing.assert_allclose(after, pixels_doubled, atol=1e-6)
    later = sample(LARGE, variables(grown), latent, grown.step + 2)
    assert not np.allclose(later, pixels_doubled, atol=1e-3)


def test_a_grown_critic_starts_as_the_old_one_on_the_image_made_smaller(stages):
    old, _, grown, _ = stages
    image = images(8)["image"]
    smaller = image.reshape(4, 4, 2, 4, 2, 3).mean((2, 4))
    critic = jax.jit(pure(progressive.Critic(SMALL), "critic"))
    before, _ = critic(variables(old), smaller, jnp.ones(()))
    critic = jax.jit(pure(progressive.Critic(LARGE), "critic"))
    after, _ = critic(variables(grown), image, jnp.zeros(()))
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-6)


def test_training_goes_on_after_growing(stages):
    _, _, grown, large = stages
    state, metrics = jax.jit(large.step)(grown, images(8))
    chex.assert_tree_all_finite((plain(state), metrics))
    assert int(state.step) == LARGE.fade_from + 1
    moved = state.params["generator"]["block4"]["kernel"]
    assert not np.array_equal(moved, grown.params["generator"]["block4"]["kernel"])


def hand_made(params, stats, seed=0):
    return TrainState(
        step=jnp.asarray(seed, jnp.int32),
        key=jax.random.key(seed),
        params={"net": params},
        stats={"net": stats},
        opt_state={},
        ema={},
    )


def test_adopt_goes_by_path_shape_and_dtype():
    new = hand_made(
        {"a": jnp.zeros(2), "b": jnp.zeros(3), "c": jnp.zeros(2)},
        {"memory": {"m": jnp.zeros(1), "n": jnp.zeros(1, jnp.int32)}},
    )
    old = hand_made(
        {"a": jnp.ones(2), "b": jnp.ones(4), "d": jnp.ones(2)},
        {"memory": {"m": jnp.ones(1), "n": jnp.ones(1)}},
        seed=5,
    )
    state = compose.adopt(new, old)
    expected = {"a": jnp.ones(2), "b": jnp.zeros(3), "c": jnp.zeros(2)}
    chex.assert_trees_all_equal(state.params["net"], expected)
    assert float(state.stats["net"]["memory"]["m"][0]) == 1
    assert int(state.stats["net"]["memory"]["n"][0]) == 0
    assert state.stats["net"]["memory"]["n"].dtype == jnp.int32


def test_adopting_from_another_model_is_refused_with_both_named(stages):
    stranger = hand_made({"a": jnp.ones(2)}, {})
    with pytest.raises(ValueError, match=r"\['net'\] and \['critic', 'generator'\]"):
        compose.adopt(stages[1], stranger)


# --- product, map_batch, scanned -----------------------------------------------------


def test_each_part_of_a_product_is_as_it_would_be_alone():
    parts = {"fine": noisy_regression(0.1), "coarse": noisy_regression(0.3)}
    batch = {"fine": data(0, 8, 3), "coarse": data(1, 4, 2)}
    state, metrics = play(compose.product(parts), jax.random.key(0), batch)
    assert set(metrics) == {
        "fine/p/loss", "fine/p/noise", "coarse/p/loss", "coarse/p/noise",
    }  # fmt: skip
    for i, (name, part) in enumerate(parts.items()):
        alone, seen = play(part, jax.random.fold_in(jax.random.key(0), i), batch[name])
        chex.assert_trees_all_close(plain(state[name]), plain(alone), rtol=1e-5)
        for metric, value in seen.items():
            np.testing.assert_allclose(metrics[f"{name}/{metric}"], value, rtol=1e-5)
    assert metrics["fine/p/noise"] != metrics["coarse/p/noise"]


def test_map_batch_stands_before_init_and_step():
    inner = noisy_regression()
    bytes_ = {"raw": np.arange(24, dtype=np.uint8).reshape(8, 3)}
    floats = {"x": jnp.asarray(np.arange(24).reshape(8, 3)[:, :2] / 10, "float32")}

    def prepare(batch):
        return {"x": batch["raw"][:, :2].astype("float32") / 10}

    mapped = play(compose.map_batch(inner, prepare), jax.random.key(0), bytes_)
    expected = play(inner, jax.random.key(0), floats)
    assert mapped[0].params["net"]["kernel"].shape == (2, 1)
    chex.assert_trees_all_close(plain(mapped), plain(expected), rtol=1e-5)


def test_scanned_plays_a_stack_of_batches_in_order():
    run = noisy_regression()
    each = [data(seed, 4, 2) for seed in range(3)]
    stack = jax.tree.map(lambda *x: jnp.stack(x), *each)
    state, metrics = play(compose.scanned(run), jax.random.key(0), stack, steps=1)
    expected, losses = jax.jit(run.init)(jax.random.key(0), each[0]), []
    step = jax.jit(run.step)
    for batch in each:
        expected, seen = step(expected, batch)
        losses.append(seen["p/loss"])
    chex.assert_trees_all_close(plain(state), plain(expected), rtol=1e-5)
    np.testing.assert_allclose(metrics["p/loss"], losses, rtol=1e-5)


# --- seeds ---------------------------------------------------------------------------


def stacked(count):
    return jax.tree.map(
        lambda *x: jnp.stack(x), *[data(seed, 4, 2) for seed in range(count)]
    )


def test_each_seed_is_as_it_would_be_alone():
    run, key, batch = noisy_regression(), jax.random.key(7), stacked(3)
    state, metrics = play(compose.seeds(run, 3), key, batch)
    assert (state.step.shape, int(state.step)) == ((), 2)
    losses = []
    for i in range(3):
        own = jax.tree.map(lambda x: x[i], batch)  # noqa: B023
        alone, seen = play(run, jax.random.fold_in(key, i), own)
        member = jax.tree.map(lambda x: x[i], state.members)  # noqa: B023
        chex.assert_trees_all_close(plain(member), plain(alone), rtol=1e-5, atol=1e-6)
        losses.append(float(seen["p/loss"]))
    assert len(set(losses)) == 3
    assert set(metrics) == {"p/loss", "p/loss_std", "p/noise", "p/noise_std"}
    np.testing.assert_allclose(metrics["p/loss"], np.mean(losses), rtol=1e-5)
    np.testing.assert_allclose(metrics["p/loss_std"], np.std(losses), rtol=1e-4)


def test_seeds_train_and_resume_like_any_algorithm(tmp_path):
    def trained(folder, steps):
        run = train.Run(
            workdir=tmp_path / folder, steps=steps, batch_size=8, log_every=1,
            sample_every=4, checkpoint_every=1, devices=1,
        )  # fmt: skip
        feed = train.Feed(
            arrays=(),
            items=lambda start: (np.full(1, n) for n in itertools.count(start)),
            prepare=lambda _, n: {"x": stacked(2)["x"] + n[0]},
        )
        both = compose.seeds(noisy_regression(), 2)
        return train.train(both, feed, run, {}, lambda _: {}, train.devices(run))

    trained("a", 2)
    resumed, straight = trained("a", 4), trained("b", 4)
    assert int(resumed.step) == 4
    chex.assert_trees_all_equal(plain(resumed), plain(straight))


def test_seeds_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="count is 0; give at least 1"):
        compose.seeds(noisy_regression(), 0)
    two = compose.seeds(noisy_regression(), 2)
    for batch in (stacked(3), {"x": jnp.float32(0)}):
        with pytest.raises(ValueError, match="first axis must be the 2 seeds"):
            two.init(jax.random.key(0), batch)
    state = jax.eval_shape(two.init, jax.random.key(0), stacked(2))
    with pytest.raises(ValueError, match=r"shape \(3, 4, 2\).*2 seeds"):
        jax.eval_shape(two.step, state, stacked(3))


# --- the small ones ------------------------------------------------------------------


def test_averages_stand_in_for_parameters_where_they_are_kept():
    state, _ = play(noisy_regression(), jax.random.key(0), data(0, 4, 2))
    averaged = compose.ema_variables(state)
    chex.assert_trees_all_equal(averaged["net"]["params"], state.ema["net"])
    assert not np.array_equal(
        averaged["net"]["params"]["kernel"], state.params["net"]["kernel"]
    )
    chex.assert_trees_all_equal(
        averaged["memory"], {"params": state.params["memory"], **state.stats["memory"]}
    )


def test_parameter_count():
    tree = {"a": {"kernel": np.ones((2, 3)), "bias": np.ones(3)}, "b": np.ones(())}
    assert compose.parameter_count(tree) == 10
    assert compose.parameter_count({}) == 0
    assert compose.parameter_count(jax.eval_shape(lambda: tree)) == 10
