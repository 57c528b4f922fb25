"""The factors of drawn people, without drawing them.

It is no part of `faces`, whose code names the files of drawn faces that are kept.
"""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.synthetic import seeds
from jaxgan.data.synthetic.faces import sample_factors


def people(seed: int, count: int) -> dict[str, np.ndarray]:
    """The factors of the people of `faces.dataset`, by their names, `[count]` each.

    Aligned faces turn and nod less (`faces.level`); all else is the same.

    Args:
        seed: the seed of the set.
        count: the number of people.

    Raises:
        ValueError: `seed` is out of range.
    """
    bits = seeds.checked(seed)

    def one(index):
        return sample_factors(jax.random.fold_in(jax.random.key(bits), index))

    return jax.device_get(jax.jit(jax.vmap(one))(jnp.arange(count)))._asdict()
