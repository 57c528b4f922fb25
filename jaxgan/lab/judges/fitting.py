"""Trains the network of a judge, on batches that are made on the device."""

import functools
import sys
from collections.abc import Callable
from typing import Any

import jax
from tqdm import tqdm

from jaxgan import game


def fit(
    played: game.Algorithm,
    arrays: Any,
    batch: Callable[..., game.Batch],
    items: Callable[[int], tuple[Any, ...]],
    steps: int,
    shown: tuple[str, str],
    seed: int = 0,
) -> game.Variables:
    """Plays a game.

    Args:
        played: the game as an algorithm.
        arrays: the data, on the device.
        batch: `batch(arrays, *item)` makes a minibatch inside the compiled step.
        items: `items(step)` gives what the host has to say about a minibatch.
        steps: to train for.
        shown: of the progress bar: a word, and the name of the metric behind it.
        seed: of the first weights.

    Returns:
        The variables of its nets.
    """

    @functools.partial(jax.jit, donate_argnums=0)
    def play(state, arrays, item):
        return played.step(state, batch(arrays, *item))

    state = jax.jit(lambda *x: played.init(jax.random.key(seed), batch(*x)))(
        arrays, *items(0)
    )
    word, metric = shown
    with tqdm(total=steps, unit="step", disable=not sys.stderr.isatty()) as bar:
        for step in range(steps):
            state, metrics = play(state, arrays, items(step))
            bar.update()
            if step % 100 == 99:  # only here does the host wait for the device
                bar.set_postfix_str(f"{word} {metrics[metric]:.3f}")
    return game.variables(state)
