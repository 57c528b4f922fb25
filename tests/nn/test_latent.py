"""Where latents come from, and what lies between two of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxgan import nn


@pytest.mark.parametrize(
    ("name", "distribution"),
    [("normal", scipy.stats.norm()), ("uniform", scipy.stats.uniform(-1, 2))],
)
def test_latents_follow_the_named_distribution(name, distribution, key):
    latent = nn.sample_latent(key, 500, 8, name)
    assert latent.shape == (500, 8)
    assert latent.dtype == jnp.float32
    test = scipy.stats.kstest(np.ravel(latent), distribution.cdf)
    assert test.pvalue > 0.01


def test_normal_is_the_default_and_the_key_decides(key):
    default = nn.sample_latent(key, 4, 3)
    np.testing.assert_array_equal(default, nn.sample_latent(key, 4, 3, "normal"))
    assert not np.array_equal(default, nn.sample_latent(jax.random.key(1), 4, 3))


def test_an_unknown_distribution_is_refused_with_the_known(key):
    with pytest.raises(ValueError, match=r"'gauss'.*'normal', 'uniform'"):
        nn.sample_latent(key, 4, 3, "gauss")


def test_the_latents_of_the_batch_win(key):
    given = jnp.full((4, 3), 7.0)
    assert nn.batch_latent({"latent": given}, key, 4, 3) is given
    drawn = nn.batch_latent({"image": given}, key, 4, 3, "uniform")
    assert drawn.shape == (4, 3)
    assert jnp.abs(drawn).max() <= 1


def test_latents_of_another_shape_are_refused(key):
    with pytest.raises(AssertionError, match=r"\(4, 3\)"):
        nn.batch_latent({"latent": jnp.zeros((4, 2))}, key, 4, 3)


def pair(size=8, count=5):
    a, b = np.random.default_rng(0).normal(size=(2, count, size)).astype("float32")
    return a, b


def angle(a, b):
    norms = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    return np.arccos((a * b).sum(-1) / norms)


def test_slerp_begins_at_one_end_and_ends_at_the_other():
    a, b = pair()
    np.testing.assert_allclose(nn.slerp(a, b, jnp.zeros(5)), a, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(nn.slerp(a, b, jnp.ones(5)), b, rtol=1e-5, atol=1e-6)


def test_slerp_keeps_the_norm_and_turns_at_constant_speed():
    a, b = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in pair())
    t = np.linspace(0.1, 0.9, 5).astype("float32")
    between = np.asarray(nn.slerp(a, b, t))
    np.testing.assert_allclose(np.linalg.norm(between, axis=-1), 1, rtol=1e-5)
    np.testing.assert_allclose(angle(a, between), t * angle(a, b), rtol=1e-4)
    np.testing.assert_allclose(angle(between, b), (1 - t) * angle(a, b), rtol=1e-4)


def test_slerp_of_a_right_angle():
    a, b = jnp.asarray([2.0, 0.0]), jnp.asarray([0.0, 2.0])
    half = nn.slerp(a, b, jnp.asarray([0.5])[0])
    np.testing.assert_allclose(half, [2**0.5, 2**0.5], rtol=1e-6)


@pytest.mark.parametrize("factor", [1.0, 3.0, -2.0])
def test_slerp_of_parallel_vectors_is_a_line(factor):
    a, _ = pair()
    t = jnp.full(5, 0.25)
    expected = (0.75 + 0.25 * factor) * a
    np.testing.assert_allclose(
        nn.slerp(a, factor * a, t), expected, rtol=1e-4, atol=1e-4
    )


def test_slerp_of_nearly_parallel_vectors_is_nearly_a_line():
    a, b = pair()
    b = a + 1e-4 * b
    middle = nn.slerp(a, b, jnp.full(5, 0.5))
    np.testing.assert_allclose(middle, (a + b) / 2, rtol=1e-4, atol=1e-5)


def test_slerp_wants_ends_of_one_shape():
    with pytest.raises(AssertionError):
        nn.slerp(jnp.ones((2, 3)), jnp.ones((3,)), jnp.zeros(2))


def test_truncated_latents_are_those_of_a_truncated_normal():
    z = np.random.default_rng(0).normal(size=200).astype(np.float32)
    expected = scipy.stats.truncnorm.ppf(scipy.stats.norm.cdf(z), -0.7, 0.7)
    np.testing.assert_allclose(nn.truncated(z, 0.7), expected, atol=1e-5)
