from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxgan.capsules.routing import dynamic_routing, predict, route, squash

CASES = [(1, False), (2, False), (3, False), (5, False), (3, True)]


def normal(seed, *shape):
    return jax.random.normal(jax.random.key(seed), shape)


@pytest.fixture(scope="module")
def problem():
    """Inputs [B, I, K], weights [I, K, J, D] and a bias [J, D]; 37 is prime."""
    return normal(0, 5, 37, 3), normal(1, 37, 3, 4, 6), 0.3 * normal(2, 4, 6)


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


# --- squash --------------------------------------------------------------------------


def test_squash_by_hand():
    s = np.array([[3.0, 4.0], [0.6, 0.8], [0.0, -0.1]])
    wanted = [[15 / 26, 20 / 26], [0.3, 0.4], [0, -0.01 / 1.01]]
    np.testing.assert_allclose(squash(jnp.array(s)), wanted, rtol=1e-6)


def test_squash_takes_any_axis():
    s = normal(0, 3, 4, 5)
    for axis in (0, 1, -2):
        one = jnp.moveaxis(squash(jnp.moveaxis(s, axis, -1)), -1, axis)
        np.testing.assert_allclose(squash(s, axis=axis), one, rtol=1e-6)
    assert not np.allclose(squash(s, axis=0), squash(s), atol=0.1)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_squash_shortens_and_keeps_direction_at_every_length(dtype):
    lengths = 10.0 ** np.arange(-18, 37, 2)
    unit = np.array([2, -3, 6]) / 7
    s = jnp.array(lengths[:, None] * unit, dtype)
    exact = np.asarray(s, np.float64)
    norm = np.linalg.norm(exact, axis=-1, keepdims=True)
    v = squash(s)
    assert v.dtype == jnp.float32
    np.testing.assert_allclose(v, exact * norm / (1 + norm**2), rtol=1e-5)
    assert np.linalg.norm(np.asarray(v), axis=-1).max() < 1 + 1e-6
    assert np.linalg.norm(np.asarray(v)[lengths < 1e3], axis=-1).max() < 1


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("length", [0.0, 1e-20, 1.0, 1e20])
def test_gradient_of_squash(length, dtype):
    # v = s n / (1 + n²), so dv/ds = n/(1+n²) I + (1-n²)/(1+n²)² n û ûᵀ
    s = jnp.array([0.6 * length, 0.8 * length], dtype)
    exact = np.asarray(s, np.float64)
    n = np.linalg.norm(exact)
    unit = exact / n if n else exact
    wanted = n / (1 + n**2) * np.eye(2)
    wanted += (1 - n**2) * n / (1 + n**2) ** 2 * np.outer(unit, unit)
    slope = jax.jacrev(squash)(s)
    tolerance = 1e-5 if dtype == jnp.float32 else 1e-2
    scale = abs(wanted).max()
    np.testing.assert_allclose(slope, wanted, rtol=0, atol=tolerance * scale)


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
def test_routing_is_a_triple_loop(problem, iterations, leaky):
    inputs, weights, bias = problem
    inputs = 0.3 * inputs
    votes = np.einsum("bik,ikjd->bijd", inputs, weights)
    options = {"iterations": iterations, "leaky": leaky}
    v, coupling = triple_loop(votes, bias=bias, **options)
    mine = dynamic_routing(votes, bias=bias, return_coupling=True, **options)
    close(mine, (v, coupling), 1e-6)
    close(route(inputs, weights, bias=bias, **options), v, 2e-6)


