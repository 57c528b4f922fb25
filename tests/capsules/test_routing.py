import functools
from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxgan.capsules import _routing_forms
from jaxgan.capsules.routing import dynamic_routing, predict, route

CASES = [(1, False), (2, False), (3, False), (5, False), (3, True)]
FORMS = ["examples", "capsules"]
by_capsules = _routing_forms._by_capsules


def normal(seed, *shape):
    return jax.random.normal(jax.random.key(seed), shape)


@pytest.fixture(scope="module")
def problem():
    """Inputs [B, I, K], weights [I, K, J, D] and a bias [J, D]."""
    return whole()


@pytest.fixture(params=FORMS)
def form(request, monkeypatch):
    """Each form of `route`, in several chunks and blocks, the last not full."""
    monkeypatch.setattr(_routing_forms, "_VOTES", 2000)
    if request.param == "capsules":  # the one of accelerators
        monkeypatch.setattr(_routing_forms, "_by_examples", by_capsules)
    return request.param


def close(a, b, tolerance=1e-5):
    chex.assert_trees_all_close(a, b, rtol=tolerance, atol=tolerance)


def loss(routing, *args):
    """A number that every part of v changes differently."""
    v = routing(*args)
    return (jnp.sin(3 * v) * jnp.cos(jnp.arange(v.size)).reshape(v.shape)).sum()


def naive(inputs, weights, bias, **options):
    return dynamic_routing(predict(inputs, weights), bias=bias, **options)


def fused(inputs, weights, bias, **options):
    return route(inputs, weights, bias=bias, **options)


def value_and_gradients(routing, args, **options):
    f = partial(loss, partial(routing, **options))
    return jax.jit(jax.value_and_grad(f, tuple(range(len(args)))))(*args)


@functools.cache
def wanted_of(make, **options):
    """The plain form's value and gradients: every form of `route` has to equal them."""
    return value_and_gradients(naive, make(), **options)


def whole():
    return normal(0, 5, 37, 3), normal(1, 37, 3, 4, 6), 0.3 * normal(2, 4, 6)


def single():
    return normal(0, 1, 1, 1), normal(1, 1, 1, 1, 1), normal(2, 1, 1)


def halves():
    return [x.astype(jnp.bfloat16) for x in whole()]


def rounded():
    return [x.astype(jnp.float32) for x in halves()]


# --- the algorithm -------------------------------------------------------------------


def triple_loop(votes, iterations, bias=0.0, leaky=False):
    """Procedure 1, one capsule at a time, in float64."""
    votes = np.asarray(votes, np.float64)
    count, below, above, _ = votes.shape
    v = np.zeros((count, above, votes.shape[3]))
    coupling = np.zeros((iterations, count, below, above))
    for b in range(count):
        logits = np.zeros((below, above))
        for r in range(iterations):
            for i in range(below):
                e = [np.exp(x) for x in logits[i]]
                coupling[r, b, i] = np.array(e) / (sum(e) + leaky)
            for j in range(above):
                s = sum(coupling[r, b, i, j] * votes[b, i, j] for i in range(below))
                s = s + np.broadcast_to(bias, votes.shape[2:])[j]
                square = np.sum(s**2)
                v[b, j] = square / (1 + square) * s / np.sqrt(square)
            for i in range(below):
                for j in range(above):
                    logits[i, j] += votes[b, i, j] @ v[b, j]
    return v, coupling


@pytest.mark.parametrize(("iterations", "leaky"), CASES)
def test_routing_is_a_triple_loop(problem, form, iterations, leaky):
    inputs, weights, bias = problem
    inputs = 0.3 * inputs
    votes = np.einsum("bik,ikjd->bijd", inputs, weights)
    options = {"iterations": iterations, "leaky": leaky}
    v, coupling = triple_loop(votes, bias=bias, **options)
    if form == FORMS[0]:  # the plain form is the same on all platforms
        plain = partial(dynamic_routing, bias=bias, return_coupling=True, **options)
        close(jax.jit(plain)(votes), (v, coupling), 1e-6)
    close(jax.jit(partial(fused, **options))(inputs, weights, bias), v, 1e-6)


