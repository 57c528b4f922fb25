"""The conditional DCGAN: where the label goes, and what goes together."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.compose import parameter_count
from jaxgan.game import Turn, algorithm, pure, variables
from jaxgan.models import cdcgan
from jaxgan.models.parts.classes import one_hot

TINY = cdcgan.Config(classes=3, latent=4, width=2, discriminator=(2, 3), hidden=5)
COUNT = 6


def batch(seed=0, **more):
    rng = np.random.default_rng(seed)
    return {
        "image": rng.uniform(size=(COUNT, 28, 28, 1)).astype("float32"),
        "label": np.arange(COUNT, dtype="int32") % 3,
        "latent": rng.uniform(-1, 1, (COUNT, 4)).astype("float32"),
        **more,
    }


def made(config, given):
    state = jax.jit(algorithm(cdcgan.game(config)).init)(jax.random.key(0), given)
    return variables(state)


@pytest.fixture(scope="module")
def nets():
    return made(TINY, batch())


def counts(config, given):
    init = algorithm(cdcgan.game(config)).init
    state = jax.eval_shape(init, jax.random.key(0), given)
    return {net: parameter_count(params) for net, params in state.params.items()}


def published(classes):
    """Parameters of the repository's networks, layer by layer; "norm" has two each."""
    y = classes
    return {
        "generator": (100 + y) * 1024 + 2 * 1024
        + (1024 + y) * 6272 + 2 * 6272
        + 9 * (128 + y) * 128 + 2 * 128
        + 9 * (128 + y) + 1,
        "discriminator": 9 * (1 + y) * 10 + 10
        + 9 * (10 + y) * 64 + 2 * 64
        + (7 * 7 * 64 + y) * 1024 + 2 * 1024
        + (1024 + y) + 1,
    }  # fmt: skip


@pytest.mark.parametrize("classes", [10, 0])
def test_the_label_joins_the_input_of_every_layer(classes):
    given = {"image": jnp.zeros((2, 28, 28, 1)), "label": jnp.zeros(2, jnp.int32)}
    assert counts(cdcgan.Config(classes=classes), given) == published(classes)


def test_the_label_joins_after_the_activation(nets):
    """Layer by layer the label is 0 or 1: it adds a row of weights, no more, no less.

    With the label's weights zero but in the last layers, whose are 1, 2 and 3, logits
    differ by those numbers; normalised or leaky labels would add others.
    """
    given = batch()
    image, latent = given["image"], given["latent"]

    def without(path, kernel):
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        if not name.endswith("kernel"):
            return kernel
        if "to_logit" in name:
            return kernel.at[-3:, 0].set(jnp.asarray([1.0, 2.0, 3.0]))
        if "to_image" in name:  # [kh, kw, channels made, channels taken]
            return kernel.at[..., -3:].set(jnp.asarray([1.0, 2.0, 3.0]))
        if "ConvTranspose" in name:
            return kernel.at[..., -3:].set(0)
        return kernel.at[..., -3:, :].set(0)

    bare = {
        net: {**parts, "params": jax.tree.map_with_path(without, parts["params"])}
        for net, parts in nets.items()
    }
    judge = jax.jit(pure(cdcgan.Discriminator(TINY), "discriminator"))
    draw = jax.jit(lambda nets, y: cdcgan.sample(TINY, nets, latent, y))
    ask = lambda k: jnp.full(COUNT, k, jnp.int32)  # noqa: E731
    logits = [judge(bare, image, ask(k))[0] for k in range(3)]
    np.testing.assert_allclose(logits[1] - logits[0], np.ones(COUNT), atol=1e-4)
    np.testing.assert_allclose(logits[2] - logits[0], 2 * np.ones(COUNT), atol=1e-4)
    drawn = [np.asarray(draw(bare, ask(k)), "float64") for k in range(3)]
    before = [np.log(x / (1 - x)) for x in drawn]
    # Every pixel of a stride 2 transposed 3x3 convolution takes 1, 2 or 4 of the taps,
    # whole maps of ones included.
    taps = np.unique(np.round(before[1] - before[0], 3))
    assert set(taps) == {1.0, 2.0, 4.0}


