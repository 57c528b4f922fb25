"""GoGAN: hinges, clipped weights, and the stage before, which stays as it was."""

import dataclasses
import functools

import jax
import numpy as np
import pytest

from jaxgan.game import algorithm, pure, variables
from jaxgan.models import gogan
from jaxgan.models.parts import digit_nets

FIRST = gogan.Config(
    latent=3, width=2, hidden=5, critic_steps=2, clip=0.05, margin=0.01
)
SECOND = dataclasses.replace(FIRST, stage=2, ranking_margin=0.02, ranking=3.0)
SIZE = 4


def batch(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "image": rng.uniform(size=(2, SIZE, 28, 28, 1)).astype("float32"),
        "latent": rng.normal(size=(2, SIZE, 3)).astype("float32"),
    }


@pytest.fixture(scope="module")
def stages():
    """The end of a first stage, and of a second one its start and two steps of it."""
    first, second = (algorithm(gogan.game(c)) for c in (FIRST, SECOND))
    old = jax.jit(first.init)(jax.random.key(0), batch())
    old, first_metrics = jax.jit(first.step)(old, batch())
    fresh = jax.jit(second.init)(jax.random.key(9), batch())
    start = gogan.next_stage(fresh, old)
    step = jax.jit(second.step)
    one, metrics = step(start, batch())
    two, _ = step(one, batch(1))
    return old, first_metrics, fresh, start, one, two, metrics


def same(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


def scores(state, image):
    net = pure(
        digit_nets.Discriminator(FIRST.width, FIRST.hidden, norm=False), "critic"
    )
    return np.asarray(net(variables(state), image)[0], "float64")


def drawn(state, name, latent):
    net = pure(digit_nets.Generator(FIRST.width, FIRST.hidden), name)
    return net(variables(state), latent)[0]


@pytest.mark.slow
def test_weights_of_the_critic_are_clipped_and_those_of_generators_are_not(stages):
    old, *_, two, _ = stages
    for state in (old, two):
        largest = [np.abs(x).max() for x in jax.tree.leaves(state.params["critic"])]
        assert max(largest) <= np.float32(0.05)
    free = [np.abs(x).max() for x in jax.tree.leaves(two.params["generator"])]
    assert max(free) > 0.5


def test_the_first_stage_has_no_one_to_outdo(stages):
    old, metrics, *_ = stages
    assert set(old.params) == {"generator", "critic"}
    assert not [name for name in metrics if "ranking" in name]


def test_a_new_stage_goes_on_with_the_weights_and_keeps_the_old_generator(stages):
    old, _, fresh, start, *_ = stages
    for net in ("generator", "critic"):
        same(start.params[net], old.params[net])
    same(start.params["previous"], old.params["generator"])
    same(start.stats["previous"], old.stats["generator"])
    same(start.opt_state, fresh.opt_state)
    assert start.step == old.step == 1
    ours, theirs = (
        {x.unsafe_buffer_pointer() for x in jax.tree.leaves(tree)}
        for tree in (start.params["previous"], start.params["generator"])
    )
    assert not ours & theirs  # a step that donates one must not consume the other


def test_the_previous_generator_is_frozen(stages):
    _, _, _, start, one, two, _ = stages
    for state in (one, two):
        same(state.params["previous"], start.params["previous"])
        same(state.stats["previous"], start.stats["previous"])
    assert "previous" not in {
        net for player in gogan.game(SECOND).players.values() for net in player.owns
    }
    moved = jax.tree.map(
        lambda x, y: bool((x != y).any()),
        two.params["generator"],
        start.params["generator"],
    )
    assert any(jax.tree.leaves(moved))


def test_the_losses_are_the_hinge_and_the_ranking(stages):
    _, _, fresh, *_ = stages
    # A state whose two generators differ, and hinges that are neither all on nor off.
    once = dataclasses.replace(SECOND, critic_steps=1)
    run = algorithm(gogan.game(once))
    data = {name: x[0] for name, x in batch().items()}
    real = scores(fresh, data["image"])
    fake = scores(fresh, drawn(fresh, "generator", data["latent"]))
    earlier = scores(fresh, drawn(fresh, "previous", data["latent"]))
    margin = float(np.sort(np.maximum(real - fake, 0))[1:3].mean()) + 1e-6
    ahead = float(max(np.sort(fake - earlier)[1:3].mean(), 0)) + 1e-6
    config = dataclasses.replace(once, margin=margin, ranking_margin=ahead)
    run = algorithm(gogan.game(config))
    state, metrics = jax.jit(run.step)(fresh, data)
    hinge = np.maximum(0, fake + margin - real).mean()
    ranking = np.maximum(0, earlier + ahead - fake).mean()
    close = functools.partial(np.testing.assert_allclose, rtol=1e-3, atol=1e-8)
    close(metrics["critic/gap"], (real - fake).mean())
    close(metrics["critic/ranking"], ranking)
    close(metrics["critic/loss"], hinge + 3 * ranking)
    # Then the generator, against the critic that has moved.
    state = fresh.replace(params={**fresh.params, "critic": state.params["critic"]})
    fake = scores(state, drawn(state, "generator", data["latent"]))
    earlier = scores(state, drawn(state, "previous", data["latent"]))
    ranking = np.maximum(0, earlier + ahead - fake).mean()
    close(metrics["generator/ranking"], ranking)
    close(metrics["generator/loss"], -fake.mean() + 3 * ranking)


def test_stages_ask_for_half_as_much_each():
    ahead = [dataclasses.replace(SECOND, stage=s).ahead for s in (2, 3, 4)]
    np.testing.assert_allclose(ahead, [0.02, 0.01, 0.005])


def test_the_critic_moves_five_times_and_constants_are_wgan_s():
    config = gogan.Config()
    assert (config.clip, config.learning_rate) == (0.01, 5e-5)
    moves = [(move.players, move.repeat) for move in gogan.game(config).moves]
    assert moves == [(("critic",), 5), (("generator",), 1)]


def test_samples_are_images(stages):
    old = stages[0]
    z = gogan.latent(FIRST, jax.random.key(1), 5)
    images = np.asarray(gogan.sample(FIRST, variables(old), z))
    assert images.shape == (5, 28, 28, 1)
    assert 0 < images.min() < images.max() < 1


def test_states_that_are_no_stages_of_one_model_are_refused(stages):
    old = stages[0]
    with pytest.raises(ValueError, match="none called.*'previous'.*stage of 2"):
        gogan.next_stage(old, old)
    wider = dataclasses.replace(SECOND, hidden=6)
    init = algorithm(gogan.game(wider)).init
    other = jax.eval_shape(init, jax.random.key(0), batch())
    with pytest.raises(ValueError, match="generators differ in size"):
        gogan.next_stage(other, old)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"margin": -1.0}, r"margin is -1\.0.*above 0"),
        ({"clip": 0.0}, r"clip is 0\.0.*above 0"),
        ({"ranking": -1.0}, r"ranking is -1\.0.*at least 0"),
        ({"ranking_margin": -1.0}, r"ranking_margin is -1\.0.*at least 0"),
        ({"stage": 0}, "stage is 0.*at least 1"),
        ({"critic_steps": 0}, "critic_steps is 0.*at least 1"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_value(changes, message):
    with pytest.raises(ValueError, match=message):
        gogan.Config(**changes)
