"""Handles a loss or a weight that is NaN or infinite: what broke, and what to do."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp

from jaxgan.train.directory import tell

MOST_ROLLBACKS = 3  # from one checkpoint
_ORDINALS = {1: "first", 2: "second", 3: "third"}


class Diverged(ArithmeticError):
    """A loss or a weight became NaN or infinite."""


def broken(rows: Sequence[Mapping[str, Any]], state: Any, *, weights: bool) -> str:
    """Says what is NaN or infinite; an empty string where all is well.

    Args:
        rows: the metrics of the last steps.
        state: after them.
        weights: whether to check the parameters even where all metrics are fine.
    """
    bad = [
        (row["step"], name, value)
        for row in rows
        for name, value in row.items()
        if not math.isfinite(value)
    ]
    params = _params(state)
    if not bad and not (weights and params and not bool(_all_finite(params))):
        return ""
    nets = ", ".join(filter(None, map(_broken_nets, params)))
    if not bad:
        return f"weights became NaN or infinite by step {rows[-1]['step']} ({nets})"
    # The player whose own loss broke says more than those it pulled along.
    step, _, value = bad[0]
    names = ", ".join(name for at, name, _ in bad if at == step)
    learned = f" (NaN or infinite by step {rows[-1]['step']}: {nets})" if nets else ""
    return f"{names} became {value} at step {step}{learned}"


def _params(state) -> list[Any]:
    """The parameters of a state, or of the states that it is made of, as of seeds."""
    has = lambda x: hasattr(x, "params")  # noqa: E731
    return [x.params for x in jax.tree.leaves(state, is_leaf=has) if has(x)]


@jax.jit
def _all_finite(params):
    return jnp.array([jnp.isfinite(x).all() for x in jax.tree.leaves(params)]).all()


def _broken_nets(params) -> str:
    """The nets with NaN or infinite values, and the first such array of each."""
    found = {}
    for path, x in jax.tree.leaves_with_path(params):
        if not bool(jnp.isfinite(x).all()):
            net, _, rest = jax.tree_util.keystr(
                path, simple=True, separator="/"
            ).partition("/")
            found.setdefault(net, []).append(rest)
    return ", ".join(
        f"{net}: {paths[0]}" + (f" and {len(paths) - 1} more" if paths[1:] else "")
        for net, paths in found.items()
    )


def goes_back(
    what: str,
    saved: int | None,
    times: int,
    on_nan: Literal["stop", "rollback", "ignore"],
) -> bool:
    """Decides, now that something broke, whether to go back to the last checkpoint.

    Args:
        what: what broke, from `broken`.
        saved: step of the last checkpoint.
        times: how often something broke since then, this time included.
        on_nan: what the user wants.

    Raises:
        Diverged: the run is to stop, or going back did not help.
    """
    kept = "nothing was saved yet" if saved is None else f"step {saved} is saved"
    if on_nan == "ignore":
        if times == 1:
            tell(f"{what} ({kept}); going on, as --on-nan ignore asks")
        return False
    if on_nan == "rollback" and times <= MOST_ROLLBACKS:
        tell(f"{what}; back to step {saved or 0}, for the {_ORDINALS[times]} time")
        return True
    tried = f", even after {times - 1} rollbacks" if times > 1 else ""
    raise Diverged(
        f"{what}{tried} ({kept}); lower the learning rate, or resume with another"
        " --seed elsewhere"
    )
