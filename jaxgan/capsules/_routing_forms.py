"""Two forms of routing that never hold all votes: for CPUs and for accelerators.

Shapes and terms are those of `routing.py`. `u` are the inputs [B, I, K], `w` the
weights [I, K, J, D] of the same dtype. `total` is the sum of the v of all rounds so
far. The bias is [J, D], in the dtype of sums: at least float32. `squash` comes as an
argument, since `routing.py` imports this file.
"""

import functools
import itertools
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.linear_call import linear_call

# The number of votes held at a time: 6 MB, which fit in the cache of a CPU.
_VOTES = 3 * 2**19


def softmax(logits: jax.Array, axis: int, leaky: bool) -> jax.Array:
    """A softmax over parents, plus, if leaky, a logit of 0 that is not returned."""
    top = lax.stop_gradient(logits.max(axis, keepdims=True))
    if leaky:
        top = jnp.maximum(top, 0)
    exp = jnp.exp(logits - top)
    total = exp.sum(axis, keepdims=True)
    return exp * (1 / (total + jnp.exp(-top) if leaky else total))


def route(
    u: jax.Array,
    w: jax.Array,
    bias: jax.Array,
    squash: Callable[[jax.Array], jax.Array],
    iterations: int,
    leaky: bool,
) -> jax.Array:
    """Computes the capsules above, v [B, J, D], by the platform's fast form."""
    options = {"squash": squash, "iterations": iterations, "leaky": leaky}
    return lax.platform_dependent(
        *_align(u, w, bias),
        cpu=lambda *arrays: _by_examples(*arrays, *options.values()),
        default=partial(_by_capsules, **options),
    )


def _align(*arrays: jax.Array) -> tuple[jax.Array, ...]:
    """Lets all arrays vary over the same axes in `shard_map`.

    `linear_call` does not sum the gradient of replicated weights over the mesh, but the
    transpose of the cast that is made here does. The compiler removes the `select`.
    """
    if not jax.sharding.get_abstract_mesh().manual_axes:
        return arrays
    either = functools.reduce(jnp.logical_and, [x[(0,) * x.ndim] == 0 for x in arrays])
    return tuple(lax.select(either, x, x) for x in arrays)


def _first_sum(u, w, dtype, leaky):
    """The sums [B, J, D] of the first round, where all coefficients are equal."""
    s = jnp.einsum("bik,ikjd->bjd", u, w, preferred_element_type=dtype)
    return s / (w.shape[2] + leaky)


# --- accelerators: blocks of capsules below, all examples ----------------------------
# Examples lie along the last axis, so that a mesh may split them, and so that neither
# sums over D nor those over capsules cross the lanes of a vector.


def _by_capsules(u, w, bias, squash, iterations, leaky):
    i, k, j, d = w.shape
    v = squash(_first_sum(u, w, bias.dtype, leaky) + bias[None])
    total = jnp.zeros_like(v)
    size = _size(i, v.size)
    blocks = _blocks(u.transpose(1, 2, 0), size), _blocks(w.reshape(i, k, j * d), size)
    for _ in range(iterations - 1):
        total = total + v
        s = _one_round(blocks, total.transpose(1, 2, 0), leaky).transpose(2, 0, 1)
        v = squash(s + bias[None])
    return v


def _one_round(blocks, total, leaky):
    """The sums [J, D, B] of a round, from blocks of u [n, K, B] and of w [n, K, JD]."""

    @jax.checkpoint  # the backward pass computes votes again
    def block(u, w):
        votes = jnp.einsum("ikb,ikm->imb", u, w, preferred_element_type=total.dtype)
        votes = votes.reshape(-1, *total.shape)
        coupling = softmax((votes * total[None]).sum(2), 1, leaky)
        return (coupling[:, :, None] * votes).sum(0)

    # Unlike zeros, 0 * total varies over the same axes as the sum in `shard_map`.
    return lax.scan(lambda s, x: (s + block(*x), None), 0 * total, blocks)[0]


# --- CPU: chunks of examples, all capsules below -------------------------------------
# Votes are [J, b, I, D]: the sums over D and over I are products of a matrix and a
# vector, and the weights of one capsule above stay in the cache.


@partial(jax.custom_jvp, nondiff_argnums=(3, 4, 5))
def _by_examples(u, w, bias, squash, iterations, leaky):
    return _forward(u, w, bias, squash, iterations, leaky)[0]


def _forward(u, w, bias, squash, iterations, leaky):
    """Computes the capsules above, and the sums of each round for the backward pass."""
    above = _above(squash, bias)
    by_parent = w.astype(bias.dtype).transpose(2, 0, 1, 3)

    def chunk(chunk_of):
        u, first = chunk_of
        votes = _votes(u, by_parent)
        sums, total = [first.swapaxes(0, 1)], 0.0
        for _ in range(iterations - 1):
            total = total + above(sums[-1])
            coupling = softmax(_agreement(votes, total), 0, leaky)
            sums.append(_weighted_sum(coupling, votes))
        return [s.swapaxes(0, 1) for s in sums]

    chunks = _chunks((u, _first_sum(u, w, bias.dtype, leaky)), w)
    sums = [_join(s, len(u)) for s in lax.map(chunk, chunks)]
    return squash(sums[-1] + bias[None]), (u, w, bias, sums)


