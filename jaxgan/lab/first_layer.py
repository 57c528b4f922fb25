"""Finds the layer of a generator that takes the latents."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen

from jaxgan.lab import inference
from jaxgan.lab.inference import Trained


def first_layer(trained: Trained) -> np.ndarray | None:
    """The weight of the dense layer that takes latents, `[Z, F]`, where there is one.

    Of a layer that takes labels beside latents, the part that takes latents. None where
    latents go elsewhere.
    """
    one = inference.latents(trained, jax.random.key(0), 1)
    numbers = [x for x in jax.tree.leaves(one) if jnp.issubdtype(x.dtype, jnp.floating)]
    size = numbers[0].shape[1]
    kernels = []

    def keep(next_function, args, kwargs, context):
        dense = isinstance(context.module, linen.Dense)
        if dense and context.method_name == "__call__":
            kernels.append(context.module.variables["params"]["kernel"])
        return next_function(*args, **kwargs)

    def sample(latent):
        return inference.sampled(trained, latent, jnp.zeros(1, jnp.int32))

    with linen.intercept_methods(keep):
        jax.eval_shape(sample, one)
    for kernel in kernels:
        if size <= len(kernel) <= size + trained.classes:
            return np.asarray(kernel[:size], np.float32)
    return None