def test_predict_is_a_matrix_for_each_pair(problem):
    inputs, weights, _ = problem
    votes = predict(inputs, weights)
    assert votes.shape == (5, 37, 4, 6)
    one = np.asarray(weights[7, :, 2]).T @ np.asarray(inputs[3, 7])
    np.testing.assert_allclose(votes[3, 7, 2], one, rtol=1e-5, atol=1e-6)


def routed(votes, **options):
    return jax.jit(partial(dynamic_routing, return_coupling=True, **options))(votes)


def test_coefficients_are_shares_of_a_capsule():
    _, coupling = routed(3 * normal(0, 2, 6, 3, 4))
    assert coupling.shape == (3, 2, 6, 3)
    assert coupling.dtype == jnp.float32
    np.testing.assert_allclose(coupling.sum(axis=-1), 1, rtol=1e-6)
    np.testing.assert_allclose(coupling[0], 1 / 3, rtol=1e-6)
    assert coupling[2].std() > 0.05


@pytest.mark.parametrize("scale", [2, 2000])
def test_leaky_capsules_may_belong_to_nobody(scale):
    # the first capsule contradicts all others, about every parent
    votes = jnp.zeros((1, 6, 3, 4)).at[..., 0].set(scale).at[:, 0].multiply(-1)
    v, coupling = routed(votes, leaky=True)
    total = coupling.sum(axis=-1)[:, 0]
    np.testing.assert_allclose(total[0], 3 / 4, rtol=1e-6)
    assert total[2, 0] < (0.5 if scale == 2 else 1e-6)
    assert (total[2, 1:] > 0.9).all()
    assert np.isfinite(v).all()
    assert total.max() < 1 + 1e-6


def test_one_iteration_is_the_average(problem):
    inputs, weights, _ = problem
    s = np.einsum("bik,ikjd->bjd", inputs, weights) / 4
    norm = np.linalg.norm(s, axis=-1, keepdims=True)
    v = jax.jit(partial(route, iterations=1))(inputs, weights)
    close(v, s * norm / (1 + norm**2))


def test_permuted_classes_permute_the_result(problem):
    inputs, weights, bias = problem
    order = jnp.array([2, 0, 3, 1])
    f = jax.jit(lambda *args: fused(*args))
    permuted = f(inputs, weights[:, :, order], bias[order])
    close(permuted, f(inputs, weights, bias)[:, order])


def test_agreeing_votes_win():
    # capsules agree about the first parent and contradict each other about the second
    votes = jnp.zeros((1, 6, 2, 3)).at[:, :, 0, 0].set(1)
    votes = votes.at[:, ::2, 1, 1].set(1).at[:, 1::2, 1, 1].set(-1)
    v, coupling = routed(votes, iterations=5)
    assert (coupling[-1, 0, :, 0] > 0.9).all()
    np.testing.assert_allclose(v[0, 1], 0, atol=1e-6)


# --- gradients -----------------------------------------------------------------------


@pytest.mark.parametrize("routing", [naive, fused])
def test_gradient_runs_through_all_iterations(problem, form, routing):
    if routing is naive and form != FORMS[0]:
        pytest.skip("the plain form is the same on all platforms")
    with jax.enable_x64(True):
        args = [jnp.array(np.asarray(x, np.float64)) for x in problem]
        f = jax.jit(jax.value_and_grad(partial(loss, routing), (0, 1, 2)))
        slopes = f(*args)[1]
        for n, slope in enumerate(slopes):
            assert slope.dtype == jnp.float64
            way = np.random.default_rng(n).normal(size=slope.shape)
            ends = []
            for step in (1e-6, -1e-6):
                moved = [*args]
                moved[n] = args[n] + step * way
                ends.append(float(f(*moved)[0]))
            wanted = (ends[0] - ends[1]) / 2e-6
            np.testing.assert_allclose(np.vdot(slope, way), wanted, rtol=1e-6)


