"""Scores of generated images, with classifiers whose answers are known."""

import json
import types

import numpy as np
import pytest
import scipy.linalg
import scipy.spatial
import scipy.special

from jaxgan.lab.judges import scores

CLASSES = 3


class Knows:
    """Sees the class where the bright row is; features are columns of the image."""

    accuracy = 0.75

    def look(self, images):
        x = np.asarray(images, "float32") / (255 if images.dtype == np.uint8 else 1)
        return x[:, 0, :2, 0], 200 * x[:, 1 : 1 + CLASSES, 0, 0]

    def features(self, images):
        return self.look(images)[0]


def pictures(label, seed=0):
    """Images of noise with one bright pixel, whose row is the class."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 100, (len(label), 4, 4, 1)).astype(np.uint8)
    images[:, 1:, 0] = 0
    images[np.arange(len(label)), 1 + label, 0] = 255
    return images


@pytest.fixture(scope="module")
def sets():
    label = np.arange(30) % CLASSES
    part = {
        name: {"image": pictures(label, seed), "label": label}
        for name, seed in (("train", 1), ("test", 2))
    }
    return types.SimpleNamespace(**part)


def published(a, b):
    """The Fréchet distance with SciPy's root of the product."""
    a, b = a.astype("float64"), b.astype("float64")
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(cov_a @ cov_b).real
    shift = np.square(a.mean(0) - b.mean(0)).sum()
    return shift + np.trace(cov_a + cov_b - 2 * root)


def test_every_score_is_what_it_says(sets):
    label = np.array([0] * 6 + [1] * 3 + [2] * 3)
    images = pictures(label)
    asked = label.copy()
    asked[:3] = 2
    seen = scores.score(Knows(), images, sets, asked)
    assert json.loads(json.dumps(seen)) == seen  # plain numbers
    p = np.array([0.5, 0.25, 0.25])
    np.testing.assert_allclose(seen["class_share"], p, rtol=1e-5)
    np.testing.assert_allclose(
        seen["class_divergence"], (p * np.log(3 * p)).sum(), rtol=1e-4
    )
    # Sure predictions: the exponential of the entropy of their mean.
    np.testing.assert_allclose(
        seen["mnist_score"], np.exp(-(p * np.log(p)).sum()), rtol=1e-4
    )
    assert seen["mnist_score_spread"] > 0
    np.testing.assert_allclose(seen["conditional_accuracy"], 9 / 12, rtol=1e-6)
    test = sets.test["image"]
    columns = [x[:, 0, :2, 0] / 255 for x in (images, test)]
    np.testing.assert_allclose(seen["frechet_distance"], published(*columns), rtol=1e-4)
    for name, some in (("", images), ("_of_test_images", test)):
        apart = scipy.spatial.distance.pdist(some.reshape(len(some), -1) / 255)
        found = seen[f"pairwise_distance{name}"]
        np.testing.assert_allclose(found, apart.mean(), rtol=1e-5)
    assert (seen["scored_images"], seen["test_images"]) == (12, 30)
    assert seen["classifier_accuracy"] == 0.75


def test_real_test_images_are_scored_beside_the_drawn(sets):
    """By a classifier that is unsure, so that no score is at its end."""

    class Unsure(Knows):
        def look(self, images):
            features, logits = super().look(images)
            return features, logits / 100

    images = pictures(np.repeat(np.arange(CLASSES), (4, 4, 1)))
    seen = scores.score(Unsure(), images, sets)
    for name, some in (("", images), ("_of_test_images", sets.test["image"])):
        odds = scipy.special.softmax(Unsure().look(some)[1], 1)
        found = seen[f"confidence{name}"]
        np.testing.assert_allclose(found, odds.max(1).mean(), rtol=1e-5)
        divergence = (odds * np.log(odds / odds.mean(0))).sum(1).mean()
        found = seen[f"mnist_score{name}"]
        np.testing.assert_allclose(found, np.exp(divergence), rtol=1e-4)


def test_training_images_are_the_mark_at_as_many(sets):
    seen = scores.score(Knows(), sets.train["image"], sets)
    assert "conditional_accuracy" not in seen
    found = seen["frechet_distance_of_training_images"]
    np.testing.assert_allclose(seen["frechet_distance"], found, rtol=1e-6)
    assert found > 0
    fewer = scores.score(Knows(), sets.train["image"][:9], sets)
    assert fewer["frechet_distance_of_training_images"] != found


def test_bytes_and_floats_score_alike(sets):
    images, label = sets.test["image"], sets.test["label"]
    one = scores.score(Knows(), images, sets, label)
    other = scores.score(Knows(), images.astype("float32") / 255, sets, label)
    assert set(one) == set(other)
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-5, atol=1e-6)


def test_images_that_come_class_by_class_are_mixed(sets):
    label = np.repeat(np.arange(CLASSES), 200)
    seen = scores.score(Knows(), pictures(label), sets, label)
    # In order, every tenth would be of one or two classes, and so would score 1 to 2.
    assert seen["mnist_score_spread"] < 0.2
    assert seen["conditional_accuracy"] == 1


def test_what_cannot_be_scored_is_refused(sets):
    images = sets.test["image"]
    with pytest.raises(ValueError, match="1 images cannot be scored"):
        scores.score(Knows(), images[:1], sets)
    with pytest.raises(ValueError, match=r"labels has shape \(3,\).*30 images"):
        scores.score(Knows(), images, sets, np.arange(3))
