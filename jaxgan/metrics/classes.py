"""What a classifier says of a set of samples: their classes, and how many there are."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike


class Balance(NamedTuple):
    """How samples spread over classes.

    Attributes:
        share: of each predicted class, float32 `[K]`, with sum 1.
        divergence: Kullback-Leibler divergence of `share` from the uniform
            distribution in nats: 0 if balanced, log K if all samples are of one class.
    """

    share: jax.Array
    divergence: jax.Array


def class_balance(logits: ArrayLike) -> Balance:
    """The histogram of predicted classes: the first look at lost modes.

    Args:
        logits: `[N, K]`.

    Raises:
        ValueError: if the shape is another.
    """
    logits = _checked(logits)
    count, classes = logits.shape
    share = jnp.bincount(logits.argmax(1), length=classes).astype(jnp.float32) / count
    return Balance(share, jax.scipy.special.xlogy(share, share * classes).sum())


def conditional_accuracy(logits: ArrayLike, labels: ArrayLike) -> jax.Array:
    """The share of samples that are of the class they were asked to be.

    Args:
        logits: `[N, K]`, of samples.
        labels: what the generator was given, integers `[N]`.

    Returns:
        float32 scalar, from 0 to 1; 1 / K is chance.

    Raises:
        ValueError: if the shapes do not belong together.
    """
    logits, labels = _checked(logits), jnp.asarray(labels)
    if labels.shape != logits.shape[:1] or not jnp.issubdtype(
        labels.dtype, jnp.integer
    ):
        raise ValueError(
            f"labels is {labels.dtype} {labels.shape}, expected integers"
            f" ({logits.shape[0]},), one for each row of logits"
        )
    return (logits.argmax(1) == labels).mean(dtype=jnp.float32)


def classifier_score(logits: ArrayLike, splits: int = 1) -> jax.Array:
    """The inception score's formula, for any classifier.

    exp E KL(p(y | x) ‖ p(y)): how many classes the samples are surely spread over. 1 if
    all predictions are alike, K if every sample is surely of a class and all classes
    are equally frequent. With a classifier of digits it is called MNIST score; only
    the Inception network gives an inception score.

    Args:
        logits: `[N, K]`, in random order.
        splits: parts of the samples that are scored each by itself, for an error bar.
            Few samples a part score lower.

    Returns:
        float32 `[splits]`, each from 1 to K.

    Raises:
        ValueError: if there are fewer samples than parts, or the shape is another.

    References:
        Salimans et al., 2016, https://arxiv.org/abs/1606.03498, section 4.
    """
    logits = _checked(logits)
    count = logits.shape[0]
    if not 1 <= splits <= count:
        raise ValueError(f"splits is {splits}, expected 1 to the {count} samples")
    ends = [count * (i + 1) // splits for i in range(splits - 1)]

    def score(part):
        log_p = jax.nn.log_softmax(part.astype(jnp.float32))
        p = jnp.exp(log_p)
        log_mean = jax.scipy.special.logsumexp(log_p, 0) - jnp.log(len(part))
        # A class of probability 0 adds nothing, but 0 · (−∞) would be NaN.
        gain = jnp.where(p > 0, p * (log_p - log_mean[None, :]), 0.0)
        return jnp.exp(gain.sum(1).mean())

    return jnp.stack([score(part) for part in jnp.split(logits, ends)])


def pairwise_diversity(samples: ArrayLike) -> jax.Array:
    """The mean Euclidean distance between two different samples.

    0 if all are the same: a generator that ignores its latents. Work and time grow with
    the square of N; a thousand samples are enough for two digits.

    Args:
        samples: `[N, ...]`, any real dtype, N of 2 or more.

    Returns:
        float32 scalar.

    Raises:
        ValueError: if there are fewer than two.
    """
    samples = jnp.asarray(samples)
    count = samples.shape[0] if samples.ndim else 0
    if count < 2:
        raise ValueError(
            f"samples has shape {samples.shape}, expected [N, ...] with N of 2 or more"
        )
    flat = samples.reshape(count, -1).astype(jnp.float32)

    def distances(row):  # of differences: an expanded square loses small ones
        return jnp.sqrt(jnp.square(flat - row[None, :]).sum(1)).sum()

    return lax.map(distances, flat).sum() / (count * (count - 1))


def _checked(logits: ArrayLike) -> jax.Array:
    logits = jnp.asarray(logits)
    numbers = jnp.issubdtype(logits.dtype, jnp.floating)
    if logits.ndim != 2 or not logits.shape[0] or not numbers:
        raise ValueError(
            f"logits is {logits.dtype} {logits.shape}, expected floats [N, K] with N of"
            " 1 or more"
        )
    return logits
