"""Anomaly scores against sums made by hand, and the maps of a discriminator."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.analysis import anomaly

WEIGHTS = np.random.default_rng(0).normal(size=(12, 5)).astype("float32")


def judge(images):
    """Two rectifiers and a logit."""
    hidden = jax.nn.relu(images.reshape(len(images), -1) @ WEIGHTS)
    return jax.nn.leaky_relu(hidden - 1, 0.2).sum(1)


def pair(seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(2, 3, 2, 2, 3)).astype("float32")


def test_scores_are_sums():
    drawn, images = pair()
    hidden = [np.maximum(x.reshape(3, -1) @ WEIGHTS, 0) for x in (drawn, images)]
    residual = abs(drawn - images).reshape(3, -1).sum(1)
    distance = abs(hidden[0] - hidden[1]).sum(1)
    features = anomaly.discriminator_features(judge, 0)
    found = jax.jit(lambda x, y: anomaly.anomaly_scores(x, y, features, weight=0.25))(
        drawn, images
    )
    np.testing.assert_allclose(found.residual, residual, rtol=1e-5)
    np.testing.assert_allclose(found.features, distance, rtol=1e-5)
    np.testing.assert_allclose(
        found.total, 0.75 * residual + 0.25 * distance, rtol=1e-5
    )


def test_the_weight_is_the_papers_unless_given():
    drawn, images = pair()
    found = anomaly.anomaly_scores(drawn, images, judge)
    np.testing.assert_allclose(
        found.total, 0.9 * found.residual + 0.1 * found.features, rtol=1e-5
    )


def test_nothing_is_anomalous_about_what_was_drawn():
    drawn, _ = pair()
    found = anomaly.anomaly_scores(drawn, drawn, judge)
    np.testing.assert_array_equal(found, np.zeros((3, 3)))


def test_features_are_what_rectifiers_hand_on():
    images, _ = pair()
    hidden = np.maximum(images.reshape(3, -1) @ WEIGHTS, 0)
    last = np.where(hidden > 1, hidden - 1, 0.2 * (hidden - 1))
    for layer, expected in ((0, hidden), (1, last), (-1, last), (-2, hidden)):
        found = anomaly.discriminator_features(judge, layer)(images)
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_residual_image_shows_where():
    drawn = jnp.zeros((2, 3, 3, 2))
    images = drawn.at[1, 2, 0, 1].set(-3.0)
    found = anomaly.residual_image(drawn, images)
    assert found.shape == (2, 3, 3)
    assert float(found[1, 2, 0]) == 1.5
    assert float(found.sum()) == 1.5


@pytest.mark.parametrize("weight", [-0.1, 1.1])
def test_a_weight_outside_its_range_is_refused(weight):
    drawn, images = pair()
    with pytest.raises(ValueError, match=rf"weight is {weight}; it must be from 0"):
        anomaly.anomaly_scores(drawn, images, judge, weight=weight)


@pytest.mark.parametrize("layer", [2, -3])
def test_a_layer_that_is_not_there_is_refused(layer):
    features = anomaly.discriminator_features(judge, layer)
    with pytest.raises(ValueError, match=rf"layer is {layer}, but there are 2 rect"):
        features(pair()[0])
