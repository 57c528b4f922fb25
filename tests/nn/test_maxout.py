"""Maxout against loops over units and pieces."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import nn


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def looped(x, kernel, bias):
    """Max over pieces, one unit of one example at a time, in float64."""
    pieces, units = bias.shape
    out = np.empty((len(x), units))
    for i, row in enumerate(x.astype("float64")):
        for u in range(units):
            out[i, u] = max(row @ kernel[:, p, u] + bias[p, u] for p in range(pieces))
    return out


def test_each_unit_is_the_largest_of_its_own_pieces():
    x, kernel, bias = drawn(6, 5), drawn(5, 4, 3, seed=1), drawn(4, 3, seed=2)
    params = {"params": {"kernel": kernel, "bias": bias}}
    out = nn.Maxout(3, 4).apply(params, x)
    np.testing.assert_allclose(out, looped(x, kernel, bias), rtol=1e-5, atol=1e-6)


def test_a_unit_hears_nothing_of_its_neighbours():
    """Pooling over neighbouring units would mix what belongs to different ones."""
    x, kernel, bias = drawn(6, 5), drawn(5, 4, 3, seed=1), drawn(4, 3, seed=2)
    kernel[:, :, 1], bias[:, 1] = 0, 100  # by far the largest
    params = {"params": {"kernel": kernel, "bias": bias}}
    out = np.asarray(nn.Maxout(3, 4).apply(params, x))
    assert np.all(out[:, 1] == 100)
    assert np.all(np.abs(out[:, [0, 2]]) < 50)


def test_gradients_reach_the_winning_piece_alone():
    # x = 2: pieces give 2, -2 and 6 + 1; the third wins: d/dw is x there alone.
    kernel = jnp.asarray([1.0, -1.0, 3.0]).reshape(1, 3, 1)
    params = {"kernel": kernel, "bias": jnp.asarray([0.0, 0.0, 1.0])[:, None]}

    def out(params):
        return nn.Maxout(1, 3).apply({"params": params}, jnp.full((1, 1), 2.0)).sum()

    value, grads = jax.value_and_grad(out)(params)
    assert value == 7
    np.testing.assert_array_equal(grads["kernel"][0, :, 0], [0, 0, 2])
    np.testing.assert_array_equal(grads["bias"][:, 0], [0, 0, 1])


def test_two_pieces_can_be_the_absolute_value():
    params = {"kernel": jnp.asarray([[[1.0], [-1.0]]]), "bias": jnp.zeros((2, 1))}
    x = jnp.linspace(-2, 2, 9)[:, None]
    out = nn.Maxout(1, 2).apply({"params": params}, x)
    np.testing.assert_array_equal(out, np.abs(x))


def test_parameters_are_initialised_with_their_fan_in():
    seen = []

    def init(key, shape, dtype):
        del key
        seen.append(shape)
        return jnp.arange(np.prod(shape), dtype=dtype).reshape(shape)

    layer = nn.Maxout(3, 4, kernel_init=init)
    variables = layer.init(jax.random.key(0), jnp.zeros((2, 5)))
    assert seen[0] == (5, 12)
    assert variables["params"]["kernel"].shape == (5, 4, 3)
    np.testing.assert_array_equal(
        variables["params"]["kernel"][1].ravel(), range(12, 24)
    )
    np.testing.assert_array_equal(variables["params"]["bias"], np.zeros((4, 3)))
    one = nn.Maxout(2000, 5).init(jax.random.key(0), jnp.zeros((1, 16)))
    assert float(one["params"]["kernel"].std()) == pytest.approx(1 / 4, rel=0.02)


def test_leading_axes_and_low_precision():
    x = drawn(2, 3, 5)
    layer = nn.Maxout(4, 2, dtype=jnp.bfloat16)
    params = layer.init(jax.random.key(0), x)
    out = layer.apply(params, x)
    assert (out.shape, out.dtype) == ((2, 3, 4), jnp.bfloat16)
    assert {p.dtype for p in jax.tree.leaves(params)} == {jnp.dtype("float32")}
    full = nn.Maxout(4, 2).apply(params, x)
    np.testing.assert_allclose(out.astype("float32"), full, atol=0.05)


@pytest.mark.parametrize(("units", "pieces"), [(0, 2), (2, 0)])
def test_nothing_to_choose_from_is_refused(units, pieces):
    with pytest.raises(ValueError, match=f"units is {units} and pieces is {pieces}"):
        nn.Maxout(units, pieces).init(jax.random.key(0), jnp.zeros((1, 3)))
