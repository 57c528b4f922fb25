"""Minibatch discrimination against loops, and what it must not see."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import nn
from jaxgan.nn import minibatch

LAYER = nn.MinibatchDiscrimination(kernels=3, dims=2)


def vectors(count=5, seed=0):
    drawn = np.random.default_rng(seed).normal(0.0, 1.0, (count, 4))
    return drawn.astype("float32")


@pytest.fixture
def variables(key):
    return LAYER.init(key, vectors())


def features(variables, x):
    return np.asarray(LAYER.apply(variables, x))[:, 4:]


def test_agrees_with_loops(variables):
    x, params = vectors(seed=1), variables["params"]
    tensor = np.asarray(params["tensor"], np.float64)
    tensor /= np.sqrt((tensor**2).sum(0, keepdims=True))
    tensor *= np.exp(np.asarray(params["log_scale"]))[None]
    out = np.asarray(LAYER.apply(variables, x))
    np.testing.assert_array_equal(out[:, :4], x)
    for i in range(5):
        for k in range(3):
            expected = 0.0
            for j in range(5):
                if i != j:
                    gap = x[i] @ tensor[:, k] - x[j] @ tensor[:, k]
                    expected += np.exp(-np.abs(gap).sum())
            np.testing.assert_allclose(out[i, 4 + k], expected, rtol=1e-4)


def test_an_example_is_not_its_own_company(variables):
    np.testing.assert_array_equal(features(variables, vectors(1)), 0)
    # Three of the same have two companions each, at distance nothing.
    same = features(variables, vectors(1).repeat(3, 0))
    np.testing.assert_allclose(same, 2, rtol=1e-6)
    # One far from all others has none.
    far = np.concatenate([vectors(4), np.full((1, 4), 1e3, "float32")])
    np.testing.assert_array_equal(features(variables, far)[-1], 0)


def test_order_does_not_matter(variables):
    x, order = vectors(), np.array([3, 1, 4, 0, 2])
    np.testing.assert_allclose(
        features(variables, x)[order], features(variables, x[order]), rtol=1e-5
    )


def test_the_batch_that_is_given_is_all_that_counts(variables):
    real, fake = vectors(), vectors(seed=2)
    apart = features(variables, real)
    mixed = features(variables, np.concatenate([real, fake]))[:5]
    assert (mixed > apart + 1e-3).all()


def test_the_gradient_agrees_with_torch():
    torch = pytest.importorskip("torch")  # 2.13
    matrix = np.random.default_rng(3).normal(size=(5, 3, 2)).astype("float32")
    weights = np.random.default_rng(4).normal(size=(5, 3)).astype("float32")
    theirs = torch.tensor(matrix, requires_grad=True)
    distance = (theirs[:, None] - theirs[None]).abs().sum(-1)
    out = torch.exp(-distance).sum(1) - 1  # without the self term
    (out * torch.tensor(weights)).sum().backward()

    def loss(matrix):
        return (minibatch.closeness(matrix) * weights).sum()

    value, grad = jax.value_and_grad(loss)(matrix)
    np.testing.assert_allclose(value, (out.detach().numpy() * weights).sum(), rtol=1e-4)
    np.testing.assert_allclose(grad, theirs.grad.numpy(), rtol=1e-4, atol=1e-5)
    # Batches apart, as one call that is mapped over them.
    two = np.stack([matrix, 2 * matrix])
    mapped = jax.vmap(jax.grad(loss))(two)
    np.testing.assert_allclose(mapped[0], grad, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(mapped[1], jax.grad(loss)(two[1]), rtol=1e-5, atol=1e-6)


def test_forward_mode_and_second_derivatives_agree_with_the_plain_sum():
    rng = np.random.default_rng(3)
    matrix, direction = rng.normal(size=(2, 5, 3, 2))

    def plain(matrix):
        return jnp.exp(-jnp.abs(matrix[:, None] - matrix[None]).sum(-1)).sum(1) - 1

    def slopes(closeness):
        gradient = jax.grad(lambda matrix: jnp.square(closeness(matrix)).sum())
        return [jax.jvp(f, (matrix,), (direction,)) for f in (closeness, gradient)]

    with jax.enable_x64(True):
        both = jax.jit(lambda: (slopes(minibatch.closeness), slopes(plain)))
        found, expected = jax.device_get(both())
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-9), found, expected)


def test_gradients_are_finite_and_reach_the_companions(variables):
    x = jnp.asarray(vectors(1).repeat(2, 0))  # where the absolute value has its corner

    def first(x):
        return LAYER.apply(variables, x)[0, 4:].sum()

    assert jnp.isfinite(jax.grad(first)(x)).all()
    grad = jax.grad(first)(jnp.asarray(vectors()))
    assert (jnp.abs(grad).sum(1) > 0).all()


def test_the_first_batch_sets_the_scale(key):
    for factor in (1e-3, 1.0, 1e3):
        x = factor * vectors(30)
        params = LAYER.init(key, x)["params"]
        tensor = np.asarray(params["tensor"])
        tensor = tensor / np.sqrt((tensor**2).sum(0, keepdims=True))
        tensor = tensor * np.exp(params["log_scale"])[None]
        matrix = np.einsum("bn,nkd->bkd", x, tensor)
        distance = np.abs(matrix[:, None] - matrix[None]).sum(-1)
        distance[np.arange(30), np.arange(30)] = np.inf
        np.testing.assert_allclose(distance.min(1).mean(0), 2, rtol=1e-3)
    for alone in (vectors(1), np.zeros((3, 4), "float32")):  # nothing to measure by
        params = LAYER.init(key, alone)["params"]
        np.testing.assert_array_equal(params["log_scale"], 0)


def test_images_are_refused(key):
    with pytest.raises(ValueError, match=r"\[B, N\].*\(2, 3, 3, 1\)"):
        LAYER.init(key, jnp.zeros((2, 3, 3, 1)))


@pytest.mark.parametrize(("count", "group"), [(8, 4), (6, 2), (3, 4)])
def test_deviation_is_that_of_the_same_layer_in_torch(count, group):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).normal(size=(count, 3, 5, 2)).astype("float32")
    y = torch.tensor(x).permute(0, 3, 1, 2)
    own = min(group, count)
    groups = y.reshape(own, -1, *y.shape[1:])
    spread = (groups.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
    channel = spread.repeat(own).reshape(count, 1, 1, 1).expand(-1, 1, 3, 5)
    expected = torch.cat([y, channel], 1).permute(0, 2, 3, 1)
    found = nn.minibatch_deviation(jnp.asarray(x), group)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_groups_are_strided_and_must_divide_the_minibatch():
    x = jnp.asarray([1.0, 5, 1, 9, 1, 13, 1, 17]).reshape(8, 1, 1, 1)
    channel = nn.minibatch_deviation(x, 4)[..., 1].ravel()
    np.testing.assert_allclose(channel[::2], 1e-4, rtol=1e-3)  # all alike
    np.testing.assert_allclose(channel[1::2], 20**0.5, rtol=1e-5)
    with pytest.raises(ValueError, match="minibatch of 8 .* groups of 3"):
        nn.minibatch_deviation(x, 3)
