"""The squash of capsules: values, directions and slopes at every length."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.capsules.routing import squash


def normal(seed, *shape):
    return jax.random.normal(jax.random.key(seed), shape)


def test_squash_by_hand():
    s = np.array([[3.0, 4.0], [0.6, 0.8], [0.0, -0.1]])
    wanted = [[15 / 26, 20 / 26], [0.3, 0.4], [0, -0.01 / 1.01]]
    np.testing.assert_allclose(squash(jnp.array(s)), wanted, rtol=1e-6)


def test_squash_takes_any_axis():
    s = normal(0, 3, 4, 5)
    for axis in (0, 1, -2):
        v = jax.jit(partial(squash, axis=axis))(s)
        norm = np.linalg.norm(s, axis=axis, keepdims=True)
        np.testing.assert_allclose(v, s * norm / (1 + norm**2), rtol=1e-5)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_squash_shortens_and_keeps_direction_at_every_length(dtype):
    lengths = 10.0 ** np.arange(-18, 37, 2)
    unit = np.array([2, -3, 6]) / 7
    s = jnp.array(lengths[:, None] * unit, dtype)
    exact = np.asarray(s, np.float64)
    norm = np.linalg.norm(exact, axis=-1, keepdims=True)
    v = jax.jit(squash)(s)
    assert v.dtype == jnp.float32
    np.testing.assert_allclose(v, exact * norm / (1 + norm**2), rtol=1e-5)
    assert np.linalg.norm(np.asarray(v), axis=-1).max() < 1 + 1e-6
    assert np.linalg.norm(np.asarray(v)[lengths < 1e3], axis=-1).max() < 1


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("length", [0.0, 1e-20, 1.0, 1e20])
def test_gradient_of_squash(length, dtype):
    # v = s n / (1 + n²), so dv/ds = n/(1+n²) I + (1-n²)/(1+n²)² n û ûᵀ
    s = jnp.array([0.6 * length, 0.8 * length], dtype)
    exact = np.asarray(s, np.float64)
    n = np.linalg.norm(exact)
    unit = exact / n if n else exact
    wanted = n / (1 + n**2) * np.eye(2)
    wanted += (1 - n**2) * n / (1 + n**2) ** 2 * np.outer(unit, unit)
    slope = jax.jit(jax.jacrev(squash))(s)
    tolerance = 1e-5 if dtype == jnp.float32 else 1e-2
    scale = abs(wanted).max()
    np.testing.assert_allclose(slope, wanted, rtol=0, atol=tolerance * scale)
