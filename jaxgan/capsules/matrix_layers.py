"""Layers of matrix capsules: flax modules that use `matrix`.

Hinton, Sabour and Frosst, "Matrix capsules with EM routing" (ICLR 2018), section 4.
The authors chose initial values by which half of the capsules are active at the start
(in the discussion on openreview.net). Those here do that for digits: weight
matrices of variance 1 and large poses of the lowest capsules, so that votes have
standard deviations of about 1, and costs β by which a capsule that explains its share
of the data gains as much as it must to be active.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.capsules import matrix
from jaxgan.capsules.matrix import Grid, Routing

weights_init = nn.initializers.normal(1.0)
poses_init = nn.initializers.variance_scaling(16.0, "fan_in", "normal")


class MatrixPrimaryCaps(nn.Module):
    """The lowest matrix capsules: linear maps of the features at each position.

    Attributes:
        types: The number of capsules at every position.
    """

    types: int = 32

    @nn.compact
    def __call__(self, x: jax.Array) -> Grid:
        """Maps features `[B, H, W, C]` to capsules at the same positions."""
        poses = nn.Dense(self.types * 16, kernel_init=poses_init, name="poses")(x)
        logits = nn.Dense(self.types, name="activations")(x)
        return Grid(poses.reshape(*logits.shape, 4, 4), nn.sigmoid(logits))


class ConvCaps(nn.Module):
    """Capsules that see a window of those below, by EM routing.

    Attributes:
        types: The number of capsules at every position.
        kernel: The side of a window.
        stride: The distance between windows.
        routing: How to route.
    """

    types: int = 32
    kernel: int = 3
    stride: int = 1
    routing: Routing = Routing()

    @nn.compact
    def __call__(self, below: Grid, *, return_coupling: bool = False) -> Any:
        """Routes a grid of capsules; see `matrix.conv_em`."""
        shape = (self.kernel, self.kernel, below.poses.shape[3], self.types, 4, 4)
        return matrix.conv_em(
            below,
            self.param("weights", weights_init, shape, jnp.float32),
            *_betas(self, self.types),
            stride=self.stride,
            routing=self.routing,
            return_coupling=return_coupling,
        )


class MatrixClassCaps(nn.Module):
    """One matrix capsule for each class, by EM routing from all positions.

    Attributes:
        classes: The number of capsules.
        routing: How to route.
        coordinates: Whether votes are told of their positions.
    """

    classes: int = 10
    routing: Routing = Routing()
    coordinates: bool = True

    @nn.compact
    def __call__(self, below: Grid, *, return_coupling: bool = False) -> Any:
        """Routes a grid of capsules; see `matrix.class_em`."""
        shape = (below.poses.shape[3], self.classes, 4, 4)
        return matrix.class_em(
            below,
            self.param("weights", weights_init, shape, jnp.float32),
            *_betas(self, self.classes),
            routing=self.routing,
            coordinates=self.coordinates,
            return_coupling=return_coupling,
        )


def _betas(module: nn.Module, types: int) -> tuple[jax.Array, jax.Array]:
    """The costs β_u and β_a of capsules above, `[types]` each."""
    constant = nn.initializers.constant
    beta_u = module.param("beta_u", constant(-1.0), (types,), jnp.float32)
    return beta_u, module.param("beta_a", constant(-16.0), (types,), jnp.float32)
