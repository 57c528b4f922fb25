"""Capsule layers: order of axes, who shares weights, what is masked."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import capsules
from jaxgan.compose import parameter_count


def drawn(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), "float32")


def test_primary_capsules_are_runs_of_channels():
    layer = capsules.PrimaryCaps(
        types=2, dim=3, scaling="printed", kernel_size=1, strides=1
    )
    x = drawn(2, 4, 5, 6)
    identity = {"kernel": jnp.eye(6)[None, None], "bias": jnp.zeros(6)}
    out = layer.apply({"params": {"Conv_0": identity}}, x)
    assert out.shape == (2, 4, 5, 2, 3)
    s = np.asarray(x)[0, 1, 2, 3:]  # the second type
    n = np.linalg.norm(s)
    np.testing.assert_allclose(out[0, 1, 2, 1], s * n / (1 + n**2), rtol=1e-5)


@pytest.mark.parametrize("leaky", [False, True])
def test_released_primary_capsules_end_in_a_round_of_routing(leaky):
    """From one capsule below, whose votes the convolution makes, to every type."""
    layer = capsules.PrimaryCaps(types=2, dim=3, leaky=leaky, kernel_size=1, strides=1)
    x, kernel, bias = drawn(2, 4, 5, 6), drawn(1, 1, 6, 6, seed=1), drawn(6, seed=2)
    params = {"Conv_0": {"kernel": kernel, "bias": bias}}
    votes = jnp.einsum("bhwc,cd->bhwd", x, kernel[0, 0]).reshape(-1, 1, 2, 3)
    wanted = capsules.dynamic_routing(
        votes, iterations=1, bias=bias.reshape(2, 3), leaky=leaky
    )
    out = layer.apply({"params": params}, x)
    np.testing.assert_allclose(out.reshape(-1, 2, 3), wanted, rtol=1e-4, atol=1e-6)


def test_another_word_for_the_primary_capsules_is_refused():
    layer = capsules.PrimaryCaps(scaling="mine")
    with pytest.raises(ValueError, match="scaling is 'mine', expected 'released' or"):
        jax.eval_shape(layer.init, jax.random.key(0), drawn(1, 9, 9, 1))


def test_primary_capsules_of_the_paper_have_a_grid_of_six():
    layer = capsules.PrimaryCaps()
    x = jax.ShapeDtypeStruct((1, 20, 20, 256), jnp.float32)
    out, variables = jax.eval_shape(layer.init_with_output, jax.random.key(0), x)
    assert out.shape == (1, 6, 6, 32, 8)
    assert parameter_count(variables) == 9 * 9 * 256 * 256 + 256


def test_class_capsules_route_what_they_are_given():
    layer = capsules.ClassCaps(classes=3, dim=4, iterations=2)
    x = 0.5 * drawn(2, 2, 2, 2, 5)
    variables = layer.init(jax.random.key(0), x)
    weights, bias = variables["params"]["weights"], variables["params"]["bias"]
    assert weights.shape == (8, 5, 3, 4)
    assert np.all(np.asarray(bias) == np.float32(0.1))
    votes = np.einsum("bik,ikjd->bijd", np.reshape(x, (2, 8, 5)), weights)
    s = votes.mean(2, keepdims=True)  # only for its shape
    logits = np.zeros(votes.shape[:3])
    for _ in range(2):
        c = np.exp(logits) / np.exp(logits).sum(2, keepdims=True)
        s = (c[..., None] * votes).sum(1) + np.asarray(bias)
        n = np.linalg.norm(s, axis=-1, keepdims=True)
        v = s * n / (1 + n**2)
        logits = logits + (votes * v[:, None]).sum(-1)
    out, coupling = layer.apply(variables, x, return_coupling=True)
    np.testing.assert_allclose(out, v, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(coupling[-1], c, rtol=1e-4)
    np.testing.assert_allclose(layer.apply(variables, x), out, rtol=1e-5, atol=1e-6)


def test_shared_weights_are_the_same_at_every_position():
    x = drawn(2, 2, 3, 2, 4)
    shared = capsules.ClassCaps(classes=3, dim=4, shared=True)
    variables = shared.init(jax.random.key(0), x)
    weights = variables["params"]["weights"]
    assert weights.shape == (2, 4, 3, 4)
    per_position = {"params": dict(variables["params"])}
    per_position["params"]["weights"] = jnp.tile(weights, (6, 1, 1, 1))
    own = capsules.ClassCaps(classes=3, dim=4)
    np.testing.assert_allclose(
        shared.apply(variables, x), own.apply(per_position, x), rtol=1e-5, atol=1e-6
    )
    # So the order of positions does not matter, and that of types does.
    moved = shared.apply(variables, x[:, ::-1, ::-1])
    np.testing.assert_allclose(moved, shared.apply(variables, x), rtol=1e-4, atol=1e-5)
    swapped = shared.apply(variables, x[:, :, :, ::-1])
    assert np.abs(swapped - moved).max() > 1e-3


def test_leaky_class_capsules_leave_some_out():
    layer = capsules.ClassCaps(classes=3, dim=4, leaky=True)
    x = drawn(2, 2, 2, 2, 5)
    variables = layer.init(jax.random.key(0), x)
    _, coupling = layer.apply(variables, x, return_coupling=True)
    assert np.asarray(coupling).sum(-1).max() < 1
    np.testing.assert_allclose(coupling[0], 0.25)


def test_class_capsules_refuse_another_rank():
    with pytest.raises(ValueError, match=r"\[B, H, W, types, K\].*\(2, 8, 5\)"):
        capsules.ClassCaps().init(jax.random.key(0), drawn(2, 8, 5))


def test_lengths_and_their_gradient_at_zero():
    v = drawn(3, 2, 4).at[1, 1].set(0.0)
    np.testing.assert_allclose(
        capsules.lengths(v), np.linalg.norm(v, axis=-1), rtol=1e-6
    )
    gradient = jax.grad(lambda v: capsules.lengths(v).sum())(v)
    np.testing.assert_array_equal(gradient[1, 1], 0)
    np.testing.assert_allclose(
        gradient[0, 0], v[0, 0] / np.linalg.norm(v[0, 0]), rtol=1e-5
    )
    assert capsules.lengths(v.astype(jnp.bfloat16)).dtype == jnp.float32


def test_longest_come_first():
    v = jnp.array([[[0.0, 0.2], [0.9, 0.0], [0.3, 0.4]]])
    np.testing.assert_array_equal(capsules.longest(v, 3), [[1, 2, 0]])
    np.testing.assert_array_equal(capsules.longest(v), [[1]])
    with pytest.raises(ValueError, match=r"count is 4, expected 1 to 3"):
        capsules.longest(v, 4)


def test_mask_keeps_one_capsule():
    v = drawn(3, 4, 2)
    kept = capsules.mask(v, jnp.array([2, 0, 3]))
    expected = np.zeros((3, 4, 2), np.float32)
    for b, j in enumerate([2, 0, 3]):
        expected[b, j] = v[b, j]
    np.testing.assert_array_equal(kept, expected)


@pytest.mark.parametrize("label", [-1, 4])
def test_mask_of_a_class_that_is_not_there_is_not_a_number(label):
    kept = capsules.mask(drawn(2, 4, 2), jnp.array([1, label]))
    assert np.isfinite(kept[0]).all()
    assert np.isnan(kept[1]).all()


def test_mask_refuses_labels_of_another_shape():
    with pytest.raises(ValueError, match=r"\(2, 4, 2\) and \(2, 1\)"):
        capsules.mask(drawn(2, 4, 2), jnp.zeros((2, 1), int))


def test_the_decoder_reads_capsules_in_order_and_draws_probabilities():
    decoder = capsules.Decoder((2, 3, 1), hidden=(5,))
    v = drawn(4, 3, 2)
    variables = decoder.init(jax.random.key(0), v)
    out = decoder.apply(variables, v)
    assert out.shape == (4, 2, 3, 1)
    p = jax.tree.map(np.asarray, variables["params"])
    hidden = np.maximum(
        np.asarray(v).reshape(4, 6) @ p["Dense_0"]["kernel"] + p["Dense_0"]["bias"], 0
    )
    logits = hidden @ p["Dense_1"]["kernel"] + p["Dense_1"]["bias"]
    expected = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(out.reshape(4, 6), expected, rtol=1e-5)
