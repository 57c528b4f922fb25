"""The classifier against loops in numpy, and what it learns."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax

from jaxgan.game import algorithm, variables
from jaxgan.models import classifier

SMALL = classifier.Config(
    resolution=8, channels=2, classes=3, width=3, hidden=7, steps=2, learning_rate=0.01
)


def bars(count, seed=0):
    """Images with a bright row of one of three kinds, and which it is."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 3, count)
    image = 0.3 * rng.random((count, 8, 8, 2))
    image[np.arange(count), 2 * label + 1] += 0.7
    return {"image": image.astype("float32"), "label": label.astype("int32")}


@pytest.fixture(scope="module")
def played():
    """A batch, and the state and metrics of each of four steps on it."""
    batch, run = bars(5), algorithm(classifier.game(SMALL))
    states, metrics = [jax.jit(run.init)(jax.random.key(0), batch)], []
    step = jax.jit(run.step)
    for _ in range(4):
        state, seen = step(states[-1], batch)
        states.append(state)
        metrics.append(seen)
    return batch, states, metrics


def by_hand(params, image):
    """Features and logits, one output pixel after the other, in float64."""
    p = jax.tree.map(lambda x: np.asarray(x, "float64"), params["network"])
    x = image.astype("float64")
    for name in ("Conv_0", "Conv_1"):
        kernel, bias = p[name]["kernel"], p[name]["bias"]
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        side = x.shape[1] // 2
        out = np.zeros((len(x), side, side, kernel.shape[-1]))
        for r in range(side):
            for c in range(side):
                seen = padded[:, 2 * r : 2 * r + 4, 2 * c : 2 * c + 4]
                out[:, r, c] = np.tensordot(seen, kernel, 3) + bias
        x = np.maximum(out, 0)
    flat = x.reshape(len(x), -1)
    features = np.maximum(flat @ p["Dense_0"]["kernel"] + p["Dense_0"]["bias"], 0)
    return features, features @ p["Dense_1"]["kernel"] + p["Dense_1"]["bias"]


def test_features_and_logits_agree_with_loops(played):
    batch, states, _ = played
    state = states[1]  # after a step no bias is zero any more
    features, logits = by_hand(state.params, batch["image"])
    assert features.shape == (5, 7)
    assert features.std() > 0.01
    see = variables(state)
    found = classifier.features(SMALL, see, batch["image"])
    np.testing.assert_allclose(found, features, rtol=1e-4, atol=1e-5)
    found = classifier.predict(SMALL, see, batch["image"])
    np.testing.assert_allclose(found, logits, rtol=1e-4, atol=1e-5)


def test_loss_is_cross_entropy_and_accuracy_counts(played):
    batch, states, metrics = played
    _, logits = by_hand(states[1].params, batch["image"])
    right = log_softmax(logits, 1)[np.arange(5), batch["label"]]
    np.testing.assert_allclose(metrics[1]["classifier/loss"], -right.mean(), rtol=1e-4)
    accuracy = (logits.argmax(1) == batch["label"]).mean()
    np.testing.assert_allclose(metrics[1]["classifier/accuracy"], accuracy, rtol=1e-6)


def test_the_step_size_falls_to_zero_in_the_steps_of_the_config(played):
    _, states, _ = played
    far = [
        max(
            float(jnp.abs(x - y).max())
            for x, y in zip(
                jax.tree.leaves(before.params),
                jax.tree.leaves(after.params),
                strict=True,
            )
        )
        for before, after in itertools.pairwise(states)
    ]
    # Adam's first step is the step size itself; half of the cosine later it is half.
    np.testing.assert_allclose(far[0], 0.01, rtol=1e-3)
    assert 0 < far[1] < 0.0065
    assert far[2:] == [0, 0]


def test_learns_what_it_has_not_seen():
    config = dataclasses.replace(SMALL, steps=40)
    run, unseen = algorithm(classifier.game(config)), bars(60, seed=1)
    step = jax.jit(run.step)
    state = jax.jit(run.init)(jax.random.key(0), bars(1))
    before = classifier.predict(config, variables(state), unseen["image"])
    for i in range(40):
        state, _ = step(state, bars(32, seed=2 + i))
    after = classifier.predict(config, variables(state), unseen["image"])
    right = [(x.argmax(1) == unseen["label"]).mean() for x in (before, after)]
    assert right[0] < 0.7
    assert right[1] > 0.95


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"resolution": 30}, "resolution is 30, expected a multiple of 4"),
        ({"resolution": 0}, "resolution is 0"),
        ({"channels": 0}, "channels is 0; it must be at least 1"),
        ({"classes": 1}, "classes is 1; it must be at least 2"),
        ({"width": 0}, "width is 0"),
        ({"hidden": -1}, "hidden is -1"),
        ({"steps": 0}, "steps is 0"),
        ({"learning_rate": 0.0}, "learning_rate is 0"),
    ],
)
def test_wrong_values_are_named(change, words):
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(SMALL, **change)


def test_images_of_another_size_are_refused(played):
    _, states, _ = played
    with pytest.raises(ValueError, match=r"\(8, 8, 2\).*\(8, 8, 1\)"):
        classifier.predict(SMALL, variables(states[0]), jnp.zeros((1, 8, 8, 1)))
