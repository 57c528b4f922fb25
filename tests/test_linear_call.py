"""A linear map with a transpose of its own, through every transformation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.linear_call import linear_call


def scaled(x, y):
    """x sin(y), with the transpose marked by a factor of 3."""
    return linear_call(
        lambda s, x: {"out": s["by"] * x[0]},
        lambda s, gradient: (3 * s["by"] * gradient["out"],),
        {"by": jnp.sin(y)},
        (x,),
    )["out"]


def test_reverse_mode_uses_the_transpose_and_forward_mode_the_map():
    x, y = 2.0, 0.5
    value, slope = jax.jvp(scaled, (x, y), (1.0, 1.0))
    np.testing.assert_allclose(value, x * np.sin(y), rtol=1e-6)
    np.testing.assert_allclose(slope, np.sin(y) + x * np.cos(y), rtol=1e-6)
    in_x, in_y = jax.grad(scaled, (0, 1))(x, y)
    np.testing.assert_allclose(in_x, 3 * np.sin(y), rtol=1e-6)
    np.testing.assert_allclose(in_y, x * np.cos(y), rtol=1e-6)


def test_the_transpose_of_the_transpose_is_the_map():
    transpose = jax.linear_transpose(lambda x: scaled(x, 0.5), 1.0)
    again = jax.linear_transpose(lambda x: transpose(x)[0], 1.0)
    np.testing.assert_allclose(transpose(2.0)[0], 6 * np.sin(0.5), rtol=1e-6)
    np.testing.assert_allclose(again(2.0)[0], 2 * np.sin(0.5), rtol=1e-6)


def test_second_derivatives_differentiate_the_transpose():
    in_x = jax.grad(scaled)
    np.testing.assert_allclose(
        jax.jvp(in_x, (2.0, 0.5), (0.0, 1.0))[1], 3 * np.cos(0.5), rtol=1e-6
    )
    np.testing.assert_allclose(jax.grad(in_x, 1)(2.0, 0.5), 3 * np.cos(0.5), rtol=1e-6)


@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0)], ids=str)
def test_batches_of_arguments_of_residuals_and_of_both(axes):
    x, y = np.array([2.0, -1.0, 3.0], "f4"), np.array([0.5, 0.1, 0.2], "f4")
    args = x if axes[0] == 0 else x[0], y if axes[1] == 0 else y[0]
    many = jax.vmap(scaled, axes)

    def total(x, y):
        return many(x, y).sum()

    np.testing.assert_allclose(many(*args), args[0] * np.sin(args[1]), rtol=1e-6)
    slopes = 3 * np.sin(args[1]), args[0] * np.cos(args[1])
    found = jax.jit(jax.grad(total, (0, 1)))(*args)
    for gradient, slope, axis in zip(found, slopes, axes, strict=True):
        expected = np.broadcast_to(slope, 3)
        expected = expected if axis == 0 else expected.sum()
        np.testing.assert_allclose(gradient, expected, rtol=1e-6)
