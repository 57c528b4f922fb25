"""LAPGAN: an exact pyramid, the paper's networks, levels that are independent."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxgan import game
from jaxgan.compose import parameter_count
from jaxgan.models import lapgan
from jaxgan.models.parts import balance, pyramid

CONFIG = lapgan.MODEL.tiny


def images(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return jnp.asarray(rng.uniform(-1, 1, shape), jnp.float32)


@pytest.fixture(scope="module")
def start():
    """A batch, and the first state of the tiny model."""
    batch = lapgan.batch(CONFIG, jax.random.key(1), 8)
    init = jax.jit(game.algorithm(lapgan.game(CONFIG)).init)
    return batch, init(jax.random.key(0), batch)


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from([(8, 16, 32), (4, 9), (8, 14, 28)]),
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 1e-3, 1e-9]),
)
def test_a_level_s_image_is_low_and_residual_bit_for_bit(sizes, seed, scale):
    image = images(2, sizes[-1], sizes[-1], 1, seed=seed) * scale
    levels = pyramid.pyramid(image, sizes)
    low, residual = levels[-1]
    np.testing.assert_allclose(low + residual, image, atol=2**-17)
    for level, finer in itertools.pairwise(levels):
        image = level.low + level.residual  # rebuilt, not remembered
        np.testing.assert_array_equal(
            pyramid.enlarge(image, finer.low.shape[1]), finer.low
        )
        whole = finer.low + finer.residual
        np.testing.assert_array_equal(pyramid.shrink(whole, image.shape[1]), image)
    assert not levels[0].low.any()


def test_scaling_is_torch_s():
    torch = pytest.importorskip("torch")
    image = images(2, 14, 14, 3)
    channels_first = torch.tensor(np.asarray(image)).permute(0, 3, 1, 2)
    larger = torch.nn.functional.interpolate(
        channels_first, 28, mode="bilinear", align_corners=False
    )
    smaller = torch.nn.functional.interpolate(channels_first, 7, mode="area")
    for ours, theirs in (
        (pyramid.enlarge(image, 28), larger), (pyramid.shrink(image, 7), smaller),
    ):  # fmt: skip
        np.testing.assert_allclose(ours, theirs.permute(0, 2, 3, 1), atol=2e-5)


def test_shrinking_by_a_broken_factor_keeps_the_mean_and_weighs_areas():
    image = images(1, 14, 14, 1)
    shrunk = pyramid.shrink(image, 8)
    np.testing.assert_allclose(shrunk.mean(), image.mean(), atol=2e-5)
    # The first of 8 pixels covers 1.75 of 14: one, and three quarters of the next.
    row = np.asarray(image)[0, :2, :2, 0]
    weights = np.outer([1, 0.75], [1, 0.75]) / 1.75**2
    np.testing.assert_allclose(shrunk[0, 0, 0, 0], (row * weights).sum(), atol=2e-5)


@pytest.mark.parametrize(
    ("classes", "counts"),
    [
        (0, {"8": (1_792_992, 477_001), "14": (218_179, 107_905),
             "28": (218_179, 113_729)}),
        (10, {"14": (223_471, 111_661), "28": (229_939, 123_953)}),
    ],
)  # fmt: skip
def test_networks_are_as_large_as_the_paper_s(classes, counts):
    config = lapgan.Config(classes=classes)
    batch = {"image": jnp.zeros((2, 28, 28, 3)), "label": jnp.zeros(2, int)}
    init = game.algorithm(lapgan.game(config)).init
    params = jax.eval_shape(init, jax.random.key(0), batch).params
    for size, expected in counts.items():
        nets = params[f"generator{size}"], params[f"discriminator{size}"]
        assert tuple(map(parameter_count, nets)) == expected


def test_a_level_learns_from_real_images_alone_and_trains_by_itself(start):
    batch, state = start
    net = game.variables(state)
    zeros = jax.tree.map(jnp.zeros_like, net["generator4"])
    others = {**net, "generator4": zeros, "discriminator4": {}}
    turn = game.Turn(jax.random.key(3), jnp.zeros((), int))
    for name in ("generator9", "discriminator9"):
        loss = lapgan.game(CONFIG).players[name].loss
        values = [loss(nets, batch, turn)[0] for nets in (net, others)]
        assert values[0] == values[1]
    alone = lapgan.game(lapgan.Config(**{**vars(CONFIG), "levels": (9,)}))
    assert alone.nets.keys() == lapgan.game(CONFIG).nets.keys()
    assert alone.players.keys() == {"generator9", "discriminator9"}


def test_samples_are_sums_over_the_levels(start):
    config, net = CONFIG, game.variables(start[1])
    latent, label = lapgan.latent(config, jax.random.key(2), 3), jnp.arange(3)
    assert latent.shape == (3, config.latent + 81)
    coarse, fine = lapgan.coarse_to_fine(config, net, latent, label)
    assert (coarse.shape, fine.shape) == ((3, 4, 4, 3), (3, 9, 9, 3))
    low = pyramid.enlarge(coarse, 9)
    generate = game.pure(lapgan.nets(config)["generator9"], "generator9")
    residual, _ = generate(net, latent[:, 4:].reshape(3, 9, 9), low, label)
    np.testing.assert_allclose(fine, low + residual, atol=1e-6)


def test_a_discriminator_sees_the_sum_alone():
    module = lapgan.nets(lapgan.Config(**{**vars(CONFIG), "classes": 0}))
    module = module["discriminator9"]
    low, residual, moved = images(3, 2, 9, 9, 3)
    net = module.init(jax.random.key(0), residual, low, None)
    judge = game.pure(module, "net")
    one, other, third = (
        judge({"net": net}, *both, None)[0]
        for both in ((residual, low), (low, residual), (residual, moved))
    )
    np.testing.assert_allclose(one, other, atol=1e-6)
    assert not np.allclose(one, third, atol=1e-4)


@pytest.mark.parametrize(
    ("real", "fake", "who"),
    [
        (0.5, 0.9, (1, 0)),  # fakes are judged much worse: D learns
        (0.5, 0.7, (0, 1)),
        (0.8, 0.9, (1, 1)),  # D is bad at real examples: it learns beside G
        (0.8, 1.2, (1, 0)),
    ],
)
def test_the_rule_of_the_script_says_who_moves(real, fake, who):
    assert tuple(map(int, balance.who_moves(jnp.array(real), jnp.array(fake)))) == who


def test_by_the_rule_one_player_rests_with_its_momentum():
    config = lapgan.Config(**{**vars(CONFIG), "balance": "lsun", "levels": (9,)})
    batch = lapgan.batch(config, jax.random.key(1), 8)
    init, step = game.algorithm(lapgan.game(config))
    state = init(jax.random.key(0), batch)
    after, metrics = jax.jit(step)(state, batch)
    real, fake = (metrics[f"discriminator9/{name}"] for name in ("real", "fake"))
    moves = balance.who_moves(real, fake)
    for name, moved in zip(("discriminator9", "generator9"), moves, strict=True):
        pairs = zip(
            *(jax.tree.leaves((x.params[name], x.opt_state[name]))
              for x in (state, after)), strict=True,
        )  # fmt: skip
        assert any(not np.array_equal(*pair) for pair in pairs) == bool(moved), name
    resting = balance.resting(optax.sgd(1.0, 0.5))
    started = resting.update(jnp.ones(2), resting.init(jnp.ones(2)))[1]
    updates, later = resting.update(jnp.zeros(2), started)
    np.testing.assert_array_equal(updates, 0)
    jax.tree.map(np.testing.assert_array_equal, later, started)


def test_momentum_grows_and_the_step_size_falls_with_the_epochs():
    config = lapgan.Config(epoch=2, momentum_growth=0.2, last_momentum=0.8)
    optimizer = lapgan.game(config).players["generator8"].optimizer
    state: Any = optimizer.init(jnp.zeros(1))
    seen = []
    for _ in range(7):
        _, state = optimizer.update(jnp.ones(1), state)
        hyper = state.hyperparams
        seen.append((float(hyper["momentum"]), float(hyper["learning_rate"])))
    momenta, rates = zip(*seen, strict=True)
    np.testing.assert_allclose(momenta, [0.5, 0.5, 0.7, 0.7, 0.8, 0.8, 0.8], rtol=1e-6)
    epochs = np.arange(7) // 2
    np.testing.assert_allclose(rates, 0.02 / 1.00004**epochs, rtol=1e-6)


def test_the_next_level_goes_on_from_averages(start):
    new = start[1]
    old = new.replace(
        ema=jax.tree.map(lambda x: x + 1, new.ema),
        params=jax.tree.map(lambda x: x + 2, new.params),
    )
    state = lapgan.next_level(new, old)
    for net in ("generator4", "generator9"):
        jax.tree.map(np.testing.assert_array_equal, state.params[net], old.ema[net])
    jax.tree.map(
        np.testing.assert_array_equal,
        state.params["discriminator9"], old.params["discriminator9"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sizes": (8,)}, "sizes is"),
        ({"sizes": (8, 16, 16)}, "sides that grow"),
        ({"sizes": (4, 8)}, "at least 9"),
        ({"levels": (32,)}, r"levels names \[32\]"),
    ],
)
def test_sizes_that_make_no_pyramid_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        lapgan.Config(**change)


def test_images_of_another_side_and_missing_labels_are_refused():
    init = game.algorithm(lapgan.game(CONFIG)).init
    image = jnp.zeros((2, 9, 9, 3))
    with pytest.raises(ValueError, match="finest level has a side of 9"):
        init(jax.random.key(0), {"image": image[:, :8, :8], "label": jnp.zeros(2, int)})
    with pytest.raises(ValueError, match="no 'label'"):
        init(jax.random.key(0), {"image": image})