def test_real_and_generated_images_pass_apart(nets):
    given = batch()
    player = cdcgan.game(TINY).players["discriminator"]
    _, (_, metrics) = player.loss(nets, given, Turn(jax.random.key(1), jnp.int32(0)))
    judge = pure(cdcgan.Discriminator(TINY), "discriminator")
    label = given["label"]
    fake = cdcgan.sample(TINY, nets, given["latent"], label)
    alone = [judge(nets, x, label)[0].mean() for x in (given["image"], fake)]
    np.testing.assert_allclose(metrics["real"], alone[0], rtol=1e-4)
    np.testing.assert_allclose(metrics["fake"], alone[1], rtol=1e-4)
    both = jnp.concatenate([given["image"], fake]), jnp.tile(label, 2)
    mixed = judge(nets, *both)[0].reshape(2, -1).mean(1)
    assert abs(float(mixed[0] - alone[0])) > 1e-3


def test_samples_are_images_that_the_label_changes(nets):
    latent = batch()["latent"]
    drawn = [
        cdcgan.sample(TINY, nets, latent, jnp.full(COUNT, k, jnp.int32))
        for k in range(2)
    ]
    assert drawn[0].shape == (COUNT, 28, 28, 1)
    assert 0 <= float(drawn[0].min()) < float(drawn[0].max()) <= 1
    assert not np.allclose(drawn[0], drawn[1])


def test_company_matters_under_batch_statistics_only(nets):
    latent, label = batch()["latent"], batch()["label"]
    for statistics, same in (("batch", False), ("running", True)):
        whole = cdcgan.sample(TINY, nets, latent, label, statistics)
        part = cdcgan.sample(TINY, nets, latent[:3], label[:3], statistics)
        assert np.allclose(whole[:3], part, atol=1e-6) == same


def test_without_classes_there_are_no_labels():
    config = dataclasses.replace(TINY, classes=0)
    given = batch()
    del given["label"]
    nets = made(config, given)
    latent = cdcgan.latent(config, jax.random.key(0), 5)
    assert cdcgan.sample(config, nets, latent).shape == (5, 28, 28, 1)
    with pytest.raises(ValueError, match="no classes, but labels were given"):
        cdcgan.sample(config, nets, latent, jnp.zeros(5, jnp.int32))


def test_latents_are_uniform_or_normal():
    drawn = np.asarray(cdcgan.latent(cdcgan.Config(), jax.random.key(0), 500))
    assert drawn.shape == (500, 100)
    assert drawn.min() >= -1
    assert drawn.max() <= 1
    np.testing.assert_allclose(drawn.std(), 1 / np.sqrt(3), rtol=0.01)
    normal = cdcgan.Config(latent_distribution="normal")
    drawn = np.asarray(cdcgan.latent(normal, jax.random.key(0), 500))
    np.testing.assert_allclose(drawn.std(), 1, rtol=0.01)


def test_a_batch_without_labels_is_refused_in_a_sentence():
    given = batch()
    del given["label"]
    with pytest.raises(ValueError, match=r"no 'label'; a conditional model needs"):
        made(TINY, given)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (None, r"needs labels: integers \[6\] from 0 to 2"),
        (np.zeros(5, "int32"), r"int32\[5\], expected integers \[6\]"),
        (np.zeros(6, "float32"), r"float32\[6\], expected integers \[6\]"),
        (np.array([0, 1, 2, 3, 0, 0]), "from 0 to 3, expected 0 to 2"),
        (np.array([0, 1, 2, -1, 0, 0]), "from -1 to 2, expected 0 to 2"),
    ],
)
def test_wrong_labels_are_refused(nets, label, message):
    with pytest.raises(ValueError, match=message):
        cdcgan.sample(TINY, nets, batch()["latent"], label)


def test_an_impossible_label_is_nan_where_it_cannot_be_refused():
    made = jax.jit(lambda y: one_hot(y, 3, 2))(jnp.asarray([1, 3]))
    np.testing.assert_array_equal(made[0], [0, 1, 0])
    assert np.isnan(made[1]).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": 1}, "classes is 1; it must be at least 2, or 0"),
        ({"width": 0}, "width is 0; it must be at least 1"),
        ({"discriminator": (10, 0)}, r"discriminator is \(10, 0\)"),
        ({"learning_rate": -1.0}, r"learning_rate is -1\.0"),
        ({"latent_distribution": "cauchy"}, "'cauchy'; choose from"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_value(changes, message):
    with pytest.raises(ValueError, match=message):
        cdcgan.Config(**changes)
