"""Losses and weights that become NaN: when a run stops, and where it goes back to."""

import jax
import jax.monitoring
import jax.numpy as jnp
import numpy as np
import pytest
from loops import CONFIG, GAME, assert_same, make_run, resident, scalars, sheets

from jaxgan import checkpoint, compose, parallel, train
from jaxgan.game import algorithm


def breaking(step_of, once=False):
    """DCGAN whose generator breaks after a step, always or with the first noise."""
    run = algorithm(GAME)

    def run_key():
        return jax.random.split(jax.random.key(0))[1]

    def step(state, batch):
        after, metrics = run.step(state, batch)
        broken = after.step > step_of
        if once:
            original = jax.random.key_data(run_key())
            broken &= (jax.random.key_data(state.key) == original).all()
        loss = jnp.where(broken, jnp.nan, metrics["generator/loss"])
        weights = jax.tree.map(
            lambda x: jnp.where(broken, jnp.nan, x), after.params["generator"]
        )
        after = after.replace(params=after.params | {"generator": weights})
        return after, metrics | {"generator/loss": loss}

    return run._replace(step=step)


def play_breaking(run, **options):
    return train.train(
        breaking(6, **options), resident(run), run, CONFIG, sheets,
        parallel.mesh(jax.devices()[:1]),
    )  # fmt: skip


def saved_steps(workdir):
    with checkpoint.manager(workdir / "checkpoints", read_only=True) as checkpoints:
        return sorted(checkpoints.all_steps())


def test_divergence_names_loss_and_net_and_keeps_the_last_good_state(tmp_path):
    message = (
        r"^generator/loss became nan at step 7 \(NaN or infinite by step 8:"
        r" .*generator: Dense_0/bias and \d+ more\) \(step 4 is saved\).*learning rate"
    )
    with pytest.raises(train.Diverged, match=message):
        play_breaking(make_run(tmp_path, steps=12))
    assert saved_steps(tmp_path) == [4]


def test_weights_are_looked_at_before_they_are_saved(tmp_path):
    def step(state, batch):
        after, metrics = run.step(state, batch)
        stay = jax.tree.map(
            lambda x: jnp.where(after.step == 8, jnp.inf, x), after.params
        )
        return after.replace(params=stay), metrics

    run = algorithm(GAME)
    setting = make_run(tmp_path, steps=12)
    with pytest.raises(train.Diverged, match="NaN or infinite by step 8.*step 4"):
        train.train(
            run._replace(step=step), resident(setting), setting, CONFIG, sheets,
            parallel.mesh(jax.devices()[:1]),
        )  # fmt: skip
    assert saved_steps(tmp_path) == [4]


def test_a_rollback_goes_on_with_other_noise_and_again_so_after_a_crash(tmp_path):
    straight, cut = tmp_path / "straight", tmp_path / "cut"
    with pytest.warns(UserWarning, match="step 7.*back to step 4, for the first time"):
        state = play_breaking(
            make_run(straight, steps=12, on_nan="rollback"), once=True
        )
    assert int(state.step) == 12
    assert all(np.isfinite(row["generator/loss"]) for row in scalars(straight))
    with pytest.warns(UserWarning, match="back to step 4"):
        play_breaking(make_run(cut, steps=8, on_nan="rollback"), once=True)
    again = play_breaking(make_run(cut, steps=12, on_nan="rollback"), once=True)
    assert_same(again, state)
    assert scalars(cut) == scalars(straight)


def test_rollbacks_that_do_not_help_end(tmp_path):
    with (
        pytest.warns(UserWarning, match="back to step 4") as told,
        pytest.raises(train.Diverged, match="even after 3 rollbacks .step 4 is saved"),
    ):
        play_breaking(make_run(tmp_path, steps=12, on_nan="rollback"))
    assert len(told) == 3
    assert saved_steps(tmp_path) == [4]


def test_a_break_may_be_ignored(tmp_path):
    with pytest.warns(UserWarning, match="became nan at step 7.*ignore") as told:
        state = play_breaking(make_run(tmp_path, steps=12, on_nan="ignore"))
    assert len([w for w in told if "became nan" in str(w.message)]) == 1
    assert int(state.step) == 12
    assert np.isnan(scalars(tmp_path)[-1]["generator/loss"])


def test_seeds_roll_back_and_their_weights_are_looked_at(tmp_path):
    """A state that is made of several: their keys, and what they have learned."""

    def step(state, batch):
        after, metrics = run.step(state, batch)
        first = jax.random.key_data(state.members.key) == begun
        breaks = (state.step == 7) & first.all()
        stay = jax.tree.map(
            lambda x: x.at[1].set(jnp.where(breaks, jnp.nan, x[1])),
            after.members.params,
        )
        return after.replace(members=after.members.replace(params=stay)), metrics

    def feed(setting):
        one = resident(setting)

        def prepare(*x):
            return jax.tree.map(lambda x: jnp.stack([x] * 2), one.prepare(*x))

        return one._replace(prepare=prepare)

    def go(workdir, on_nan):
        setting = make_run(workdir, on_nan=on_nan, sample_every=8)
        return train.train(
            run._replace(step=step), feed(setting), setting, CONFIG, lambda state: {},
            parallel.mesh(jax.devices()[:1]),
        )  # fmt: skip

    run = compose.seeds(algorithm(GAME), 2)
    keys = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(0), jnp.arange(2))
    begun = jax.random.key_data(jax.vmap(lambda key: jax.random.split(key)[1])(keys))
    with pytest.raises(train.Diverged, match="weights became NaN.*generator"):
        go(tmp_path / "stopped", "stop")
    assert saved_steps(tmp_path / "stopped") == [4]
    with pytest.warns(UserWarning, match="back to step 4"):
        state = go(tmp_path / "back", "rollback")
    assert int(state.step) == 8
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(state.members.params))
