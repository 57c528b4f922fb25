"""Batch norms held still, against flax's own and numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

from jaxgan import nn
from jaxgan.analysis.norms import batch_statistics, frozen
from jaxgan.game import pure
from jaxgan.models import dcgan

RNG = np.random.default_rng(0)


class Net(linen.Module):
    """Two norms of one shape, another without gain and shift, one called twice."""

    dtype: str = "float32"

    @linen.compact
    def __call__(self, x):
        norm = nn.BatchNorm(use_running_average=False, dtype=self.dtype)
        x = norm(linen.Dense(5, dtype=self.dtype)(x))
        x = jnp.tanh(norm(x + x**2))
        plain = linen.BatchNorm(False, use_bias=False, use_scale=False, epsilon=0.01)
        return plain(linen.Dense(5)(x))


def made(module, x):
    variables = jax.jit(module.init)(jax.random.key(0), x)
    # Gains and shifts that are not 1 and 0.
    leaves, tree = jax.tree.flatten(variables["params"])
    leaves = [x + jnp.asarray(RNG.normal(size=x.shape), x.dtype) for x in leaves]
    variables = {**variables, "params": jax.tree.unflatten(tree, leaves)}
    return lambda x: module.apply(variables, x, mutable=["batch_stats"])[0]


def test_statistics_are_those_that_the_norms_see():
    reference = RNG.normal(size=(40, 4)).astype("float32")
    function = made(Net(), reference)
    found = batch_statistics(function, reference)
    assert list(found) == ["BatchNorm_0", "BatchNorm_0#2", "BatchNorm_1"]
    mean, var = found["BatchNorm_1"]
    assert mean.shape == var.shape == (5,)
    # What comes out of the last norm was normalised with its mean and variance.
    out = np.asarray(function(reference), "float64")
    np.testing.assert_allclose(out.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(out.var(0), var / (var + 0.01), rtol=1e-3)


def test_images_are_normalised_over_positions_too():
    norm = nn.BatchNorm(use_running_average=False)
    x = RNG.normal(1, 2, size=(6, 4, 3, 5)).astype("float32")
    function = made(norm, x)
    ((mean, var),) = batch_statistics(function, x).values()
    np.testing.assert_allclose(mean, x.mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(var, x.var((0, 1, 2)), rtol=1e-4)
    held = frozen(function, batch_statistics(function, x))
    np.testing.assert_allclose(held(x), function(x), atol=1e-5)


def test_on_the_reference_nothing_changes():
    reference = RNG.normal(size=(40, 4)).astype("float32")
    function = made(Net(), reference)
    held = frozen(function, batch_statistics(function, reference))
    np.testing.assert_allclose(held(reference), function(reference), atol=1e-4)


def test_an_example_does_not_depend_on_its_company():
    reference = RNG.normal(size=(40, 4)).astype("float32")
    function = made(Net(), reference)
    held = jax.jit(frozen(function, batch_statistics(function, reference)))
    few = reference[:3]
    np.testing.assert_allclose(held(few), held(reference)[:3], atol=1e-5)
    np.testing.assert_allclose(
        jax.vmap(lambda x: held(x[None])[0])(few), held(few), atol=1e-5
    )
    jacobian = jax.jacobian(held)(few)  # [3, 5, 3, 4]
    for i in range(3):
        for j in range(3):
            assert (float(abs(jacobian[i, :, j]).max()) > 1e-3) == (i == j)
    # Flax's own, in contrast, sees the batch.
    assert float(abs(function(few) - function(reference)[:3]).max()) > 0.1


def test_statistics_do_not_depend_on_the_order_of_the_reference():
    reference = RNG.normal(size=(40, 4)).astype("float32")
    function = made(Net(), reference)
    two = jax.jit(lambda x: batch_statistics(function, x))(reference[::-1])
    for name, pair in batch_statistics(function, reference).items():
        for ours, other in zip(pair, two[name], strict=True):
            np.testing.assert_allclose(ours, other, rtol=1e-4, atol=1e-5)


def test_running_averages_are_passed_over_too():
    norm = nn.BatchNorm(use_running_average=True)
    x = RNG.normal(3, 2, size=(50, 4)).astype("float32")
    variables = norm.init(jax.random.key(0), x)
    function = lambda x: norm.apply(variables, x)  # noqa: E731
    held = frozen(function, batch_statistics(function, x))
    assert float(abs(held(x).mean())) < 0.1 < float(abs(function(x).mean()))


def test_nets_of_equal_names_are_told_apart():
    first, second = (RNG.normal(i, 1 + i, (30, 4)).astype("float32") for i in (0, 3))
    norm = nn.BatchNorm(use_running_average=False)
    one, two = made(norm, first), made(norm, first)
    both = lambda x, y: (one(x), two(y))  # noqa: E731
    found = batch_statistics(both, first, second)
    assert len(found) == 2
    held = frozen(both, found)
    for ours, other in zip(held(first, second), both(first, second), strict=True):
        np.testing.assert_allclose(ours, other, atol=1e-4)


def test_the_dtype_stays():
    reference = RNG.normal(size=(40, 4)).astype("float32")
    function = made(Net("bfloat16"), reference)
    found = batch_statistics(function, reference)
    assert {x.dtype for pair in found.values() for x in pair} == {jnp.dtype("float32")}
    held = frozen(function, found)
    assert held(reference).dtype == function(reference).dtype
    np.testing.assert_allclose(
        held(reference).astype("float32"), function(reference).astype("float32"),
        atol=0.15,
    )  # fmt: skip


def test_a_dcgan_draws_each_image_by_itself():
    config = dcgan.Config(resolution=8, width=2, latent=3)
    generator = dcgan.Generator(config)
    z = dcgan.latent(config, jax.random.key(1), 64)
    variables = {"generator": jax.jit(generator.init)(jax.random.key(0), z)}
    draw = lambda z: pure(generator, "generator")(variables, z)[0]  # noqa: E731
    held = jax.jit(frozen(draw, batch_statistics(draw, z)))
    np.testing.assert_allclose(held(z), draw(z), atol=1e-5)
    np.testing.assert_allclose(held(z[:1]), held(z)[:1], atol=1e-6)


def test_a_function_without_norms_is_as_it_was():
    assert batch_statistics(jnp.sin, jnp.ones(3)) == {}
    np.testing.assert_array_equal(frozen(jnp.sin, {})(jnp.ones(3)), jnp.sin(1.0))


def test_statistics_of_another_function_are_refused():
    x = RNG.normal(size=(4, 4)).astype("float32")
    function = made(Net(), x)
    with pytest.raises(ValueError, match=r"no statistics of BatchNorm_0, only of \[\]"):
        frozen(function, {})(x)
    found = batch_statistics(function, x)
    del found["BatchNorm_0#2"]
    with pytest.raises(ValueError, match="no statistics of BatchNorm_0#2"):
        frozen(function, found)(x)
