"""The baseline: features of one layer learned by k-means.

Coates, Lee and Ng, "An analysis of single-layer networks in unsupervised feature
learning" (AISTATS 2011): patches are normalised and whitened, and their centroids are
the filters. The features of an image tell how much nearer than the mean each centroid
is to its patches, summed over quadrants.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

PATCHES = 50_000  # number of patches to learn centroids from
CONTRAST = 10.0  # added to the variance of a patch, in squared grey levels
WHITENING = 0.1  # added to the eigenvalues


class Filters(NamedTuple):
    """The filters that k-means learned from patches of P = size² · C numbers.

    Attributes:
        mean: the mean of normalised patches, `[P]`.
        whiten: the whitening matrix, `[P, P]`, symmetric.
        centroids: the centroids of whitened patches, `[K, P]`.
        size: the side of a patch.
    """

    mean: np.ndarray
    whiten: np.ndarray
    centroids: np.ndarray
    size: int


def learned(
    images: np.ndarray, *, centroids: int, size: int = 6, seed: int = 0
) -> Filters:
    """Learns filters from images, without labels.

    Args:
        images: uint8 `[N, H, W, C]`.
        centroids: the number of filters.
        size: the side of a patch.
        seed: the seed of the patches and of k-means.

    Raises:
        ValueError: images are smaller than patches, there are more centroids than
            patches, or scikit-learn is not installed.
    """
    try:
        from sklearn.cluster import MiniBatchKMeans
    except ImportError:
        raise ValueError(
            "k-means needs scikit-learn, which is not installed: pip install -e"
            ' ".[analysis]"'
        ) from None
    count, height, width, _ = images.shape
    if size > min(height, width):
        raise ValueError(
            f"patches of {size}x{size} do not fit into images of {width}x{height}; take"
            " a run on larger images"
        )
    rng = np.random.default_rng(seed)
    which = rng.integers(0, count, PATCHES)[:, None, None]
    y = rng.integers(0, height - size + 1, PATCHES)[:, None, None]
    x = rng.integers(0, width - size + 1, PATCHES)[:, None, None]
    steps = np.arange(size)
    found = images[which, y + steps[None, :, None], x + steps[None, None, :]]
    patches = np.asarray(_normalised(jnp.asarray(found.reshape(PATCHES, -1))))
    mean = patches.mean(0)
    values, vectors = np.linalg.eigh(np.cov(patches.T.astype(np.float64)))
    scaled = vectors / np.sqrt(np.maximum(values, 0) + WHITENING)[None]
    whiten = (scaled @ vectors.T).astype(np.float32)
    kmeans: Any = MiniBatchKMeans(
        centroids,
        random_state=seed,
        n_init=1,  # pyright: ignore[reportArgumentType]
        batch_size=4096,
        max_iter=20,
    )
    kmeans.fit((patches - mean[None]) @ whiten)
    found = kmeans.cluster_centers_.astype(np.float32)
    return Filters(mean, whiten, found, size)


@functools.partial(jax.jit, static_argnums=1)
def _described(filters: tuple, size: int, images: jax.Array) -> jax.Array:
    mean, whiten, centroids = filters
    x = images.astype(jnp.float32)
    height, width = (side - size + 1 for side in images.shape[1:3])
    shifts = [(i, j) for i in range(size) for j in range(size)]
    patches = jnp.concatenate(
        [x[:, i : i + height, j : j + width] for i, j in shifts], -1
    )
    patches = (_normalised(patches) - mean) @ whiten
    squares = (
        jnp.square(patches).sum(-1, keepdims=True)
        - 2 * patches @ centroids.T
        + jnp.square(centroids).sum(1)[None, None, None]
    )
    distance = jnp.sqrt(jnp.maximum(squares, 0))
    nearer = jnp.maximum(distance.mean(-1, keepdims=True) - distance, 0)
    top, left = height // 2, width // 2
    quadrants = [
        nearer[:, rows, columns].sum((1, 2))
        for rows in (slice(top), slice(top, None))
        for columns in (slice(left), slice(left, None))
    ]
    return jnp.concatenate(quadrants, -1)


def described(filters: Filters, images: jax.Array) -> jax.Array:
    """Features `[B, 4 · K]`, 0 or above, of images `[B, H, W, C]` in grey levels."""
    arrays = tuple(
        jnp.asarray(x) for x in (filters.mean, filters.whiten, filters.centroids)
    )
    mean, *others = arrays
    return _described((mean[None, None, None], *others), filters.size, images)


def _normalised(patches: jax.Array) -> jax.Array:
    """Patches `[..., P]` in grey levels, each at mean 0 and variance 1 or less."""
    x = patches.astype(jnp.float32)
    x -= x.mean(-1, keepdims=True)
    return x / jnp.sqrt(jnp.square(x).mean(-1, keepdims=True) + CONTRAST)
