"""Spectral normalisation: divides a layer's weight by its largest singular value.

Miyato, Kataoka, Koyama and Yoshida, arXiv:1802.05957. We do not use flax's layer, which
rescales the stored kernel at initialisation and iterates at evaluation too.
"""

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax


def power_iteration(
    weight: jax.Array, u: jax.Array, iterations: int = 1
) -> tuple[jax.Array, jax.Array]:
    """Estimates the singular vectors of the largest singular value (Algorithm 1).

    Args:
        weight: a matrix `[N, M]`.
        u: the current estimate of the right vector, `[M]`.
        iterations: the number of iterations, at least 1.

    Returns:
        `(u, v)`, unit vectors `[M]` and `[N]`, without gradient.
    """
    chex.assert_rank([weight, u], [2, 1])
    weight = lax.stop_gradient(weight)

    def again(_, both):
        v = _unit(weight @ both[0])
        return _unit(v @ weight), v

    u, v = again(0, (u,))
    if iterations > 1:  # a loop, which compiles as fast for many as for few
        u, v = lax.fori_loop(1, iterations, again, (u, v))
    return lax.stop_gradient(u), lax.stop_gradient(v)


def spectral_normalise(
    module: nn.Module,
    kernel: jax.Array,
    *,
    out_axis: int = -1,
    epsilon: float = 1e-12,
    name: str = "vectors",
) -> jax.Array:
    """Divides a kernel by its spectral norm; for the compact method of a layer.

    The singular vectors are in the layer's collection `spectral`. Each call with that
    collection mutable improves them by one iteration; other calls leave them as they
    are, so that an evaluation normalises exactly as the last training step did.

    Args:
        module: the layer, which keeps the vectors.
        kernel: any rank >= 2, float32.
        out_axis: the axis of outputs; the others form the other side of the matrix.
        epsilon: the least norm to divide by.
        name: of the vectors, for a layer with several kernels.
    """
    matrix = jnp.moveaxis(kernel, out_axis, -1).reshape(-1, kernel.shape[out_axis])

    def start():
        u = jax.random.normal(module.make_rng("params"), (matrix.shape[1],))
        return power_iteration(matrix, _unit(u), 15)

    vectors = module.variable("spectral", name, start)
    if module.is_mutable_collection("spectral") and not module.is_initializing():
        vectors.value = power_iteration(matrix, vectors.value[0])
    u, v = vectors.value
    # The gradient passes through sigma, with the vectors held fixed (section 2.3).
    sigma = v @ (matrix @ u)
    return kernel / jnp.maximum(sigma, epsilon)


def _unit(x: jax.Array) -> jax.Array:
    return x / jnp.maximum(jnp.linalg.norm(x), 1e-12)
