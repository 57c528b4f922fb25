"""Layers of matrix capsules: flax modules that use `matrix`.

Hinton, Sabour and Frosst, "Matrix capsules with EM routing" (ICLR 2018), section 4.
The authors chose initial values by which half of the capsules are active at the start
(in the discussion on openreview.net). Those here do about that: weight matrices that
keep the size of a pose, and costs β by which a capsule that explains its share of the
data, to within variances of about 1, gains as much as it must to be active.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.capsules import matrix
from jaxgan.capsules.matrix import Grid, Routing

weights_init = nn.initializers.normal(0.5)


class MatrixPrimaryCaps(nn.Module):
    """The lowest matrix capsules: linear maps of the features at each position.

    Attributes:
        types: The number of capsules at every position.
    """

    types: int = 32

    @nn.compact
    def __call__(self, x: jax.Array) -> Grid:
        """Maps features `[B, H, W, C]` to capsules at the same positions."""
        poses = nn.Dense(self.types * 16, name="poses")(x)
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
    beta_u = module.param("beta_u", constant(-0.25), (types,), jnp.float32)
    return beta_u, module.param("beta_a", constant(-4.0), (types,), jnp.float32)