def _backward(residuals, gradient, squash, iterations, leaky):
    """Computes the factors of the gradient of votes, then their products, in blocks."""
    u, w, bias, sums = residuals
    above = _above(squash, bias)
    by_parent = w.astype(bias.dtype).transpose(2, 0, 1, 3)

    def chunk(chunk_of):
        u, gradient, *sums = chunk_of
        votes = _votes(u, by_parent)
        # For each round: v, and the function from its gradient to that of s.
        rounds = [jax.vjp(above, s.swapaxes(0, 1)) for s in sums]
        totals = list(itertools.accumulate(v for v, _ in rounds))
        shares, partners, slopes = [], [], []
        dv, d_total = gradient.swapaxes(0, 1), 0.0
        for r in reversed(range(1, iterations)):
            (ds,) = rounds[r][1](dv)
            coupling = softmax(_agreement(votes, totals[r - 1]), 0, leaky)
            slope = coupling * _agreement(votes, ds)
            d_logits = slope - coupling * slope.sum(0, keepdims=True)
            shares += [coupling, d_logits]
            partners += [ds, totals[r - 1]]
            slopes.append(ds)
            # Each v is part of the totals of all later rounds.
            dv = d_total = d_total + _weighted_sum(d_logits, votes)
        slopes += rounds[0][1](dv)
        return shares, *([x.swapaxes(0, 1) for x in xs] for xs in (partners, slopes))

    shares, partners, slopes = lax.map(chunk, _chunks((u, gradient, *sums), w))
    # [chunks, J, b, I] -> [I, B, J]
    shares = [
        x.transpose(3, 2, 0, 1).reshape(w.shape[0], -1, w.shape[2])[:, : len(u)]
        for x in shares
    ]
    partners, slopes = ([_join(x, len(u)) for x in xs] for xs in (partners, slopes))
    du, dw = _from_factors(u, w, shares, partners, slopes[-1] / (w.shape[2] + leaky))
    return du, dw, jnp.stack(slopes).sum((0, 1))


@_by_examples.defjvp
def _differentiate(squash, iterations, leaky, primals, tangents):
    """The derivative, which reverse mode transposes into `_backward`."""
    options = {"squash": squash, "iterations": iterations, "leaky": leaky}

    def slope(residuals, tangents):
        def value(*primals):
            return _forward(*primals, **options)[0]

        return jax.jvp(value, residuals[:3], tangents)[1]

    v, residuals = _forward(*primals, **options)
    transpose = partial(_backward, **options)
    return v, linear_call(slope, transpose, residuals, tuple(tangents))


def _from_factors(u, w, shares, partners, first):
    """Computes the gradients of u and w, by blocks of capsules below.

    The gradient of votes is the sum of the products `[I, B, J] x [B, J, D]` of shares
    and partners, and of `first` [B, J, D], which all capsules below have in common.
    """
    i, k, j, d = w.shape

    def block(block_of):
        u, w, *shares = block_of
        d_votes = jnp.broadcast_to(first[None], (len(u), *first.shape))
        for a, b in zip(shares, partners, strict=True):
            d_votes = d_votes + a[..., None] * b[None]
        d_votes = d_votes.reshape(*d_votes.shape[:2], j * d)
        du = jnp.einsum("ibm,ikm->ibk", d_votes, w)
        return du, jnp.einsum("ikb,ibm->ikm", u, d_votes)

    size = _size(i, first.size)
    split = [u.transpose(1, 2, 0), w.reshape(i, k, j * d)]
    split = [_blocks(x.astype(first.dtype), size) for x in split]
    split += [_blocks(x, size) for x in shares]
    du, dw = (x.reshape(-1, *x.shape[2:])[:i] for x in lax.map(block, split))
    return du.swapaxes(0, 1).astype(u.dtype), dw.reshape(w.shape).astype(w.dtype)


def _above(squash, bias):
    """Makes the function from sums [J, b, D] to v."""
    return lambda s: squash(s + bias[:, None])


def _votes(u, by_parent):
    """Votes [J, b, I, D] of inputs [b, I, K] by weights [J, I, K, D]."""
    # Matrix products would be too small to pay, and would need a transpose.
    u = u.astype(by_parent.dtype)
    terms = [
        u[None, :, :, k, None] * by_parent[:, None, :, k] for k in range(u.shape[2])
    ]
    return sum(terms[1:], terms[0])


def _agreement(votes, v):
    return jnp.einsum("jbid,jbd->jbi", votes, v)


def _weighted_sum(coupling, votes):
    return jnp.einsum("jbi,jbid->jbd", coupling, votes)


# --- parts ---------------------------------------------------------------------------


def _size(count: int, votes_each: int) -> int:
    """The size of equal parts of `count` things, with up to `_VOTES` votes each."""
    parts = -(-count // max(1, _VOTES // votes_each))
    return -(-count // parts)


def _pad(x: jax.Array, size: int) -> jax.Array:
    """Fills the first axis up to a multiple of `size` with zeros, which add nothing."""
    return jnp.pad(x, [(0, -len(x) % size)] + [(0, 0)] * (x.ndim - 1))


def _blocks(x: jax.Array, size: int) -> jax.Array:
    """[I, ...] -> [blocks, size, ...]."""
    return _pad(x, size).reshape(-1, size, *x.shape[1:])


def _chunks(arrays, w: jax.Array):
    """[B, ...] -> [chunks, b, ...], each chunk with examples from the whole batch."""
    size = _size(len(arrays[0]), w.size // w.shape[1])
    return [
        _pad(x, size).reshape(size, -1, *x.shape[1:]).swapaxes(0, 1) for x in arrays
    ]


def _join(x: jax.Array, examples: int) -> jax.Array:
    """The inverse of `_chunks`."""
    x = x.swapaxes(0, 1)
    return x.reshape(-1, *x.shape[2:])[:examples]
