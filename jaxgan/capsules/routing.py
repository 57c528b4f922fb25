"""Dynamic routing between capsules: arrays in, arrays out.

Sabour, Frosst and Hinton, "Dynamic routing between capsules" (arXiv:1710.09829).

Shapes: `B` examples, `I` capsules below with `K` numbers each, `J` capsules above with
`D` numbers each. Votes are `[B, I, J, D]`, weights `[I, K, J, D]`.
"""

import jax
import jax.numpy as jnp


def squash(s: jax.Array, axis: int = -1) -> jax.Array:
    """Shortens vectors to a length below 1, keeping their direction."""
    s = s.astype(jnp.promote_types(s.dtype, jnp.float32))
    square = jnp.square(s).sum(axis, keepdims=True)
    return s * (jnp.sqrt(square + 1e-20) / (1 + square))


def predict(inputs: jax.Array, weights: jax.Array) -> jax.Array:
    """What each capsule below predicts for each above: votes `[B, I, J, D]`."""
    return jnp.einsum("bik,ikjd->bijd", inputs, weights)


def dynamic_routing(
    votes: jax.Array,
    *,
    iterations: int = 3,
    bias: jax.Array | None = None,
    leaky: bool = False,
    return_coupling: bool = False,
):
    """Routing by agreement."""
    logits = jnp.zeros(votes.shape[:3])
    couplings = []
    for i in range(iterations):
        coupling = jax.nn.softmax(logits, 2)
        couplings.append(coupling)
        s = jnp.einsum("bij,bijd->bjd", coupling, votes)
        v = squash(s if bias is None else s + bias[None])
        if i + 1 < iterations:
            logits = logits + jnp.einsum("bijd,bjd->bij", votes, v)
    return (v, jnp.stack(couplings)) if return_coupling else v


def route(inputs, weights, **options):
    """The same from inputs and weights."""
    return dynamic_routing(predict(inputs, weights), **options)
