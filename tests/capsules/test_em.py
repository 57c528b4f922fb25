import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.capsules import em

em_routing: Any = em.em_routing

B, N, J, P = 2, 5, 3, 4
LAMBDA = 0.7
BETA_U, BETA_A = np.array([0.3, -0.2, 0.1]), np.array([0.5, 0.1, -0.4])


def example(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(B, N, J, P)), rng.uniform(0.1, 1.0, size=(B, N))


def procedure_1(votes, a_below, iterations, inverse_temperature):
    """The paper's loops, with the densities themselves and no guards, in float64."""
    n_below, n_above, n_pose = votes.shape
    r = np.full((n_below, n_above), 1 / n_above)
    mu, a_above, kept = r, r, []
    for t in range(iterations):
        kept.append(r.copy())
        mu, sigma2 = np.zeros((n_above, n_pose)), np.zeros((n_above, n_pose))
        a_above = np.zeros(n_above)
        for j in range(n_above):
            weighted = [r[i, j] * a_below[i] for i in range(n_below)]
            total = sum(weighted)
            cost = 0.0
            for h in range(n_pose):
                mu[j, h] = (
                    sum(w * votes[i, j, h] for i, w in enumerate(weighted)) / total
                )
                sigma2[j, h] = (
                    sum(
                        w * (votes[i, j, h] - mu[j, h]) ** 2
                        for i, w in enumerate(weighted)
                    )
                    / total
                )
                cost += (BETA_U[j] + math.log(math.sqrt(sigma2[j, h]))) * total
            logit = inverse_temperature(t) * (BETA_A[j] - cost)
            a_above[j] = 1 / (1 + math.exp(-logit))
        for i in range(n_below):
            p = np.zeros(n_above)
            for j in range(n_above):
                exponent = sum(
                    (votes[i, j, h] - mu[j, h]) ** 2 / (2 * sigma2[j, h])
                    for h in range(n_pose)
                )
                volume = math.sqrt(np.prod(2 * math.pi * sigma2[j]))
                p[j] = math.exp(-exponent) / volume
            r[i] = a_above * p / (a_above * p).sum()
    return mu, a_above, np.stack(kept)


def route(votes, activations, **options) -> Any:
    options = {"beta_u": BETA_U, "beta_a": BETA_A, "inverse_temperature": LAMBDA} | (
        options
    )
    as_float32 = {
        name: jnp.asarray(value, jnp.float32) if name.startswith("beta") else value
        for name, value in options.items()
    }
    return em_routing(
        jnp.asarray(votes, jnp.float32),
        jnp.asarray(activations, jnp.float32),
        **as_float32,
    )


