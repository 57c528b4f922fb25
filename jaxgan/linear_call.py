"""Linear maps with a given transpose, under every transformation of JAX.

`jax.custom_vjp` gives a function a fast gradient but rules out forward mode: `jvp`,
`jacfwd`, `hessian` and `linearize` fail. `jax.custom_jvp` with a tangent made by
`linear_call` allows both: forward mode evaluates the tangent, and reverse mode uses the
given transpose of it.
"""

import functools
import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Primitive, jaxpr_as_fun
from jax.interpreters import ad, batching, mlir

Flat = Callable[..., list[jax.Array]]


def linear_call(
    function: Callable[[Any, Any], Any],
    transpose: Callable[[Any, Any], Any],
    residuals: Any,
    x: Any,
) -> Any:
    """Calls `function(residuals, x)`, linear in `x`, with a given transpose.

    It does what `jax.custom_derivatives.linear_call` does, which however can be neither
    batched nor differentiated with respect to the residuals.

    Args:
        function: Maps residuals and `x` to the result; closes over no traced array.
        transpose: Maps residuals and a cotangent of the result to one of `x`, and is
            differentiable if the gradient itself is to be differentiated.
        residuals: A pytree of arrays.
        x: A pytree of arrays.

    Returns:
        The result of `function`.
    """
    saved, saved_tree = jax.tree.flatten(residuals)
    leaves, tree = jax.tree.flatten(x)
    count = len(saved)

    def forward(*args):
        saved, leaves = args[:count], args[count:]
        return function(saved_tree.unflatten(saved), tree.unflatten(leaves))

    closed, result = jax.make_jaxpr(forward, return_shape=True)(*saved, *leaves)
    result_tree = jax.tree.structure(result)

    def backward(*args):
        saved, leaves = args[:count], args[count:]
        gradient = transpose(saved_tree.unflatten(saved), result_tree.unflatten(leaves))
        return jax.tree.leaves(gradient)

    out = _call.bind(*saved, *leaves, forward=closed, backward=backward, count=count)
    return result_tree.unflatten(out)


# The arguments are `count` residuals, then the leaves of x. `forward` is the map as a
# program; `backward` takes the residuals and the leaves of a cotangent.
_call = Primitive("linear_call")
_call.multiple_results = True


def _evaluate(*args, forward: ClosedJaxpr, backward: Flat, count: int):
    del backward, count
    return jaxpr_as_fun(forward)(*args)


def _differentiate(primals, tangents, *, forward, backward, count):
    params = {"forward": forward, "backward": backward, "count": count}
    saved, x = primals[:count], primals[count:]
    out = _call.bind(*primals, **params)
    terms = []
    if not all(type(t) is ad.Zero for t in tangents[count:]):
        directions = map(ad.instantiate_zeros, tangents[count:])
        terms.append(_call.bind(*saved, *directions, **params))
    moving = [i for i in range(count) if type(tangents[i]) is not ad.Zero]
    if moving:

        def at(*values):
            changed = dict(zip(moving, values, strict=True))
            args = [changed.get(i, s) for i, s in enumerate(saved)]
            return jaxpr_as_fun(forward)(*args, *x)

        directions = [tangents[i] for i in moving]
        terms.append(jax.jvp(at, [saved[i] for i in moving], directions)[1])
    return out, [functools.reduce(operator.add, t) for t in zip(*terms, strict=True)]


def _transpose(cotangents, *args, forward, backward, count):
    saved, x = args[:count], args[count:]
    cotangents = [ad.instantiate_zeros(c) for c in cotangents]
    params = {
        "forward": jax.make_jaxpr(backward)(*saved, *cotangents),
        "backward": jaxpr_as_fun(forward),
        "count": count,
    }
    gradient = _call.bind(*saved, *cotangents, **params)
    gradient = [
        g if ad.is_undefined_primal(leaf) else None
        for g, leaf in zip(gradient, x, strict=True)
    ]
    return [None] * count + gradient


def _batch(args, axes, *, forward, backward, count):
    size = next(
        x.shape[axis] for x, axis in zip(args, axes, strict=True) if axis is not None
    )
    # All of x gets the batch axis, and so does its gradient.
    x = [
        jnp.broadcast_to(leaf, (size, *leaf.shape))
        if axis is None
        else jnp.moveaxis(leaf, axis, 0)
        for leaf, axis in zip(args[count:], axes[count:], strict=True)
    ]
    args = [*args[:count], *x]

    def each(function: Flat, leaves: int) -> Flat:
        return jax.vmap(function, (*axes[:count], *[0] * leaves))

    results = len(forward.out_avals)
    params = {
        "forward": jax.make_jaxpr(each(jaxpr_as_fun(forward), len(x)))(*args),
        "backward": each(backward, results),
        "count": count,
    }
    return _call.bind(*args, **params), [0] * results


_call.def_impl(_evaluate)
_call.def_abstract_eval(lambda *_, forward, **__: forward.out_avals)
ad.primitive_jvps[_call] = _differentiate
ad.primitive_transposes[_call] = _transpose
batching.primitive_batchers[_call] = _batch
mlir.register_lowering(_call, mlir.lower_fun(_evaluate, multiple_results=True))
