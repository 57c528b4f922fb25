"""CapsNet and its baseline: published sizes, the loss by arithmetic, refusals."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.special

from jaxgan import capsules
from jaxgan.compose import parameter_count
from jaxgan.game import Turn, algorithm, pure, variables
from jaxgan.models import capsnet, capsnet_baseline

TINY = capsnet.Config(
    resolution=17, classes=4, features=4, types=2, primary_dim=3, class_dim=4,
    iterations=2, decoder=(6,),
)  # fmt: skip
TWO = dataclasses.replace(TINY, objects=2)
TINY_BASELINE = capsnet_baseline.Config(
    resolution=8, classes=4, features=(4, 3), kernels=(3, 5), hidden=(8, 6)
)


def batch(config, size=5, seed=0):
    rng = np.random.default_rng(seed)
    shape = (config.resolution, config.resolution, config.channels)
    made = {"image": jnp.asarray(rng.uniform(size=(size, *shape)), "float32")}
    if config.objects == 1:
        return made | {"label": jnp.asarray(rng.integers(0, config.classes, size))}
    labels = np.stack([rng.permutation(config.classes)[:2] for _ in range(size)])
    parts = rng.uniform(size=(size, 2, *shape))
    return made | {
        "label": jnp.asarray(labels), "parts": jnp.asarray(parts, "float32")
    }  # fmt: skip


@functools.cache
def started(module, config):
    init = jax.jit(algorithm(module.game(config)).init)
    return init(jax.random.key(0), batch(config))


def objective(module, config, variables, batch):
    (player,) = module.game(config).players.values()
    turn = Turn(jax.random.key(1), jnp.zeros((), int))
    return jax.jit(player.loss)(variables, batch, turn)


def count(module, config):
    init = algorithm(module.game(config)).init
    return parameter_count(
        jax.eval_shape(init, jax.random.key(0), batch(config, 1)).params
    )


@pytest.mark.parametrize(
    ("module", "config", "parameters"),
    [
        # 9·9·256 + 256, 9·9·256² + 256, 1152·8·160 + 160, and 160-512-1024-784
        (capsnet, capsnet.Config(), 20_992 + 5_308_672 + 1_474_720 + 1_411_344),
        (capsnet, capsnet.Config(reconstruction=0.0), 6_804_384),  # published: 6.8 M
        (capsnet, capsnet.MULTI_MNIST, 11_361_968),  # published: 11.36 M
        (capsnet_baseline, capsnet_baseline.Config(), 35_445_522),  # published: 35.4 M
        (capsnet_baseline, capsnet_baseline.MULTI_MNIST, 24_563_978),  # 24.56 M
    ],
)
def test_published_numbers_of_parameters(module, config, parameters):
    assert count(module, config) == parameters


@pytest.mark.parametrize("config", [capsnet.CIFAR10, capsnet.SMALL_NORB, capsnet.SVHN])
def test_the_other_settings_of_the_paper_are_networks(config):
    v = jax.eval_shape(
        lambda key, image: capsnet.Encoder(config).init_with_output(key, image)[0],
        jax.random.key(0),
        batch(config, 3)["image"],
    )
    assert v.shape == (3, config.classes, config.class_dim)


def test_primary_capsules_begin_short_where_their_division_is_released():
    """At the paper's size, lengths begin with a median of 0.12 on digits, or 0.98."""
    image = jax.random.uniform(jax.random.key(1), (1, 28, 28, 1)) ** 4  # mostly dark

    def primary(key, word):
        net = capsnet.Encoder(capsnet.Config(primary=word))
        _, seen = net.init_with_output(
            key,
            image,
            capture_intermediates=lambda m, _: isinstance(m, capsules.PrimaryCaps),
        )
        (u,) = jax.tree.leaves(seen["intermediates"])
        return jnp.median(capsules.lengths(u))

    key = jax.random.key(0)
    released, printed = jax.jit(
        lambda: [primary(key, word) for word in ("released", "printed")]
    )()
    assert released < 0.25
    assert printed > 0.9


