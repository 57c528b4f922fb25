"""Smaller images against Pillow, and shuffled pixels against PyTorch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxgan import nn


@pytest.mark.parametrize("factor", [2, 4])
def test_reduction_is_pillow_s(factor):
    image = np.random.default_rng(0).uniform(size=(24, 40)).astype("float32")
    size = (40 // factor, 24 // factor)
    expected = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))
    found = nn.reduce(jnp.asarray(image)[None, ..., None], factor)[0, ..., 0]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_reduction_has_a_gradient_whose_sum_is_that_of_its_weights():
    """Weights of a pixel of the result sum to one, those of all to their count."""
    slope = jax.grad(lambda x: nn.reduce(x, 4).sum())(jnp.zeros((1, 8, 12, 1)))
    np.testing.assert_allclose(slope.sum(), 6, rtol=1e-5)


def test_pixels_are_shuffled_in_pytorch_s_order():
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 18)).astype("float32")
    expected = torch.pixel_shuffle(torch.tensor(x).permute(0, 3, 1, 2), 3)
    found = nn.pixel_shuffle(jnp.asarray(x), 3)
    np.testing.assert_array_equal(found, expected.permute(0, 2, 3, 1))


def test_what_does_not_divide_is_refused():
    with pytest.raises(
        ValueError, match="images of 9x8 cannot be made 4 times smaller;"
    ):
        nn.reduce(jnp.zeros((1, 9, 8, 3)), 4)
    with pytest.raises(ValueError, match="6 channels do not make blocks of 2x2 pixels"):
        nn.pixel_shuffle(jnp.zeros((1, 2, 2, 6)), 2)


def test_doubling_and_halving_by_hand():
    x = jnp.arange(8.0).reshape(1, 2, 2, 2)
    large = nn.double(x)
    np.testing.assert_array_equal(large, np.kron(x, np.ones((1, 2, 2, 1))))
    np.testing.assert_array_equal(nn.halve(large), x)
    np.testing.assert_array_equal(nn.halve(x)[0, 0, 0], [3, 4])
