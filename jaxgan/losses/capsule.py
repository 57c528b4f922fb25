"""Losses of capsule networks, on class capsules and on decoded images."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxgan.losses import _checks


def _targets(labels: ArrayLike, scores: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Which classes are present, `[B, K]`, and which examples are valid, `[B]`."""
    if jnp.ndim(labels) == 2:
        if jnp.shape(labels) != scores.shape:
            raise ValueError(
                f"labels has shape {jnp.shape(labels)}, expected {scores.shape} or "
                f"{scores.shape[:1]}"
            )
        present = jnp.asarray(labels).astype(scores.dtype)
        return present, jnp.ones(len(scores), bool)
    classes = _checks.labels("labels", labels, scores)
    valid = (classes >= 0) & (classes < scores.shape[1])
    return jax.nn.one_hot(classes, scores.shape[1], dtype=scores.dtype), valid


def margin_loss(
    lengths: ArrayLike,
    labels: ArrayLike,
    *,
    positive_margin: _checks.Number = 0.9,
    negative_margin: _checks.Number = 0.1,
    negative_weight: _checks.Number = 0.5,
    scaling: str = "printed",
) -> jax.Array:
    """Margin loss on the lengths of class capsules.

    Σₖ Tₖ·max(0, m⁺ − ‖vₖ‖)² + λ(1 − Tₖ)·max(0, ‖vₖ‖ − m⁻)². The released code halves
    both terms and averages over classes where the paper sums: 2K times smaller, which
    makes a reconstruction term of the same weight that much heavier.

    Args:
      lengths: ‖vₖ‖, `[B, K]`.
      labels: classes, integers `[B]`, or the classes that are present, `[B, K]` of 0
        and 1, for images with several objects.
      positive_margin: m⁺.
      negative_margin: m⁻.
      negative_weight: λ, which keeps absent classes from shrinking all lengths early.
      scaling: "printed", the paper's sum, or "released", the code's half mean.

    Returns:
      `[B]`.

    References:
      Sabour et al., 2017, https://arxiv.org/abs/1710.09829, equation 4.

    >>> lengths, labels = jnp.array([[0.4, 0.6]]), jnp.array([0])
    >>> printed = margin_loss(lengths, labels)
    >>> print(printed.round(4))  # 0.5² + 0.5 · 0.5²
    [0.375]
    >>> released = margin_loss(lengths, labels, scaling="released")
    >>> print((printed / released).round(4))  # 2K
    [4.]
    """
    length = _checks.floating("lengths", lengths, rank=2)
    _checks.option("scaling", scaling, ("printed", "released"))
    present, valid = _targets(labels, length)
    positive = present * jnp.square(jax.nn.relu(positive_margin - length))
    negative = (1.0 - present) * jnp.square(jax.nn.relu(length - negative_margin))
    terms = positive + negative_weight * negative
    loss = terms.sum(axis=1) if scaling == "printed" else 0.5 * terms.mean(axis=1)
    return jnp.where(valid, loss, jnp.nan)


def spread_loss(
    activations: ArrayLike, labels: ArrayLike, *, margin: _checks.Number = 0.9
) -> jax.Array:
    """Spread loss of capsules with EM routing.

    Σ_{i≠t} max(0, m − (a_t − aᵢ))², with the margin raised from 0.2 to 0.9 during
    training.

    Args:
      activations: a, of the class capsules, `[B, K]`.
      labels: classes t, integers `[B]`.
      margin: m.

    Returns:
      `[B]`.

    References:
      Hinton, Sabour and Frosst, 2018, "Matrix capsules with EM routing", equation 3.

    >>> spread_loss(jnp.array([[0.5, 0.5, 0.0]]), jnp.array([0]), margin=0.5)
    Array([0.25], dtype=float32)
    """
    a = _checks.floating("activations", activations, rank=2)
    classes = _checks.labels("labels", labels, a)
    target = jnp.take_along_axis(a, classes[:, None], axis=1, mode="clip")
    terms = jnp.square(jax.nn.relu(margin - (target - a)))
    others = jnp.arange(a.shape[1])[None, :] != classes[:, None]
    loss = jnp.where(others, terms, 0.0).sum(axis=1)
    return _checks.out_of_range(loss, classes, a.shape[1])


def capsule_reconstruction_loss(
    target: ArrayLike, reconstruction: ArrayLike, *, scale: _checks.Number = 0.0005
) -> jax.Array:
    """The decoder's loss of a capsule network.

    0.0005·Σ (x − x̂)²: the *sum* over pixels, in [0, 1]. A mean would be 784 times
    weaker on MNIST. The scale is part of the published loss and stays a default here.

    Args:
      target: x, `[B, ...]`.
      reconstruction: x̂, the same shape.
      scale: 0.0005 in the paper; 1 gives the sum of squares.

    Returns:
      `[B]`.

    References:
      Sabour et al., 2017, https://arxiv.org/abs/1710.09829, section 4.1.

    >>> capsule_reconstruction_loss(jnp.zeros((1, 784)), jnp.ones((1, 784)), scale=1)
    Array([784.], dtype=float32)
    """
    x, decoded = _checks.same_shape(
        min_rank=2, target=target, reconstruction=reconstruction
    )
    return scale * _checks.per_example(jnp.square(x - decoded), jnp.sum)
