"""Virtual batch normalisation against sums written out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import nn

R = 4


def examples(count, seed=0, shape=(3,)):
    drawn = np.random.default_rng(seed).normal(1.0, 2.0, (count, *shape))
    return drawn.astype("float32")


def normalise(variables, reference, x):
    layer = nn.VirtualBatchNorm(len(reference))
    out = layer.apply(variables, jnp.concatenate([reference, x]))
    return np.asarray(out[: len(reference)]), np.asarray(out[len(reference) :])


def parameters(size=3):
    scale, bias = np.linspace(0.5, 2, size), np.linspace(-1, 1, size)
    return {"params": {"scale": jnp.asarray(scale), "bias": jnp.asarray(bias)}}


@pytest.mark.parametrize("shape", [(3,), (2, 5, 3)])
def test_an_example_is_normalised_by_the_reference_and_itself(shape):
    reference, x = examples(R, 0, shape), 5 + 3 * examples(6, 1, shape)
    variables = parameters()
    scale, bias = (np.asarray(variables["params"][n]) for n in ("scale", "bias"))
    normal_reference, normal = normalise(variables, reference, x)
    for i in range(6):
        together = np.concatenate([reference, x[i : i + 1]]).reshape(-1, 3)
        mean, variance = together.mean(0), together.var(0)
        expected = (x[i] - mean) / np.sqrt(variance + 1e-5) * scale + bias
        np.testing.assert_allclose(normal[i], expected, rtol=1e-4, atol=1e-5)
    alone = reference.reshape(-1, 3)
    expected = (reference - alone.mean(0)) / np.sqrt(alone.var(0) + 1e-5) * scale + bias
    np.testing.assert_allclose(normal_reference, expected, rtol=1e-4, atol=1e-5)


def test_companions_do_not_matter():
    reference, x = examples(R), examples(5, 1)
    company = x.copy()
    company[1:] = 100 * examples(4, 2)
    _, one = normalise(parameters(), reference, x)
    again, other = normalise(parameters(), reference, company)
    np.testing.assert_array_equal(one[0], other[0])
    assert np.abs(one[1:] - other[1:]).min() > 0.1
    first, _ = normalise(parameters(), reference, x)
    np.testing.assert_array_equal(first, again)  # nor does the reference see anyone
    _, elsewhere = normalise(parameters(), 2 * reference, x)
    assert np.abs(one[0] - elsewhere[0]).min() > 1e-3


def test_the_gradient_passes_through_the_statistics(key):
    """An example far out would have gradient `scale / deviation` otherwise."""
    reference = examples(R)
    layer = nn.VirtualBatchNorm(R)
    variables = layer.init(key, examples(R + 1))

    def out(x):
        return layer.apply(variables, jnp.concatenate([reference, x[None]]))[R, 0]

    x, step = examples(1, 1)[0], 0.01
    up, down = (out(x + s * np.eye(3, dtype="float32")[0]) for s in (step, -step))
    np.testing.assert_allclose(
        jax.grad(out)(x), [(up - down) / (2 * step), 0, 0], rtol=1e-2, atol=1e-6
    )


def test_parameters_start_as_those_of_batch_norm_and_bfloat16_stays(key):
    layer = nn.VirtualBatchNorm(R)
    x = examples(R + 2, shape=(10_000,)).astype(jnp.bfloat16)
    params = layer.init(key, x)["params"]
    np.testing.assert_allclose(params["scale"].std(), 0.02, rtol=0.03)
    assert not params["bias"].any()
    assert params["scale"].dtype == jnp.float32
    assert layer.apply({"params": params}, x).dtype == jnp.bfloat16


@pytest.mark.parametrize("count", [2, 4])
def test_a_batch_without_examples_behind_the_reference_is_refused(key, count):
    with pytest.raises(ValueError, match=r"R = 4.*got \(\d, 3\)"):
        nn.VirtualBatchNorm(R).init(key, examples(count))
