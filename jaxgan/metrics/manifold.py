"""Precision, recall, density and coverage from balls around the samples of two sets.

The ball of a sample reaches to its k-th nearest neighbour of its own set, itself not
counted, and includes its surface, as in the papers: a distance equal to the radius is
inside. Copies therefore lie in balls of radius 0. Distances come from one matrix
product; a distance that rounding cannot tell from the radius counts as equal to it.
"""

from typing import Any, NamedTuple

import numpy as np
from jax import lax
from jax.typing import ArrayLike

from jaxgan.metrics import _arrays


class PrecisionRecall(NamedTuple):
    """The share of each set that lies on the manifold of the other.

    Attributes:
        precision: the share of fake samples in the ball of a real one: quality.
        recall: the share of real samples in the ball of a fake one: variety.
    """

    precision: Any
    recall: Any


class DensityCoverage(NamedTuple):
    """The filling of the balls of real samples.

    Attributes:
        density: the mean number of real balls that contain a fake sample, over k; its
            expected value for equal distributions is 1, and it has no upper bound.
        coverage: the share of real samples whose ball contains a fake one.
    """

    density: Any
    coverage: Any


def precision_recall(
    real: ArrayLike, fake: ArrayLike, *, k: int = 3, block: int = 256
) -> PrecisionRecall:
    """Improved precision and recall.

    Copies of one real sample have precision 1 and a recall near 0; noise beside real
    samples has half the precision and the full recall. An outlier among the real
    samples has a large ball in which anything counts as precise; `density_coverage` is
    less sensitive to it.

    NumPy arrays are computed in float64, JAX arrays in their own precision, inside any
    transformation. Values depend on both counts: compare only equal ones.

    Args:
        real: features `[N, F]`, N above k.
        fake: features `[M, F]`, M above k.
        k: the neighbour that a ball reaches.
        block: rows computed together; `block · max(N, M)` numbers are held at a time.

    Raises:
        ValueError: if the shapes do not fit together, k is not from 1 to one less than
            the smaller count, or a NumPy array has NaN or infinite values.

    References:
        Kynkäänniemi et al., 2019, https://arxiv.org/abs/1904.06991, equations 1 and 2.
    """
    xp, x, y = _checked(real, fake, k, block, both=True)
    found = PrecisionRecall(*_precision_recall(xp, x, y, k=k, block=block))
    return _arrays.unless_nan(found, x, y)


def density_coverage(
    real: ArrayLike, fake: ArrayLike, *, k: int = 5, block: int = 256
) -> DensityCoverage:
    """Density and coverage.

    For equal distributions the expected coverage is
    1 − (N − 1)…(N − k) / ((M + N − 1)…(M + N − k)), 0.97 at k = 5 and many samples,
    equally many of each.

    NumPy arrays are computed in float64, JAX arrays in their own precision, inside any
    transformation. The authors' code leaves the surface out, which changes the values
    where distances are equal, and only there.

    Args:
        real: features `[N, F]`, N above k.
        fake: features `[M, F]`.
        k: the neighbour that a ball reaches.
        block: as in `precision_recall`.

    Raises:
        ValueError: if the shapes do not fit together, k is not from 1 to N − 1, or a
            NumPy array has NaN or infinite values.

    References:
        Naeem et al., 2020, https://arxiv.org/abs/2002.09797, section 3.
    """
    xp, x, y = _checked(real, fake, k, block, both=False)
    found = DensityCoverage(*_density_coverage(xp, x, y, k=k, block=block))
    return _arrays.unless_nan(found, x, y)


@_arrays.compiled("k", "block")
def _precision_recall(xp, real, fake, *, k, block):
    real, fake = _centred(real, fake)

    def share(samples, centres):
        radii = _radii(xp, centres, k, block)

        def inside(index, rows):
            return _inside(xp, rows, centres, radii[None, :]).any(1)

        found = _arrays.by_block(xp, inside, samples, block)
        return found.mean(dtype=real.dtype)

    return share(fake, real), share(real, fake)


@_arrays.compiled("k", "block")
def _density_coverage(xp, real, fake, *, k, block):
    real, fake = _centred(real, fake)
    radii = _radii(xp, real, k, block)

    def balls(index, rows):
        return _inside(xp, rows, real, radii[None, :]).sum(1)

    def holds(index, rows):
        return _inside(xp, rows, fake, radii[index][:, None]).any(1)

    count = _arrays.by_block(xp, balls, fake, block)
    covered = _arrays.by_block(xp, holds, real, block)
    return count.mean(dtype=real.dtype) / k, covered.mean(dtype=real.dtype)


def _inside(xp, rows, others, squared_radii):
    square, tolerance = _arrays.squares(xp, rows, others)
    return square <= squared_radii + tolerance


def _radii(xp, x, k, block):
    """The squared distance of every sample to its k-th neighbour, `[N]`."""

    def kth(index, rows):
        square, _ = _arrays.squares(xp, rows, x)
        own = index[:, None] == xp.arange(len(x))[None, :]
        square = xp.where(own, np.inf, square)
        if xp is np:
            return np.partition(square, k - 1, axis=1)[:, k - 1]
        return -lax.top_k(-square, k)[0][:, k - 1]

    return _arrays.by_block(xp, kth, x, block)


def _centred(real, fake):
    centre = real.mean(0)[None, :]
    return real - centre, fake - centre


def _checked(real, fake, k, block, *, both):
    xp, real, fake = _arrays.feature_sets(real, fake)
    _arrays.positive("block", block)
    most = (min(len(real), len(fake)) if both else len(real)) - 1
    if not 1 <= k <= most:
        counted = f"{len(real)} real" + (f" and {len(fake)} fake" if both else "")
        raise ValueError(
            f"k is {k}, but of {counted} samples each has {most} neighbours at most;"
            " pass a k from 1 to that, or more samples"
        )
    return xp, real, fake
