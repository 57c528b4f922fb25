"""Weight normalisation against Torch's, and its start from data."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

from jaxgan import nn


def vectors(count=6, size=5, seed=0):
    drawn = np.random.default_rng(seed).normal(2.0, 3.0, (count, size))
    return drawn.astype("float32")


def test_output_and_gradients_agree_with_torch(key):
    torch = pytest.importorskip("torch")  # 2.13
    x, gain, bias = vectors(), [0.5, -2.0, 3.0], [1.0, 0.0, -1.0]
    layer = nn.WeightNormDense(3)
    params = dict(layer.init(key, x)["params"])
    params |= {"gain": jnp.asarray(gain), "bias": jnp.asarray(bias)}
    theirs = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(5, 3))
    weight = theirs.parametrizations.weight
    with torch.no_grad():
        weight.original0.copy_(torch.tensor(gain)[:, None])
        weight.original1.copy_(torch.tensor(np.array(params["direction"]).T))
        theirs.bias.copy_(torch.tensor(bias))

    def loss(params):
        return (layer.apply({"params": params}, x) ** 3).sum()

    expected = theirs(torch.tensor(x))
    (expected**3).sum().backward()
    np.testing.assert_allclose(
        layer.apply({"params": params}, x), expected.detach().numpy(), rtol=1e-4
    )
    grads = jax.grad(loss)(params)
    for ours, other in (
        (grads["gain"], weight.original0.grad[:, 0]),
        (grads["direction"], weight.original1.grad.T),
        (grads["bias"], theirs.bias.grad),
    ):
        np.testing.assert_allclose(ours, other.numpy(), rtol=2e-3, atol=1e-2)


def test_the_scale_of_the_direction_does_not_matter(key):
    layer, x = nn.WeightNormDense(4), vectors()
    params = layer.init(key, x)["params"]
    longer = {**params, "direction": 100 * params["direction"]}
    np.testing.assert_allclose(
        layer.apply({"params": params}, x),
        layer.apply({"params": longer}, x),
        rtol=1e-5,
    )
    # Units of length one, gain one.
    unit = params["direction"] / np.linalg.norm(params["direction"], axis=0)[None, :]
    np.testing.assert_allclose(
        layer.apply({"params": params}, x), x @ unit, rtol=1e-4, atol=1e-5
    )


class Net(linen.Module):
    """Two layers; `data_init` has to see them one after the other."""

    @linen.compact
    def __call__(self, x):
        x = linen.relu(nn.WeightNormDense(7, data_init=True)(x))
        return nn.WeightNormDense(4, data_init=True)(x)


def test_the_first_batch_standardises_every_layer(key):
    x = vectors(50)
    variables = jax.jit(Net().init)(key, x)
    out = Net().apply(variables, x)
    np.testing.assert_allclose(out.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(out.std(0), 1, rtol=1e-4)
    # The second batch is mapped by the same numbers, and not standardised.
    other = Net().apply(variables, x + 5)
    assert np.abs(other.mean(0)).max() > 0.1


def test_a_batch_that_tells_nothing_leaves_gain_one(key):
    for x in (jnp.zeros((4, 3)), jnp.ones((1, 3))):
        layer = nn.WeightNormDense(2, data_init=True)
        params = layer.init(key, x)["params"]
        np.testing.assert_array_equal(params["gain"], 1)
        out = layer.apply({"params": params}, x)
        np.testing.assert_allclose(out, 0, atol=1e-6)


def test_a_gain_that_is_not_learnt_is_no_parameter(key):
    x = vectors(50)
    layer = nn.WeightNormDense(4, learn_gain=False, data_init=True)
    variables = layer.init(key, x)
    assert set(variables["params"]) == {"direction", "bias"}
    learnt = nn.WeightNormDense(4, data_init=True)
    params = learnt.init(key, x)["params"]
    np.testing.assert_array_equal(variables["gains"]["gain"], params["gain"])
    out, after = layer.apply(variables, 2 * x, mutable=["gains"])
    np.testing.assert_array_equal(out, learnt.apply({"params": params}, 2 * x))
    np.testing.assert_array_equal(after["gains"]["gain"], params["gain"])


def test_parameters_stay_float32_and_images_are_refused(key):
    x = vectors().astype(jnp.bfloat16)
    layer = nn.WeightNormDense(2, data_init=True)
    variables = layer.init(key, x)
    assert {p.dtype for p in jax.tree.leaves(variables)} == {jnp.dtype("float32")}
    assert layer.apply(variables, x).dtype == jnp.bfloat16
    with pytest.raises(ValueError, match=r"\[B, N\].*\(2, 3, 4\)"):
        nn.WeightNormDense(2).init(key, jnp.zeros((2, 3, 4)))


@pytest.mark.parametrize("transposed", [False, True])
def test_a_convolution_s_kernel_has_length_one_and_its_first_batch_sets_the_rest(
    key, transposed
):
    """Against Torch 2.13, with gains and biases by hand; then the start from data."""
    torch = pytest.importorskip("torch")  # 2.13
    x = np.random.default_rng(0).normal(2, 3, (3, 6, 6, 2)).astype("float32")
    layer = nn.WeightNormConv(4, 5, 2, transposed=transposed)
    gain, bias = jnp.asarray([0.5, -2.0, 3.0, 1.0]), jnp.arange(4.0)
    params = {**layer.init(key, x)["params"], "gain": gain, "bias": bias}
    kernel = np.asarray(params["direction"], "float64")
    unit = 2 if transposed else 3
    over = tuple(i for i in range(4) if i != unit)
    kernel = kernel / np.sqrt((kernel**2).sum(over, keepdims=True))
    weight = torch.tensor(kernel).permute(3, 2, 0, 1)  # of a convolution, [O, C, k, k]
    image = torch.tensor(x, dtype=torch.float64).permute(0, 3, 1, 2)
    if transposed:
        made = torch.conv_transpose2d(
            image, weight, stride=2, padding=2, output_padding=1
        )
    else:
        made = torch.conv2d(image, weight, stride=2, padding=2)
    expected = made.permute(0, 2, 3, 1).numpy() * np.asarray(gain) + np.asarray(bias)
    np.testing.assert_allclose(
        layer.apply({"params": params}, x), expected, rtol=1e-4, atol=1e-4
    )
    first = nn.WeightNormConv(
        4, 5, 2, transposed=transposed, learn_gain=False, data_init=True
    )
    drawn, variables = first.init_with_output(key, x)
    assert set(variables) == {"params", "gains"}
    again = np.asarray(first.apply(variables, x))
    np.testing.assert_allclose(again.mean((0, 1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(again.std((0, 1, 2)), 1, rtol=1e-3)
    np.testing.assert_allclose(drawn, again, rtol=1e-4, atol=1e-5)
