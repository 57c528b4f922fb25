"""Small random affine maps: what stays, what is exact, how far they go."""

import jax
import jax.test_util
import numpy as np
import pytest

from jaxgan import nn

STILL = {"degrees": 0.0, "shear": 0.0, "scale": (1.0, 1.0), "shift": 0.0}


def spots(count, rows, columns):
    """Bright squares of 3x3 in the middle of black, `[count, H, W, 1]`."""
    images = np.zeros((count, rows, columns, 1), "float32")
    images[:, rows // 2 - 1 : rows // 2 + 2, columns // 2 - 1 : columns // 2 + 2] = 1
    return images


def centres(images):
    """The mean place of brightness about the middle, `[B, 2]`: rows, columns."""
    x = np.asarray(images)[..., 0]
    total = x.sum((1, 2))
    places = [np.arange(side) - (side - 1) / 2 for side in x.shape[1:]]
    return np.stack(
        [(x.sum(2) @ places[0]) / total, (x.sum(1) @ places[1]) / total], axis=1
    )


def test_without_amounts_images_stay(key):
    images = np.random.default_rng(0).uniform(size=(3, 6, 9, 2)).astype("float32")
    again = nn.random_affine(images, key, **STILL)
    np.testing.assert_allclose(again, images, atol=1e-6)


def test_shifts_are_uniform_and_as_far_as_said(key):
    amounts = STILL | {"shift": 3.0}
    moved = centres(nn.random_affine(spots(2000, 15, 21), key, **amounts))
    assert np.abs(moved).max() <= 3 + 1e-4
    assert np.abs(moved).max() > 2.9
    np.testing.assert_allclose(moved.std(0), [3 / 3**0.5] * 2, rtol=0.05)
    assert abs(np.corrcoef(moved.T)[0, 1]) < 0.08


@pytest.mark.parametrize("size", [0.8, 1.2])
def test_scales_make_content_as_large_as_said(key, size):
    amounts = STILL | {"scale": (size, size)}
    columns = np.abs(np.arange(41) - 20.0)
    ramp = np.broadcast_to(columns, (1, 41, 41))[..., None].astype("float32")
    grown = np.asarray(nn.random_affine(ramp, key, **amounts))[0, 20, 12:29, 0]
    np.testing.assert_allclose(grown, columns[12:29] / size, atol=1e-4)


@pytest.mark.parametrize("kind", ["degrees", "shear"])
def test_angles_and_slopes_are_as_far_as_said(key, kind):
    """A line through the middle: how many columns its end is off."""
    line = np.zeros((400, 41, 41, 1), "float32")
    line[:, :, 20] = 1
    amount = {"degrees": 20.0, "shear": 0.2}[kind]
    drawn = np.asarray(nn.random_affine(line, key, **(STILL | {kind: amount})))
    off = centres(drawn[:, 5:6])[:, 1] / 15  # row 5 is 15 above the middle
    most = np.tan(np.radians(20)) if kind == "degrees" else 0.2
    assert 0.95 * most < np.abs(off).max() < 1.02 * most
    assert abs(off.mean()) < 0.1 * most


def test_every_image_moves_by_itself_and_gradients_pass(key):
    images = np.random.default_rng(0).uniform(size=(4, 8, 8, 1)).astype("float32")
    moved = np.asarray(nn.random_affine(images, key))
    same = np.broadcast_to(images[:1], images.shape)
    alike = np.asarray(nn.random_affine(same, key))
    assert all(np.abs(alike[0] - other).max() > 0.05 for other in alike[1:])
    np.testing.assert_allclose(alike[0], moved[0], atol=1e-6)
    jax.test_util.check_grads(
        lambda x: nn.random_affine(x, key), (images,), 1, ["rev"], eps=1e-2
    )
