"""Compiled programs, and states that go from one to the next."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan import compose
from jaxgan.game import TrainState
from jaxgan.lab import plane

KEPT = 12  # programs


class Program(NamedTuple):
    """The functions of `plane.Play`, compiled."""

    init: Callable
    advance: Callable
    look: Callable


class Programs:
    """The programs of the last few forms of settings."""

    def __init__(self):
        self._kept: dict[plane.Setting, Program] = {}

    def __contains__(self, setting: plane.Setting) -> bool:
        """Whether a setting needs no compilation."""
        return plane.form(setting) in self._kept

    def get(self, setting: plane.Setting) -> Program:
        """The program of a setting, compiled if it is not kept."""
        form = plane.form(setting)
        program = self._kept.pop(form, None) or compiled(form)
        self._kept[form] = program  # the newest is last
        while len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        return program


def compiled(setting: plane.Setting) -> Program:
    """Compiles the functions of a setting."""
    play = plane.player(setting)
    key = jax.random.key(0)
    states = jax.eval_shape(play.init, key)
    points = jax.eval_shape(lambda: plane.plane(setting))
    rates, steps = jax.eval_shape(lambda: (plane.rates(setting), jnp.int32(1)))
    advance = jax.jit(play.advance, donate_argnums=0)
    return Program(
        jax.jit(play.init).lower(key).compile(),
        advance.lower(states, rates, points.pool, steps).compile(),
        jax.jit(play.look).lower(states, points).compile(),
    )


def carried(new: TrainState, old: TrainState) -> TrainState | None:
    """The state of `old` for the program of `new`.

    Returns:
        All of `old` if the two have one form; its nets with new optimisers if only
        these differ; None if the nets do.
    """
    if _form(new) == _form(old):
        return old
    return compose.adopt(new, old) if _form(new.params) == _form(old.params) else None


def _form(tree):
    return jax.tree.structure(tree), [(x.shape, x.dtype) for x in jax.tree.leaves(tree)]
