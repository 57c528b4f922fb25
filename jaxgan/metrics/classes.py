"""Statistics of a classifier's predictions for a set of samples."""

import functools
import itertools
import operator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from jaxgan.metrics import _arrays


class Balance(NamedTuple):
    """The spread of samples over classes.

    Attributes:
        share: the share of each predicted class, float32 `[K]`, with sum 1.
        divergence: Kullback-Leibler divergence of `share` from the uniform
            distribution in nats: 0 if balanced, log K if all samples have one class.
    """

    share: jax.Array
    divergence: jax.Array


class ScoreSums(NamedTuple):
    """Sums over a batch of predictions, which can be merged into a score.

    Attributes:
        count: the number of samples, an integer; int32 if computed by JAX.
        p: the sum of their probabilities, `[K]`.
        p_log_p: the sum of p log p over samples and classes, a scalar.
    """

    count: Any
    p: Any
    p_log_p: Any


def class_balance(logits: ArrayLike) -> Balance:
    """The histogram of predicted classes, a first check for lost modes.

    Args:
        logits: `[N, K]`; minus infinity means a probability of 0.

    Returns:
        NaN if a row of a JAX array has NaN, or an infinite largest logit.

    Raises:
        ValueError: if the shape is wrong, or a NumPy array has such a row.
    """
    logits = jnp.asarray(_checked(logits))
    count, classes = logits.shape
    share = jnp.bincount(logits.argmax(1), length=classes).astype(jnp.float32) / count
    balance = Balance(share, jax.scipy.special.xlogy(share, share * classes).sum())
    return _arrays.unless_nan(balance, logits.max(1))


def conditional_accuracy(logits: ArrayLike, labels: ArrayLike) -> jax.Array:
    """The share of samples classified as the class they were generated for.

    Args:
        logits: the classifier's logits of the samples, `[N, K]`.
        labels: the classes that the generator was given, integers `[N]`.

    Returns:
        float32 scalar, from 0 to 1; 1 / K is chance. NaN as in `class_balance`.

    Raises:
        ValueError: if the shapes do not fit together, or as in `class_balance`.
    """
    logits, labels = jnp.asarray(_checked(logits)), jnp.asarray(labels)
    if labels.shape != logits.shape[:1] or not jnp.issubdtype(
        labels.dtype, jnp.integer
    ):
        raise ValueError(
            f"labels is {labels.dtype} {labels.shape}, expected integers"
            f" ({logits.shape[0]},), one for each row of logits"
        )
    right = (logits.argmax(1) == labels).mean(dtype=jnp.float32)
    return _arrays.unless_nan(right, logits.max(1))


def score_sums(logits: ArrayLike) -> ScoreSums:
    """Sums one batch of logits for a score, so that only a batch is held at a time.

    NumPy arrays are computed in float64, JAX arrays in their own precision, inside any
    transformation.

    Args:
        logits: `[N, K]`; minus infinity means a probability of 0.

    Raises:
        ValueError: if the shape is wrong, or a NumPy array holds NaN, or a row whose
            largest logit is infinite.
    """
    x = _checked(logits)
    xp: Any = jnp if isinstance(x, jax.Array) else np
    x = x.astype(jnp.promote_types(x.dtype, "float32") if xp is jnp else np.float64)
    centred = x - x.max(1)[:, None]
    log_p = centred - xp.log(xp.exp(centred).sum(1))[:, None]
    p = xp.exp(log_p)
    # A class of probability 0 adds nothing, but 0 · (−∞) would be NaN.
    p_log_p = (p * xp.where(p > 0, log_p, 0.0)).sum()
    count = len(x) if xp is np else jnp.asarray(len(x), "int32")
    return ScoreSums(count, p.sum(0), p_log_p)


def merge_score_sums(*parts: ScoreSums) -> ScoreSums:
    """Merges the sums of parts into the sums of all samples.

    Args:
        parts: one or more, with the same K.

    Raises:
        ValueError: if there are none, or the shapes differ.
    """
    shapes = [np.shape(part.p) for part in parts]
    if not parts or len(set(shapes)) > 1:
        raise ValueError(
            f"parts have p of shapes {shapes}, expected one part or more with the same"
            " K"
        )
    for part in parts:
        _arrays.check_finite(**part._asdict())
    return jax.tree.map(
        lambda *numbers: functools.reduce(operator.add, numbers), *parts
    )


