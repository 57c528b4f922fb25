"""Trains a model that makes images of images, with sheets of what it was not shown."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import parallel
from jaxgan.compose import ema_variables
from jaxgan.game import Game
from jaxgan.lab import feeds, figures, pixels, session
from jaxgan.lab.data import Data, Set, open_set
from jaxgan.lab.session import Result
from jaxgan.models.model import Model

SHOWN = 8  # examples on a sheet


def open_both(data: Data, shape: tuple[int, int, int]) -> Set:
    """Opens a set to train on, with others to test on.

    Args:
        data: the flags.
        shape: height, width and channels of the images.

    Raises:
        ValueError: there is no such set, or it has no test part.
    """
    opened = open_set(data, shape, test=True)
    if not opened.test:
        raise ValueError(
            f"{data.data} is too large to set images aside; give a set with a test"
            " split"
        )
    return opened


def train(
    title: str,
    record: Model,
    config: Any,
    opened: Set,
    unseen: Mapping[str, np.ndarray],
    measure: Callable[[Any], Result],
    *,
    start: Callable[[Any], Any] | None = None,
    game: Game | None = None,
) -> Result:
    """Trains a model, or goes on, and measures it at the end.

    Args:
        title: of the report.
        record: of the model, whose `show` makes images of a batch.
        config: of the command: `run`, `data` and `model`.
        opened: the set to train on.
        unseen: examples that are not trained on, bytes under the names that the game
            asks for; the first few make the sheets, a row for everything that `show`
            gives and one for the images themselves.
        measure: `measure(variables) -> Result` at the end.
        start: changes the first state, as in `session.train`.
        game: what is played, where it is not `record.game(config.model)`.

    Raises:
        ValueError: the directory does not fit the run.
    """
    model, run = config.model, config.run
    assert record.show is not None
    show = record.show
    work = session.begin(title, config, opened)
    game = record.game(model) if game is None else game
    few = {name: x[:SHOWN] for name, x in unseen.items()}
    batch = {name: pixels.floats(x, record.range) for name, x in few.items()}
    rows: list[str] = []

    @jax.jit
    def draw(variables):
        shown = show(model, variables, jax.random.key(run.seed + 1), batch)
        rows[:] = [*shown, "images"]
        return jnp.stack([*shown.values(), batch["image"]], 1)

    together = parallel.shared(draw, work.mesh)

    def tiles(drawn):
        return np.asarray(pixels.to_bytes(drawn, record.range)).swapaxes(0, 1)

    def done(state):
        found = measure(ema_variables(state))
        caption = f"Not trained on; rows: {', '.join(rows)}"
        sheet = {caption: figures.last_sheet_file(run, "sheet")}
        return Result(found.numbers, {**found.pictures, **sheet})

    return session.train(
        work,
        game,
        feeds.feed(opened, run, work.mesh, game.repeats, record.range),
        show=lambda drawn: {"sheet": tiles(drawn)},
        measure=done,
        start=start,
        look=lambda state: together(ema_variables(state)),
    )
