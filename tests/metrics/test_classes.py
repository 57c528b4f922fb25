"""Scores of predicted classes, against arithmetic, SciPy and loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.spatial
import scipy.special
import scipy.stats

from jaxgan import metrics


def sure(*classes, of=4):
    """Logits of predictions that are as sure as float32 can be."""
    return np.where(np.eye(of)[list(classes)] == 1, 200.0, 0.0).astype("float32")


def drawn(count=40, classes=5, seed=0):
    rng = np.random.default_rng(seed)
    return (2 * rng.normal(size=(count, classes))).astype("float32")


def test_balance_counts_predictions_and_compares_with_uniform():
    share, divergence = metrics.class_balance(sure(0, 0, 0, 1, 1, 3, 3, 3))
    np.testing.assert_allclose(share, [3 / 8, 2 / 8, 0, 3 / 8], rtol=1e-6)
    expected = scipy.stats.entropy([3, 2, 0, 3], [1, 1, 1, 1])
    np.testing.assert_allclose(divergence, expected, rtol=1e-5)


def test_balance_at_its_ends():
    np.testing.assert_allclose(metrics.class_balance(sure(*range(4)))[1], 0, atol=1e-6)
    lost = metrics.class_balance(sure(2, 2, 2)).divergence
    np.testing.assert_allclose(lost, np.log(4), rtol=1e-5)


def test_accuracy_of_what_was_asked_for():
    logits = sure(0, 1, 2, 3, 3)
    found = metrics.conditional_accuracy(logits, np.array([0, 1, 1, 3, 0]))
    np.testing.assert_allclose(found, 3 / 5, rtol=1e-6)


def test_score_at_its_ends():
    """K classes surely seen: K. The same prediction, sure or not, for all: 1."""
    score = metrics.classifier_score
    np.testing.assert_allclose(score(sure(*range(4))), [4], rtol=1e-5)
    np.testing.assert_allclose(score(sure(0, 2)), [2], rtol=1e-5)
    np.testing.assert_allclose(score(sure(1, 1, 1)), [1], rtol=1e-5)
    np.testing.assert_allclose(score(np.zeros((3, 4), "float32")), [1], rtol=1e-5)


def test_score_is_the_formula_of_the_paper():
    p = scipy.special.softmax(drawn().astype("float64"), 1)
    mean_kl = np.mean([scipy.stats.entropy(row, p.mean(0)) for row in p])
    found = jax.jit(metrics.classifier_score)(drawn())
    np.testing.assert_allclose(found, [np.exp(mean_kl)], rtol=1e-5)


def test_parts_are_scored_by_themselves_and_none_is_left_out():
    logits = drawn(count=11)
    found = metrics.classifier_score(logits, 3)
    parts = np.split(logits, [3, 7])
    expected = [metrics.classifier_score(part)[0] for part in parts]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("ends", [[], [1, 20], [3, 4, 30, 39]])
def test_batches_add_up_to_the_score_of_all(ends):
    logits = drawn().astype("float64")
    p = scipy.special.softmax(logits, 1)
    sums = [metrics.score_sums(part) for part in np.split(logits, ends)]
    whole = metrics.merge_score_sums(*sums)
    assert whole.count == 40
    np.testing.assert_allclose(whole.p, p.sum(0), rtol=1e-13)
    np.testing.assert_allclose(whole.p_log_p, -scipy.stats.entropy(p, axis=1).sum())
    mean_kl = np.mean([scipy.stats.entropy(row, p.mean(0)) for row in p])
    score = metrics.score_of_sums(whole)
    np.testing.assert_allclose(score, np.exp(mean_kl), rtol=1e-13)
    np.testing.assert_allclose(metrics.classifier_score(logits), [score], rtol=1e-13)


def test_score_of_a_thousand_classes_keeps_its_digits_in_float32():
    logits = drawn(count=500, classes=1008).astype("float64")
    p = scipy.special.softmax(logits, 1)
    mean_kl = np.mean([scipy.stats.entropy(row, p.mean(0)) for row in p])
    found = metrics.classifier_score(jnp.asarray(logits, "float32"))
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, [np.exp(mean_kl)], rtol=5e-6)


def test_score_sums_work_under_jit_vmap_and_grad():
    logits = np.stack([drawn(), drawn(seed=1)])

    def score(x):
        parts = metrics.score_sums(x[:9]), metrics.score_sums(x[9:])
        return metrics.score_of_sums(metrics.merge_score_sums(*parts))

    found = jax.jit(jax.vmap(score))(jnp.asarray(logits))
    wanted = [metrics.classifier_score(x.astype("float64"))[0] for x in logits]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    impossible = jnp.asarray(logits[0]).at[3, 2].set(-jnp.inf)
    assert jnp.isfinite(jax.jit(jax.grad(score))(impossible)).all()


def test_a_class_of_minus_infinity_has_probability_zero():
    three = drawn(classes=3).astype("float64")
    four = np.pad(three, ((0, 0), (0, 1)), constant_values=-np.inf)
    np.testing.assert_allclose(
        metrics.classifier_score(four), metrics.classifier_score(three), rtol=1e-13
    )


def test_score_does_not_change_with_constants_added_to_logits():
    logits = drawn()
    np.testing.assert_allclose(
        metrics.classifier_score(logits + 50),
        metrics.classifier_score(logits),
        rtol=1e-4,
    )


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_diversity_is_the_mean_of_scipys_distances(dtype):
    rng = np.random.default_rng(0)
    samples = rng.integers(0, 255, (9, 4, 3, 1)).astype(dtype)
    expected = scipy.spatial.distance.pdist(samples.reshape(9, -1).astype(float))
    found = metrics.pairwise_diversity(samples)
    np.testing.assert_allclose(found, expected.mean(), rtol=1e-5)


def test_diversity_of_copies_is_zero_and_of_two_their_distance():
    same = np.full((5, 7), 0.1, "float32")
    np.testing.assert_array_equal(metrics.pairwise_diversity(same), 0)
    two = np.array([[0.0, 0.0], [3.0, 4.0]])
    np.testing.assert_allclose(metrics.pairwise_diversity(two), 5, rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: metrics.class_balance(np.zeros(4, "float32")), "logits is float32"),
        (lambda: metrics.class_balance(np.zeros((3, 4), int)), "expected floats"),
        (lambda: metrics.classifier_score(sure(0, 1), 3), "splits is 3"),
        (lambda: metrics.classifier_score(sure(0, 1), 0), "splits is 0"),
        (lambda: metrics.classifier_score(np.zeros((0, 4))), r"\(0, 4\)"),
        (lambda: metrics.classifier_score(sure(0) * np.nan), "logits has 4 NaN of 4"),
        (lambda: metrics.score_sums(np.zeros(4)), r"logits is float64 \(4,\)"),
        (lambda: metrics.merge_score_sums(), r"p of shapes \[\]"),
        (
            lambda: metrics.merge_score_sums(
                metrics.score_sums(sure(0)), metrics.score_sums(sure(0, of=5))
            ),
            "with the same K",
        ),
        (
            lambda: metrics.conditional_accuracy(sure(0, 1), np.array([0])),
            r"labels is int.* \(1,\)",
        ),
        (
            lambda: metrics.conditional_accuracy(sure(0, 1), np.zeros(2)),
            "labels is float",
        ),
        (lambda: metrics.pairwise_diversity(np.zeros((1, 4))), "N of 2 or more"),
        (lambda: metrics.pairwise_diversity(np.zeros(())), "N of 2 or more"),
    ],
)
def test_what_cannot_be_scored_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
