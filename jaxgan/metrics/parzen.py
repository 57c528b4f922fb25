"""Parzen windows: the log-likelihood of points under smoothed samples.

Goodfellow et al. (arXiv:1406.2661, section 5, after Breuleux, Bengio and Vincent)
compared generators without a density of their own in this way: 10,000 samples, a
bandwidth chosen on 1,000 validation points, the mean over test points and its standard
error.

It is a weak measure. In 784 dimensions it varies a lot, prefers blurred pictures, and
the centres of k-means can beat a good generator (Theis, van den Oord and Bethge,
arXiv:1511.01844, section 3.3). Numbers are comparable only between runs with the same
number of samples, bandwidths and pixel range.
"""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.metrics import _arrays

BANDWIDTHS = tuple(float(sigma) for sigma in np.logspace(-1, 0, 10))
"""The paper's candidates: ten from 0.1 to 1, equally spaced in the logarithm."""


def parzen_log_likelihood(
    samples: jax.Array | np.ndarray,
    points: jax.Array | np.ndarray,
    sigma: float | jax.Array,
    *,
    block: int = 256,
) -> jax.Array:
    """The log-density of points under a Gaussian of width `sigma` at every sample.

    log mean_i exp(−‖x − s_i‖²/(2σ²)) − (d/2)·log(2πσ²), in float32.

    Args:
        samples: `[S, ...]`, the centres of the Gaussians; any real dtype, not rescaled.
        points: `[N, ...]`, examples of the same shape.
        sigma: the width of the Gaussians, above zero.
        block: points computed together; `block · S` numbers are held at a time.

    Returns:
        float32 `[N]`, in nats.

    Raises:
        ValueError: if shapes differ, there are no samples, `sigma` is not above 0, or a
            NumPy array has NaN or infinite values.
    """
    if samples.shape[1:] != points.shape[1:] or not len(samples):
        raise ValueError(
            f"samples {samples.shape} and points {points.shape} must have the same"
            " shape after the first axis, with at least one sample"
        )
    _arrays.check_finite(samples=samples, points=points)
    if isinstance(sigma, float | int) and not 0 < sigma < np.inf:
        raise ValueError(f"sigma is {sigma}; it must be above 0, and finite")
    if block < 1:
        raise ValueError(f"block is {block}; it must be at least 1")
    return _log_likelihood(
        jnp.asarray(samples).reshape(len(samples), -1),
        jnp.asarray(points).reshape(len(points), -1),
        jnp.asarray(sigma, jnp.float32),
        block=min(block, max(len(points), 1)),
    )


@functools.partial(jax.jit, static_argnames="block")
def _log_likelihood(samples, points, sigma, *, block):
    samples, points = (x.astype(jnp.float32) for x in (samples, points))
    # Distances do not depend on the origin, and rounding is smallest around it.
    centre = samples.mean(0)[None, :]
    samples, points = samples - centre, points - centre
    own = jnp.square(samples).sum(1)

    def one(point):
        product = jnp.matmul(samples, point, precision=lax.Precision.HIGHEST)
        square = jnp.maximum(own - 2 * product + jnp.square(point).sum(), 0)
        return jax.nn.logsumexp(-square / (2 * sigma**2))

    total = lax.map(one, points, batch_size=block)
    volume = samples.shape[1] * (jnp.log(sigma) + 0.5 * np.log(2 * np.pi))
    return total - np.log(len(samples)) - volume


def choose_bandwidth(
    samples: jax.Array | np.ndarray,
    validation: jax.Array | np.ndarray,
    sigmas: Sequence[float] = BANDWIDTHS,
    *,
    block: int = 256,
) -> tuple[float, np.ndarray]:
    """Chooses the width under which validation points are most likely.

    Args:
        samples: `[S, ...]`.
        validation: `[N, ...]`, neither trained on nor tested on.
        sigmas: the candidates.
        block: as in `parzen_log_likelihood`.

    Returns:
        The best candidate, or NaN if a JAX array has NaN or infinite values, and the
        mean log-likelihoods under all of them, `[K]`. If the best one is the smallest
        or the largest, the candidates do not reach far enough.

    Raises:
        ValueError: if there are no candidates or no points, or as in
            `parzen_log_likelihood`.
    """
    if not len(sigmas) or not len(validation):
        raise ValueError(
            f"there are {len(sigmas)} sigmas and {len(validation)} validation points;"
            " both need at least one"
        )
    means = np.asarray(
        [
            np.mean(parzen_log_likelihood(samples, validation, sigma, block=block))
            for sigma in sigmas
        ]
    )
    if np.isnan(means).any():
        return float("nan"), means
    return float(sigmas[int(np.argmax(means))]), means
