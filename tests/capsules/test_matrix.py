"""EM routing over windows: against loops, and by symmetries."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import capsules
from jaxgan.capsules import matrix
from jaxgan.capsules.em import em_routing

B, H, W, T, J, K = 2, 5, 4, 2, 3, 3
VARIANCE = 0.01
ROUTING = capsules.Routing(3, lambda i: 0.05 * (i + 1), "sum", VARIANCE)
conv_em = jax.jit(
    matrix.conv_em, static_argnames=("stride", "routing", "return_coupling")
)
class_em = jax.jit(
    matrix.class_em, static_argnames=("routing", "coordinates", "return_coupling")
)


def example(seed=0):
    rng = np.random.default_rng(seed)
    poses = rng.normal(size=(B, H, W, T, 4, 4)).astype(np.float32)
    a = rng.uniform(0.1, 1, size=(B, H, W, T)).astype(np.float32)
    betas = rng.normal(size=(2, J)).astype(np.float32)
    return capsules.Grid(poses, a), betas, rng


def fit_by_loops(votes, a, connected, betas, iterations):
    """Procedure 1 in float64, where capsules above see only some of those below.

    Args:
        votes: `[I, J, 16]`.
        a: `[I]`.
        connected: bool `[I, J]`.
        betas: β_u and β_a, `[J]` each.
        iterations: their number.
    """
    r = connected / connected.sum(1, keepdims=True)
    kept = []
    for t in range(iterations):
        kept.append(r)
        weight = r * a[:, None]
        total = weight.sum(0)
        mean = np.einsum("ij,ijp->jp", weight, votes) / total[:, None]
        square = np.square(votes - mean)
        variance = np.einsum("ij,ijp->jp", weight, square) / total[:, None]
        variance = variance + VARIANCE
        cost = ((betas[0][:, None] + np.log(np.sqrt(variance))) * total[:, None]).sum(1)
        active = 1 / (1 + np.exp(-0.05 * (t + 1) * (betas[1] - cost)))
        p = np.exp(-(square / (2 * variance)).sum(2))
        p = p / np.sqrt(np.prod(2 * np.pi * variance, 1)) * active * connected
        r = p / p.sum(1, keepdims=True)
    return mean, active, np.stack(kept)


@pytest.mark.parametrize("stride", [1, 2])
def test_windows_compete_for_the_capsules_that_they_share(stride):
    grid, betas, rng = example()
    weights = rng.normal(size=(K, K, T, J, 4, 4)).astype(np.float32) / 2
    above, coupling = conv_em(
        grid, weights, *betas, stride=stride, routing=ROUTING, return_coupling=True
    )
    rows, columns = (H - K) // stride + 1, (W - K) // stride + 1
    assert above.poses.shape == (B, rows, columns, J, 4, 4)
    votes = np.zeros((H, W, T, rows, columns, J, 4, 4))
    connected = np.zeros((H, W, T, rows, columns, J), bool)
    for y, x, i, j in np.ndindex(rows, columns, K, K):
        at = (stride * y + i, stride * x + j)
        product = np.einsum("tak,tjkb->tjab", grid.poses[0][at], weights[i, j])
        votes[(*at, slice(None), y, x)] = product
        connected[(*at, slice(None), y, x)] = True
    seen = connected.any((2, 3, 4, 5))  # stride 2 leaves a column out
    flat = (votes[seen].reshape(-1, rows * columns * J, 16),)
    flat += (grid.activations[0][seen].reshape(-1),)
    flat += (connected[seen].reshape(-1, rows * columns * J),)
    mean, active, r = fit_by_loops(*flat, np.tile(betas, rows * columns), 3)
    shape = (rows, columns, J)
    np.testing.assert_allclose(
        above.poses[0], mean.reshape(*shape, 4, 4), rtol=1e-3, atol=1e-3
    )
    np.testing.assert_allclose(above.activations[0], active.reshape(shape), rtol=1e-3)
    for y, x, i, j in np.ndindex(rows, columns, K, K):
        below = np.zeros((H, W), int)
        below[seen] = np.arange(seen.sum())
        first = T * below[stride * y + i, stride * x + j]
        wanted = r[:, first : first + T].reshape(3, T, *shape)[:, :, y, x]
        got = np.swapaxes(coupling[0, :, y, x, :, i, j], 1, 2)
        np.testing.assert_allclose(got, wanted, rtol=1e-2, atol=1e-4)


def test_a_class_layer_is_em_over_all_positions():
    grid, betas, rng = example(1)
    weights = rng.normal(size=(T, J, 4, 4)).astype(np.float32)
    routing = ROUTING._replace(variance=1e-6)
    above = class_em(grid, weights, *betas, routing=routing, coordinates=False)
    votes = np.einsum("nhwtak,tjkb->nhwtjab", grid.poses, weights)
    wanted = em_routing(
        jnp.asarray(votes.reshape(B, -1, J, 16)),
        jnp.asarray(grid.activations.reshape(B, -1)),
        beta_u=jnp.asarray(betas[0]),
        beta_a=jnp.asarray(betas[1]),
        inverse_temperature=ROUTING.temperature,
    )
    np.testing.assert_allclose(
        above.poses.reshape(B, J, 16), wanted.poses, rtol=1e-2, atol=1e-2
    )
    np.testing.assert_allclose(
        above.activations, wanted.activations, rtol=1e-2, atol=1e-3
    )


def test_a_pattern_that_moves_moves_its_pose_and_nothing_else():
    """Coordinate addition: a step of a column is a W-th in one element of a pose."""
    grid, betas, rng = example(3)
    a = grid.activations.copy()
    a[:, :, -1] = 0  # room to move
    poses = grid.poses
    weights = rng.normal(size=(T, J, 4, 4)).astype(np.float32)
    routing = capsules.Routing(2)
    before = class_em(capsules.Grid(poses, a), weights, *betas, routing=routing)
    moved = capsules.Grid(np.roll(poses, 1, 2), np.roll(a, 1, 2))
    after = class_em(moved, weights, *betas, routing=routing)
    wanted = np.zeros((4, 4))
    wanted[1, 3] = 1 / W
    step = np.asarray(after.poses - before.poses)
    np.testing.assert_allclose(step, np.broadcast_to(wanted, step.shape), atol=2e-3)
    np.testing.assert_allclose(after.activations, before.activations, rtol=1e-3)
    still = class_em(moved, weights, *betas, routing=routing, coordinates=False)
    assert np.abs(still.poses[..., 1, 3] - after.poses[..., 1, 3]).min() > 0.1


def test_every_capsule_in_a_window_is_shared_wholly():
    grid, betas, rng = example(4)
    weights = 3 * rng.normal(size=(K, K, T, J, 4, 4)).astype(np.float32)
    _, r = conv_em(grid, weights, *betas, stride=1, return_coupling=True)
    total = np.zeros((B, 3, H, W, T))
    for y, x, i, j in np.ndindex(3, 2, K, K):
        total[:, :, y + i, x + j] += np.asarray(r[:, :, y, x, :, i, j]).sum(2)
    np.testing.assert_allclose(total, 1, rtol=1e-4)


def test_gradient_is_that_of_finite_differences():
    grid, betas, rng = example(5)
    weights = rng.normal(size=(K, K, T, J, 4, 4)) / 2
    direction = rng.normal(size=(1, 3, 2, J, 17))

    def loss(arguments):
        poses, a, weights, *betas = arguments
        above = matrix.conv_em(capsules.Grid(poses, a), weights, *betas)
        shape = (*above.activations.shape, 16)
        flat = [above.poses.reshape(shape), above.activations[..., None]]
        return (jnp.concatenate(flat, -1) * direction).sum()

    with jax.enable_x64(True):
        arguments = [grid.poses[:1], grid.activations[:1], weights, *betas]
        arguments = [np.asarray(x, np.float64) for x in arguments]
        value_and_gradient = jax.jit(jax.value_and_grad(loss))
        _, gradient = value_and_gradient(arguments)
        for which in range(5):
            way = [np.zeros_like(x) for x in arguments]
            way[which] = rng.normal(size=arguments[which].shape)
            ends = [
                value_and_gradient(
                    [x + h * d for x, d in zip(arguments, way, strict=True)]
                )[0]
                for h in (-1e-5, 1e-5)
            ]
            wanted = float(ends[1] - ends[0]) / 2e-5
            got = float((gradient[which] * way[which]).sum())
            assert got == pytest.approx(wanted, rel=1e-5, abs=1e-8)
            assert abs(wanted) > 1e-4


@pytest.mark.parametrize("scale", [0.0, 1e3])
def test_gradients_are_finite_where_votes_are_equal_or_huge(scale):
    grid, betas, rng = example(6)
    weights = rng.normal(size=(K, K, T, J, 4, 4)).astype(np.float32)

    @jax.jit
    def gradient(poses, a):
        def loss(poses, a):
            above = matrix.conv_em(capsules.Grid(poses, a), weights, *betas, stride=2)
            return above.poses.sum() + above.activations.sum()

        return jax.grad(loss, (0, 1))(poses, a)

    for a in (grid.activations, 0 * grid.activations):
        for found in gradient(scale * grid.poses, a):
            assert np.isfinite(found).all()


def test_both_forms_agree():
    """The one of CPUs, an example at a time, and that of accelerators."""
    grid, betas, rng = example(7)
    weights = rng.normal(size=(T, J, 4, 4)).astype(np.float32)
    one = class_em(grid, weights, *betas)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            jax.lax, "platform_dependent", lambda *x, cpu, default: default(*x)
        )
        other = jax.jit(lambda x: matrix.class_em(x, weights, *betas))(grid)
    np.testing.assert_allclose(one.poses, other.poses, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(one.activations, other.activations, rtol=1e-5)


def test_what_does_not_fit_is_refused():
    grid, betas, _ = example()
    weights = np.zeros((K, K, T, J, 4, 4), np.float32)
    with pytest.raises(ValueError, match=r"shape \(3, 3, 2, 3, 4, 4\).*\[T, J, 4, 4\]"):
        matrix.class_em(grid, weights, *betas)
    with pytest.raises(ValueError, match="side of the grid below is 5.*7 positions"):
        matrix.conv_em(grid, np.zeros((7, 7, T, J, 4, 4)), *betas)
    with pytest.raises(ValueError, match="iterations is 0"):
        matrix.conv_em(grid, weights, *betas, routing=capsules.Routing(0))
    flat = capsules.Grid(grid.poses.reshape(B, H, W, T, 16), grid.activations)
    with pytest.raises(ValueError, match=r"poses \(2, 5, 4, 2, 16\).*expected"):
        matrix.conv_em(flat, weights, *betas)