@pytest.mark.parametrize(("iterations", "leaky"), [(1, False), (2, True), (4, False)])
def test_fused_is_naive(problem, form, iterations, leaky):
    options = {"iterations": iterations, "leaky": leaky}
    found = value_and_gradients(fused, problem, **options)
    close(found, wanted_of(whole, **options), 2e-5)


def test_fused_is_naive_for_a_single_capsule(form):
    close(value_and_gradients(fused, single()), wanted_of(single), 2e-5)


def test_bfloat16_routes_in_float32(form):
    half = halves()
    wanted, wanted_slopes = wanted_of(rounded)
    for routing in (naive, fused) if form == FORMS[0] else (fused,):
        value, slopes = value_and_gradients(routing, half)
        assert value.dtype == jnp.float32
        np.testing.assert_allclose(value, wanted, rtol=0.02)
        for slope, exact in zip(slopes, wanted_slopes, strict=True):
            assert slope.dtype == jnp.bfloat16
            error = np.asarray(slope, np.float32) - exact
            assert np.linalg.norm(error) < 0.02 * np.linalg.norm(exact)


def test_small_differences_of_large_logits_survive_bfloat16():
    # In bfloat16, a sum of 64 products and logits above 2 would lose them.
    votes = jnp.ones((1, 64, 2, 8), jnp.bfloat16).at[:, 0, 0, 0].set(1.125)
    v, coupling = routed(votes, iterations=5)
    exact, wanted = triple_loop(votes, 5)
    close(v, exact, 1e-5)
    close(coupling, wanted, 1e-5)


def test_coupling_of_route(problem):
    def both(routing):
        return jax.jit(lambda *args: routing(*args, return_coupling=True))(*problem)

    v, coupling = both(fused)
    assert coupling.shape == (3, 5, 37, 4)
    close((v, coupling), both(naive))
    close(v, jax.jit(lambda *args: fused(*args))(*problem))

    def weighted(routing, *args):
        v, coupling = routing(*args, return_coupling=True)
        return v.sum() + jnp.sin(coupling).sum()[None]

    slopes = value_and_gradients(partial(weighted, fused), problem)
    close(slopes, value_and_gradients(partial(weighted, naive), problem), 2e-5)


# --- transformations -----------------------------------------------------------------


def test_vmap_over_seeds(problem, form):
    inputs, weights, bias = problem
    several = jnp.stack([weights, weights[::-1]])
    slope = jax.jit(jax.grad(lambda w: loss(fused, inputs, w, bias)))
    wanted = [slope(weights), slope(weights[::-1])]
    close(jax.jit(jax.vmap(slope))(several), jnp.stack(wanted), 2e-5)


def test_vmap_over_examples_is_a_batch(problem, form):
    inputs, weights, bias = problem
    one = jax.vmap(lambda x: fused(x[None], weights, bias)[0])
    both = jax.jit(lambda x: (one(x), fused(x, weights, bias)))(inputs)
    close(*both)


def test_scan_of_steps(problem, form):
    inputs, weights, bias = problem

    def step(w, x):
        return w - 0.1 * jax.grad(lambda w: loss(fused, x, w, bias))(w), None

    batches = jnp.stack([inputs, 2 * inputs])
    one = jax.jit(step)
    wanted = one(one(weights, batches[0])[0], batches[1])[0]
    scanned, _ = jax.jit(partial(lax.scan, step))(weights, batches)
    close(scanned, wanted, 2e-5)


def mean_of(routing, *args):
    return jnp.sin(3 * routing(*args)).sum((1, 2)).mean()


