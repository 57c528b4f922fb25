"""Dynamic routing against PyTorch, written there from the paper with autograd."""

from functools import partial

import jax
import numpy as np
import pytest

from jaxgan.capsules.routing import dynamic_routing, predict, route

torch = pytest.importorskip("torch")


def torch_routing(inputs, weights, bias, iterations, leaky):
    votes = (weights[None] * inputs[:, :, :, None, None]).sum(2)
    logits = torch.zeros(votes.shape[:3], dtype=votes.dtype)
    v = None
    for _ in range(iterations):
        nobody = torch.zeros_like(logits[:, :, :1])
        every = torch.cat([logits, nobody], 2) if leaky else logits
        coupling = torch.softmax(every, 2)[:, :, : logits.shape[2]]
        s = (coupling[..., None] * votes).sum(1) + bias
        norm = torch.linalg.vector_norm(s, dim=-1, keepdim=True)
        v = norm**2 / (1 + norm**2) * (s / norm)
        logits = logits + (votes * v[:, None]).sum(-1)
    return v


def value_and_gradients(routing, args, cotangent):
    v, pull = jax.vjp(routing, *args)
    return v, pull(cotangent)


@pytest.mark.parametrize(("iterations", "leaky"), [(3, False), (4, True)])
def test_value_and_gradients_agree(iterations, leaky):
    random = np.random.default_rng(0)
    shapes = [(4, 23, 5), (23, 5, 3, 6), (3, 6)]
    args = [random.normal(size=shape).astype(np.float32) for shape in shapes]
    cotangent = random.normal(size=(4, 3, 6)).astype(np.float32)

    there = [torch.tensor(x, requires_grad=True) for x in args]
    wanted = torch_routing(*there, iterations, leaky)
    wanted.backward(torch.tensor(cotangent))

    def naive(inputs, weights, bias):
        votes = predict(inputs, weights)
        return dynamic_routing(votes, iterations=iterations, bias=bias, leaky=leaky)

    def fused(inputs, weights, bias):
        return route(inputs, weights, iterations=iterations, bias=bias, leaky=leaky)

    for routing in (naive, fused):
        v, slopes = jax.jit(partial(value_and_gradients, routing))(args, cotangent)
        np.testing.assert_allclose(v, wanted.detach(), rtol=1e-4, atol=1e-5)
        for mine, theirs in zip(slopes, there, strict=True):
            np.testing.assert_allclose(mine, theirs.grad, rtol=1e-4, atol=1e-4)
