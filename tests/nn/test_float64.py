"""Under `jax_enable_x64` layers compute in float64 where their inputs are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import nn
from jaxgan.analysis import norms

VECTORS, IMAGES, WIDE = (4, 6), (4, 8, 8, 3), (4, 16, 16, 64)
LAYERS = {
    "conv": (nn.Conv(4, 3), IMAGES),
    "wide conv": (nn.Conv(64, 3), WIDE),
    "strided conv": (nn.Conv(4, 4, strides=2), IMAGES),
    "transposed conv": (nn.ConvTranspose(4, 4), IMAGES),
    "batch norm": (nn.BatchNorm(use_running_average=False), IMAGES),
    "virtual batch norm": (nn.VirtualBatchNorm(2), IMAGES),
    "maxout": (nn.Maxout(4, 2), VECTORS),
    "weight norm": (nn.WeightNormDense(4), VECTORS),
    "minibatch discrimination": (nn.MinibatchDiscrimination(3, 2), VECTORS),
}


@pytest.mark.parametrize("name", [*LAYERS, "frozen batch norm"])
def test_a_step_that_float32_cannot_see_moves_the_output(name):
    layer, shape = LAYERS[name.removeprefix("frozen ")]
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        x, toward = (jnp.asarray(rng.normal(size=shape)) for _ in range(2))
        variables = layer.init(jax.random.key(0), x)

        def plain(x):
            return layer.apply(variables, x, mutable=["batch_stats"])[0]

        apply = plain
        if name.startswith("frozen"):
            apply = norms.frozen(plain, norms.batch_statistics(plain, x))
        out, slope = jax.jvp(apply, (x,), (toward,))
        step = 1e-8
        moved = (apply(x + step * toward) - out) / step
        assert out.dtype == jnp.float64
        np.testing.assert_allclose(moved, slope, rtol=1e-4, atol=1e-4)
