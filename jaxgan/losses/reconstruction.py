"""Losses between a target and a prediction, of any shape.

Each takes `[B, ...]` and gives `[B]`: the *mean* over every axis but the first, so that
its weight need not follow the size of the image. `capsule_reconstruction_loss`,
`inpainting_contextual_loss` and the likelihoods sum instead, because their published
weights count on it.
"""

import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxgan.losses import _checks


def l1_loss(target: ArrayLike, prediction: ArrayLike) -> jax.Array:
    """Mean absolute error.

    mean |t − p|.

    Args:
      target: t, `[B, ...]`.
      prediction: p, the same shape.

    Returns:
      `[B]`.

    References:
      Isola et al., 2016, https://arxiv.org/abs/1611.07004, equation 3.

    >>> l1_loss(jnp.zeros((1, 2)), jnp.array([[1.0, 3.0]]))
    Array([2.], dtype=float32)
    """
    t, p = _checks.same_shape(target=target, prediction=prediction)
    return _checks.per_example(jnp.abs(t - p))


def l2_loss(target: ArrayLike, prediction: ArrayLike) -> jax.Array:
    """Mean squared error, not halved.

    mean (t − p)².

    Args:
      target: t, `[B, ...]`.
      prediction: p, the same shape.

    Returns:
      `[B]`.

    References:
      Mathieu et al., 2015, https://arxiv.org/abs/1511.05440, equation 1 with p = 2
      (a sum there).

    >>> l2_loss(jnp.zeros((1, 2)), jnp.array([[1.0, 3.0]]))
    Array([5.], dtype=float32)
    """
    t, p = _checks.same_shape(target=target, prediction=prediction)
    return _checks.per_example(jnp.square(t - p))


def charbonnier_loss(
    target: ArrayLike, prediction: ArrayLike, *, epsilon: float = 1e-3
) -> jax.Array:
    """A smooth absolute error.

    mean √((t − p)² + ε²): quadratic below ε, linear above, ε at zero.

    Args:
      target: t, `[B, ...]`.
      prediction: p, the same shape.
      epsilon: ε, positive.

    Returns:
      `[B]`.

    References:
      Charbonnier et al., 1994, "Two deterministic half-quadratic regularization
      algorithms for computed imaging"; as a loss: Lai et al., 2017,
      https://arxiv.org/abs/1704.03915.

    >>> charbonnier_loss(jnp.zeros((1, 1)), jnp.full((1, 1), 3.0), epsilon=4.0)
    Array([5.], dtype=float32)
    """
    t, p = _checks.same_shape(target=target, prediction=prediction)
    _checks.number("epsilon", epsilon, "more than 0", lambda value: value > 0)
    return _checks.per_example(jnp.sqrt(jnp.square(t - p) + epsilon**2))


def cycle_consistency_loss(
    real_a: ArrayLike, cycled_a: ArrayLike, real_b: ArrayLike, cycled_b: ArrayLike
) -> jax.Array:
    """Cycle consistency of a pair of translators.

    mean |a − F(G(a))| + mean |b − G(F(b))|.

    Args:
      real_a: a, images of one domain, `[B, ...]`.
      cycled_a: F(G(a)), the same shape.
      real_b: b, images of the other domain, `[B, ...]`.
      cycled_b: G(F(b)), the shape of b.

    Returns:
      `[B]`.

    References:
      Zhu et al., 2017, https://arxiv.org/abs/1703.10593, equation 2.

    >>> zero, one = jnp.zeros((1, 2)), jnp.ones((1, 2))
    >>> cycle_consistency_loss(zero, one, zero, 3 * one)
    Array([4.], dtype=float32)
    """
    a, again_a = _checks.same_shape(real_a=real_a, cycled_a=cycled_a)
    b, again_b = _checks.same_shape(real_b=real_b, cycled_b=cycled_b)
    _checks.same_batch(real_a=a, real_b=b)
    return l1_loss(a, again_a) + l1_loss(b, again_b)


def identity_loss(
    real_a: ArrayLike, same_a: ArrayLike, real_b: ArrayLike, same_b: ArrayLike
) -> jax.Array:
    """A translator leaves images of its own target domain alone.

    mean |a − F(a)| + mean |b − G(b)|, for G: A → B and F: B → A. In CycleGAN its weight
    is half that of the cycle loss.

    Args:
      real_a: a, images of domain A, `[B, ...]`.
      same_a: F(a), the same shape.
      real_b: b, images of domain B, `[B, ...]`.
      same_b: G(b), the shape of b.

    Returns:
      `[B]`.

    References:
      Zhu et al., 2017, https://arxiv.org/abs/1703.10593, section 5.2.

    >>> zero, one = jnp.zeros((1, 2)), jnp.ones((1, 2))
    >>> identity_loss(zero, one, zero, 3 * one)
    Array([4.], dtype=float32)
    """
    a, again_a = _checks.same_shape(real_a=real_a, same_a=same_a)
    b, again_b = _checks.same_shape(real_b=real_b, same_b=same_b)
    _checks.same_batch(real_a=a, real_b=b)
    return l1_loss(a, again_a) + l1_loss(b, again_b)


def perceptual_loss(
    target: ArrayLike, prediction: ArrayLike, feature_fn: Callable[[jax.Array], Any]
) -> jax.Array:
    """Distance between two images in the features of any network.

    Σ over layers of mean (φ(t) − φ(p))², each mean over the layer's own values.

    Args:
      target: t, `[B, ...]`.
      prediction: p, the same shape.
      feature_fn: features of a batch, one array `[B, ...]` or a pytree of them; scale
        layers inside it to weigh them.

    Returns:
      `[B]`.

    References:
      Johnson et al., 2016, https://arxiv.org/abs/1603.08155, equation 2.

    >>> def layers(x):
    ...     return [x, 2.0 * x]
    >>> perceptual_loss(jnp.zeros((1, 2)), jnp.ones((1, 2)), layers)
    Array([5.], dtype=float32)
    """
    t, p = _checks.same_shape(target=target, prediction=prediction)

    def distance(of_target: jax.Array, of_prediction: jax.Array) -> jax.Array:
        loss = l2_loss(of_target, of_prediction)
        if loss.shape != (len(t),):
            raise ValueError(
                f"feature_fn returned shape {of_target.shape}, expected ({len(t)}, ...)"
            )
        return loss

    terms = jax.tree.map(distance, feature_fn(t), feature_fn(p))
    if not jax.tree.leaves(terms):
        raise ValueError("feature_fn returned no arrays, expected one or more")
    return jax.tree.reduce(operator.add, terms)
