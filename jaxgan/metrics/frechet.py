"""The Fréchet distance between Gaussians fitted to features of two sets."""

import functools
from typing import Any, NamedTuple

import jax.core
import numpy as np
from jax.typing import ArrayLike

from jaxgan.metrics import _arrays

_LEAST_PIVOT = 1e-4  # of the largest of a Cholesky factor
_ASYMMETRY = 1e-5  # of the largest entry: what float32 sums leave


class Gaussian(NamedTuple):
    """A normal distribution.

    Attributes:
        mean: `[F]`.
        covariance: `[F, F]`, symmetric.
    """

    mean: Any
    covariance: Any


class Moments(NamedTuple):
    """Sums over a batch of features, which can be merged.

    Attributes:
        count: the number of samples, an integer; int32 if computed by JAX.
        mean: `[F]`.
        scatter: `[F, F]`, the sum of (x − mean)(x − mean)ᵀ.
    """

    count: Any
    mean: Any
    scatter: Any


def moments(features: ArrayLike) -> Moments:
    """Count, mean and scatter of one batch of features.

    NumPy arrays are computed in float64, JAX arrays in their own precision, inside any
    transformation.

    Args:
        features: `[N, F]`, N of 1 or more.

    Raises:
        ValueError: if the shape is wrong, or a NumPy array has NaN or infinite values.
    """
    xp, (x,) = _arrays.library(features=features)
    if x.ndim != 2 or not x.size:
        raise ValueError(
            f"features has shape {x.shape}, expected [N, F] with N of 1 or more"
        )
    mean = x.mean(0)
    # A sum of many large numbers rounds; the mean of the remainders corrects it.
    mean = mean + (x - mean[None, :]).mean(0)
    centred = x - mean[None, :]
    count = len(x) if xp is np else xp.asarray(len(x), "int32")
    return Moments(count, mean, _arrays.product(xp, centred.T, centred))


def merge_moments(*parts: Moments) -> Moments:
    """Merges the moments of parts into the moments of all samples.

    Batches, devices and processes need to keep only a count, a mean and a scatter. The
    order and the sizes of the parts change the result only by rounding. A part without
    samples, `Moments(0, zeros, zeros)`, changes nothing.

    Args:
        parts: one or more, with the same F.

    Raises:
        ValueError: if there are none, or the shapes differ.

    References:
        Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for
        computing sample variances", 1979.
    """
    shapes = [(np.shape(part.mean), np.shape(part.scatter)) for part in parts]
    if not parts or len(set(shapes)) > 1:
        raise ValueError(
            f"parts have means and scatters of shapes {shapes}, expected one part or"
            " more with the same F"
        )
    return functools.reduce(_merge, parts)


def _merge(a: Moments, b: Moments) -> Moments:
    xp, (mean_a, mean_b, scatter_a, scatter_b) = _arrays.library(
        mean=a.mean, mean_b=b.mean, scatter=a.scatter, scatter_b=b.scatter
    )
    count = a.count + b.count
    apart = mean_b - mean_a
    share = (b.count / xp.maximum(count, 1)).astype(apart.dtype)
    # a.count first: a product of two counts overflows.
    between = a.count * share * apart[:, None] * apart[None, :]
    # A weighted mean of the two would lose more of a small step to rounding.
    return Moments(count, mean_a + share * apart, scatter_a + scatter_b + between)


def gaussian(moments: Moments) -> Gaussian:
    """The normal distribution with these moments and an unbiased covariance.

    Raises:
        ValueError: if there are fewer than two samples (not inside a compiled
            function), or a NumPy array has NaN or infinite values.
    """
    count = moments.count
    _arrays.check_finite(mean=moments.mean, scatter=moments.scatter)
    if not isinstance(count, jax.core.Tracer) and np.any(np.asarray(count) < 2):
        raise ValueError(
            f"moments has a count of {count}, expected 2 samples or more: one has no"
            " covariance"
        )
    return Gaussian(moments.mean, moments.scatter / (count - 1))


