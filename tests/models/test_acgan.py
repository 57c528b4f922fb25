"""AC-GAN: both terms, on the right images, at the right weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax

from jaxgan.compose import parameter_count
from jaxgan.game import Turn, algorithm, pure, variables
from jaxgan.models import acgan
from jaxgan.models.parts import digit_nets

TINY = acgan.Config(
    classes=3, noise=4, width=2, hidden=5, class_real=0.5, class_fake=0.25,
    class_generator=2.0,
)  # fmt: skip
TURN = Turn(jax.random.key(1), jnp.int32(0))
COUNT = 6


def batch():
    rng = np.random.default_rng(0)
    return {
        "image": rng.uniform(size=(COUNT, 28, 28, 1)).astype("float32"),
        "label": np.arange(COUNT, dtype="int32") % 3,
        "latent": rng.uniform(-1, 1, (COUNT, 4)).astype("float32"),
    }


@pytest.fixture(scope="module")
def nets():
    state = jax.jit(algorithm(acgan.game(TINY)).init)(jax.random.key(0), batch())
    return variables(state)


def judged(nets, image):
    """Logits of the discriminator for a batch by itself, float64."""
    net = digit_nets.Discriminator(TINY.width, TINY.hidden, 4)
    out = np.asarray(pure(net, "discriminator")(nets, image)[0], "float64")
    return out[:, 0], out[:, 1:]


def softplus(x):
    return np.logaddexp(0, x).mean()


def cross_entropy(logits, label):
    return -log_softmax(logits, axis=1)[np.arange(COUNT), label].mean()


def test_both_losses_are_those_of_the_paper(nets):
    given = batch()
    label = given["label"]
    fake = acgan.sample(TINY, nets, given["latent"], label)
    (real_logit, real_class), (fake_logit, fake_class) = (
        judged(nets, x) for x in (given["image"], fake)
    )
    players = acgan.game(TINY).players
    loss, (_, metrics) = players["discriminator"].loss(nets, given, TURN)
    terms = cross_entropy(real_class, label), cross_entropy(fake_class, label)
    expected = softplus(-real_logit) + softplus(fake_logit)
    np.testing.assert_allclose(metrics["source"], expected, rtol=1e-4)
    np.testing.assert_allclose(metrics["class_real"], terms[0], rtol=1e-4)
    np.testing.assert_allclose(metrics["class_fake"], terms[1], rtol=1e-4)
    np.testing.assert_allclose(
        loss, expected + 0.5 * terms[0] + 0.25 * terms[1], rtol=1e-4
    )
    np.testing.assert_allclose(
        metrics["accuracy"], (real_class.argmax(1) == label).mean(), rtol=1e-6
    )
    loss, _ = players["generator"].loss(nets, given, TURN)
    np.testing.assert_allclose(loss, softplus(-fake_logit) + 2 * terms[1], rtol=1e-4)
    # In company, batch normalisation would have said something else.
    mixed = judged(nets, np.concatenate([given["image"], fake]))[0]
    assert abs(softplus(-mixed[:COUNT]) - softplus(-real_logit)) > 1e-5


def test_the_generator_alone_takes_the_class():
    given = {"image": jnp.zeros((2, 28, 28, 1)), "label": jnp.zeros(2, jnp.int32)}
    init = algorithm(acgan.game(acgan.Config())).init
    state = jax.eval_shape(init, jax.random.key(0), given)
    counts = {net: parameter_count(params) for net, params in state.params.items()}
    assert counts == {
        "generator": 110 * 1024 + 2 * 1024 + 1024 * 6272 + 2 * 6272
        + 16 * 128 * 64 + 2 * 64 + 16 * 64 + 1,
        "discriminator": 16 * 64 + 64 + 16 * 64 * 128 + 2 * 128
        + 6272 * 1024 + 2 * 1024 + 1024 * 11 + 11,
    }  # fmt: skip


def averaged(nets):
    """With running averages of the size of what untrained weights make."""
    stats = jax.tree.map(lambda x: 1e-4 * x, nets["generator"]["batch_stats"])
    return {**nets, "generator": {**nets["generator"], "batch_stats": stats}}


def test_the_class_reaches_the_image(nets):
    """Under the statistics of a batch, what all its labels share is normalised away."""
    latent, nets = acgan.latent(TINY, jax.random.key(2), COUNT), averaged(nets)
    for statistics, seen in (("batch", False), ("running", True)):
        drawn = [
            acgan.sample(TINY, nets, latent, np.full(COUNT, k, "int32"), statistics)
            for k in (0, 1)
        ]
        assert drawn[0].shape == (COUNT, 28, 28, 1)
        assert 0 <= float(drawn[0].min()) < float(drawn[0].max()) <= 1
        assert np.allclose(*drawn, atol=1e-6) != seen, statistics
    label = np.arange(COUNT, dtype="int32") % 3
    mixed = [acgan.sample(TINY, nets, latent, x) for x in (label, (label + 1) % 3)]
    assert not np.allclose(*mixed, atol=1e-6)


def test_missing_and_wrong_labels_are_refused_in_a_sentence(nets):
    given = batch()
    with pytest.raises(ValueError, match="from 5 to 7, expected 0 to 2"):
        acgan.sample(TINY, nets, given["latent"], given["label"] + 5)
    del given["label"]
    with pytest.raises(ValueError, match=r"no 'label'; a conditional model needs"):
        algorithm(acgan.game(TINY)).init(jax.random.key(0), given)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": 1}, "classes is 1; it must be at least 2"),
        ({"hidden": 0}, "hidden is 0; it must be at least 1"),
        ({"class_fake": -1.0}, r"class_fake is -1\.0; it must be at least 0"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_value(changes, message):
    with pytest.raises(ValueError, match=message):
        acgan.Config(**changes)
