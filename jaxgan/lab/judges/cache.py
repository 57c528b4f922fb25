"""Networks trained once, then kept in the user's cache directory.

A file holds the weights of a network and numbers about it. Its name is made from what
it was trained on and how, so that a file never serves another data set or recipe. A
damaged file is replaced, and a cache that cannot be written is no end.
"""

import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.lab import kept
from jaxgan.train.terminal import say


def save(path: pathlib.Path | None, variables: Any, facts: Mapping[str, float]) -> None:
    """Puts a network into the cache, whole or not at all.

    Args:
        path: of `kept.place`.
        variables: its weights, any tree of arrays.
        facts: numbers about it, by names that do not begin with "leaf".
    """
    if path is None:
        return say("there is no home to keep this network in; set XDG_CACHE_HOME")
    leaves = {f"leaf{i}": leaf for i, leaf in enumerate(jax.tree.leaves(variables))}
    try:
        kept.save(path, {**facts, **leaves})
    except OSError as error:
        kind = _kind(path)
        say(f"cannot keep the {kind} in {path.parent} ({error.strerror}): it will")
        say("be trained again next time; set XDG_CACHE_HOME to a directory to write to")


def load(
    path: pathlib.Path | None, like: Any, facts: Iterable[str]
) -> tuple[Any, dict[str, float]] | None:
    """A network from the cache.

    Args:
        path: of `kept.place`.
        like: the tree of its weights, with their shapes and types.
        facts: names of the numbers about it.

    Returns:
        Its weights and facts; None, with a sentence if the file is there but bad.
    """
    if path is None or not path.is_file():
        return None
    try:
        held = kept.load(path)
        wanted, shape = jax.tree.flatten(like)
        leaves = [held[f"leaf{i}"] for i in range(len(wanted))]
        found = {name: float(held[name]) for name in facts}
        for leaf, want in zip(leaves, wanted, strict=True):
            if leaf.shape != want.shape or leaf.dtype != want.dtype:
                raise ValueError(f"{leaf.shape} where {want.shape} should be")
    except Exception:  # of a damaged file, a dozen kinds
        say(f"{path} is damaged: training the {_kind(path)} again")
        return None
    return jax.tree.unflatten(shape, [jnp.asarray(leaf) for leaf in leaves]), found


def _kind(path: pathlib.Path) -> str:
    return path.parent.name.replace("_", " ")
