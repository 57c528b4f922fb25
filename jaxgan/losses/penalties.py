"""Penalties on the slope of a critic or of a generator.

A penalty that differentiates takes `critic_fn: [B, ...] -> [B]`, a function of the
examples alone, and gives one value per example: the gradient of the summed scores,
taken apart by example, is each example's own gradient as long as the critic treats
examples independently. With batch normalisation or minibatch features in the critic it
is not, and the penalty loses its meaning (the advice of the WGAN-GP paper).

Norms run over every axis but the first, and have the gradient zero at zero. None of the
penalties carries its weight; those on scores, features and weights are in
`regularisers`.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxgan.losses import _checks

CriticFn = Callable[[jax.Array], jax.Array]


def _input_gradient(critic_fn: CriticFn, examples: jax.Array) -> jax.Array:
    """The gradient of every example's score in that example, as `[B, D]`."""

    def total(x: jax.Array) -> jax.Array:
        return _checks.critic_scores(critic_fn(x), len(x)).astype(x.dtype).sum()

    return jax.grad(total)(examples).reshape(len(examples), -1)


def _slope_penalty(
    gradient: jax.Array, target: _checks.Number, one_sided: bool
) -> jax.Array:
    norm = _checks.safe_sqrt(jnp.square(gradient).sum(axis=1))
    excess = norm - target
    return jnp.square(jax.nn.relu(excess) if one_sided else excess)


def gradient_penalty(
    critic_fn: CriticFn,
    real: ArrayLike,
    fake: ArrayLike,
    key: jax.Array,
    *,
    target: _checks.Number = 1.0,
    one_sided: bool = False,
) -> jax.Array:
    """Gradient penalty between real and generated examples.

    (‖∇f(x̂)‖₂ − target)² at x̂ = u·real + (1 − u)·fake, with one u ~ U(0, 1) per
    example; one-sided, max(0, ‖∇f(x̂)‖₂ − target)².

    Args:
      critic_fn: scores `[B]` of examples `[B, ...]`.
      real: real examples, `[B, ...]`.
      fake: generated examples, the same shape.
      key: a random key.
      target: the wanted norm, not negative; 0 penalises every slope.
      one_sided: penalise only slopes above the target.

    Returns:
      `[B]`.

    References:
      Gulrajani et al., 2017, https://arxiv.org/abs/1704.00028, equation 3.

    >>> def slope_two(x):
    ...     return 2.0 * x[:, 0]
    >>> key = jax.random.key(0)
    >>> gradient_penalty(slope_two, jnp.ones((2, 3)), jnp.zeros((2, 3)), key)
    Array([1., 1.], dtype=float32)
    """
    real_, fake_ = _checks.same_shape(real=real, fake=fake)
    _checks.number("target", target, "0 or more", lambda value: value >= 0)
    shape = (len(real_),) + (1,) * (real_.ndim - 1)
    u = jax.random.uniform(key, shape, real_.dtype)
    mixed = u * real_ + (1.0 - u) * fake_
    return _slope_penalty(_input_gradient(critic_fn, mixed), target, one_sided)


def r1_penalty(critic_fn: CriticFn, real: ArrayLike) -> jax.Array:
    """Zero-centred gradient penalty on real examples.

    ‖∇f(x)‖²₂, without the half: the paper's term is γ/2 times this.

    Args:
      critic_fn: scores `[B]` of examples `[B, ...]`.
      real: real examples, `[B, ...]`.

    Returns:
      `[B]`.

    References:
      Mescheder et al., 2018, https://arxiv.org/abs/1801.04406, equation 9.

    >>> r1_penalty(lambda x: 3.0 * x[:, 0], jnp.ones((2, 4)))
    Array([9., 9.], dtype=float32)
    """
    examples = _checks.floating("real", real)
    return jnp.square(_input_gradient(critic_fn, examples)).sum(axis=1)


def r2_penalty(critic_fn: CriticFn, fake: ArrayLike) -> jax.Array:
    """Zero-centred gradient penalty on generated examples.

    ‖∇f(y)‖²₂, without the half: the paper's term is γ/2 times this.

    Args:
      critic_fn: scores `[B]` of examples `[B, ...]`.
      fake: generated examples, `[B, ...]`.

    Returns:
      `[B]`.

    References:
      Mescheder et al., 2018, https://arxiv.org/abs/1801.04406, equation 10.

    >>> r2_penalty(lambda x: 3.0 * x[:, 0], jnp.ones((2, 4)))
    Array([9., 9.], dtype=float32)
    """
    examples = _checks.floating("fake", fake)
    return jnp.square(_input_gradient(critic_fn, examples)).sum(axis=1)


