"""Features of a minibatch: how close examples are to each other, or how they vary.

Salimans et al., "Improved Techniques for Training GANs", arXiv:1606.03498, section 3.2;
Karras et al., "Progressive Growing of GANs", arXiv:1710.10196, section 3.
"""

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.linear_call import linear_call


class MinibatchDiscrimination(nn.Module):
    """Appends closeness to features: `[B, N]` to `[B, N + kernels]`.

    A tensor T turns each example into a matrix M, `[kernels, dims]`. The closeness of
    an example in kernel k is the sum of exp(−‖Mₖ − M′ₖ‖₁) over the *other* examples of
    the batch, so that a single example has closeness 0.

    Real and generated examples must pass in separate calls, or the closeness describes
    the mixture. On a mesh the batch is the global one; under `pmap` it is that of the
    device.

    As in the authors' code, the scale of each kernel starts such that nearest
    neighbours of the initialising batch are at a mean distance of 2; much further away,
    the exponential would have no gradient. Their bias is left out, since the next layer
    has one.

    Attributes:
        kernels: The number of features to add (100 for MNIST, 300 for ImageNet).
        dims: The dimensions of a distance (5 for MNIST, 50 for ImageNet).
    """

    kernels: int
    dims: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Appends closeness to a batch of vectors `[B, N]`."""
        if x.ndim != 2:
            raise ValueError(
                f"MinibatchDiscrimination takes [B, N], got {x.shape}; flatten examples"
                " first"
            )
        tensor = self.param(
            "tensor",
            nn.initializers.normal(0.05),
            (x.shape[-1], self.kernels, self.dims),
            jnp.float32,
        )
        length = jnp.sqrt(jnp.square(tensor).sum(0))
        wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
        matrix = wide @ tensor.reshape(x.shape[-1], -1)
        matrix = matrix.reshape(-1, self.kernels, self.dims) / length[None]
        start = jnp.zeros((self.kernels, self.dims))
        if self.is_initializing():
            start += _log_scale(matrix)[:, None]
        log_scale = self.param("log_scale", lambda key: start)
        features = closeness(matrix * jnp.exp(log_scale)[None])
        return jnp.concatenate([x, features.astype(x.dtype)], axis=1)


def closeness(matrix: jax.Array) -> jax.Array:
    """Sums exp(−L1 distance) to the other examples, `[B, K, D]` to `[B, K]`."""
    # Pairs are the last two axes: this vectorises, and takes B·B numbers at a time.
    return _closeness(matrix.transpose(1, 2, 0)).T


def _near(matrix):
    """exp(−distance) of all pairs, `[K, D, B]` to `[K, B, B]`, with a diagonal of 0."""
    others = 1 - jnp.eye(matrix.shape[-1])
    return jnp.exp(-_distances(matrix)) * others[None]


def _distances(matrix):
    return sum(jnp.abs(_gap(matrix, d)) for d in range(matrix.shape[1]))


def _gap(matrix, d):
    return matrix[:, d, :, None] - matrix[:, d, None, :]


# Distances are symmetric, so one pass over the pairs gives the gradient. The transposed
# program would make one pass for each side, over pairs and dims, and take ten times as
# long.
@jax.custom_jvp
def _closeness(matrix):
    return _near(matrix).sum(1)


@_closeness.defjvp
def _closeness_slope(primals, tangents):
    (matrix,), (tangent,) = primals, tangents
    near = _near(matrix)
    slope = linear_call(_pushed, _pulled, (matrix, near), tangent)
    return near.sum(1), slope


def _pushed(saved, tangent):
    """The derivative along a tangent [K, D, B] of the matrix, `[K, B]`."""
    matrix, near = saved
    dims = range(matrix.shape[1])
    moved = sum(jnp.sign(_gap(matrix, d)) * _gap(tangent, d) for d in dims)
    return -(near * moved).sum(1)


def _pulled(saved, gradient):
    """The gradient [K, D, B] of the matrix, from that of the closeness."""
    matrix, near = saved
    weight = near * (gradient[:, :, None] + gradient[:, None, :])
    each = [(jnp.sign(_gap(matrix, d)) * weight).sum(1) for d in range(matrix.shape[1])]
    return jnp.stack(each, 1)


def _log_scale(matrix):
    """The log of the scale at which the mean nearest neighbour is 2 away, `[K]`."""
    distance = _distances(matrix.transpose(1, 2, 0))
    own = jnp.eye(len(matrix), dtype=bool)
    nearest = jnp.where(own[None], jnp.inf, distance).min(1).mean(1)
    usable = jnp.isfinite(nearest) & (nearest > 1e-6)
    return jnp.where(usable, jnp.log(2 / jnp.where(usable, nearest, 1)), 0)


def minibatch_deviation(x: jax.Array, group: int = 4) -> jax.Array:
    """Appends how much examples vary, as one channel: `[B, H, W, C]` to `C + 1`.

    Example n belongs to group n mod (B / group), so that neighbours of a sorted batch
    are in different groups. The channel holds one number a group: the standard
    deviation over its examples, averaged over pixels and channels.

    Args:
        x: maps of a minibatch, real or generated, not both.
        group: examples of a group; all of a smaller minibatch.

    Raises:
        ValueError: the minibatch cannot be divided into such groups.
    """
    chex.assert_rank(x, 4)
    count, height, width, channels = x.shape
    group = min(group, count)
    if group < 1 or count % group:
        raise ValueError(
            f"a minibatch of {count} cannot be divided into groups of {group}; give a"
            " multiple of that"
        )
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    wide = wide.reshape(group, count // group, height, width, channels)
    deviation = jnp.sqrt(wide.var(0) + 1e-8).mean((1, 2, 3))
    feature = jnp.tile(deviation, group)[:, None, None, None].astype(x.dtype)
    feature = jnp.broadcast_to(feature, (count, height, width, 1))
    return jnp.concatenate([x, feature], -1)
