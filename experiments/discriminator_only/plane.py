"""Plays rounds in the plane, and keeps what the pictures need."""

import dataclasses
import pathlib
from typing import Any

import jax
import numpy as np

from experiments.discriminator_only import rounds
from jaxgan import game
from jaxgan.data.synthetic import points
from jaxgan.lab import session
from jaxgan.lab.session import Numbers
from jaxgan.models import discriminator_only as alone
from jaxgan.train import Feed, Run, directory

GRID = 81  # places along each side of the landscape


@dataclasses.dataclass(frozen=True)
class Part:
    """One of the runs."""

    run: Run
    data: Any
    model: alone.Config


@dataclasses.dataclass(frozen=True)
class Ring:
    """The set of the plane, as reports name it."""

    about: str
    fingerprint: str


def wide_ring(modes: int) -> points.Points:
    """Gaussians on a circle of radius 2, wide enough for a small D to learn them."""
    angle = 2 * np.pi * np.arange(modes) / modes
    return points.mixture(2 * np.stack([np.cos(angle), np.sin(angle)], 1), 0.15)


def fit(run: Run, model: alone.Config, modes: int, out: pathlib.Path) -> Numbers:
    """Plays the rounds in the plane, and draws them.

    Args:
        run: the run in the plane.
        model: the discriminator, and how its negatives are found.
        modes: Gaussians on the ring.
        out: the directory of the pictures.
    """
    ring = wide_ring(modes)
    about = Ring(f"{modes} Gaussians on a ring", f"ring {modes}")
    part = Part(run, {"modes": modes}, model)
    work = session.begin("D alone, in the plane", part, about)
    place = np.linspace(model.low, model.high, GRID).astype(np.float32)
    grid = np.stack(np.meshgrid(place, place), -1).reshape(-1, 2)
    judge = jax.jit(lambda v, x: alone.judge(model, v, x))
    kept = run.workdir / "rounds"

    def show(state):
        """Keeps the data of the pictures, in a file for each round."""
        v = game.variables(state)
        landscape = np.asarray(judge(v, grid)).reshape(GRID, GRID)
        found = np.asarray(v["negatives"]["memory"]["past"])[-1]
        step = int(state.step)
        kept.mkdir(parents=True, exist_ok=True)
        np.savez(kept / f"{step:07d}.npz", landscape=landscape, found=found)
        top = rounds.peaks(landscape)
        off = away(grid.reshape(GRID, GRID, 2)[tuple(top.T)])
        return {
            "peaks/with data": float((off <= rounds.NEAR).sum()),
            "peaks/without": float((off > rounds.NEAR).sum()),
            "negatives/near data": float((away(found) <= rounds.NEAR).mean()),
            "negatives/at the edge": float(
                ((found <= model.low) | (found >= model.high)).any(-1).mean()
            ),
        }

    def away(x):
        """The distance from the nearest mode in standard deviations, `[N]`."""
        gap = np.linalg.norm(x[:, None] - ring.centres[None], axis=-1)
        return gap.min(1) / ring.sigma

    def items(start):
        step = start
        while True:
            yield np.arange(step * run.batch_size, (step + 1) * run.batch_size)
            step += 1

    key = jax.random.key(run.seed + 1)
    batches = Feed(
        arrays=(),
        items=items,
        prepare=lambda _, position: {"data": points.stream(ring, key, position)},
    )

    def measure(state):
        del state
        rows = [row for row in directory.scalars(run.workdir) if "peaks/without" in row]
        seen = {}
        for path in sorted(kept.glob("*.npz")):
            if int(path.stem) <= run.steps:
                with np.load(path, allow_pickle=False) as arrays:
                    seen[int(path.stem)] = dict(arrays)
        numbers = {
            "rounds": run.steps // model.round_steps,
            "modes": modes,
            "at_start": _summary(rows[1:2]),
            "last_quarter": _summary(rows[-max(1, len(rows) // 4) :]),
        }
        pictures = {
            "D's landscape": out / "plane.png",
            "Peaks and negatives": out / "rounds.png",
        }
        rounds.draw_plane(out / "plane.png", model, ring, place, seen)
        rounds.draw_rounds(out / "rounds.png", model, rows)
        return session.Result(numbers, pictures)

    return session.train(
        work, alone.game(model), batches, show=show, measure=measure
    ).numbers


def _summary(rows) -> dict[str, float]:
    names = ("peaks/with data", "peaks/without", "negatives/near data",
             "negatives/at the edge")  # fmt: skip
    return {name: float(np.mean([row[name] for row in rows])) for name in names}
