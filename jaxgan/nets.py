"""Nets of other kinds than flax linen: flax NNX, equinox and plain functions.

A net of a `Game` is anything with the two methods of `jaxgan.game.Net`, as every linen
module has them. These functions give them to others:

    generator = nets.of_nnx(lambda rngs: nnx.Linear(8, 2, rngs=rngs))
    generator = nets.of_equinox(lambda key: eqx.nn.Linear(8, 2, key=key))
    generator = nets.of_functions(lambda key, z: {"w": ...}, lambda p, z: z @ p["w"])

Each takes a function that *makes* the net, since a game initialises its nets itself.
Their variables are dictionaries of arrays, named by the paths of what was made, so that
states are saved, averaged and split over devices like those of linen modules.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.tree_util import keystr, tree_leaves_with_path, tree_map_with_path

from jaxgan.game import Net

_STREAMS = ("dropout", "noise", "params")  # the first two are those of `adversarial`


def of_functions(init: Callable, apply: Callable, *, stream: str | None = None) -> Net:
    """A net of two pure functions.

    Args:
        init: `init(key, *args) -> params`, a dictionary or another pytree of arrays;
            the arguments are those of one call.
        apply: `apply(params, *args, **kwargs) -> out`.
        stream: the random stream whose key `apply` is given as `key=`, None where the
            caller gives none: "noise" or "dropout" in games of `adversarial`.
    """
    return _Functions(init, apply, stream)


def of_equinox(
    make: Callable[[jax.Array], Any],
    *,
    batched: bool = False,
    stream: str | None = None,
) -> Net:
    """A net that an equinox module computes.

    Args:
        make: `make(key) -> module`, or `make(key) -> (module, state)`, as
            `eqx.nn.make_with_state` gives it, whose state is kept beside the
            parameters. Floating arrays are parameters; others stay as they are made.
        batched: whether the module takes whole batches. If not, which is equinox's way,
            it is mapped over the first axis of its arguments, which is named "batch"
            for `eqx.nn.BatchNorm`.
        stream: the random stream whose key the module is given as `key=`, one for each
            example unless batched, such as "dropout".
    """
    return _Equinox(make, batched, stream)


def of_nnx(make: Callable[[Any], Any]) -> Net:
    """A net that a flax NNX module computes.

    Args:
        make: `make(rngs) -> module`, given `nnx.Rngs`. Its `nnx.Param`s are the
            parameters, its `nnx.BatchStat`s are `batch_stats`, and all other variables
            are kept as they change. Random streams that a loss gives, such as
            "dropout", replace the module's own of that name; streams that it does not
            give are drawn from the first, by name, of those that it does.
    """
    return _NNX(make)


@dataclasses.dataclass(frozen=True)
class _Functions:
    function: Callable
    call: Callable
    stream: str | None

    def init(self, rngs, /, *args):
        return {"params": self.function(rngs, *args)}

    def apply(self, variables, /, *args, rngs=None, mutable=(), method=None, **kwargs):
        del mutable  # functions change nothing
        if method is not None:
            raise ValueError(f"a net of functions has no method {method!r}")
        if self.stream is not None:
            kwargs["key"] = (rngs or {}).get(self.stream)
        return self.call(variables["params"], *args, **kwargs), {}


@dataclasses.dataclass(frozen=True)
class _Equinox:
    make: Callable
    batched: bool
    stream: str | None

    def _made(self, key):
        """The module, its state or None."""
        from equinox import nn  # an extra

        made = self.make(key)
        stateful = isinstance(made, tuple) and isinstance(made[1], nn.State)
        return made if stateful else (made, None)

    @functools.cached_property
    def _form(self):
        """What was made, with shapes instead of arrays."""
        import equinox

        # Shapes are the same for all keys, and known without computing anything.
        with jax.ensure_compile_time_eval():
            return equinox.filter_eval_shape(self._made, jax.random.key(0))

    def init(self, rngs, /, *args):
        del args
        return _of_equinox(self._made(rngs))

    def apply(self, variables, /, *args, rngs=None, mutable=(), method=None, **kwargs):
        del mutable
        held = {name: x for part in variables.values() for name, x in part.items()}
        module, state = tree_map_with_path(
            lambda path, x: held.get(keystr(path), x), self._form
        )
        call = module if method is None else getattr(module, method)
        key = (rngs or {}).get(self.stream)
        if key is not None and not self.batched:
            key = jax.random.split(key, len(args[0]))

        def one(key, *args):
            drawn = kwargs if self.stream is None else {"key": key, **kwargs}
            if state is None:
                return call(*args, **drawn), None
            return call(*args, state, **drawn)

        if not self.batched:
            axes = (None if key is None else 0, *(0 for _ in args))
            one = jax.vmap(one, axes, (0, None), axis_name="batch")
        out, state = one(key, *args)
        after = _of_equinox((None, state))
        return out, {name: x for name, x in after.items() if name == "batch_stats"}


def _of_equinox(made) -> dict[str, dict[str, jax.Array]]:
    """The arrays of a module and its state, by collections."""
    found = {"params": {}}
    for path, x in tree_leaves_with_path(made):
        if isinstance(x, jax.Array):
            wide = jnp.issubdtype(x.dtype, jnp.inexact)
            kept = "params" if wide else "constants"
            part = "batch_stats" if path[0].idx == 1 else kept
            found.setdefault(part, {})[keystr(path)] = x
    return found


@dataclasses.dataclass(frozen=True)
class _NNX:
    make: Callable

    def _made(self, key):
        """The structure of the module, and its variables by their paths."""
        from flax import nnx

        keys = dict(zip(_STREAMS, jax.random.split(key, len(_STREAMS)), strict=True))
        graph, state = nnx.split(self.make(nnx.Rngs(key, **keys)))
        return graph, nnx.to_flat_state(state)

    @functools.cached_property
    def _form(self):
        """The same with shapes instead of arrays."""
        from flax import nnx

        with jax.ensure_compile_time_eval():
            return nnx.eval_shape(lambda: self._made(jax.random.key(0)))

    def init(self, rngs, /, *args):
        del args
        return _of_nnx(self._made(rngs)[1])

    def apply(self, variables, /, *args, rngs=None, mutable=(), method=None, **kwargs):
        from flax import nnx

        del mutable
        graph, form = self._form
        filled = []
        for i, (path, variable) in enumerate(form):
            if isinstance(variable, nnx.RngState):
                value = _random(variable, rngs, i)
            else:
                value = variables[_collection(variable)][_named(path)]
            filled.append((path, variable.replace(value)))
        module = nnx.merge(graph, nnx.from_flat_state(filled))
        out = (module if method is None else getattr(module, method))(*args, **kwargs)
        after = _of_nnx(nnx.to_flat_state(nnx.state(module)))
        return out, {name: x for name, x in after.items() if name != "params"}


def _of_nnx(flat) -> dict[str, dict[str, jax.Array]]:
    """Variables of NNX by collections; random streams are none of them."""
    from flax import nnx

    found = {"params": {}}
    for path, variable in flat:
        if not isinstance(variable, nnx.RngState):
            part = found.setdefault(_collection(variable), {})
            part[_named(path)] = variable[...]
    return found


def _collection(variable) -> str:
    from flax import nnx

    if isinstance(variable, nnx.Param):
        return "params"
    if isinstance(variable, nnx.BatchStat):
        return "batch_stats"
    return type(variable).__name__


def _named(path) -> str:
    return "/".join(map(str, path))


def _random(variable, rngs, number):
    """The key or the count of a random stream, from those that a loss gave."""
    from flax import nnx

    if isinstance(variable, nnx.RngCount):
        return jnp.zeros(variable.shape, variable.dtype)
    if not rngs:
        raise ValueError(
            f"this NNX module draws from its stream {variable.tag!r}; give"
            f" rngs={{{variable.tag!r}: key}} where it is called"
        )
    return jax.random.fold_in(rngs.get(variable.tag, min(rngs.items())[1]), number)
