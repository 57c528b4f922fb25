"""Trains a user's own game: `jaxgan.lab.train`."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from jaxgan import parallel
from jaxgan.compose import ema_variables
from jaxgan.game import Game, Variables
from jaxgan.lab import clouds, feeds, figures, pixels, session
from jaxgan.lab.data import Data, Set, of_arrays, open_set
from jaxgan.lab.session import Result
from jaxgan.train import Run

SHEETS = 10  # of a run, where nothing else is asked for


@dataclasses.dataclass(frozen=True)
class Structure:
    """What a game is made of, by which its run knows it again."""

    nets: Mapping[str, str]
    players: Mapping[str, tuple[str, ...]]
    moves: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Config:
    """The configuration of a run of such a game."""

    run: Run
    data: Data
    model: Any


def train(
    game: Game,
    data: Mapping[str, Any] | Set | str,
    workdir: pathlib.Path | str,
    *,
    show: Callable[[Variables, jax.Array], Mapping[str, Any]] | None = None,
    evaluate: Callable[[Variables, jax.Array], Mapping[str, float]] | None = None,
    title: str = "A game",
    config: Any = None,
    shape: tuple[int, int, int] | None = None,
    between: pixels.Range = (-1.0, 1.0),
    **fields: Any,
) -> Result:
    """Trains a game, with checkpoints, sheets, curves and a page; or goes on.

        show = lambda variables, key: {"points": draw(variables, key, 500)}
        result = lab.train(game, {"point": points}, "runs/mine", steps=500, show=show)

    The same call goes on where it was stopped, bit for bit (docs/pods.md says on which
    devices), and further with more steps.

    Args:
        game: what is played.
        data: arrays `[N, ...]` under the names that the game asks for; or an opened
            set; or what `--data` takes, such as "folder:PHOTOS", with a `shape`.
        workdir: the directory of the run.
        show: `show(variables, key) -> {name: seen}`, every so often, of the averaged
            weights where they are kept. Images `[N, H, W, C]` become a sheet, points
            `[N, 2]` a picture of them, numbers join the curves. The key is the same
            every time.
        evaluate: `evaluate(variables, key) -> {name: number}` every
            `evaluate_every=` steps; the state whose first number is lowest is kept.
            Of several processes each is asked, and the main one's numbers count.
        title: of the page.
        config: a dataclass of the game's own settings, to be kept with the run.
        shape: height, width and channels, where `data` is a text.
        between: the numbers between which images are; arrays of bytes become floats
            between them.
        fields: of `jaxgan.train.Run`: `steps` to train for in all, 2,000 if left out,
            `batch_size`, `seed`, `sample_every`, `evaluate_every` and others.

    Returns:
        The final state, and what results.json holds.

    Raises:
        ValueError: the data cannot be had, or the directory holds another run.
    """
    run = Run(pathlib.Path(workdir), **fields)
    every = max(1, run.steps // SHEETS)
    often = {"sample_every": every, "checkpoint_every": every}
    run = dataclasses.replace(run, **often | fields)
    opened = _opened(data, shape)
    model = _structure(game) if config is None else config
    work = session.begin(title, Config(run, opened.data, model), opened)
    key = jax.random.fold_in(jax.random.key(run.seed), 1)
    known = _points(opened)

    def averaged(state):
        return parallel.gather(work.mesh, ema_variables(state))

    def shown(variables):
        seen = {} if show is None else show(variables, key)
        return {name: _seen(value, between, known) for name, value in seen.items()}

    def measure(state):
        seen = shown(ema_variables(state))
        numbers = {name: float(x) for name, x in seen.items() if not np.ndim(x)}
        sheets = {
            f"Step {run.steps}: {name}": figures.last_sheet_file(run, name)
            for name, value in seen.items()
            if np.ndim(value)
        }
        return Result(numbers, sheets)

    return session.train(
        work,
        game,
        feeds.feed(opened, run, work.mesh, game.repeats, between),
        show=shown,
        measure=measure,
        evaluate=(lambda state: evaluate(averaged(state), key)) if evaluate else None,
        look=averaged,
    )


def _opened(data: Mapping[str, Any] | Set | str, shape: Any) -> Set:
    if isinstance(data, Set):
        return data
    if isinstance(data, str):
        if shape is None:
            raise ValueError(
                f"data is {data!r} without a shape; give shape=(height, width,"
                " channels), to which images are brought"
            )
        return open_set(Data(data, upscale="auto"), shape)
    return of_arrays(dict(data))


def _structure(game: Game) -> Structure:
    return Structure(
        nets={name: type(net).__name__ for name, net in game.nets.items()},
        players={name: tuple(player.owns) for name, player in game.players.items()},
        moves=tuple(f"{' '.join(move.players)} x {move.repeat}" for move in game.moves),
    )


def _points(opened: Set) -> np.ndarray | None:
    """Some points of the data, to draw beneath others; None where it has none."""
    for value in (opened.arrays or {}).values():
        if value.ndim == 2 and value.shape[1] == 2:
            return value[:1000]
    return None


def _seen(value: Any, between: pixels.Range, known: np.ndarray | None) -> Any:
    """What was shown as the loop takes it: bytes of images, or a number."""
    value = np.asarray(value)
    if value.ndim == 2 and value.shape[1] == 2:
        return clouds.cloud(value, known)[None]
    if value.ndim == 4 and value.dtype != np.uint8:
        return np.asarray(pixels.to_bytes(value, between))
    if value.ndim not in (0, 4):
        raise ValueError(
            f"show gave an array {value.shape}; give images [N, H, W, C], points"
            " [N, 2], or numbers"
        )
    return value
