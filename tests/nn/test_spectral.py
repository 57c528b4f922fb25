"""Spectral normalisation against the singular values of SciPy."""

import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from jaxgan import nn
from jaxgan.game import algorithm, pure, variables
from jaxgan.models import dcgan
from jaxgan.nn import power_iteration, spectral_normalise


def matrix(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


class Layer(linen.Module):
    """A kernel, normalised."""

    kernel: tuple
    out_axis: int = -1

    @linen.compact
    def __call__(self):
        value = np.asarray(self.kernel, "float32")
        kernel = self.param("kernel", lambda key: jnp.asarray(value))
        return spectral_normalise(self, kernel, out_axis=self.out_axis)


def layer(kernel, **options):
    return Layer(tuple(map(tuple, kernel)), **options)


def trained(module, variables, steps):
    """The variables after so many training calls."""

    def body(variables, _):
        _, changed = module.apply(variables, mutable=["spectral"])
        return {**variables, **changed}, None

    return jax.jit(lambda v: jax.lax.scan(body, v, length=steps)[0])(variables)


@pytest.mark.parametrize("shape", [(5, 5), (12, 3), (3, 12), (4, 1)])
def test_power_iteration_finds_the_largest_singular_value(shape):
    weight = matrix(*shape)
    u, v = power_iteration(weight, jnp.ones(shape[1]), 100)
    left, values, right = scipy.linalg.svd(weight)
    np.testing.assert_allclose(v @ weight @ u, values[0], rtol=1e-4)
    np.testing.assert_allclose(abs(v @ left[:, 0]), 1, rtol=1e-3)
    np.testing.assert_allclose(abs(u @ right[0]), 1, rtol=1e-3)


def test_one_iteration_is_that_of_algorithm_1():
    weight, u = matrix(4, 3), np.asarray([1.0, 0.0, 0.0], "float32")
    expected_v = weight[:, 0] / np.linalg.norm(weight[:, 0])
    expected_u = weight.T @ expected_v
    expected_u /= np.linalg.norm(expected_u)
    found_u, found_v = power_iteration(weight, u)
    np.testing.assert_allclose(found_v, expected_v, rtol=1e-5)
    np.testing.assert_allclose(found_u, expected_u, rtol=1e-5)


def test_the_vectors_have_no_gradient():
    def f(weight):
        u, v = power_iteration(weight, jnp.ones(3), 3)
        return (u.sum() + v.sum()) ** 2

    assert not jax.grad(f)(jnp.asarray(matrix(4, 3))).any()


def test_a_zero_matrix_gives_finite_vectors_and_kernels(key):
    module = layer(np.zeros((4, 3)))
    out, _ = module.init_with_output(key)
    np.testing.assert_array_equal(out, np.zeros((4, 3)))


def test_initialisation_stores_the_kernel_as_it_is_and_is_near_the_norm(key):
    kernel = matrix(6, 4)
    out, variables = layer(kernel).init_with_output(key)
    np.testing.assert_array_equal(variables["params"]["kernel"], kernel)
    assert set(variables) == {"params", "spectral"}
    np.testing.assert_allclose(scipy.linalg.svdvals(out)[0], 1, rtol=0.02)


def test_training_calls_converge_to_the_spectral_norm_and_follow_the_kernel(key):
    kernel = matrix(6, 4)
    module = layer(kernel)
    variables = trained(module, module.init(key), 60)
    expected = kernel / scipy.linalg.svdvals(kernel)[0]
    np.testing.assert_allclose(module.apply(variables), expected, rtol=1e-4)
    other = matrix(6, 4, seed=1)
    variables = {**variables, "params": {"kernel": jnp.asarray(other)}}
    expected = other / scipy.linalg.svdvals(other)[0]
    assert not np.allclose(module.apply(variables), expected, rtol=1e-2)
    variables = trained(module, variables, 60)
    np.testing.assert_allclose(module.apply(variables), expected, rtol=1e-4)
    np.testing.assert_array_equal(variables["params"]["kernel"], other)


def far_from_converged(key, kernel):
    """Variables whose vectors are of a kernel somewhat like it."""
    made = layer(kernel + matrix(*kernel.shape, seed=7)).init(key)
    return {"params": {"kernel": jnp.asarray(kernel)}, "spectral": made["spectral"]}


def test_evaluation_uses_the_stored_vectors_and_training_moves_them_once(key):
    kernel = matrix(6, 4)
    module, variables = layer(kernel), far_from_converged(key, kernel)
    u, v = (np.asarray(x) for x in variables["spectral"]["vectors"])
    assert 0.5 < v @ kernel @ u < 0.95 * scipy.linalg.svdvals(kernel)[0]
    evaluated = module.apply(variables)
    np.testing.assert_allclose(evaluated, kernel / (v @ kernel @ u), rtol=1e-5)
    np.testing.assert_array_equal(module.apply(variables), evaluated)
    _, same = module.apply(variables, mutable=["batch_stats"])  # mutable, but not these
    assert not same
    trained_out, changed = module.apply(variables, mutable=["spectral"])
    new_v = kernel @ u / np.linalg.norm(kernel @ u)
    new_u = new_v @ kernel / np.linalg.norm(new_v @ kernel)
    np.testing.assert_allclose(changed["spectral"]["vectors"][0], new_u, rtol=1e-5)
    np.testing.assert_allclose(changed["spectral"]["vectors"][1], new_v, rtol=1e-5)
    np.testing.assert_allclose(
        trained_out, kernel / (new_v @ kernel @ new_u), rtol=1e-5
    )
    again = module.apply({**variables, **changed})
    np.testing.assert_allclose(again, trained_out, rtol=1e-6)


@pytest.mark.parametrize("mutable", [False, True])
def test_the_gradient_passes_through_the_norm_with_the_vectors_held(key, mutable):
    kernel, weights = matrix(5, 3), matrix(5, 3, seed=2).astype("float64")
    module, variables = layer(kernel), far_from_converged(key, kernel)
    vectors = variables["spectral"]["vectors"]
    if mutable:
        _, changed = module.apply(variables, mutable=["spectral"])
        vectors = changed["spectral"]["vectors"]
    u, v = (np.asarray(x, "float64") for x in vectors)

    def ours(kernel):
        new = {**variables, "params": {"kernel": kernel}}
        if mutable:
            return (module.apply(new, mutable=["spectral"])[0] * weights).sum()
        return (module.apply(new) * weights).sum()

    def held(kernel):
        return (kernel / (v @ kernel @ u) * weights).sum()

    differences = np.zeros_like(weights)
    for i in np.ndindex(kernel.shape):
        step = np.zeros_like(weights)
        step[i] = 1e-6
        differences[i] = (held(kernel + step) - held(kernel - step)) / 2e-6
    gradient = jax.grad(ours)(jnp.asarray(kernel))
    np.testing.assert_allclose(gradient, differences, rtol=1e-3, atol=1e-4)
    # Scaling a kernel changes nothing, so the gradient has no part along it.
    np.testing.assert_allclose((gradient * kernel).sum(), 0, atol=1e-4)


@pytest.mark.parametrize("out_axis", [-1, 2])
def test_the_matrix_of_a_convolution_has_its_outputs_on_one_side(key, out_axis):
    kernel = matrix(3, 3, 2, 4)
    as_matrix = (kernel if out_axis == -1 else kernel.swapaxes(2, 3)).reshape(
        -1, kernel.shape[out_axis]
    )

    class Holder(linen.Module):
        @linen.compact
        def __call__(self):
            stored = self.param("kernel", lambda key: jnp.asarray(kernel))
            return spectral_normalise(self, stored, out_axis=out_axis)

    module = Holder()
    out = module.apply(trained(module, module.init(key), 100))
    expected = kernel / scipy.linalg.svdvals(as_matrix)[0]
    np.testing.assert_allclose(out, expected, rtol=1e-4)


def test_a_convolution_divides_by_the_norm_of_its_kernel(key):
    kernel, x = matrix(3, 3, 2, 4), matrix(2, 6, 6, 2, seed=1)
    options = {"kernel_init": lambda *_: jnp.asarray(kernel), "use_bias": False}
    module = nn.Conv(4, 3, spectral=True, **options)
    variables = module.init(key, x)
    np.testing.assert_array_equal(variables["params"]["kernel"], kernel)
    norm = scipy.linalg.svdvals(kernel.reshape(-1, 4))[0]
    out = module.apply(variables, x)
    plain = nn.Conv(4, 3, **options).apply({"params": variables["params"]}, x)
    # Fifteen iterations at the start: within a few per cent from below.
    ratio = np.asarray(plain)[0, 0, 0, 0] / np.asarray(out)[0, 0, 0, 0]
    assert 0.95 * norm < ratio < 1.0001 * norm
    np.testing.assert_allclose(out * ratio, plain, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_the_discriminator_of_a_dcgan_under_spectral_norm(key):
    config = dcgan.Config(resolution=16, width=4, kernel=4, latent=6, norm="spectral")
    batch = {"image": jnp.asarray(matrix(4, 16, 16, 3)) / 4}
    run = algorithm(dcgan.game(config))
    start = jax.jit(run.init)(key, batch)
    stats = start.stats["discriminator"]
    assert set(stats) == {"spectral"}  # no batch norm beside it
    assert set(stats["spectral"]) == {"Conv_0", "Conv_1", "to_logit"}
    step = jax.jit(run.step)
    # Two steps: a single output's vectors are exact, and move with its weights only.
    state, metrics = step(step(start, batch)[0], batch)
    assert all(np.isfinite(x) for x in metrics.values())
    for name in stats["spectral"]:
        before = stats["spectral"][name]["vectors"]
        after = state.stats["discriminator"]["spectral"][name]["vectors"]
        # Of `to_logit`, which has one output, the right vector is 1 or -1.
        assert not np.array_equal(before[1], after[1])
        for vector in after:
            np.testing.assert_allclose(np.linalg.norm(vector), 1, rtol=1e-5)
    # A logit depends on its own image alone, and scaling a kernel changes no logit but
    # through the biases, which start at zero.
    discriminator = pure(dcgan.Discriminator(config), "discriminator")
    net = variables(start)
    logits, _ = discriminator(net, batch["image"])
    alone, _ = discriminator(net, batch["image"][:1])
    np.testing.assert_allclose(alone[0], logits[0], rtol=1e-4, atol=1e-6)
    own = net["discriminator"]
    params = {
        **own["params"],
        "Conv_0": jax.tree.map(lambda x: 7 * x, own["params"]["Conv_0"]),
    }
    scaled = {**net, "discriminator": {**own, "params": params}}
    again, _ = discriminator(scaled, batch["image"])
    np.testing.assert_allclose(again, logits, rtol=1e-4, atol=1e-6)
