"""The plain multi-layer perceptron."""

import chex
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import nn


def test_mlp_is_dense_layers_with_relu_between(key):
    x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    net = nn.MLP((5, 6), 2)
    variables = net.init(key, x)
    expected = x
    for i, units in enumerate((5, 6, 2)):
        kernel, bias = (
            np.random.default_rng(i).normal(size=shape).astype("float32")
            for shape in ((expected.shape[1], units), (units,))
        )
        dense = {"kernel": jnp.asarray(kernel), "bias": jnp.asarray(bias)}
        chex.assert_trees_all_equal_shapes(variables["params"][f"Dense_{i}"], dense)
        variables["params"][f"Dense_{i}"] = dense
        expected = np.maximum(expected, 0) if i else expected
        expected = expected @ kernel + bias
    np.testing.assert_allclose(net.apply(variables, x), expected, rtol=1e-5, atol=1e-5)


def test_bfloat16_is_for_hidden_layers_and_neither_parameters_nor_results(key):
    x = jnp.ones((4, 3))
    net = nn.MLP((8,), 2, "bfloat16")
    variables = net.init(key, x)
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype("float32")}
    out = net.apply(variables, x)
    assert out.dtype == jnp.float32
    exact = nn.MLP((8,), 2).apply(variables, x)
    np.testing.assert_allclose(out, exact, atol=0.05)
    assert not np.array_equal(out, exact)
