"""Several runs side by side: one choice, drawn by each of them."""

import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from experiments.explore import generator
from experiments.explore.generator import Choice, Explorer
from experiments.explore.sliders import vector

GAP = 4  # white pixels between the frames of two runs
MOST = 6  # runs on one page


class Shown(NamedTuple):
    """A run on the page.

    Attributes:
        name: a name that tells it from the others.
        explorer: its generator, with the sliders of the first run, or with none.
        same: whether it draws from the latents of the first run. If not, it draws from
            its own of the same seed, which sliders do not move.
    """

    name: str
    explorer: Explorer
    same: bool


def beside(
    runs: Sequence[pathlib.Path], explorers: Sequence[Explorer]
) -> tuple[Shown, ...]:
    """Puts runs side by side, of which the first has the sliders."""
    first = _latent(explorers[0])
    found = []
    for name, explorer in zip(names(runs), explorers, strict=True):
        own = _latent(explorer)
        same = own.shape == first.shape and np.allclose(own, first, atol=1e-6)
        sliders = explorers[0].sliders if same else ()
        found.append(Shown(name, explorer._replace(sliders=sliders), same))
    return tuple(found)


def names(runs: Sequence[pathlib.Path]) -> list[str]:
    """The last parts of paths, as many as tell them apart."""
    paths = [run.absolute() for run in runs]
    for count in range(1, max(len(path.parts) for path in paths)):
        found = [str(pathlib.Path(*path.parts[-count:])) for path in paths]
        if len({*found}) == len(found):
            return found
    return [f"{path}, {i + 1}" for i, path in enumerate(paths)]


def pictures(runs: Sequence[Shown], choice: Choice) -> list[tuple[np.ndarray, str]]:
    """Draws the image of a choice by every run: uint8 `[H, W, C]`, and what it is.

    Raises:
        ValueError: as for `generator.picture`.
    """
    return [
        (generator.picture(run.explorer, as_its_own(run, choice)), _about(run, choice))
        for run in runs
    ]


def walk(
    runs: Sequence[Shown], seeds: Sequence[int], choice: Choice, frames: int
) -> np.ndarray:
    """Draws a closed walk by every run, with their frames side by side.

    Args:
        runs: from `beside`.
        seeds: two or more seeds.
        choice: the label and the values of sliders for the whole walk.
        frames: the number of frames from one seed to the next.

    Returns:
        uint8 `[S · frames, H, W, C]`, as high as the highest images.

    Raises:
        ValueError: as for `generator.walk`.
    """
    return together(
        [generator.walk(x.explorer, seeds, as_its_own(x, choice), frames) for x in runs]
    )


def together(clips: Sequence[np.ndarray]) -> np.ndarray:
    """Joins clips, uint8 `[N, H, W, C]`, side by side; small ones are enlarged."""
    if len(clips) == 1:
        return clips[0]
    height = max(clip.shape[1] for clip in clips)
    channels = max(clip.shape[3] for clip in clips)
    parts = []
    for clip in clips:
        width = max(1, round(clip.shape[2] * height / clip.shape[1]))
        rows, columns = (
            np.arange(size) * old // size
            for size, old in ((height, clip.shape[1]), (width, clip.shape[2]))
        )
        large = clip[:, rows][:, :, columns]
        large = np.broadcast_to(large, (*large.shape[:3], channels))
        gap = np.full((len(clip), height, GAP, channels), 255, np.uint8)
        parts += [large, gap]
    return np.concatenate(parts[:-1], axis=2)


def _latent(explorer):
    still = (0.0,) * len(explorer.sliders)
    return np.asarray(vector(generator.latent(explorer, Choice(0, 0, still))))


def as_its_own(run: Shown, choice: Choice) -> Choice:
    """A choice on the page, as one for a run."""
    return choice._replace(
        values=choice.values if run.same else (),
        label=min(choice.label, max(0, run.explorer.classes - 1)),
    )


def _about(run, choice):
    """Says where a run does not follow the page."""
    said = [run.name]
    if not run.same:
        said.append("its own latent")
    classes = run.explorer.classes
    if classes and choice.label >= classes:
        said.append(f"class {classes - 1}, its last")
    if choice.said and run.explorer.tell is None:
        said.append("takes no caption")
    return ", ".join(said)
