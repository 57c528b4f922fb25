"""The losses and masks of inpainting, against loops and formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxgan.analysis import inpainting


def looped(known, size):
    """Equation 3 of arXiv:1607.07539, pixel by pixel."""
    height, width = known.shape
    half, out = size // 2, np.zeros(known.shape)
    for i in range(height):
        for j in range(width):
            window = known[max(0, i - half) : i + half + 1,
                           max(0, j - half) : j + half + 1]  # fmt: skip
            out[i, j] = known[i, j] * (1 - window.mean())
    return out


@pytest.mark.parametrize("size", [1, 3, 7])
def test_importance_is_the_share_of_missing_neighbours(size):
    known = np.random.default_rng(0).random((11, 9)) < 0.6
    found = inpainting.importance(known, size)
    np.testing.assert_allclose(found, looped(known, size), atol=1e-6)


def test_importance_by_hand():
    known = np.ones((9, 9), bool)
    known[4, 4] = False
    found = np.asarray(inpainting.importance(known))
    assert found[4, 4] == 0
    np.testing.assert_allclose(found[4, 3], 1 / 49)
    np.testing.assert_allclose(found[1, 1], 1 / 25)  # rows and columns 0 to 4
    assert found[0, 0] == 0


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 3, 5]))
def test_importance_is_zero_in_the_hole_and_below_one(seed, size):
    known = np.random.default_rng(seed).random((6, 5)) < 0.5
    found = np.asarray(inpainting.importance(known, size))
    assert (found[~known] == 0).all()
    assert ((found >= 0) & (found < 1)).all()


def test_the_contextual_loss_is_a_weighted_sum():
    rng = np.random.default_rng(1)
    drawn, images = rng.normal(size=(2, 3, 4, 5, 2)).astype("float32")
    weights = rng.random((4, 5)).astype("float32")
    weights[1] = 0
    expected = (weights[..., None] * abs(drawn - images)).sum((1, 2, 3))
    images[:, 1] = np.nan  # what is not known
    found = inpainting.contextual_loss(drawn, images, weights)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    gradient = jax.grad(lambda x: inpainting.contextual_loss(x, images, weights).sum())(
        jnp.asarray(drawn)
    )
    assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(gradient[:, 1], 0)


def test_the_prior_loss_is_that_of_the_paper_without_its_zeros():
    logits = np.linspace(-8, 8, 9)
    share = 1 / (1 + np.exp(-logits))
    found = inpainting.prior_loss(jnp.asarray(logits, jnp.float32))
    np.testing.assert_allclose(found, np.log(1 - share), rtol=1e-5)
    other = inpainting.prior_loss(jnp.asarray(logits, jnp.float32), saturating=False)
    np.testing.assert_allclose(other, -np.log(share), rtol=1e-5)
    # In float32, 1 - sigmoid(40) is 0 and its logarithm infinite.
    np.testing.assert_allclose(inpainting.prior_loss(jnp.float32(40.0)), -40)


@pytest.mark.parametrize("logit", [-30.0, -5.0, 0.0, 5.0, 30.0])
def test_the_slopes_of_the_prior_loss(logit):
    share = 1 / (1 + np.exp(-logit))
    slope = jax.grad(inpainting.prior_loss)(logit)
    np.testing.assert_allclose(slope, -share, rtol=1e-5)
    slope = jax.grad(lambda a: inpainting.prior_loss(a, saturating=False))(logit)
    np.testing.assert_allclose(slope, share - 1, rtol=1e-4, atol=1e-12)


def test_pasting_keeps_what_is_known():
    drawn, images = jnp.zeros((2, 4, 4, 1)), jnp.ones((2, 4, 4, 1))
    known = inpainting.half_mask(4, 4)
    found = inpainting.paste(drawn, images, known)
    np.testing.assert_array_equal(found[1, :, :, 0], [[0, 0, 1, 1]] * 4)


def test_masks():
    centre = np.asarray(inpainting.centre_mask(8, 8))
    assert not centre[2:6, 2:6].any()
    assert (~centre).sum() == 16
    wide = np.asarray(inpainting.centre_mask(8, 16))
    assert not wide[2:6, 4:12].any()
    assert (~wide).sum() == 32
    assert (~np.asarray(inpainting.centre_mask(10, 10, 0.5))).sum() in (36, 49, 64)
    half = np.asarray(inpainting.half_mask(3, 6))
    np.testing.assert_array_equal(half, [[False] * 3 + [True] * 3] * 3)
    rows = np.asarray(inpainting.rows_mask(16, 2))
    np.testing.assert_array_equal(rows[:, 0], [True, True, False, False] * 4)
    assert inpainting.rows_mask(5, 2, 1)[:, 0].tolist() == [True, False] * 2 + [True]


@pytest.mark.parametrize("share", [0.2, 0.8, 0.55])
def test_a_random_mask_takes_away_its_share(share):
    found = inpainting.random_mask(jax.random.key(0), 20, 10, share)
    assert int((~found).sum()) == round(200 * share)
    other = inpainting.random_mask(jax.random.key(1), 20, 10, share)
    assert (np.asarray(found) != np.asarray(other)).any()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: inpainting.importance(np.ones((4, 4)), 4),
            "size is 4; a window needs an odd side",
        ),
        (lambda: inpainting.centre_mask(4, 4, 1.0), "share is 1.0; it must be above 0"),
        (
            lambda: inpainting.random_mask(jax.random.key(0), 4, 4, 0.0),
            "share is 0.0; it must be above 0",
        ),
        (
            lambda: inpainting.rows_mask(4, 4, 4),
            "band is 4; it must be from 1 to 3 rows",
        ),
    ],
)
def test_what_cannot_be_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
