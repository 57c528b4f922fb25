"""Bytes to the range of tanh and back."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import nn


def test_bytes_become_floats_in_the_range_of_tanh():
    out = nn.from_uint8(jnp.asarray([0, 51, 102, 204, 255], jnp.uint8))
    np.testing.assert_allclose(out, [-1, -0.6, -0.2, 0.6, 1], rtol=1e-6)
    assert out.dtype == jnp.float32


def test_every_byte_survives_the_round_trip():
    every = np.arange(256, dtype=np.uint8).reshape(4, 8, 8, 1)
    again = nn.to_uint8(nn.from_uint8(jnp.asarray(every)))
    np.testing.assert_array_equal(again, every)
    assert again.dtype == jnp.uint8


def test_floats_go_to_the_nearest_byte_and_are_clipped():
    step = 1 / 127.5
    values = [-1 + 0.4 * step, -1 + 0.6 * step, 1 - 0.4 * step, 1 - 0.6 * step]
    out = nn.to_uint8(jnp.asarray([*values, -1.5, 1.5, -100, 100], jnp.float32))
    np.testing.assert_array_equal(out, [0, 1, 255, 254, 0, 255, 0, 255])


def test_bfloat16_is_scaled_in_float32():
    # (1 - 1/512) 127.5 is 127.25; in bfloat16 the sum would be 1 and the byte 128.
    out = nn.to_uint8(jnp.asarray([-1 / 512], jnp.bfloat16))
    np.testing.assert_array_equal(out, [127])


def test_floats_are_not_taken_for_bytes():
    with pytest.raises(AssertionError, match="uint8"):
        nn.from_uint8(jnp.zeros((1, 2, 2, 3)))


def test_reflected_margins_are_those_of_numpy_and_small_images_are_refused():
    image = np.arange(24.0, dtype="float32").reshape(1, 3, 4, 2)
    sides = ((0, 0), (2, 2), (2, 2), (0, 0))
    expected = np.pad(image, sides, mode="reflect")
    np.testing.assert_array_equal(nn.reflect_pad(image, 2), expected)
    with pytest.raises(ValueError, match="3x4 cannot be padded by 3 .* at least 4"):
        nn.reflect_pad(image, 3)
