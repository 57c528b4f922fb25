"""Reads, edits and differentiates a network at its rectifiers, whose outputs are maps.

Papers call the outputs of a layer's ReLU its maps (or activations). The three functions
here take any function of arrays that uses `relu`, `leaky_relu` or another rectifier of
`jax.nn` (flax's are the same). They return a function that also returns its maps,
changes them on the way, or sends gradients back by another rule:

    out, maps = observed(network)(images)
    without = edited(network, {2: lambda x: x.at[..., 7].set(0)})(images)
    slopes = jax.grad(lambda x: with_rule(network, "guided")(x).sum())(images)

They are transformations, like `jax.grad`, and work inside `jit`, `vmap` and each other.
They read the function's jaxpr, so the function needs no preparation.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
from jax.extend import core

Rule = Literal["gradient", "deconvnet", "guided"]

_RECTIFIERS = ("relu", "relu6", "leaky_relu", "elu", "celu", "selu")
_CALLS = ("jit", "pjit", "closed_call")  # the bodies of these are interpreted too
# The calls that wrap a rectifier: those of JAX, and that of `with_rule`.
_OWN_DERIVATIVE = ("custom_jvp_call", "custom_vjp_call")


def observed(function: Callable[..., Any]) -> Callable[..., tuple[Any, tuple]]:
    """Makes a function that also returns its maps.

    Args:
        function: a function of arrays.

    Returns:
        `f(*args) -> (out, maps)`: the result of `function`, and the output of each of
        its rectifiers, in the order in which they are applied.

    Raises:
        ValueError: a rectifier is in a loop or a branch, so that it has no fixed
            number.
    """

    def apply(*args):
        maps = []

        def visit(rectify, operands):
            maps.append(rectify(*operands))
            return maps[-1]

        out = _interpreted(function, args, visit)
        return out, tuple(maps)

    return apply


def edited(
    function: Callable[..., Any], edits: Mapping[int, Callable[[jax.Array], jax.Array]]
) -> Callable[..., Any]:
    """Makes a function that changes some of its maps on the way.

    Args:
        function: a function of arrays.
        edits: number of a rectifier -> function of its output. Numbers are as in
            `observed`; negative ones count from the last.

    Returns:
        `f(*args)`, like `function`.

    Raises:
        ValueError: there is no rectifier of that number, an edit changes a shape, or a
            rectifier is in a loop or a branch.
    """

    def apply(*args):
        total = len(jax.eval_shape(observed(function), *args)[1])
        if edits and not total:
            raise ValueError("the function has no rectifiers to edit")
        if strange := sorted(i for i in edits if not -total <= i < total):
            raise ValueError(
                f"edits have the numbers {strange}, but the function has {total}"
                f" rectifiers: number them from 0 to {total - 1}"
            )
        wanted = {i % total: edit for i, edit in edits.items()}
        count = itertools.count()

        def visit(rectify, operands):
            maps = rectify(*operands)
            i = next(count)
            if i not in wanted:
                return maps
            changed = wanted[i](maps)
            if changed.shape != maps.shape:
                raise ValueError(
                    f"the edit of rectifier {i} turns shape {maps.shape} into"
                    f" {changed.shape}; it must keep the shape"
                )
            return changed.astype(maps.dtype)

        return _interpreted(function, args, visit)

    return apply


def with_rule(function: Callable[..., Any], rule: Rule) -> Callable[..., Any]:
    """Makes a function whose rectifiers send signals back by another rule.

    A rectifier that was given x and gets back the signal g sends on

    - gradient: the true derivative: g where x > 0 (and slope times g elsewhere);
    - deconvnet: max(g, 0), whatever x was;
    - guided: max(g, 0) where x > 0, and 0 elsewhere.

    For leaky rectifiers the last two use the masks of plain ones.

    Args:
        function: a function of arrays.
        rule: one of the three.

    Returns:
        `f(*args)`, with the values of `function`; its `jax.grad` and `jax.vjp` follow
        the rule (reverse mode only).

    Raises:
        ValueError: there is no such rule, or a rectifier is in a loop or a branch.

    References:
        Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks",
        arXiv:1311.2901; Springenberg et al., "Striving for Simplicity",
        arXiv:1412.6806, figure 1.
    """
    if rule not in get_args(Rule):
        raise ValueError(f"unknown rule {rule!r}; choose from {get_args(Rule)}")

    def visit(rectify, operands):
        if rule == "gradient":
            return rectify(*operands)

        ruled = jax.custom_vjp(rectify)

        def backward(saved, signal):
            x, *others = saved
            signal = jnp.maximum(signal, 0)
            if rule == "guided":
                signal = jnp.where(x > 0, signal, 0)
            return (signal, *(jnp.zeros_like(other) for other in others))

        ruled.defvjp(lambda *operands: (rectify(*operands), operands), backward)
        return ruled(*operands)

    return lambda *args: _interpreted(function, args, visit)


def _interpreted(function, args, visit):
    """Runs a function, with `visit(rectify, operands)` in place of each rectifier."""
    closed, shape = jax.make_jaxpr(function, return_shape=True)(*args)
    out = _evaluate(closed.jaxpr, closed.consts, jax.tree.leaves(args), visit)
    return jax.tree.unflatten(jax.tree.structure(shape), out)


def _evaluate(jaxpr, consts, args, visit):
    values = dict(zip(jaxpr.constvars, consts, strict=True))
    values |= zip(jaxpr.invars, args, strict=True)

    def read(atom):
        return atom.val if isinstance(atom, core.Literal) else values[atom]

    for equation in jaxpr.eqns:
        operands = [read(atom) for atom in equation.invars]

        def run(*operands, equation=equation):
            primitive = equation.primitive
            params = primitive.get_bind_params(equation.params)
            out = primitive.bind(*operands, **params)
            return out if primitive.multiple_results else [out]

        if _is_rectifier(equation):
            out = [visit(lambda *x, run=run: run(*x)[0], operands)]
        elif not any(_has_rectifier(inner) for inner in _bodies(equation)):
            out = run(*operands)
        elif equation.primitive.name in _CALLS:
            (body,) = _bodies(equation)
            out = _evaluate(body.jaxpr, body.consts, operands, visit)
        else:
            raise ValueError(
                f"a rectifier is inside {equation.primitive.name}, where it cannot be"
                " told apart from its repeats: write the layers out"
            )
        values |= zip(equation.outvars, out, strict=True)
    return [read(atom) for atom in jaxpr.outvars]


def _is_rectifier(equation) -> bool:
    if equation.primitive.name in _OWN_DERIVATIVE:
        (body,) = _bodies(equation)
        return len(body.jaxpr.eqns) == 1 and _is_rectifier(body.jaxpr.eqns[0])
    return equation.params.get("name") in _RECTIFIERS


def _has_rectifier(closed) -> bool:
    return any(
        _is_rectifier(equation) or any(map(_has_rectifier, _bodies(equation)))
        for equation in closed.jaxpr.eqns
    )


def _bodies(equation) -> Iterator[core.ClosedJaxpr]:
    """The jaxprs inside an equation."""
    for leaf in jax.tree.leaves(
        list(equation.params.values()),
        is_leaf=lambda x: isinstance(x, core.ClosedJaxpr | core.Jaxpr),
    ):
        if isinstance(leaf, core.Jaxpr):
            leaf = core.ClosedJaxpr(leaf, ())
        if isinstance(leaf, core.ClosedJaxpr):
            yield leaf
