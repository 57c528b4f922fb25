"""Mixed batches differ from separate ones by batch norm alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import mixed_batches
from jaxgan import game


@pytest.mark.parametrize("norm", [False, True])
def test_without_batch_norm_mixed_batches_are_separate_ones(norm):
    image = np.random.default_rng(0).random((6, 9)).astype("float32")
    batch = {"image": jnp.asarray(image)}

    def losses(mixed):
        run = game.algorithm(mixed_batches.play(5, 9, norm, mixed, 1e-2, 0.5))

        @jax.jit
        def two(key):
            state, _ = run.step(run.init(key, batch), batch)
            return run.step(state, batch)[1]

        return two(jax.random.key(0))

    one, other = losses(False), losses(True)
    differences = [abs(float(one[name] - other[name])) for name in one]
    assert max(differences) > 1e-2 if norm else max(differences) < 1e-5