@pytest.mark.parametrize("iterations", [1, 2, 3])
def test_procedure_1(iterations):
    votes, activations = example()
    (poses, above), coupling = route(
        votes, activations, iterations=iterations, return_coupling=True
    )
    assert coupling.shape == (iterations, B, N, J)
    for n in range(B):
        mu, a, r = procedure_1(votes[n], activations[n], iterations, lambda t: LAMBDA)
        np.testing.assert_allclose(poses[n], mu, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(above[n], a, rtol=1e-5)
        np.testing.assert_allclose(coupling[:, n], r, rtol=1e-4, atol=1e-5)


def test_inverse_temperature_rises_as_in_the_released_code():
    votes, activations = example(1)
    routed = route(votes, activations, inverse_temperature=em.annealed)
    released = [0.01 * 0.05, 0.01 * (1 - 0.9025), 0.01 * (1 - 0.857375)]
    assert [em.annealed(t) for t in range(3)] == pytest.approx(released)
    for n in range(B):
        mu, a, _ = procedure_1(votes[n], activations[n], 3, released.__getitem__)
        np.testing.assert_allclose(routed.poses[n], mu, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(routed.activations[n], a, rtol=1e-6)


def test_responsibilities_are_shared_among_parents():
    votes, activations = example()
    _, coupling = route(10 * votes, activations, return_coupling=True)
    np.testing.assert_allclose(coupling.sum(axis=-1), np.ones((3, B, N)), rtol=1e-5)
    np.testing.assert_allclose(coupling[0], np.full((B, N, J), 1 / J), rtol=1e-6)
    assert coupling[-1].std() > 0.1


def test_permuted_parents_and_children():
    votes, activations = example()
    poses, above = route(votes, activations)
    up, down = np.array([2, 0, 1]), np.array([4, 2, 0, 1, 3])
    moved = route(votes[:, :, up], activations, beta_u=BETA_U[up], beta_a=BETA_A[up])
    np.testing.assert_allclose(moved.poses, poses[:, up], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(moved.activations, above[:, up], rtol=1e-5)
    assert abs(above[:, up] - above).max() > 0.01
    moved = route(votes[:, down], activations[:, down])
    np.testing.assert_allclose(moved.poses, poses, rtol=1e-4, atol=1e-5)


def test_agreement_activates_and_the_pose_is_the_cluster():
    rng = np.random.default_rng(0)
    votes = rng.normal(size=(1, 12, 2, P))
    centre = np.array([1.0, -2.0, 0.5, 3.0])
    votes[0, :8, 0] = centre + 0.05 * rng.normal(size=(8, P))  # eight of twelve agree
    votes[0, 8:, 0] = 5.0 * rng.normal(size=(4, P))
    (poses, above), coupling = route(
        votes,
        np.ones((1, 12)),
        beta_u=np.zeros(2),
        beta_a=np.zeros(2),
        inverse_temperature=0.05,
        iterations=5,
        return_coupling=True,
    )
    np.testing.assert_allclose(poses[0, 0], votes[0, :8, 0].mean(0), atol=1e-3)
    assert above[0, 0] > above[0, 1] + 0.3
    assert coupling[-1, 0, :8, 0].min() > 0.99
    assert coupling[-1, 0, 8:, 0].max() < 0.01


def test_an_inactive_child_has_no_vote():
    votes, activations = example()
    activations[:, 0] = 0.0
    routed = route(votes, activations)
    votes[:, 0] = 100.0
    moved = route(votes, activations)
    np.testing.assert_allclose(moved.poses, routed.poses, rtol=1e-4, atol=1e-4)


def test_gradient_is_that_of_finite_differences():
    votes, activations = example()
    weights = np.random.default_rng(1).normal(size=(J, P + 1))

    def loss(arguments):
        votes, activations, beta_u, beta_a = arguments
        poses, above = em_routing(
            votes,
            activations,
            beta_u=beta_u,
            beta_a=beta_a,
            inverse_temperature=LAMBDA,
        )
        together = jnp.concatenate([poses, above[..., None]], axis=-1)
        return (together * weights[None]).sum()

    with jax.enable_x64(True):
        arguments = (votes[:1], activations[:1], BETA_U, BETA_A)
        loss_and_gradient = jax.jit(jax.value_and_grad(loss))
        _, gradient = loss_and_gradient(arguments)
        rng = np.random.default_rng(2)
        for which in range(4):
            direction = [np.zeros_like(argument) for argument in arguments]
            direction[which] = rng.normal(size=arguments[which].shape)
            ends = []
            for h in (-1e-5, 1e-5):
                moved = zip(arguments, direction, strict=True)
                ends.append(loss_and_gradient(tuple(x + h * d for x, d in moved))[0])
            wanted = float(ends[1] - ends[0]) / 2e-5
            got = float((gradient[which] * direction[which]).sum())
            assert got == pytest.approx(wanted, rel=1e-6, abs=1e-9)
            assert abs(wanted) > 1e-3


@jax.jit
def gradient_and_result(votes, activations, inverse_temperature):
    def loss(votes, activations):
        routed = route(votes, activations, inverse_temperature=inverse_temperature)
        return routed.poses.sum() + routed.activations.sum(), routed

    return jax.grad(loss, argnums=(0, 1), has_aux=True)(votes, activations)


@pytest.mark.parametrize(
    ("vote_scale", "offset", "a_scale", "inverse_temperature"),
    [
        (1.0, 0.0, 0.0, LAMBDA),  # no activation
        (0.0, 0.7, 1.0, LAMBDA),  # one and the same vote
        (0.0, 0.7, 0.0, LAMBDA),  # both
        (1e4, 0.0, 1.0, LAMBDA),  # densities that underflow
        (1e-3, 50.0, 1.0, 1e3),  # activations of 0 and 1
        (1.0, 0.0, 1e-30, LAMBDA),
    ],
)
def test_values_and_gradients_are_finite(
    vote_scale, offset, a_scale, inverse_temperature
):
    votes, activations = example()
    votes, activations = vote_scale * votes + offset, a_scale * activations
    gradient, (poses, above) = gradient_and_result(
        jnp.asarray(votes, jnp.float32),
        jnp.asarray(activations, jnp.float32),
        inverse_temperature,
    )
    for array in (*gradient, poses, above):
        assert np.isfinite(array).all()
    if not vote_scale:
        np.testing.assert_allclose(poses, np.full((B, J, P), offset), rtol=1e-5)
    if not a_scale:  # nothing below, so no cost: sigmoid(λ β_a)
        rest = 1 / (1 + np.exp(-LAMBDA * BETA_A))
        np.testing.assert_allclose(above, np.tile(rest, (B, 1)), rtol=1e-6)


def test_poses_without_any_activation_are_plain_means():
    votes, activations = example()
    poses, _ = route(votes, 0.0 * activations, iterations=1)
    np.testing.assert_allclose(poses, votes.mean(axis=1), rtol=1e-5, atol=1e-6)


def test_a_parent_chosen_only_by_an_inactive_child():
    votes, activations = example()
    votes[:, :, 0] *= 1e9  # the active ones agree on the other parents only
    votes[:, :, 1:] *= 1e-3
    votes[:, 0, 1:] = 1e4
    activations[:, 0] = 0.0
    gradient, (poses, _) = gradient_and_result(
        jnp.asarray(votes, jnp.float32), jnp.asarray(activations, jnp.float32), LAMBDA
    )
    for array in (*gradient, poses):
        assert np.isfinite(array).all()
    _, coupling = route(votes, activations, return_coupling=True)
    np.testing.assert_allclose(coupling[-1, :, 0, 0], np.ones(B), rtol=1e-6)
    assert coupling[-1, :, 1:, 0].max() == 0.0  # underflows, but not their ratio:
    active = votes[:, 1:, 0]
    assert (poses[:, 0] > active.min(axis=1)).all()
    assert (poses[:, 0] < active.max(axis=1)).all()


def test_jit_and_vmap():
    votes, activations = example()
    wanted = route(votes, activations)
    in_jit = jax.jit(route)(votes, activations)
    np.testing.assert_allclose(in_jit.poses, wanted.poses, rtol=1e-5, atol=1e-6)
    stacked = jax.vmap(route)(np.stack([votes] * 2), np.stack([activations] * 2))
    for n in range(2):
        np.testing.assert_allclose(stacked.poses[n], wanted.poses, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(stacked.activations[n], wanted.activations, 1e-5)


def test_bfloat16_votes_are_routed_in_float32():
    votes, activations = example()
    low = jnp.asarray(votes, jnp.bfloat16)
    poses, above = em_routing(
        low,
        jnp.asarray(activations, jnp.bfloat16),
        beta_u=jnp.asarray(BETA_U, jnp.bfloat16),
        beta_a=jnp.asarray(BETA_A, jnp.bfloat16),
        inverse_temperature=LAMBDA,
    )
    assert poses.dtype == above.dtype == jnp.float32
    assert np.isfinite(poses).all()
    full, _ = route(votes, activations)
    np.testing.assert_allclose(poses, full, atol=0.05)
    rounded = [np.asarray(x, jnp.bfloat16) for x in (activations, BETA_U, BETA_A)]
    a, u, b = (x.astype(np.float32) for x in rounded)
    same, _ = route(low.astype(jnp.float32), a, beta_u=u, beta_a=b)
    np.testing.assert_allclose(poses, same, rtol=1e-5, atol=1e-6)


def test_wrong_arguments_are_refused():
    votes, activations = example()
    with pytest.raises(ValueError, match="iterations is 0, expected 1 or more"):
        route(votes, activations, iterations=0)
    with pytest.raises(ValueError, match=r"votes has shape .* expected rank 4"):
        route(votes[0], activations)
    with pytest.raises(ValueError, match=r"activations has shape .* expected rank 2"):
        route(votes, activations[..., None])
    with pytest.raises(ValueError, match=r"activations has shape \(2, 4\), .*\(2, 5\)"):
        route(votes, activations[:, :4])
    with pytest.raises(ValueError, match=r"beta_u has shape \(2,\), expected \(3,\)"):
        route(votes, activations, beta_u=np.zeros(2))
    with pytest.raises(ValueError, match=r"beta_a has shape \(1,\), expected \(3,\)"):
        route(votes, activations, beta_a=np.zeros(1))
