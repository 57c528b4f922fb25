import math

import jax
import jax.numpy as jnp
import numpy as np
import optax  # twin: optax 0.2.8
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special, stats  # 1.17

from jaxgan import losses

quick = settings(max_examples=8, deadline=None, database=None)
logit_rows = hnp.arrays(np.float32, (3, 4), elements=st.floats(-50, 50, width=32))
classes = hnp.arrays(np.int32, (3,), elements=st.integers(0, 3))
CLASSIFIERS = [
    losses.auxiliary_classification_loss,
    losses.categorical_mutual_information_loss,
    losses.semi_supervised_classification_loss,
]


@quick
@given(logit_rows, classes)
def test_cross_entropy_twins(logits, labels):
    torch = pytest.importorskip("torch")  # 2.13.0
    twin = torch.nn.functional.cross_entropy(
        torch.tensor(logits), torch.tensor(labels).long(), reduction="none"
    )
    other = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
    for loss in CLASSIFIERS:
        result = loss(logits, labels)
        np.testing.assert_allclose(result, twin, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(result, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("loss", CLASSIFIERS)
def test_wrong_labels_are_refused(loss):
    logits = jnp.zeros((2, 3))
    for labels in ([0, 3], np.array([-1, 0]), jnp.array([0, 9])):
        with pytest.raises(ValueError, match=r"(labels|codes) holds .*expected 0 to 2"):
            loss(logits, np.asarray(labels) if isinstance(labels, list) else labels)
    with pytest.raises(TypeError, match=r"(labels|codes) has dtype float32"):
        loss(logits, jnp.zeros(2))
    with pytest.raises(ValueError, match=r"has shape \(2, 1\), expected \(2,\)"):
        loss(logits, jnp.zeros((2, 1), jnp.int32))
    with pytest.raises(ValueError, match=r"logits has shape \(2,\) .*expected rank 2"):
        loss(jnp.zeros(2), jnp.zeros(2, jnp.int32))


@pytest.mark.parametrize("loss", CLASSIFIERS)
def test_labels_out_of_range_are_nan_in_a_compiled_function(loss):
    result = jax.jit(loss)(jnp.zeros((3, 4)), jnp.array([1, 4, -1]))
    np.testing.assert_allclose(result, [math.log(4.0), np.nan, np.nan], rtol=1e-6)


def test_constant_labels_are_checked_in_a_compiled_function():
    with pytest.raises(ValueError, match="labels holds values from 7"):
        jax.jit(lambda x: losses.auxiliary_classification_loss(x, np.array([7])))(
            jnp.zeros((1, 3))
        )


def test_matching_aware_losses_by_hand():
    real, wrong, fake = np.array([[2.0, 0.0], [-1.0, 3.0], [0.5, -4.0]])
    softplus = np.logaddexp
    wanted = softplus(0, -real) + (softplus(0, wrong) + softplus(0, fake)) / 2
    loss = losses.matching_aware_discriminator_loss(real, wrong, fake)
    np.testing.assert_allclose(loss, wanted, rtol=1e-6)
    for generator in (
        losses.matching_aware_generator_loss,
        losses.matching_aware_interpolation_loss,
    ):
        np.testing.assert_allclose(generator(fake), softplus(0, -fake), rtol=1e-6)


def test_ignoring_the_text_is_punished():
    # real and wrong pairs share their images: without the text, r = w
    good, blind = jnp.array([4.0]), jnp.array([0.0])
    loss = losses.matching_aware_discriminator_loss
    assert loss(good, -good, -good) < loss(good, good, -good)
    assert loss(blind, blind, -good) > loss(good, -good, -good)


def test_interpolated_embeddings():
    first, second = jnp.array([[0.0, 2.0]]), jnp.array([[4.0, 4.0]])
    mixed = losses.interpolate_embeddings(first, second, beta=0.25)
    np.testing.assert_allclose(mixed, [[3.0, 3.5]])
    half = losses.interpolate_embeddings(first, second)
    np.testing.assert_allclose(half, losses.interpolate_embeddings(second, first))


@quick
@given(
    hnp.arrays(np.float32, (3, 2), elements=st.floats(-5, 5, width=32)),
    hnp.arrays(np.float32, (3, 2), elements=st.floats(-5, 5, width=32)),
    hnp.arrays(np.float32, (3, 2), elements=st.floats(-3, 3, width=32)),
)
def test_gaussian_information_is_the_likelihood_of_scipy(mean, codes, log_variance):
    fixed = losses.gaussian_mutual_information_loss(mean, codes)
    wanted = -stats.norm(mean, 1.0).logpdf(codes).sum(axis=1)
    np.testing.assert_allclose(fixed, wanted, rtol=1e-5, atol=1e-5)
    learned = losses.gaussian_mutual_information_loss(
        mean, codes, log_variance=log_variance
    )
    deviation = np.exp(log_variance.astype(np.float64) / 2)
    wanted = -stats.norm(mean, deviation).logpdf(codes).sum(axis=1)
    np.testing.assert_allclose(learned, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("term", ["categorical", "fixed", "learned"])
def test_information_terms_train_q_and_the_generator(term):
    x = jnp.array([[1.0, -2.0], [0.5, 0.3]])
    codes, labels = jnp.array([[0.2, 0.9], [-0.4, 0.1]]), jnp.array([0, 1])

    def total(q, x):
        mean = x @ q
        if term == "categorical":
            loss = losses.categorical_mutual_information_loss(mean, labels)
        else:
            log_variance = 0.1 * x @ q if term == "learned" else None
            loss = losses.gaussian_mutual_information_loss(
                mean, codes, log_variance=log_variance
            )
        return loss.sum()

    for gradient in jax.jit(jax.grad(total, (0, 1)))(jnp.eye(2) + 0.1, x):
        assert (jnp.abs(gradient) > 1e-3).all()


def test_information_bound_lies_between_zero_and_the_entropy():
    codes = jnp.array([0, 1, 2, 3])
    knows = losses.categorical_mutual_information_loss(50.0 * jnp.eye(4), codes)
    ignorant = losses.categorical_mutual_information_loss(jnp.zeros((4, 4)), codes)
    np.testing.assert_allclose(math.log(4.0) - knows.mean(), math.log(4.0), rtol=1e-6)
    np.testing.assert_allclose(math.log(4.0) - ignorant.mean(), 0.0, atol=1e-6)


@quick
@given(
    hnp.arrays(np.float32, (2, 3, 5), elements=st.floats(-30, 30, width=32)),
)
def test_k_plus_one_classes_are_the_log_sum_exp_form(logits):
    real, fake = logits
    explicit = losses.semi_supervised_explicit_discriminator_loss(real, fake)
    implied = losses.semi_supervised_discriminator_loss(
        real[:, :-1] - real[:, -1:], fake[:, :-1] - fake[:, -1:]
    )
    np.testing.assert_allclose(explicit, implied, rtol=1e-5, atol=1e-4)
    z = np.logaddexp.reduce(real[:, :-1].astype(np.float64), axis=1)
    unfixed = losses.semi_supervised_real_logit(real[:, :-1])
    np.testing.assert_allclose(unfixed, z, rtol=1e-5, atol=1e-5)


def test_k_plus_one_by_hand():
    logits = np.log([[1.0, 2.0, 3.0]])
    # Z = 6, D = 6/7
    np.testing.assert_allclose(
        jax.nn.sigmoid(losses.semi_supervised_real_logit(logits)), [6 / 7], rtol=1e-6
    )
    unlabelled = losses.semi_supervised_discriminator_loss(logits, logits)
    np.testing.assert_allclose(
        unlabelled, [-math.log(6 / 7) - math.log(1 / 7)], rtol=1e-6
    )
    labelled = losses.semi_supervised_classification_loss(logits, np.array([1]))
    np.testing.assert_allclose(labelled, [-math.log(2 / 6)], rtol=1e-6)
    generator = losses.semi_supervised_generator_loss(logits)
    np.testing.assert_allclose(generator, [-math.log(6 / 7)], rtol=1e-5)
    # the published code: -LSE/2 + softplus(LSE)/2 + softplus(LSE)/2 of the fake
    lse = special.logsumexp(logits, axis=1)
    published = -lse / 2 + np.logaddexp(0, lse) / 2 + np.logaddexp(0, lse) / 2
    np.testing.assert_allclose(unlabelled / 2, published, rtol=1e-6)


def test_explicit_form_needs_two_classes():
    with pytest.raises(ValueError, match=r"shape \(2, 1\), expected two classes"):
        losses.semi_supervised_explicit_discriminator_loss(
            jnp.zeros((2, 1)), jnp.zeros((2, 1))
        )


def test_feature_matching_compares_means_of_batches():
    rng = np.random.default_rng(0)
    real = rng.normal(size=(4, 2, 3)).astype(np.float32)
    fake = rng.normal(size=(6, 2, 3)).astype(np.float32)
    gap = real.mean(axis=0) - fake.mean(axis=0)
    loss = losses.feature_matching_loss(real, fake)
    np.testing.assert_allclose(loss, (gap**2).sum(), rtol=1e-5)
    absolute = losses.feature_matching_loss(real, fake, absolute=True)
    np.testing.assert_allclose(absolute, np.abs(gap).sum(), rtol=1e-5)
    shuffled = losses.feature_matching_loss(real, fake[::-1])
    np.testing.assert_allclose(shuffled, loss, rtol=1e-5)
    np.testing.assert_allclose(
        losses.feature_matching_loss(real, real[::-1]), 0.0, atol=1e-10
    )


def test_feature_matching_refuses_other_features():
    with pytest.raises(ValueError, match=r"real_features \(4, 3\), fake_features \(4,"):
        losses.feature_matching_loss(jnp.zeros((4, 3)), jnp.zeros((4, 2)))
    with pytest.raises(ValueError, match=r"real_features has shape .*rank 2 or more"):
        losses.feature_matching_loss(jnp.zeros(4), jnp.zeros(4))


def test_the_joint_embedding_has_a_margin_over_each_wrong_partner():
    rng = np.random.default_rng(0)
    image, text = rng.normal(size=(2, 5, 3)).astype("float32")
    also = (rng.uniform(size=(5, 5)) < 0.3).astype("float32")
    found = losses.structured_joint_embedding_loss(image, text, also=also)
    for i in range(5):
        right = image[i] @ text[i]
        captions = [j for j in range(5) if j != i and not also[i, j]]
        images = [j for j in range(5) if j != i and not also[j, i]]
        terms = [max(0, 1 + image[i] @ text[j] - right) for j in captions]
        others = [max(0, 1 + image[j] @ text[i] - right) for j in images]
        wanted = sum(terms) / max(len(terms), 1) + sum(others) / max(len(others), 1)
        np.testing.assert_allclose(found[i], wanted, rtol=1e-5, atol=1e-6)
    # Where every caption is true of every image, nothing is wrong.
    everything = np.ones((5, 5), "float32")
    free = losses.structured_joint_embedding_loss(image, text, also=everything)
    np.testing.assert_array_equal(free, np.zeros(5))
    with pytest.raises(ValueError, match="also has shape .*a row for each image"):
        losses.structured_joint_embedding_loss(image, text, also=also[:4])
