"""The coverage of a distribution whose modes are known.

The counts of Metz et al., "Unrolled Generative Adversarial Networks" (arXiv:1611.02163)
and Srivastava et al., "VEEGAN" (arXiv:1705.07761): a sample is of high quality within
three standard deviations of a mode, and a mode that has such samples is covered.
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxgan.metrics import _arrays


def modes_covered(
    samples: ArrayLike,
    centres: ArrayLike,
    sigma: float,
    *,
    least: int = 1,
    radius: float = 3.0,
) -> jax.Array:
    """The number of modes that have samples of high quality.

    Args:
        samples: `[N, D]`.
        centres: the modes, `[M, D]`.
        sigma: their standard deviation.
        least: samples that a mode must have to count.
        radius: the largest distance of a sample from its nearest mode, in standard
            deviations.

    Returns:
        int32 `[]`, 0 to M. A sample that is NaN or infinite is near no mode.

    Raises:
        ValueError: if the shapes do not fit together, `least` is below 1, or a NumPy
            array has NaN or infinite values.
    """
    if least < 1:
        raise ValueError(f"least is {least}; a mode needs at least 1 sample to count")
    nearest, near, _ = _assign(samples, centres, sigma, radius)
    counts = jnp.zeros(jnp.shape(centres)[0], jnp.int32).at[nearest].add(near)
    return (counts >= least).sum(dtype=jnp.int32)


def high_quality_fraction(
    samples: ArrayLike, centres: ArrayLike, sigma: float, *, radius: float = 3.0
) -> jax.Array:
    """The share of samples near a mode: 0.989 for round Gaussians in the plane.

    Args:
        samples: `[N, D]`.
        centres: the modes, `[M, D]`.
        sigma: their standard deviation.
        radius: the largest distance of a sample from its nearest mode, in standard
            deviations.

    Returns:
        float32 `[]`, 0 to 1; NaN if a JAX array has NaN or infinite values.

    Raises:
        ValueError: if the shapes do not fit together, or a NumPy array has NaN or
            infinite values.
    """
    _, near, inputs = _assign(samples, centres, sigma, radius)
    return _arrays.unless_nan(near.mean(dtype=jnp.float32), *inputs)


def histogram_kl(
    real: ArrayLike, fake: ArrayLike, bins: int = 50, *, epsilon: float = 1.0
) -> tuple[jax.Array, jax.Array]:
    """KL divergences between histograms of each coordinate, both ways.

    The bins divide the range of both sets together. `epsilon` is added to every count,
    so that an empty bin has a finite cost; leaving out bins where one histogram is
    empty would give sets that share no bin a divergence of 0.

    Args:
        real: `[N, D]`.
        fake: `[M, D]`.
        bins: the number of bins of a coordinate.
        epsilon: positive; 1 is Laplace's smoothing.

    Returns:
        `(KL(real || fake), KL(fake || real))`, each `[D]`, in nats; NaN if a JAX array
        has NaN or infinite values.

    Raises:
        ValueError: if the shapes do not fit together, there is no bin, `epsilon` is not
            positive, or a NumPy array has NaN or infinite values.
    """
    real, fake = _pair("real", real, "fake", fake)
    if bins < 1:
        raise ValueError(f"bins is {bins}; it must be at least 1")
    if not epsilon > 0:
        raise ValueError(f"epsilon is {epsilon}; it must be positive")
    low = jnp.minimum(real.min(0), fake.min(0))
    high = jnp.maximum(real.max(0), fake.max(0))
    width = jnp.where(high > low, (high - low) / bins, 1.0)
    log_p, log_q = (_log_histogram(x, low, width, bins, epsilon) for x in (real, fake))

    def divergence(log_a, log_b):
        return (jnp.exp(log_a) * (log_a - log_b)).sum(1)

    both = divergence(log_p, log_q), divergence(log_q, log_p)
    return _arrays.unless_nan(both, real, fake)


def _log_histogram(x, low, width, bins, epsilon):
    """Log-probabilities of the bins of every coordinate: `[D, bins]`."""
    count, size = x.shape
    index = jnp.clip(((x - low[None]) / width[None]).astype(jnp.int32), 0, bins - 1)
    counts = jnp.full((size, bins), epsilon).at[jnp.arange(size)[None], index].add(1.0)
    return jnp.log(counts) - jnp.log(count + epsilon * bins)


def _assign(samples, centres, sigma, radius):
    """The nearest mode of every sample, whether it is near, and both sets of points."""
    samples, centres = _pair("samples", samples, "centres", centres)
    square = jnp.square(samples[:, None] - centres[None]).sum(-1)
    near = square.min(1) <= (radius * sigma) ** 2
    return square.argmin(1), near, (samples, centres)


def _pair(first, x, second, y):
    """Both as float32, once they are finite rows of equally many coordinates."""
    _arrays.check_finite(**{first: x, second: y})
    x, y = jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32)
    if (
        x.ndim != 2
        or y.ndim != 2
        or x.shape[1] != y.shape[1]
        or not (x.size and y.size)
    ):
        raise ValueError(
            f"{first} has shape {x.shape} and {second} {y.shape}, expected rows of"
            " equally many coordinates, [N, D] and [M, D]"
        )
    return x, y
