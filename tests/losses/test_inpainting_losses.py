"""The losses of filling a hole, against loops and formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import losses

RNG = np.random.default_rng(0)
TARGET, PREDICTION = RNG.uniform(size=(2, 2, 24, 24, 3)).astype("float32")


def importance(known, size):
    """Equation 3 of arXiv:1607.07539 for `[H, W]`, pixel by pixel."""
    height, width = known.shape
    half, out = size // 2, np.zeros(known.shape)
    for i in range(height):
        for j in range(width):
            window = known[max(0, i - half) : i + half + 1,
                           max(0, j - half) : j + half + 1]  # fmt: skip
            out[i, j] = known[i, j] * (1 - window.mean())
    return out


def test_masked_reconstruction():
    loss = jax.jit(losses.masked_reconstruction_loss)
    ones = np.ones((1, 24, 24, 1), bool)
    gap = np.square(np.float64(TARGET) - PREDICTION)
    np.testing.assert_allclose(
        loss(TARGET, PREDICTION, ones), gap.mean(axis=(1, 2, 3)), rtol=1e-5
    )
    mask = np.zeros((1, 24, 24, 1), bool)
    mask[:, 6:18, 6:18] = True
    inside = gap[:, 6:18, 6:18].mean(axis=(1, 2, 3)) / 4
    np.testing.assert_allclose(loss(TARGET, PREDICTION, mask), inside, rtol=1e-5)
    outside = np.where(mask, PREDICTION, TARGET)
    np.testing.assert_array_equal(loss(TARGET, outside, ~mask), np.zeros(2))


def test_the_overlap_weighs_ten_times():
    weights = np.asarray(losses.overlap_weights(64, 64, overlap=7))
    assert weights.shape == (1, 64, 64, 1)
    assert (weights[0, 7:57, 7:57] == 1).all()
    assert weights.sum() == 50**2 + 10 * (64**2 - 50**2)
    np.testing.assert_array_equal(losses.overlap_weights(2, 3, overlap=0), 1.0)


@pytest.mark.parametrize("window", [1, 3, 7])
def test_weights_are_the_share_of_missing_neighbours(window):
    masks = RNG.random((20, 11, 9, 1)) < 0.6
    wanted = np.stack([importance(mask[..., 0], window) for mask in masks])
    for dtype in (bool, np.float32, np.int32):
        found = np.asarray(
            losses.inpainting_weights(masks.astype(dtype), window=window)
        )
        np.testing.assert_allclose(found[..., 0], wanted, atol=1e-6)
        assert (found[~masks] == 0).all()
        assert ((found >= 0) & (found < 1)).all()


def test_weights_by_hand():
    known = np.ones((1, 9, 9, 1), bool)
    known[0, 4, 4] = False
    found = np.asarray(losses.inpainting_weights(known))[0, :, :, 0]
    assert found[4, 4] == 0
    np.testing.assert_allclose(found[4, 3], 1 / 49)
    np.testing.assert_allclose(found[1, 1], 1 / 25)  # rows and columns 0 to 4
    assert found[0, 0] == 0
    with pytest.raises(ValueError, match="window is 4, expected a positive odd"):
        losses.inpainting_weights(known, window=4)


@pytest.mark.parametrize("shape", [(1, 24, 24, 1), (2, 24, 24, 3)])
def test_the_contextual_loss_is_a_weighted_sum_over_known_pixels(shape):
    weights = RNG.random(shape).astype("float32")
    weights[:, 8:16] = 0
    wanted = (weights * abs(TARGET - PREDICTION)).sum(axis=(1, 2, 3))
    damaged = TARGET.copy()
    damaged[:, 8:16] = np.nan

    @jax.jit
    @jax.value_and_grad
    def total(generated):
        loss = losses.inpainting_contextual_loss(damaged, generated, weights)
        return (loss * jnp.array([1.0, 100.0])).sum()

    loss, gradient = total(PREDICTION)
    np.testing.assert_allclose(loss, wanted @ [1, 100], rtol=1e-5)
    assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(gradient[:, 8:16], 0)


def test_the_prior_loss_is_that_of_the_paper_without_its_zeros():
    logits = np.array([-30.0, -8.0, -5.0, -2.0, 0.0, 2.0, 5.0, 8.0, 30.0], "float32")
    share = 1 / (1 + np.exp(-np.float64(logits)))

    def total(loss):
        return jax.value_and_grad(
            lambda a: (lambda b: (b.sum(), b))(loss(a)), has_aux=True
        )

    (_, prior), slope = total(losses.inpainting_prior_loss)(logits)
    np.testing.assert_allclose(prior, -np.logaddexp(0, np.float64(logits)), rtol=1e-5)
    np.testing.assert_allclose(prior[1:-1], np.log(1 - share[1:-1]), rtol=1e-5)
    np.testing.assert_allclose(slope, -share, rtol=1e-5)
    _, slope = total(losses.non_saturating_generator_loss)(logits)
    np.testing.assert_allclose(slope, share - 1, rtol=1e-4, atol=1e-12)
    # In float32, 1 - sigmoid(40) is 0 and its logarithm infinite.
    np.testing.assert_allclose(losses.inpainting_prior_loss(jnp.full(1, 40.0)), [-40.0])