def margin_by_hand(lengths, present):
    positive = present * np.maximum(0, 0.9 - lengths) ** 2
    negative = 0.5 * (1 - present) * np.maximum(0, lengths - 0.1) ** 2
    return (positive + negative).sum(1)


@pytest.mark.parametrize("config", [TINY, TWO])
def test_the_loss_is_the_paper_s(config):
    state, data = started(capsnet, config), batch(config)
    loss, (_, metrics) = objective(capsnet, config, variables(state), data)
    v = np.asarray(capsnet.encode(config, variables(state), data["image"]))
    labels = np.asarray(data["label"]).reshape(5, -1)
    present = np.zeros((5, 4))
    squares = 0.0
    for i in range(config.objects):
        present[np.arange(5), labels[:, i]] = 1
        masked = np.zeros_like(v)
        masked[np.arange(5), labels[:, i]] = v[np.arange(5), labels[:, i]]
        image = capsnet.decode(config, variables(state), jnp.asarray(masked))
        target = data["image"] if config.objects == 1 else data["parts"][:, i]
        squares += np.square(image - target).sum((1, 2, 3))
    margin = margin_by_hand(np.linalg.norm(v, axis=-1), present)
    np.testing.assert_allclose(metrics["margin"], margin.mean(), rtol=1e-5)
    np.testing.assert_allclose(metrics["squared_error"], squares.mean(), rtol=1e-5)
    np.testing.assert_allclose(loss, (margin + 0.0005 * squares).mean(), rtol=1e-5)


def test_released_scaling_is_2k_times_smaller():
    config = dataclasses.replace(TINY, reconstruction=0.0)
    released = dataclasses.replace(config, scaling="released")
    state, data = started(capsnet, config), batch(config)
    a, _ = objective(capsnet, config, variables(state), data)
    b, _ = objective(capsnet, released, variables(state), data)
    np.testing.assert_allclose(a, 8 * b, rtol=1e-5)


def test_without_reconstruction_there_is_no_decoder():
    config = dataclasses.replace(TINY, reconstruction=0.0)
    state = started(capsnet, config)
    assert set(state.params) == {"encoder"}
    with pytest.raises(ValueError, match="no decoder"):
        capsnet.decode(config, variables(state), jnp.zeros((1, 4, 4)))


@pytest.mark.parametrize("config", [TINY, TWO])
def test_the_error_counts_images_where_any_label_is_missed(config):
    state, data = started(capsnet, config), batch(config)
    _, (_, metrics) = objective(capsnet, config, variables(state), data)
    seen = np.asarray(capsnet.predict(config, variables(state), data["image"]))
    labels = np.asarray(data["label"]).reshape(5, -1)
    wrong = [set(a) != set(b) for a, b in zip(seen, labels, strict=True)]
    assert seen.shape == (5, config.objects)
    np.testing.assert_allclose(metrics["error"], np.mean(wrong))


def test_a_label_out_of_range_is_not_a_number():
    state, data = started(capsnet, TINY), batch(TINY)
    for bad in (-1, 4):
        labels = data["label"].at[2].set(bad)
        loss, _ = objective(capsnet, TINY, variables(state), data | {"label": labels})
        assert np.isnan(loss)


def test_labels_of_another_shape_are_refused():
    state, data = started(capsnet, TWO), batch(TWO)
    with pytest.raises(ValueError, match=r"shape \(5,\), expected \[B, 2\]"):
        objective(capsnet, TWO, variables(state), data | {"label": jnp.zeros(5, int)})


@pytest.mark.parametrize("module", [capsnet, capsnet_baseline])
def test_images_of_another_size_are_refused(module):
    config = TINY if module is capsnet else TINY_BASELINE
    size = config.resolution
    state = started(module, config)
    with pytest.raises(ValueError, match=rf"\({size}, {size}, 1\), but got \(20, 20"):
        module.predict(config, variables(state), jnp.zeros((2, 20, 20, 1)))


