"""The outline of a network: every call of a layer, with its shapes and parameters.

Nothing is computed: the module is initialised on shapes alone.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen


class Call(NamedTuple):
    """One call of one layer.

    Attributes:
        path: where the layer is in the module, such as "block/Conv_0"; "" is the module
            itself.
        kind: the name of the layer's class.
        module: the layer itself, unbound, to read settings from.
        inputs: the shapes of the arrays that it was given.
        output: the shape of the array that it returned, or of the first if it returned
            several.
        parameters: the number of its parameters; 0 at later calls of the same layer.
        again: whether the layer was called before.
    """

    path: str
    kind: str
    module: linen.Module
    inputs: tuple[tuple[int, ...], ...]
    output: tuple[int, ...]
    parameters: int
    again: bool


class Geometry(NamedTuple):
    """How a convolution moves over its input, along rows and columns.

    Attributes:
        kernel: the height and width of the kernel.
        stride: the window's step over the larger of the two images.
        padding: the number of pixels added before the first row and column.
        transposed: whether the output is the larger image.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    transposed: bool


def outline(module: linen.Module, *args: Any) -> tuple[Call, ...]:
    """Lists the calls of a module's layers, in the order in which they finish.

    A layer is a module that calls no other, or has parameters of its own.

    Args:
        module: the module to look at.
        *args: its arguments: arrays, or `jax.ShapeDtypeStruct`s of them.

    Returns:
        The calls; their parameters add up to those of the module.
    """
    finished: list[Call] = []
    under: list[tuple[str, ...]] = []  # the modules whose calls are under way
    callers = set()

    def look(next_function, given, kwargs, context):
        path = context.module.path
        if under and under[-1] == path:  # one method of a module calls another
            return next_function(*given, **kwargs)
        callers.update(under[-1:])
        under.append(path)
        try:
            out = next_function(*given, **kwargs)
        finally:
            under.pop()
        shapes = tuple(jnp.shape(x) for x in _arrays((given, kwargs)))
        made = [jnp.shape(x) for x in _arrays(out)] or [()]
        again = any(call.path == "/".join(path) for call in finished)
        finished.append(
            Call(
                "/".join(path), type(context.module).__name__, context.module.clone(),
                shapes, made[0], 0, again,
            )
        )  # fmt: skip
        return out

    with linen.intercept_methods(look):
        made = jax.eval_shape(lambda *x: module.init(jax.random.key(0), *x), *args)
    counts = _counts(made.get("params", {}), {call.path for call in finished})
    parents = {"/".join(path) for path in callers}
    return tuple(
        call if call.again else call._replace(parameters=counts.get(call.path, 0))
        for call in finished
        if call.path not in parents or counts.get(call.path)
    )


def geometry(call: Call) -> Geometry | None:
    """Reads the geometry of a convolution off a layer of this library or of flax.

    Args:
        call: from `outline`.

    Returns:
        The geometry, or None where the layer is not a convolution of images.
    """
    layer = call.module
    if not hasattr(layer, "kernel_size") or len(call.inputs[0]) != 4:
        return None
    kernel = _pair(getattr(layer, "kernel_size", 1))  # rows and columns
    stride = _pair(getattr(layer, "strides", 1) or 1)
    padding: Any = getattr(layer, "padding", None)
    if padding is None:  # see `nn.conv`
        before = ((kernel[0] - 1) // 2, (kernel[1] - 1) // 2)
    elif isinstance(padding, str):
        pads = jax.lax.padtype_to_pads(call.inputs[0][1:3], kernel, stride, padding)
        before = (pads[0][0], pads[1][0])
    else:
        rows, columns = _pair(padding)
        before = (_pair(rows)[0], _pair(columns)[0])
    return Geometry(kernel, stride, before, "Transpose" in call.kind)


def _pair(size: Any) -> tuple[Any, Any]:
    return (size, size) if isinstance(size, int) else tuple(size)


def _arrays(tree):
    return [x for x in jax.tree.leaves(tree) if hasattr(x, "shape")]


def _counts(params: Mapping[str, Any], paths: set[str]) -> dict[str, int]:
    """Counts each module's parameters; an array belongs to the deepest that has it."""
    counts: dict[str, int] = {}
    for keys, array in jax.tree_util.tree_leaves_with_path(params):
        names = [str(getattr(key, "key", key)) for key in keys]
        within = ["/".join(names[:depth]) for depth in range(len(names), -1, -1)]
        owner = next((path for path in within if path in paths), "")
        counts[owner] = counts.get(owner, 0) + array.size
    return counts