def score_of_sums(sums: ScoreSums) -> Any:
    """The `classifier_score` of the samples behind the sums.

    exp(E Σ p log p − Σ q log q) with q = E p, which is exp E KL(p ‖ q).

    Returns:
        A scalar, from 1 to K.
    """
    xp: Any = jnp if isinstance(sums.p, jax.Array) else np
    _arrays.check_finite(**sums._asdict())
    q = sums.p / sums.count
    q_log_q = (q * xp.log(xp.where(q > 0, q, 1.0))).sum()
    score = xp.exp(sums.p_log_p / sums.count - q_log_q)
    return _arrays.unless_nan(score, sums.p, sums.p_log_p)


def classifier_score(logits: ArrayLike, splits: int = 1) -> Any:
    """The inception score's formula, for any classifier.

    exp E KL(p(y | x) ‖ p(y)), the effective number of classes: 1 if all predictions are
    alike, K if every prediction is certain and all classes are equally frequent. With a
    classifier of digits it is called the MNIST score; only the Inception network gives
    an inception score.

    NumPy arrays are computed in float64, JAX arrays in their own precision, inside any
    transformation. `score_of_sums(merge_score_sums(...))` computes it from batches.

    Args:
        logits: `[N, K]`, in random order.
        splits: the number of parts, each scored separately, for an error bar. Parts
            with few samples score lower.

    Returns:
        `[splits]`, each from 1 to K.

    Raises:
        ValueError: if there are fewer samples than parts, the shape is wrong, or a
            NumPy array holds NaN.

    References:
        Salimans et al., 2016, https://arxiv.org/abs/1606.03498, section 4.
    """
    x = _checked(logits)
    count = len(x)
    if not 1 <= splits <= count:
        raise ValueError(f"splits is {splits}, expected 1 to the {count} samples")
    ends = [count * i // splits for i in range(splits + 1)]
    scores = [
        score_of_sums(score_sums(x[start:end]))
        for start, end in itertools.pairwise(ends)
    ]
    return jnp.stack(scores) if isinstance(x, jax.Array) else np.stack(scores)


def pairwise_diversity(samples: ArrayLike) -> jax.Array:
    """The mean Euclidean distance between two different samples.

    It is 0 if all are the same, as when a generator ignores its latents. Time grows
    with the square of N; a thousand samples are enough for two digits.

    Args:
        samples: `[N, ...]`, any real dtype, N of 2 or more.

    Returns:
        float32 scalar; NaN if a JAX array has NaN or infinite values.

    Raises:
        ValueError: if there are fewer than two, or a NumPy array has NaN or infinite
            values.
    """
    _arrays.check_finite(samples=samples)
    samples = jnp.asarray(samples)
    count = samples.shape[0] if samples.ndim else 0
    if count < 2:
        raise ValueError(
            f"samples has shape {samples.shape}, expected [N, ...] with N of 2 or more"
        )
    flat = samples.reshape(count, -1).astype(jnp.float32)

    def distances(row):  # of differences: an expanded square loses small ones
        return jnp.sqrt(jnp.square(flat - row[None, :]).sum(1)).sum()

    mean = lax.map(distances, flat).sum() / (count * (count - 1))
    return _arrays.unless_nan(mean, flat)


def _checked(logits: ArrayLike) -> Any:
    logits = logits if isinstance(logits, jax.Array) else np.asarray(logits)
    numbers = jnp.issubdtype(logits.dtype, jnp.floating)
    if logits.ndim != 2 or not logits.shape[0] or not numbers:
        raise ValueError(
            f"logits is {logits.dtype} {logits.shape}, expected floats [N, K] with N of"
            " 1 or more"
        )
    if not isinstance(logits, jax.Array):
        if bad := np.isnan(logits).sum():
            raise ValueError(
                f"logits has {bad} NaN of {logits.size}, expected numbers; look for the"
                " first step that produced one"
            )
        # A logit of minus infinity is a probability of 0, but a row has a finite one.
        _arrays.check_finite(**{"the largest logits": logits.max(1)})
    return logits
