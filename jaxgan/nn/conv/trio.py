"""The closed trio: three bilinear maps whose derivatives consist of one another.

Each is a `jax.custom_jvp` with tangents by `linear_call`: forward mode evaluates the
map itself, and reverse mode evaluates the other two, which are its transposes.
"""

import contextlib
import contextvars
import operator
from collections.abc import Callable, Iterator
from functools import partial, reduce

import jax
from jax import lax
from jax.custom_derivatives import SymbolicZero

from jaxgan.linear_call import linear_call
from jaxgan.nn.conv import forms
from jaxgan.nn.conv.forms import Axes

# The layouts that automatic differentiation gives the adjoints.
_UP_LAYOUT = ("NHWC", "HWOI", "NHWC")
_FILTER_LAYOUT = ("CHWN", "IHWO", "HWNC")

_plain = contextvars.ContextVar("plain", default=False)


@contextlib.contextmanager
def plain() -> Iterator[None]:
    """Makes each convolution traced meanwhile one of `lax`, the same on all platforms.

    For programs that leave this library, and for batches whose size is a symbol.
    """
    token = _plain.set(True)
    try:
        yield
    finally:
        _plain.reset(token)


def _chosen(a: jax.Array, b: jax.Array, cpu: Callable, default: partial) -> jax.Array:
    """The form that is fast on the platform, unless it is to be `plain`."""
    if _plain.get():  # in the layout that all know
        return default.func(a, b, axes=default.keywords["axes"])
    return lax.platform_dependent(a, b, cpu=cpu, default=default)


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def down(x: jax.Array, w: jax.Array, axes: Axes) -> jax.Array:
    """Convolution, in the form that is fast on the platform."""
    cpu = partial(forms.down_cpu, axes=axes)
    default = partial(forms.down_plain, axes=axes)
    return _chosen(x, w, cpu, default)


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def up(y: jax.Array, w: jax.Array, axes: Axes) -> jax.Array:
    """Adjoint of `down` in the image."""
    cpu = partial(forms.up_cpu, axes=axes)
    default = partial(forms.up_plain, axes=axes, layout=_UP_LAYOUT)
    return _chosen(y, w, cpu, default)


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def filter_gradient(x: jax.Array, y: jax.Array, axes: Axes) -> jax.Array:
    """Adjoint of `down` in the kernel."""
    cpu = partial(forms.filter_cpu, axes=axes)
    default = partial(forms.filter_plain, axes=axes, layout=_FILTER_LAYOUT)
    return _chosen(x, y, cpu, default)


def _bilinear(
    function: jax.custom_jvp, in_first: Callable, in_second: Callable
) -> None:
    """Gives a bilinear map of `a` and `b` its derivative.

    Args:
        function: The map.
        in_first: Its adjoint in `a`, a function of `b` and a cotangent.
        in_second: Its adjoint in `b`, a function of `a` and a cotangent.
    """

    def tangent(axes, primals, tangents):
        (a, b), (da, db) = primals, tangents
        terms = []
        if not isinstance(da, SymbolicZero):
            transpose = partial(in_first, axes=axes)
            terms += [linear_call(lambda b, a: function(a, b, axes), transpose, b, da)]
        if not isinstance(db, SymbolicZero):
            transpose = partial(in_second, axes=axes)
            terms += [linear_call(lambda a, b: function(a, b, axes), transpose, a, db)]
        return function(a, b, axes), reduce(operator.add, terms)

    function.defjvp(tangent, symbolic_zeros=True)


_bilinear(
    down,
    lambda w, y, axes: up(y, w, axes),
    lambda x, y, axes: filter_gradient(x, y, axes),
)
_bilinear(
    up,
    lambda w, x, axes: down(x, w, axes),
    lambda y, x, axes: filter_gradient(x, y, axes),
)
_bilinear(
    filter_gradient,
    lambda y, w, axes: up(y, w, axes),
    lambda x, w, axes: down(x, w, axes),
)
