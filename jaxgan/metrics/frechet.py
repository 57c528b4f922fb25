"""The Fréchet distance between Gaussians fitted to features of two sets."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike


class Gaussian(NamedTuple):
    """A normal distribution.

    Attributes:
        mean: `[F]`.
        covariance: `[F, F]`, symmetric.
    """

    mean: Any
    covariance: Any


def gaussian_statistics(features: ArrayLike) -> Gaussian:
    """Mean and unbiased covariance of features.

    Numpy arrays are computed in float64, JAX arrays in their own precision, under any
    transformation.

    Args:
        features: `[N, F]`, N of 2 or more; below F + 1 the covariance is singular and
            distances to it depend strongly on N.

    Returns:
        What `frechet_distance` takes: `frechet_distance(*statistics, *others)`.

    Raises:
        ValueError: if the shape is another.
    """
    xp, (x,) = _library(features)
    if x.ndim != 2 or x.shape[0] < 2:
        raise ValueError(
            f"features has shape {x.shape}, expected [N, F] with N of 2 or more"
        )
    mean = x.mean(0)
    centred = x - mean[None, :]
    return Gaussian(mean, xp.matmul(centred.T, centred) / (x.shape[0] - 1))


def frechet_distance(
    mean_a: ArrayLike, cov_a: ArrayLike, mean_b: ArrayLike, cov_b: ArrayLike
) -> Any:
    """The squared Fréchet distance of two Gaussians, as the FID has it.

    ‖mean_a − mean_b‖² + Tr(A + B − 2 (A B)^{1/2}), A and B the covariances. The trace
    of the root is the sum of the square roots of the eigenvalues of the symmetric
    A^{1/2} B A^{1/2}, which are those of A B: no root of an unsymmetric matrix, and so
    no complex part to drop.

    Numpy arrays are computed in float64. JAX arrays are computed in their own
    precision, under any transformation; float32 loses distances below some 1e-3 of the
    traces. The value depends on the features and on how many of them there were: only
    compare what has both in common.

    Args:
        mean_a: `[F]`.
        cov_a: `[F, F]`, positive semidefinite.
        mean_b: `[F]`.
        cov_b: `[F, F]`, positive semidefinite.

    Returns:
        A scalar, 0 or more.

    Raises:
        ValueError: if the shapes do not belong together.

    References:
        Heusel et al., 2017, https://arxiv.org/abs/1706.08500, equation 6.
        Dowson and Landau, "The Fréchet distance between multivariate normal
        distributions", 1982.
    """
    xp, arrays = _library(mean_a, cov_a, mean_b, cov_b)
    shapes = [x.shape for x in arrays]
    size = shapes[0][:1] if len(shapes[0]) == 1 else (-1,)
    if shapes != [size, size * 2] * 2:
        raise ValueError(
            f"means and covariances have shapes {shapes}, expected [F] and [F, F] of"
            " one F"
        )
    centre_a, a, centre_b, b = arrays
    values, vectors = xp.linalg.eigh(a)
    root = vectors * xp.sqrt(xp.maximum(values, 0))[None, :]
    # Any root of A will do: root.T B root has the eigenvalues of A^{1/2} B A^{1/2}.
    inner = xp.matmul(root.T, xp.matmul(b, root))
    shared = xp.sqrt(xp.maximum(xp.linalg.eigvalsh(inner), 0)).sum()
    squared = xp.square(centre_a - centre_b).sum()
    distance = squared + xp.trace(a) + xp.trace(b) - 2 * shared
    return xp.maximum(distance, 0)  # rounding may leave it just below


def _library(*arrays: ArrayLike) -> tuple[Any, list[Any]]:
    """Numpy and float64 arrays, unless one of them is JAX's."""
    if any(isinstance(x, jax.Array) for x in arrays):
        return jnp, [_float(jnp.asarray(x)) for x in arrays]
    return np, [np.asarray(x, np.float64) for x in arrays]


def _float(x: jax.Array) -> jax.Array:
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))
