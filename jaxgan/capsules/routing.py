"""Dynamic routing between capsules, as functions of arrays.

Sabour, Frosst and Hinton, "Dynamic routing between capsules" (arXiv:1710.09829).

Shapes: `B` examples, `I` capsules below with `K` numbers each, `J` capsules above with
`D` numbers each. Votes are `[B, I, J, D]`, weights `[I, K, J, D]`.

The algorithm. A capsule is a vector whose length, below 1, says how sure it is that
its thing is there. Every capsule below predicts every capsule above, by a matrix of
its own: its *votes* (`predict`). A capsule above believes votes that agree. A few
rounds find out which do (`dynamic_routing`, Procedure 1 of the paper):

1. Each capsule below has a *logit* for each capsule above, 0 at first. A softmax over
   those above turns them into *coefficients*: the shares of its vote that each gets.
2. A capsule above sums the votes, each times its coefficient, into s, and shortens s
   to a length below 1 (`squash`): that is v.
3. Each logit grows by the dot product of vote and v, which tells how well they agree.
   The next round begins at step 1.

The last round ends after step 2. The gradient runs through all rounds.

The fused form. The votes are by far the largest tensor: they take 94 MB for 128
examples at the paper's size, and are written once, read five times and kept for the
backward pass. `route` computes the same v and gradients from inputs and weights, and
holds only a few votes at a time (`_routing_forms.py`). Two facts help:

- Logits are the votes times the *sum* of all v so far. So a round is a function of the
  inputs, the weights and one small tensor, and only the s of each round is kept.
- The gradient of the votes is a sum of outer products of a [B, I, J] and a [B, J, D],
  two for each round: coefficient x gradient of s, and gradient of logit x sum of v. It
  is enough to keep these factors.

On a CPU, a few examples go through all rounds at a time, so that their votes stay in
the cache. The gradient of the votes is then formed for a few capsules below at a time,
with all examples, so that each part of the gradient of the weights is one matrix
product. On accelerators, both passes go over blocks of capsules below, with all
examples, which may be spread over a mesh.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.capsules import _routing_forms as forms


def squash(s: jax.Array, axis: int = -1) -> jax.Array:
    """Shortens vectors to a length below 1, keeping their direction.

    v = ‖s‖²/(1 + ‖s‖²) · s/‖s‖. Value and gradient are 0 at 0 and finite up to the
    largest numbers.

    Args:
        s: Vectors along `axis`.
        axis: The axis a vector lies along.

    Returns:
        The shape of `s`, in at least float32, also for bfloat16 input.

    References:
        Sabour et al., 2017, arXiv:1710.09829, equation 1.

    >>> print(squash(jnp.array([0.6, 0.8])))  # length 1 becomes 1/2
    [0.3 0.4]
    """
    s = s.astype(_wide(s))
    # The two scales cancel, so they need no gradient: they only keep squares from
    # overflowing. The floor keeps products with a tiny vector from underflowing.
    largest = lax.stop_gradient(jnp.abs(s).max(axis, keepdims=True))
    largest = jnp.maximum(largest, jnp.finfo(s.dtype).tiny ** 0.25)
    square = jnp.square(s / largest).sum(axis, keepdims=True)
    # The root has no slope at 0. There the root of 1 is taken, and then discarded.
    root = jnp.sqrt(jnp.where(square == 0, 1, square))
    length = jnp.where(square == 0, 0, largest * root)
    scale = lax.stop_gradient(jnp.maximum(length, 1))
    a, b = length / scale, 1 / scale
    return s * (a * b / (jnp.square(a) + jnp.square(b)))


def predict(inputs: jax.Array, weights: jax.Array) -> jax.Array:
    """Predicts every capsule above from every capsule below.

    Args:
        inputs: Capsules below [B, I, K].
        weights: A matrix for each pair of capsules [I, K, J, D].

    Returns:
        Votes [B, I, J, D], in the dtype that inputs and weights promote to.

    Raises:
        ValueError: If ranks, I or K do not fit.

    References:
        Sabour et al., 2017, arXiv:1710.09829, equation 2.
    """
    _check_inputs(inputs, weights)
    return jnp.einsum("bik,ikjd->bijd", inputs, weights)


def dynamic_routing(
    votes: jax.Array,
    *,
    iterations: int = 3,
    bias: jax.Array | None = None,
    leaky: bool = False,
    return_coupling: bool = False,
):
    """Routes votes by agreement (Procedure 1).

    Args:
        votes: Predictions [B, I, J, D]. All further arithmetic is in float32.
        iterations: How often coefficients are computed, at least 1.
        bias: Added to the sums before squashing [J, D] (0.1 in the released code).
        leaky: Whether a capsule below may send its output to none of those above: the
            softmax gets one more logit, fixed at 0, and the coefficients sum to less
            than 1.
        return_coupling: Whether to return the coefficients too.

    Returns:
        v, the capsules above [B, J, D], or `(v, coupling)` with the coefficients of
        every iteration [iterations, B, I, J].

    Raises:
        ValueError: If `iterations` is below 1, or ranks or shapes do not fit.
    """
    if votes.ndim != 4:
        raise ValueError(f"votes has shape {votes.shape}, expected [B, I, J, D]")
    _check_options(iterations, bias, votes.shape[2:])
    dtype = _wide(votes)
    einsum = partial(jnp.einsum, preferred_element_type=dtype)
    # A softmax of zeros would be the same, but XLA spends seconds folding it.
    coupling = jnp.full(votes.shape[:3], 1 / (votes.shape[2] + leaky), dtype)
    couplings = [coupling]
    logits = None
    v = _above(einsum("bij,bijd->bjd", coupling, votes), bias)
    for _ in range(iterations - 1):
        agreement = einsum("bijd,bjd->bij", votes, v)
        logits = agreement if logits is None else logits + agreement
        coupling = forms.softmax(logits, 2, leaky)
        couplings.append(coupling)
        v = _above(einsum("bij,bijd->bjd", coupling, votes), bias)
    return (v, jnp.stack(couplings)) if return_coupling else v


def route(
    inputs: jax.Array,
    weights: jax.Array,
    *,
    iterations: int = 3,
    bias: jax.Array | None = None,
    leaky: bool = False,
    return_coupling: bool = False,
):
    """Computes `dynamic_routing(predict(inputs, weights))` without storing the votes.

    Args:
        inputs: Capsules below [B, I, K].
        weights: A matrix for each pair of capsules [I, K, J, D].
        iterations: As in `dynamic_routing`; so are the arguments below.
        bias: [J, D].
        leaky: Whether a capsule below may choose "none of the above".
        return_coupling: Whether to return the coefficients too. This stores the votes;
            it is meant for inspection, not for training.

    Returns:
        v, the capsules above [B, J, D] in float32, or `(v, coupling)`.

    Raises:
        ValueError: If `iterations` is below 1, or ranks or shapes do not fit.
    """
    _check_inputs(inputs, weights)
    _check_options(iterations, bias, weights.shape[2:])
    if return_coupling:
        return dynamic_routing(
            predict(inputs, weights),
            iterations=iterations,
            bias=bias,
            leaky=leaky,
            return_coupling=True,
        )
    dtype = jnp.promote_types(inputs.dtype, weights.dtype)
    u, w = inputs.astype(dtype), weights.astype(dtype)
    added = jnp.zeros(w.shape[2:]) if bias is None else bias
    return forms.route(u, w, added.astype(_wide(w)), squash, iterations, leaky)


def _above(s: jax.Array, bias: jax.Array | None) -> jax.Array:
    return squash(s if bias is None else s + bias[None].astype(s.dtype))


def _wide(x: jax.Array):
    """The dtype of sums: at least float32."""
    return jnp.promote_types(x.dtype, jnp.float32)


def _check_inputs(inputs: jax.Array, weights: jax.Array) -> None:
    if inputs.ndim != 3 or weights.ndim != 4:
        raise ValueError(
            "expected inputs [B, I, K] and weights [I, K, J, D], got shapes "
            f"{inputs.shape} and {weights.shape}"
        )
    if inputs.shape[1:] != weights.shape[:2]:
        raise ValueError(
            f"inputs {inputs.shape} are {inputs.shape[1]} capsules of "
            f"{inputs.shape[2]} numbers, but the weights {weights.shape} take "
            f"{weights.shape[0]} of {weights.shape[1]}"
        )


def _check_options(iterations, bias, above) -> None:
    if iterations < 1:
        raise ValueError(f"iterations is {iterations}, expected at least 1")
    if bias is not None and bias.shape != above:
        raise ValueError(f"bias has shape {bias.shape}, expected [J, D] = {above}")
