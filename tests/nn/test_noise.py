"""Gaussian noise: how much, when, and never the same twice."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

from jaxgan import nn


def test_noise_has_its_deviation_and_no_mean(key):
    x = jnp.full((400, 500), 3.0)
    seen = nn.GaussianNoise(0.3).apply({}, x, rngs={"noise": key}) - x
    np.testing.assert_allclose(seen.mean(), 0, atol=5 * 0.3 / 200_000**0.5)
    np.testing.assert_allclose(seen.std(), 0.3, rtol=0.01)
    np.testing.assert_allclose((jnp.abs(seen) < 0.3).mean(), 0.6827, atol=0.005)


def test_without_the_stream_nothing_happens(key):
    x = jax.random.normal(key, (3, 4))
    np.testing.assert_array_equal(nn.GaussianNoise(0.5).apply({}, x), x)
    other = {"dropout": key}
    np.testing.assert_array_equal(nn.GaussianNoise(0.5).apply({}, x, rngs=other), x)
    none = nn.GaussianNoise(0.0).apply({}, x, rngs={"noise": key})
    np.testing.assert_array_equal(none, x)


def test_layers_and_keys_differ(key):
    class Twice(linen.Module):
        @linen.compact
        def __call__(self, x):
            return nn.GaussianNoise(1.0)(x), nn.GaussianNoise(1.0)(x)

    zeros = jnp.zeros((2, 50), jnp.bfloat16)
    one, two = Twice().apply({}, zeros, rngs={"noise": key})
    again, _ = Twice().apply({}, zeros, rngs={"noise": jax.random.key(1)})
    assert one.dtype == jnp.bfloat16
    for other in (two, again):
        assert (one == other).mean() < 0.2
    assert (one[0] == one[1]).mean() < 0.2  # nor do examples share it


def test_a_negative_deviation_is_refused():
    with pytest.raises(ValueError, match=r"sigma.*-0\.1.*at least 0"):
        nn.GaussianNoise(-0.1).apply({}, jnp.zeros(2))


def test_a_first_batch_that_sets_gains_is_noisy_too(key):
    class Net(linen.Module):
        @linen.compact
        def __call__(self, x):
            x = nn.GaussianNoise(2.0)(x)
            return nn.WeightNormDense(50, data_init=True)(x)

    x = jax.random.normal(key, (4000, 30))
    variables = Net().init(jax.random.key(1), x)
    clean = Net().apply(variables, x).std(0)
    noisy = Net().apply(variables, x, rngs={"noise": jax.random.key(2)}).std(0)
    np.testing.assert_allclose(clean, 1 / 5**0.5, rtol=0.1)  # of 1 + 2² in all
    np.testing.assert_allclose(noisy, 1, rtol=0.1)
