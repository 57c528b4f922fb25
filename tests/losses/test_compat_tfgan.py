"""The expected numbers are those of TF-GAN's own tests (losses_impl_test.py)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxgan import losses
from jaxgan.losses.compat import tfgan

REAL = jnp.array([-5.0, 1.4, 12.5, 2.7])
GEN = jnp.array([10.0, 4.4, -5.5, 3.6])
EXPECTED = {  # generator, discriminator
    "least_squares": (17.69625, 41.73375),
    "modified": (1.38582, 6.19637),
    "minimax": (-4.82408, 6.19637),
    "wasserstein": (-3.12500, 0.22500),
    "wasserstein_hinge": (-3.12500, 6.7500),
}
every_family = pytest.mark.parametrize("family", EXPECTED)


def pair(family):
    return (
        getattr(tfgan, f"{family}_generator_loss"),
        getattr(tfgan, f"{family}_discriminator_loss"),
    )


@every_family
def test_defaults(family):
    generator, discriminator = pair(family)
    np.testing.assert_allclose(
        [generator(GEN), discriminator(REAL, GEN)], EXPECTED[family], atol=1e-5
    )


@every_family
def test_patches_weights_and_reductions(family):
    (generator, discriminator), (g, d) = pair(family), EXPECTED[family]
    close = {"atol": 1e-4}
    patches = REAL.reshape(2, 2), GEN.reshape(2, 2)
    np.testing.assert_allclose(generator(patches[1]), g, **close)
    np.testing.assert_allclose(discriminator(*patches), d, **close)
    np.testing.assert_allclose(generator(GEN, weights=2.3), 2.3 * g, **close)
    weighted = discriminator(REAL, GEN, real_weights=2.3, generated_weights=2.3)
    np.testing.assert_allclose(weighted, 2.3 * d, **close)
    none = {"reduction": tfgan.Reduction.NONE}
    assert generator(GEN, **none).shape == (4,)
    np.testing.assert_allclose(discriminator(REAL, GEN, **none).mean(), d, **close)
    total = generator(GEN, reduction=tfgan.Reduction.SUM)
    np.testing.assert_allclose(total, 4 * g, rtol=1e-5)
    for reduction in (tfgan.Reduction.MEAN, tfgan.Reduction.SUM_OVER_BATCH_SIZE):
        np.testing.assert_allclose(generator(GEN, reduction=reduction), g, **close)


def test_weighted_reductions():
    values, weights = jnp.array([1.0, 2.0, 4.0, 8.0]), jnp.array([0.0, 2.0, 1.0, 0.0])

    def reduced(reduction):
        return tfgan.compute_weighted_loss(values, weights, reduction=reduction)

    names = tfgan.Reduction
    assert reduced(names.SUM) == 8.0
    assert reduced(names.SUM_BY_NONZERO_WEIGHTS) == 4.0
    np.testing.assert_allclose(reduced(names.MEAN), 8 / 3, rtol=1e-6)
    assert reduced(names.SUM_OVER_BATCH_SIZE) == 2.0
    assert tfgan.compute_weighted_loss(values, 0.0) == 0.0
    with pytest.raises(ValueError, match="reduction is 'mean', expected one of none"):
        reduced("mean")
    with pytest.raises(
        ValueError, match=r"weights has shape \(4, 1\), expected rank 1"
    ):
        tfgan.compute_weighted_loss(values, weights[:, None])


def test_smoothing_goes_towards_one_half():
    smoothed = tfgan.minimax_discriminator_loss(REAL, GEN, label_smoothing=0.25)
    core = losses.minimax_discriminator_loss(REAL, GEN, label_smoothing=0.125).mean()
    np.testing.assert_allclose(smoothed, core, rtol=1e-6)


GEN_CLASSES = jnp.array(
    [
        [10.0, 4.4, -5.5, 3.6],
        [-4.0, 4.4, 5.2, 4.6],
        [1.1, 2.4, -3.5, 5.6],
        [1.1, 2.4, -3.5, 5.6],
    ]
)
REAL_CLASSES = jnp.array(
    [
        [-2.0, 0.4, 12.5, 2.7],
        [-1.2, 1.9, 12.3, 2.6],
        [-2.4, -1.7, 2.5, 2.7],
        [1.1, 2.4, -3.5, 5.6],
    ]
)
ONE_HOT = jnp.eye(4)[jnp.array([1, 2, 0, 0])]


def test_auxiliary_classification():
    generator = tfgan.acgan_generator_loss(GEN_CLASSES, ONE_HOT)
    discriminator = tfgan.acgan_discriminator_loss(REAL_CLASSES, GEN_CLASSES, ONE_HOT)
    np.testing.assert_allclose(generator, 3.84974, atol=1e-5)
    np.testing.assert_allclose(discriminator, 9.43950, atol=1e-5)
    patches = tfgan.acgan_discriminator_loss(
        *(x.reshape(2, 2, 4) for x in (REAL_CLASSES, GEN_CLASSES, ONE_HOT))
    )
    np.testing.assert_allclose(patches, 9.43950, atol=1e-5)
    smoothed = tfgan.acgan_discriminator_loss(
        REAL_CLASSES, GEN_CLASSES, ONE_HOT, label_smoothing=0.1
    )
    log_probs = jax.nn.log_softmax(REAL_CLASSES)
    wanted = discriminator - 0.1 * (log_probs.mean() - (ONE_HOT * log_probs).sum() / 4)
    np.testing.assert_allclose(smoothed, wanted, rtol=1e-5)


def test_gradient_penalty():
    gen = jnp.array([[3.1, 2.3, -12.3, 32.1]])
    real = jnp.array([[-12.3, 23.2, 16.3, -43.2]])
    key = jax.random.key(0)

    def double(data, inputs):
        assert inputs == "condition"
        return 2.0 * data

    def penalty(fn=double, **kwargs):
        return tfgan.wasserstein_gradient_penalty(
            real, gen, "condition", fn, None, key=key, **kwargs
        )

    np.testing.assert_allclose(penalty(), 9.0, rtol=1e-6)
    np.testing.assert_allclose(penalty(one_sided=True), 9.0, rtol=1e-6)
    np.testing.assert_allclose(penalty(target=2.0), 1.0, rtol=1e-6)
    np.testing.assert_allclose(penalty(weights=2.3), 2.3 * 9.0, rtol=1e-6)
    np.testing.assert_allclose(
        penalty(lambda d, i: (double(d, i), "classes")), 9.0, rtol=1e-6
    )
    assert penalty(reduction=tfgan.Reduction.NONE).shape == (1,)
    flat = penalty(lambda d, i: 0.0 * d)
    np.testing.assert_allclose(flat, (1e-5 - 1) ** 2, rtol=1e-6)


class Categorical:
    def __init__(self, logits):
        self.log_probs = jax.nn.log_softmax(jnp.asarray(logits))

    def log_prob(self, code):
        return self.log_probs[jnp.asarray(code, jnp.int32)]


class Normal:
    def __init__(self, mean, deviation):
        self.distribution = stats.norm(mean, deviation)

    def log_prob(self, code):
        return jnp.asarray(self.distribution.logpdf(code))


def test_mutual_information():
    codes = [1.0, 2.0]
    distributions = [Categorical([1.0, 2.0]), Normal([0.0], [1.0])]
    loss = tfgan.mutual_information_penalty(codes, distributions)
    np.testing.assert_allclose(loss, 1.61610, atol=1e-5)
    none = tfgan.mutual_information_penalty(
        codes, distributions, reduction=tfgan.Reduction.NONE
    )
    assert none.shape == (2,)
    with pytest.raises(ValueError, match="got 1 and 2"):
        tfgan.mutual_information_penalty(codes[:1], distributions)


def test_combining_losses():
    def main(v):
        return 2.0 * v

    def adversarial(v):
        return 3.0 * v

    by_ratio = tfgan.combine_adversarial_loss(
        main, adversarial, gradient_ratio=0.5, variables=jnp.float32(1.0)
    )
    np.testing.assert_allclose(by_ratio, 2.0 + 2.0 / (3.0 * 0.5) * 3.0, rtol=1e-5)
    by_weight = tfgan.combine_adversarial_loss(
        jnp.array([2.0, 1.0]), jnp.array([3.0, 1.0]), weight_factor=2.0
    )
    np.testing.assert_allclose(by_weight, [8.0, 3.0])
    for wrong in ({}, {"weight_factor": 1.0, "gradient_ratio": 1.0}):
        with pytest.raises(ValueError, match="exactly one of weight_factor"):
            tfgan.combine_adversarial_loss(jnp.ones(1), jnp.ones(1), **wrong)


def test_cycle_consistency():
    x, x_again = jnp.arange(1.0, 7.0).reshape(2, 3), jnp.arange(7.0, 13.0).reshape(2, 3)
    y, y_again = jnp.array([1.0, 9.0]), jnp.array([-2.0, 3.0])
    loss = tfgan.cycle_consistency_loss(x, x_again, y, y_again)
    np.testing.assert_allclose(loss, 5.25, rtol=1e-6)


def test_mismatched_outputs_are_refused_by_their_names():
    with pytest.raises(ValueError, match="discriminator_real_outputs"):
        tfgan.minimax_discriminator_loss(jnp.zeros(4), jnp.zeros((4, 1)))
