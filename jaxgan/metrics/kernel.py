"""Maximum mean discrepancies: distances of two sets from a kernel on pairs."""

import functools
import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jax import lax
from jax.typing import ArrayLike

from jaxgan.metrics import _arrays


class KernelDistance(NamedTuple):
    """The squared discrepancy over subsets.

    Attributes:
        mean: the mean over subsets; it may be below 0, because it is unbiased.
        spread: the standard deviation over subsets, dividing by their number.
        each: the discrepancy of every subset, `[S]`.
    """

    mean: Any
    spread: Any
    each: Any


def polynomial_mmd(
    real: ArrayLike,
    fake: ArrayLike,
    *,
    degree: int = 3,
    gamma: float | None = None,
    coef: float = 1.0,
    block: int = 1024,
) -> Any:
    """The unbiased squared discrepancy of all samples under a polynomial kernel.

    k(x, y) = (gamma x·y + coef)^degree; the mean of k over pairs of different real
    samples, that over pairs of different fake ones, less twice that between the sets.
    No sample is paired with itself, so the expected value for equal distributions is 0,
    whatever the number of samples.

    NumPy arrays are computed in float64, JAX arrays in their own precision, inside any
    transformation; float32 loses differences below about 1e-6 of the kernel's
    values.

    Args:
        real: `[N, F]`, N of 2 or more.
        fake: `[M, F]`, M of 2 or more.
        degree: the degree of the kernel.
        gamma: the factor of the product; None means 1 / F.
        coef: the constant added to it.
        block: rows computed together; `block · N` numbers are held at a time.

    Returns:
        A scalar.

    Raises:
        ValueError: if the shapes do not fit together, `degree` or `block` is below 1,
            or a NumPy array has NaN or infinite values.

    References:
        Gretton et al., "A kernel two-sample test", 2012, equation 3.
        Bińkowski et al., 2018, https://arxiv.org/abs/1801.01401, section 4.
    """
    xp, x, y = _arrays.feature_sets(real, fake, 2)
    _arrays.positive("degree", degree)
    _arrays.positive("block", block)
    gamma = 1 / x.shape[1] if gamma is None else gamma
    return _polynomial_mmd(xp, x, y, gamma, coef, degree=degree, block=block)


def kernel_distance(
    real: ArrayLike,
    fake: ArrayLike,
    *,
    subsets: int = 100,
    subset_size: int = 1000,
    seed: int = 0,
    degree: int = 3,
    gamma: float | None = None,
    coef: float = 1.0,
) -> KernelDistance:
    """The mean of `polynomial_mmd` over random subsets, as in the KID.

    With features of the Inception network it is the kernel inception distance. Each
    subset is drawn without replacement by NumPy's generator, the same one for NumPy and
    JAX arrays. The spread measures how much subsets vary, not the error of the mean.

    Args:
        real: `[N, F]`, N of `subset_size` or more.
        fake: `[M, F]`, M of `subset_size` or more.
        subsets: the number of subsets.
        subset_size: samples of each set in each subset, 2 or more.
        seed: the seed of the draw.
        degree: as in `polynomial_mmd`.
        gamma: as in `polynomial_mmd`.
        coef: as in `polynomial_mmd`.

    Raises:
        ValueError: if there are too few samples, or as in `polynomial_mmd`.

    References:
        Bińkowski et al., 2018, https://arxiv.org/abs/1801.01401, section 4.
    """
    xp, x, y = _arrays.feature_sets(real, fake, 2)
    _arrays.positive("subsets", subsets)
    _arrays.positive("degree", degree)
    fewest = min(len(x), len(y))
    if not 2 <= subset_size <= fewest:
        raise ValueError(
            f"subset_size is {subset_size}, but there are {len(x)} real and"
            f" {len(y)} fake samples; pass a subset_size of 2 to {fewest}"
        )
    gamma = 1 / x.shape[1] if gamma is None else gamma
    rng = np.random.default_rng(seed)
    index = [
        [rng.choice(len(z), subset_size, replace=False) for z in (x, y)]
        for _ in range(subsets)
    ]

    def one(pair):
        return _polynomial_mmd(
            xp, x[pair[0]], y[pair[1]], gamma, coef, degree=degree, block=1024
        )

    if xp is np:
        each = np.stack([one(pair) for pair in index])
    else:
        each = lax.map(one, xp.asarray(index))
    # A subset may leave out the very samples that are NaN.
    return _arrays.unless_nan(KernelDistance(each.mean(), each.std(), each), x, y)