def test_predict_is_a_matrix_for_each_pair(problem):
    inputs, weights, _ = problem
    votes = predict(inputs, weights)
    assert votes.shape == (5, 37, 4, 6)
    one = np.asarray(weights[7, :, 2]).T @ np.asarray(inputs[3, 7])
    np.testing.assert_allclose(votes[3, 7, 2], one, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("leaky", [False, True])
def test_coefficients_are_shares_of_a_capsule(leaky):
    votes = 3 * normal(0, 2, 6, 3, 4)
    _, coupling = dynamic_routing(votes, leaky=leaky, return_coupling=True)
    assert coupling.shape == (3, 2, 6, 3)
    assert coupling.dtype == jnp.float32
    total = coupling.sum(axis=-1)
    if leaky:
        np.testing.assert_allclose(total[0], 3 / 4, rtol=1e-6)
        assert (total < 1).all()
        # votes that disagree with the rest go nowhere
        assert total.min() < 0.5
    else:
        np.testing.assert_allclose(total, 1, rtol=1e-6)
    np.testing.assert_array_equal(coupling[0], coupling[0, 0, 0, 0])
    assert coupling[2].std() > 0.05


def test_leaky_softmax_with_huge_logits_stays_finite():
    votes = 100 * normal(0, 2, 6, 3, 4)
    v, coupling = dynamic_routing(votes, leaky=True, return_coupling=True)
    assert np.isfinite(v).all()
    assert coupling.sum(axis=-1).max() <= 1 + 1e-6
    assert coupling[-1].sum(axis=-1).min() < 1e-6  # all votes of a capsule disagree


def test_one_iteration_is_the_average(problem):
    inputs, weights, _ = problem
    average = np.asarray(predict(inputs, weights)).sum(axis=1) / 4
    v = route(inputs, weights, iterations=1)
    close(v, squash(jnp.array(average)))


def test_permuted_classes_permute_the_result(problem):
    inputs, weights, bias = problem
    order = jnp.array([2, 0, 3, 1])
    permuted = route(inputs, weights[:, :, order], bias=bias[order])
    close(permuted, route(inputs, weights, bias=bias)[:, order])


def test_agreeing_votes_win():
    # capsules 0-5 agree about parent 0 and disagree about parent 1
    votes = jnp.stack([jnp.tile(jnp.array([1.0, 0, 0]), (6, 1)), normal(0, 6, 3)], 1)
    _, coupling = dynamic_routing(votes[None], iterations=5, return_coupling=True)
    assert (coupling[-1, 0, :, 0] > 0.9).all()


# --- gradients -----------------------------------------------------------------------


@pytest.mark.parametrize("routing", [naive, fused])
def test_gradient_runs_through_all_iterations(problem, routing):
    with jax.enable_x64(True):
        args = [jnp.array(np.asarray(x, np.float64)) for x in problem]
        f = jax.jit(partial(loss, partial(routing, iterations=3)))
        slopes = jax.jit(jax.grad(f, (0, 1, 2)))(*args)
        for n, slope in enumerate(slopes):
            assert slope.dtype == jnp.float64
            way = np.asarray(normal(n + 5, *args[n].shape), np.float64)
            ends = [
                float(f(*args[:n], args[n] + step * way, *args[n + 1 :]))
                for step in (1e-6, -1e-6)
            ]
            wanted = (ends[0] - ends[1]) / 2e-6
            np.testing.assert_allclose(np.vdot(slope, way), wanted, rtol=1e-6)


@pytest.mark.parametrize(("iterations", "leaky"), CASES)
def test_fused_is_naive(problem, iterations, leaky):
    options = {"iterations": iterations, "leaky": leaky}
    plain = value_and_gradients(naive, problem, **options)
    close(value_and_gradients(fused, problem, **options), plain, 2e-5)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1, 1), (3, 17, 2, 3, 5), (2, 64, 8, 2, 4)])
def test_fused_is_naive_at_any_size(shape):
    b, i, k, j, d = shape
    args = normal(0, b, i, k), normal(1, i, k, j, d), normal(2, j, d)
    plain = value_and_gradients(naive, args)
    close(value_and_gradients(fused, args), plain, 2e-5)


def test_bfloat16_routes_in_float32(problem):
    half = [x.astype(jnp.bfloat16) for x in problem]
    whole = [x.astype(jnp.float32) for x in half]
    wanted, wanted_slopes = value_and_gradients(naive, whole)
    for routing in (naive, fused):
        assert routing(*half).dtype == jnp.float32
        value, slopes = value_and_gradients(routing, half)
        np.testing.assert_allclose(value, wanted, rtol=0.02)
        for slope, exact in zip(slopes, wanted_slopes, strict=True):
            assert slope.dtype == jnp.bfloat16
            error = np.asarray(slope, np.float32) - exact
            assert np.linalg.norm(error) < 0.02 * np.linalg.norm(exact)


