"""The masks of inpainting, and pasting."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.analysis import inpainting


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