def gaussian_mmd(
    real: ArrayLike,
    fake: ArrayLike,
    *,
    bandwidths: Sequence[float],
    block: int = 1024,
) -> Any:
    """The unbiased squared discrepancy under a sum of Gaussian kernels.

    k(x, y) = Σ_σ exp(−‖x − y‖² / (2σ²)). The precision is that of `polynomial_mmd`.

    Args:
        real: `[N, F]`, N of 2 or more.
        fake: `[M, F]`, M of 2 or more.
        bandwidths: every σ, in the units of the features; a common choice is
            `median_bandwidth` times several powers of two.
        block: as in `polynomial_mmd`.

    Returns:
        A scalar, at most twice the number of bandwidths.

    Raises:
        ValueError: if there is no bandwidth or one is not above 0, or as in
            `polynomial_mmd`.

    References:
        Gretton et al., "A kernel two-sample test", 2012, equation 3.
        Li, Swersky and Zemel, 2015, https://arxiv.org/abs/1502.02761, for the sum.
    """
    xp, x, y = _arrays.feature_sets(real, fake, 2)
    _arrays.positive("block", block)
    numbers = [sigma for sigma in bandwidths if isinstance(sigma, float | int)]
    if not len(bandwidths) or any(not sigma > 0 for sigma in numbers):
        raise ValueError(
            f"bandwidths is {bandwidths}, expected one number above 0 or more"
        )
    return _gaussian_mmd(xp, x, y, tuple(bandwidths), block=block)


def median_bandwidth(
    real: ArrayLike, fake: ArrayLike, *, size: int = 1000, seed: int = 0
) -> Any:
    """The median distance between two different samples of both sets together.

    Args:
        real: `[N, F]`.
        fake: `[M, F]`.
        size: the number of samples used, 2 or more; all of them if there are fewer.
        seed: the seed of their draw by NumPy's generator.

    Returns:
        A scalar in the units of the features, 0 if most samples are equal.

    Raises:
        ValueError: if the shapes do not fit together, `size` is below 2, or a NumPy
            array has NaN or infinite values.

    References:
        Gretton et al., "A kernel two-sample test", 2012, section 8.
    """
    xp, x, y = _arrays.feature_sets(real, fake)
    if size < 2:
        raise ValueError(f"size is {size}, expected 2 or more: distances are of pairs")
    both = xp.concatenate([x, y])
    if size < len(both):
        rng = np.random.default_rng(seed)
        both = both[rng.choice(len(both), size, replace=False)]
    centred = both - both.mean(0)[None, :]
    square, tolerance = _arrays.squares(xp, centred, centred)
    square = xp.where(square <= tolerance, 0, square)
    above = np.triu_indices(len(both), 1)
    return _arrays.unless_nan(xp.median(xp.sqrt(square[above])), x, y)


@_arrays.compiled("degree", "block")
def _polynomial_mmd(xp, real, fake, gamma, coef, *, degree, block):
    def kernel(a, b):
        base = gamma * _arrays.product(xp, a, b.T) + coef
        # NumPy's power of a float takes twenty times as long as two products.
        return functools.reduce(operator.mul, [base] * degree)

    return _mmd(xp, real, fake, kernel, block)


@_arrays.compiled("block")
def _gaussian_mmd(xp, real, fake, bandwidths, *, block):
    centre = real.mean(0)[None, :]
    real, fake = real - centre, fake - centre

    def kernel(a, b):
        square, _ = _arrays.squares(xp, a, b)
        return functools.reduce(
            xp.add, [xp.exp(square / (-2 * sigma**2)) for sigma in bandwidths]
        )

    return _mmd(xp, real, fake, kernel, block)


def _mmd(xp, real, fake, kernel, block):
    def within(x):
        def means(index, rows):  # over all others
            own = index[:, None] == xp.arange(len(x))[None, :]
            return xp.where(own, 0, kernel(rows, x)).sum(1) / (len(x) - 1)

        return _arrays.by_block(xp, means, x, block).mean()

    def means(index, rows):
        return kernel(rows, fake).mean(1)

    between = _arrays.by_block(xp, means, real, block).mean()
    return within(real) + within(fake) - 2 * between