@pytest.fixture(scope="module")
def wanted_mean(problem):
    """A mean over 8 examples: its arguments, and its gradients in the plain form."""
    args = (normal(7, 8, 37, 3), *problem[1:])
    return args, jax.jit(jax.grad(partial(mean_of, naive), (0, 1, 2)))(*args)


@pytest.fixture
def averaged(form, wanted_mean):
    """The mean, in a form of `route`, its arguments and its gradients."""
    return partial(mean_of, fused), *wanted_mean


def test_pmap_averages_to_the_gradient_of_the_batch(averaged):
    mean, (inputs, *others), wanted = averaged
    gradient = jax.pmap(jax.grad(mean, (0, 1, 2)), in_axes=(0, None, None))
    parts = gradient(inputs[:, None], *others)
    close(parts[0][:, 0] / 8, wanted[0], 2e-5)
    close([x.mean(0) for x in parts[1:]], list(wanted[1:]), 2e-5)


def test_mesh_gives_the_gradient_of_the_batch(averaged):
    mean, (inputs, *others), wanted = averaged
    mesh = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,))
    split = jax.device_put(inputs, NamedSharding(mesh, PartitionSpec("data")))
    close(jax.jit(jax.grad(mean, (0, 1, 2)))(split, *others), wanted, 2e-5)


def test_shard_map_sums_the_gradient_of_replicated_weights(averaged):
    mean, args, wanted = averaged
    mesh = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,))
    whole, split = PartitionSpec(), PartitionSpec("data")

    def local(*args):
        return jax.grad(lambda *args: lax.pmean(mean(*args), "data"), (0, 1, 2))(*args)

    specs = (split, whole, whole)
    sharded = jax.shard_map(local, mesh=mesh, in_specs=specs, out_specs=specs)
    close(jax.jit(sharded)(*args), wanted, 2e-5)


# --- memory --------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_route_never_holds_all_votes(form, monkeypatch):
    if form == "capsules":
        monkeypatch.setattr(_routing_forms, "_by_examples", by_capsules)
    shapes = [(128, 576, 8), (576, 8, 10, 16)]
    args = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    votes = 4 * 128 * 576 * 10 * 16

    def temporary(routing):
        f = jax.grad(lambda u, w: jnp.sin(routing(u, w)).sum(), (0, 1))
        memory = jax.jit(f).lower(*args).compile().memory_analysis()
        assert memory is not None
        return memory.temp_size_in_bytes

    if form == FORMS[0]:
        assert temporary(lambda u, w: dynamic_routing(predict(u, w))) > votes
    assert temporary(route) < 0.8 * votes


# --- mistakes ------------------------------------------------------------------------


def test_wrong_options_and_shapes_are_refused(problem):
    inputs, weights, _ = problem
    votes = jnp.zeros((5, 37, 4, 6))
    with pytest.raises(ValueError, match="iterations is 0, expected at least 1"):
        dynamic_routing(votes, iterations=0)
    with pytest.raises(ValueError, match="iterations is -1, expected at least 1"):
        route(inputs, weights, iterations=-1)
    with pytest.raises(ValueError, match=r"votes has shape \(37, 4, 6\), expected \[B"):
        dynamic_routing(votes[0])
    wrong = r"bias has shape \(6,\), expected \[J, D\] = \(4, 6\)"
    with pytest.raises(ValueError, match=wrong):
        dynamic_routing(votes, bias=jnp.zeros(6))
    with pytest.raises(ValueError, match=wrong):
        route(inputs, weights, bias=jnp.zeros(6))
    for function in (predict, route):
        with pytest.raises(ValueError, match=r"inputs \[B, I, K\] and weights \[I, K,"):
            function(inputs[0], weights)
        with pytest.raises(ValueError, match="37 capsules of 2 numbers, .* 37 of 3"):
            function(inputs[:, :, :2], weights)
        with pytest.raises(ValueError, match="36 capsules of 3 numbers, .* 37 of 3"):
            function(inputs[:, :36], weights)