def gaussian_statistics(features: ArrayLike) -> Gaussian:
    """The mean and unbiased covariance of features that fit into memory.

    `gaussian(merge_moments(...))` computes it from batches. NumPy arrays are computed
    in float64, JAX arrays in their own precision, inside any transformation.

    Args:
        features: `[N, F]`, N of 2 or more; below F + 1 the covariance is singular and
            distances to it depend strongly on N.

    Returns:
        The arguments of `frechet_distance`: `frechet_distance(*statistics, *others)`.

    Raises:
        ValueError: if the shape is wrong, or a NumPy array has NaN or infinite values.
    """
    shape = np.shape(features)
    if len(shape) != 2 or shape[0] < 2:
        raise ValueError(
            f"features has shape {shape}, expected [N, F] with N of 2 or more"
        )
    return gaussian(moments(features))


def frechet_distance(
    mean_a: ArrayLike, cov_a: ArrayLike, mean_b: ArrayLike, cov_b: ArrayLike
) -> Any:
    """The squared Fréchet distance of two Gaussians, as in the FID.

    ‖mean_a − mean_b‖² + Tr(A + B − 2 (A B)^{1/2}), A and B the covariances. For any
    roots A = R Rᵀ and B = S Sᵀ the trace of the root is the sum of the singular values
    of Rᵀ S, whose squares are the eigenvalues of A B. The product of singular
    covariances is not formed, because its root would have only half the digits, and
    there is no complex part to drop.

    NumPy arrays are computed in float64. JAX arrays are computed in their own
    precision, inside any transformation; float32 loses distances below about 1e-6 of
    the traces. The value depends on the features and on the number of samples: compare
    only values that share both. Where a covariance is singular there is no gradient.

    Args:
        mean_a: `[F]`.
        cov_a: `[F, F]`, positive semidefinite.
        mean_b: `[F]`.
        cov_b: `[F, F]`, positive semidefinite.

    Returns:
        A scalar, 0 or more.

    Raises:
        ValueError: if the shapes do not fit together; for NumPy arrays also if a value
            is NaN or infinite or a covariance is not symmetric.

    References:
        Heusel et al., 2017, https://arxiv.org/abs/1706.08500, equation 6.
        Dowson and Landau, "The Fréchet distance between multivariate normal
        distributions", 1982.
    """
    xp, arrays = _arrays.library(mean_a=mean_a, cov_a=cov_a, mean_b=mean_b, cov_b=cov_b)
    shapes = [x.shape for x in arrays]
    size = shapes[0][:1] if len(shapes[0]) == 1 else (-1,)
    if shapes != [size, size * 2] * 2:
        raise ValueError(
            f"means and covariances have shapes {shapes}, expected [F] and [F, F] of"
            " the same F"
        )
    centre_a, a, centre_b, b = arrays
    if xp is np:
        _symmetric("cov_a", a)
        _symmetric("cov_b", b)
    shared = _shared(a, b) if xp is np else None
    if shared is None:
        inner = _arrays.product(xp, _root(xp, a).T, _root(xp, b))
        shared = xp.linalg.svd(inner, compute_uv=False).sum()
    squared = xp.square(centre_a - centre_b).sum()
    distance = squared + xp.trace(a) + xp.trace(b) - 2 * shared
    return xp.maximum(distance, 0)  # rounding may leave it just below


def _shared(a: np.ndarray, b: np.ndarray) -> float | None:
    """The trace of the root of A B by a faster route; None where it would lose digits.

    With A = L Lᵀ it is the sum of the roots of the eigenvalues of Lᵀ B L. The root of a
    number near 0 has half its digits, so both must be well away from singular.
    """
    try:
        factors = [np.linalg.cholesky(x) for x in (a, b)]
    except np.linalg.LinAlgError:
        return None
    pivots = [np.diag(factor) for factor in factors]
    if any(x.min() < _LEAST_PIVOT * x.max() for x in pivots):
        return None
    values = np.linalg.eigvalsh(factors[0].T @ b @ factors[0])
    return float(np.sqrt(np.maximum(values, 0)).sum())


def _root(xp: Any, covariance: Any) -> Any:
    """A matrix R with R Rᵀ equal to the covariance."""
    values, vectors = xp.linalg.eigh(covariance)
    return vectors * xp.sqrt(xp.maximum(values, 0))[None, :]


def _symmetric(name: str, x: np.ndarray) -> None:
    gap, largest = (np.abs(y).max(initial=0) for y in (x - x.T, x))
    if gap > _ASYMMETRY * largest:
        raise ValueError(
            f"{name} differs from its transpose by up to {gap:.3g} of {largest:.3g},"
            " expected a covariance, which is symmetric"
        )