@pytest.mark.parametrize(
    ("module", "changes", "words"),
    [
        (capsnet, {"iterations": 0}, "iterations is 0"),
        (capsnet, {"resolution": 16}, "resolution is 16.*at least 17"),
        (capsnet, {"objects": 4}, "objects is 4.*4 classes"),
        (capsnet, {"reconstruction": -1.0}, "reconstruction is -1"),
        (capsnet_baseline, {"kernels": (3,)}, "differ in number"),
        (capsnet_baseline, {"dropout": 1.0}, "dropout is 1"),
        (capsnet_baseline, {"objects": 4}, "objects is 4, expected 1 to 3"),
    ],
)
def test_configurations_that_cannot_work_are_refused(module, changes, words):
    config = TINY if module is capsnet else TINY_BASELINE
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(config, **changes)


def test_the_step_size_falls_by_4_percent_to_a_floor():
    tx = capsnet.optimizer(1e-3, 10)
    params = {"w": jnp.ones(())}
    grads = {"w": jnp.ones(())}  # Adam's step is then the step size itself
    state, steps = tx.init(params), []
    for _ in range(21):
        update, state = tx.update(grads, state)
        steps.append(-float(update["w"]))
    np.testing.assert_allclose(
        [steps[0], steps[10], steps[20]], [1e-3, 0.96e-3, 0.96**2 * 1e-3], rtol=1e-4
    )
    late = optax.tree_utils.tree_set(tx.init(params), count=jnp.array(10**6))
    update, _ = tx.update(grads, late)
    assert -float(update["w"]) > 0.9e-6  # not nothing


def test_baseline_losses_against_scipy():
    for config in (TINY_BASELINE, dataclasses.replace(TINY_BASELINE, objects=2)):
        config = dataclasses.replace(config, dropout=0.0)
        state, data = started(capsnet_baseline, config), batch(config)
        loss, _ = objective(capsnet_baseline, config, variables(state), data)
        network = pure(capsnet_baseline.Network(config), "network")
        logits = np.asarray(network(variables(state), data["image"])[0], np.float64)
        labels = np.asarray(data["label"]).reshape(5, -1)
        present = np.zeros((5, 4))
        np.put_along_axis(present, labels, 1 / config.objects, axis=1)
        if config.objects == 1:
            each = -(present * scipy.special.log_softmax(logits, 1)).sum(1)
        else:
            log_p = scipy.special.log_expit
            each = -(present * log_p(logits) + (1 - present) * log_p(-logits)).sum(1)
        np.testing.assert_allclose(loss, each.mean(), rtol=1e-5)


def test_the_baseline_drops_units_in_training_only():
    state, data = started(capsnet_baseline, TINY_BASELINE), batch(TINY_BASELINE)
    network = pure(capsnet_baseline.Network(TINY_BASELINE), "network")

    def logits(seed, **options):
        rngs = {"dropout": jax.random.key(seed)}
        return network(variables(state), data["image"], rngs=rngs, **options)[0]

    np.testing.assert_array_equal(logits(0), logits(1))
    assert np.abs(logits(0, train=True) - logits(1, train=True)).max() > 1e-4


@pytest.mark.slow
def test_it_learns_to_tell_bars_apart():
    """Four images that differ in where a bar is: a few steps suffice."""
    image = np.zeros((4, 17, 17, 1), np.float32)
    for i in range(4):
        image[i, 4 * i : 4 * i + 3] = 1
    data = {"image": jnp.asarray(image), "label": jnp.arange(4)}
    config = dataclasses.replace(TINY, features=8, types=4, learning_rate=0.01)
    run = algorithm(capsnet.game(config))
    state, step = jax.jit(run.init)(jax.random.key(0), data), jax.jit(run.step)
    for _ in range(60):
        state, metrics = step(state, data)
    assert metrics["capsules/error"] == 0
    assert metrics["capsules/margin"] < 0.1

    @jax.jit
    def redrawn(nets):
        v = capsnet.encode(config, nets, data["image"])
        return capsnet.decode(config, nets, capsules.mask(v, data["label"]))

    drawn = np.asarray(redrawn(variables(state)))
    assert np.square(drawn - image).mean() < np.square(image - image.mean(0)).mean()