def dragan_penalty(
    critic_fn: CriticFn,
    real: ArrayLike,
    key: jax.Array,
    *,
    scale: _checks.Number = 0.5,
    std: _checks.Number | None = None,
    target: _checks.Number = 1.0,
) -> jax.Array:
    """Gradient penalty around real examples.

    (‖∇f(x + α·δ)‖₂ − target)², with δ = scale·std·U(0, 1) drawn per element and
    α ~ U(0, 1) per example, as in the authors' code.

    Args:
      critic_fn: scores `[B]` of examples `[B, ...]`.
      real: real examples, `[B, ...]`.
      key: a random key.
      scale: the size of the perturbation in standard deviations.
      std: the standard deviation of the data. By default that of this batch, over all
        its values, as in every published version: the points (never the gradients) of
        one example then depend slightly on the others.
      target: the wanted norm, not negative.

    Returns:
      `[B]`.

    References:
      Kodali et al., 2017, https://arxiv.org/abs/1705.07215.

    >>> def slope_three(x):
    ...     return 3.0 * x[:, 0]
    >>> dragan_penalty(slope_three, jnp.ones((2, 4)), jax.random.key(0))
    Array([4., 4.], dtype=float32)
    """
    examples = _checks.floating("real", real)
    _checks.number("target", target, "0 or more", lambda value: value >= 0)
    key_noise, key_mix = jax.random.split(key)
    spread = _checks.safe_sqrt(jnp.var(examples)) if std is None else std
    noise = jax.random.uniform(key_noise, examples.shape, examples.dtype)
    shape = (len(examples),) + (1,) * (examples.ndim - 1)
    alpha = jax.random.uniform(key_mix, shape, examples.dtype)
    perturbed = examples + alpha * (scale * spread) * noise
    return _slope_penalty(_input_gradient(critic_fn, perturbed), target, False)


def path_length_penalty(
    synthesis_fn: Callable[[jax.Array], jax.Array],
    latents: ArrayLike,
    key: jax.Array,
    mean: ArrayLike,
    *,
    decay: _checks.Number = 0.99,
) -> tuple[jax.Array, jax.Array]:
    """Path length regularisation: equal steps in w move images equally far.

    (‖J_wᵀ n‖₂ − a)², n ~ N(0, 1) divided by the root of the number of pixels; then
    a ← decay·a + (1 − decay)·mean length. The penalty uses a as it came in, so that an
    example's value does not depend on the others.

    Args:
      synthesis_fn: images `[B, H, W, C]` (or `[B, ..., C]`) of latents.
      latents: w, `[B, D]`, or one per layer, `[B, L, D]`, whose squared lengths are
        averaged over L.
      key: a random key.
      mean: a, the running mean length, a number; start at 0.
      decay: how much of the old mean is kept.

    Returns:
      The penalty, `[B]`, and the new a, `[]`, without gradient.

    References:
      Karras et al., 2019, https://arxiv.org/abs/1912.04958, equation 4.

    >>> def image(w):
    ...     return w[:, None, None, :]
    >>> w, key = jnp.ones((2, 3)), jax.random.key(0)
    >>> penalty, mean = path_length_penalty(image, w, key, 0.0, decay=0.5)
    >>> bool(jnp.allclose(mean, 0.5 * jnp.sqrt(penalty).mean()))
    True
    """
    w = _checks.floating("latents", latents, min_rank=2)
    a = jax.lax.stop_gradient(_checks.scalar("mean", mean))
    images, pull_back = jax.vjp(synthesis_fn, w)
    if images.ndim < 2 or len(images) != len(w):
        raise ValueError(
            f"synthesis_fn returned shape {images.shape}, expected ({len(w)}, ..., C)"
        )
    pixels = math.prod(images.shape[1:-1])
    noise = jax.random.normal(key, images.shape, images.dtype) / math.sqrt(pixels)
    (gradient,) = pull_back(noise)
    squared = _checks.per_example(jnp.square(gradient).sum(axis=-1, keepdims=True))
    lengths = _checks.safe_sqrt(squared)
    new = jax.lax.stop_gradient(decay * a + (1.0 - decay) * lengths.mean())
    return jnp.square(lengths - a), new
