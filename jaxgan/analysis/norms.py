"""Fixes batch norms, so that what a network makes of an image depends on it alone."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen

Statistics = dict[str, tuple[jax.Array, jax.Array]]


def batch_statistics(function: Callable[..., Any], *args: Any) -> Statistics:
    """The mean and variance that every batch norm of a function sees.

    Args:
        function: a function that applies linen modules.
        *args: its arguments, with a batch large enough to be typical, such as 1,000
            examples.

    Returns:
        For every call of `linen.BatchNorm`, in order, its mean and variance of each
        channel, float32 `[C]`. Empty for functions without batch norms.
    """
    seen: Statistics = {}

    def look(next_function, args, kwargs, context):
        if _is_norm(context):
            x = _wide(args[0])
            over = tuple(range(x.ndim - 1))
            seen[_name(context, seen)] = (x.mean(over), x.var(over))
        return next_function(*args, **kwargs)

    with linen.intercept_methods(look):
        function(*args)
    return seen


def frozen(function: Callable[..., Any], statistics: Statistics) -> Callable[..., Any]:
    """Makes a function whose batch norms use given statistics, for any batch and mode.

    DCGAN's code normalises with the statistics of the current batch, so an image
    depends on those drawn with it. An analysis that changes one latent must keep the
    others from changing the result.

    Args:
        function: a function that applies linen modules.
        statistics: from `batch_statistics` of the same function.

    Returns:
        `f(*args)`, like `function`. Do not use the running averages that it returns.

    Raises:
        ValueError: `statistics` lack a batch norm of the function.
    """

    def apply(*args):
        used: Statistics = {}

        def hold(next_function, args, kwargs, context):
            if not _is_norm(context):
                return next_function(*args, **kwargs)
            module, x = context.module, args[0]
            name = _name(context, used)
            if name not in statistics:
                raise ValueError(
                    f"there are no statistics of {name}, only of {sorted(statistics)}:"
                    " get those of the same function from batch_statistics"
                )
            used[name] = statistics[name]
            return _normalised(module, x, *statistics[name])

        with linen.intercept_methods(hold):
            return function(*args)

    return apply


def running(function: Callable[..., Any]) -> Callable[..., Any]:
    """Makes a function whose batch norms use the running averages of training.

    Args:
        function: a function that applies linen modules.

    Returns:
        `f(*args)`, like `function`, whichever mode it sets its norms to.
    """

    def average(next_function, args, kwargs, context):
        if not _is_norm(context):
            return next_function(*args, **kwargs)
        stored = context.module.variables["batch_stats"]
        return _normalised(context.module, args[0], stored["mean"], stored["var"])

    def apply(*args):
        with linen.intercept_methods(average):
            return function(*args)

    return apply


def _normalised(module, x, mean, var):
    """The output of a batch norm with given statistics, `[C]`."""
    params = module.variables.get("params", {})
    factor = jax.lax.rsqrt(var + module.epsilon) * params.get("scale", 1.0)
    spread = (None,) * (x.ndim - 1)
    # The mean first: products of large numbers would lose a small deviation.
    y = (_wide(x) - mean[spread]) * factor[spread]
    y = y + params["bias"][spread] if "bias" in params else y
    return y.astype(module.dtype or x.dtype)


def _wide(x):
    """Numbers as batch norms compute with them: in float32 at least."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def _is_norm(context) -> bool:
    is_norm = isinstance(context.module, linen.BatchNorm)
    return is_norm and context.method_name == "__call__"


def _name(context, seen) -> str:
    """The path of a module, with the number of the call from the second call on."""
    path = "/".join(context.module.path)
    calls = sum(name.split("#")[0] == path for name in seen)
    return f"{path}#{calls + 1}" if calls else path
