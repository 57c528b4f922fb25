"""Seeds of drawn data, and the keys that are made of them."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike


def checked(seed: int) -> np.uint32:
    """A seed as random keys take it, which would drop what lies beyond 32 bits.

    Raises:
        ValueError: the seed is negative, or has more than 32 bits.
    """
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed is {seed}; it must be at least 0 and below 2^32")
    return np.uint32(seed)


def key(seed: ArrayLike) -> jax.Array:
    """Makes a key of a seed; a key is returned as it is."""
    seed = jnp.asarray(checked(seed) if isinstance(seed, int) else seed)
    if seed.ndim == 0 and jnp.issubdtype(seed.dtype, jax.dtypes.prng_key):
        return seed
    if seed.ndim or not jnp.issubdtype(seed.dtype, jnp.integer):
        raise ValueError(
            f"seed is {seed.dtype} {seed.shape}: give an integer or one key of "
            "jax.random.key"
        )
    return jax.random.key(seed)