def test_small_differences_of_large_logits_survive_bfloat16():
    # Logits of 2·n·|v| differ by about 0.1: bfloat16 sums would round that away.
    votes = jnp.ones((1, 64, 2, 8), jnp.bfloat16).at[:, 0, 0, 0].set(1.125)
    v, coupling = dynamic_routing(votes, iterations=5, return_coupling=True)
    exact, wanted = triple_loop(votes, 5)
    close(v, exact, 1e-5)
    close(coupling, wanted, 1e-5)


def test_coupling_of_route_and_its_gradient(problem):
    inputs, weights, bias = problem

    def first(*args):
        return fused(*args, return_coupling=True)[0]

    close(fused(*problem, return_coupling=True), naive(*problem, return_coupling=True))
    close(
        value_and_gradients(lambda *a: first(*a), problem),
        value_and_gradients(naive, problem),
        2e-5,
    )


# --- transformations -----------------------------------------------------------------


def test_vmap_over_seeds(problem):
    inputs, weights, bias = problem
    several = jnp.stack([weights, 2 * weights, weights[::-1]])
    slope = jax.grad(lambda w, x: loss(fused, x, w, bias))
    both = jax.vmap(slope, (0, None))(several, inputs)
    close(both, jnp.stack([slope(w, inputs) for w in several]), 2e-5)


def test_vmap_over_examples_is_a_batch(problem):
    inputs, weights, bias = problem
    one = jax.vmap(lambda x: fused(x[None], weights, bias)[0])(inputs)
    close(one, fused(inputs, weights, bias))


def test_scan_of_steps(problem):
    inputs, weights, bias = problem

    def step(w, x):
        return w - 0.1 * jax.grad(lambda w: loss(fused, x, w, bias))(w), None

    batches = jnp.stack([inputs, 2 * inputs])
    wanted = step(step(weights, batches[0])[0], batches[1])[0]
    close(lax.scan(step, weights, batches)[0], wanted, 2e-5)


def averaged(problem):
    """The gradients of a mean over 8 examples, and how to compute them in parts."""
    _, weights, bias = problem
    inputs = normal(7, 8, 37, 3)

    def mean(inputs, weights, bias):
        return jnp.sin(3 * fused(inputs, weights, bias)).sum((1, 2)).mean()

    return mean, (inputs, weights, bias), jax.grad(mean, (0, 1, 2))


def test_pmap_averages_to_the_gradient_of_the_batch(problem):
    _, (inputs, weights, bias), gradient = averaged(problem)
    wanted = gradient(inputs, weights, bias)
    split = jax.pmap(gradient, in_axes=(0, None, None))(inputs[:, None], weights, bias)
    close(split[0][:, 0] / 8, wanted[0], 2e-5)
    close([x.mean(0) for x in split[1:]], list(wanted[1:]), 2e-5)


def test_mesh_gives_the_gradient_of_the_batch(problem):
    _, (inputs, weights, bias), gradient = averaged(problem)
    mesh = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,))
    split = jax.device_put(inputs, NamedSharding(mesh, PartitionSpec("data")))
    wanted = gradient(inputs, weights, bias)
    close(jax.jit(gradient)(split, weights, bias), wanted, 2e-5)


def test_shard_map_sums_the_gradient_of_replicated_weights(problem):
    mean, args, gradient = averaged(problem)
    mesh = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,))
    whole, split = PartitionSpec(), PartitionSpec("data")

    def local(*args):
        return jax.grad(lambda *a: lax.pmean(mean(*a), "data"), (0, 1, 2))(*args)

    specs = (split, whole, whole)
    sharded = jax.shard_map(local, mesh=mesh, in_specs=specs, out_specs=specs)
    close(jax.jit(sharded)(*args), gradient(*args), 2e-5)


# --- memory --------------------------------------------------------------------------


def test_route_never_holds_all_votes():
    shapes = [(32, 256, 8), (256, 8, 10, 16)]
    args = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    votes = 4 * 32 * 256 * 10 * 16

    def temporary(routing):
        f = jax.grad(lambda u, w: jnp.sin(routing(u, w)).sum(), (0, 1))
        return jax.jit(f).lower(*args).compile().memory_analysis().temp_size_in_bytes

    assert temporary(lambda u, w: dynamic_routing(predict(u, w))) > votes
    assert temporary(route) < votes / 2


# --- mistakes ------------------------------------------------------------------------


def test_wrong_options_and_shapes_are_refused(problem):
    inputs, weights, _ = problem
    votes = predict(inputs, weights)
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
