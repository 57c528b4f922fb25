"""Draws the default data: portraits, their captions, and one head that turns.

    python -m experiments.draw_faces

Takes half a minute on a CPU, most of it compiling. Writes sheet.png, captions.txt (a
line for each image, in the order of the sheet) and turn.png: one face at nine yaws,
from left to right; with `--views` also views.png, with a row for each view of the same
people: labels of every pixel, a sketch, the night, and one factor changed.
"""

import dataclasses
import pathlib
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import bounds, report
from jaxgan.data.synthetic import faces
from jaxgan.lab import cli, figures
from jaxgan.train.terminal import say


@dataclasses.dataclass(frozen=True)
class Config:
    """The faces to draw."""

    workdir: pathlib.Path = pathlib.Path("runs/draw_faces")
    """Directory for the pictures."""
    count: bounds.Count = 48
    """Faces on the sheet."""
    columns: bounds.Count = 12
    """Faces in a row of the sheet."""
    size: Annotated[int, bounds.Within(16, 256)] = 64
    """Height and width of a face in pixels, 16 to 256."""
    seed: bounds.Seed = 0
    """Seed of the faces."""
    views: bool = False
    """Draw the other views of the first people too, which takes a minute more."""
    aligned: bool = True
    """Draw them as `--data portraits` has them: closer, level, with the eyes in one
    place; otherwise as `--data faces` does."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def main(config: Config) -> None:
    """Draws the faces and writes the pictures."""
    drawn = faces.dataset(
        config.seed, config.count, config.size, aligned=config.aligned
    )
    sheet = report.sheet(drawn["image"], config.columns)
    report.save_png(config.workdir / "sheet.png", sheet)
    captions = [
        faces.caption(faces.Factors(**{n: v[i] for n, v in drawn["factors"].items()}))
        for i in range(config.count)
    ]
    report.write(config.workdir / "captions.txt", "\n".join(captions))
    low, high = faces.RANGES["yaw"]
    yaws = jnp.linspace(low, high, 9)

    @jax.jit
    @jax.vmap
    def turn(yaw):
        return faces.render(faces.neutral(yaw=yaw), config.size, config.aligned)

    turned = report.sheet(np.asarray(turn(yaws)), 9)
    report.save_png(config.workdir / "turn.png", turned)
    say(f"{config.workdir}: sheet.png, captions.txt, turn.png")
    if config.views:
        people = (config.seed, config.columns, config.size)
        rows = [faces.dataset(*people, view=view)["image"] for view in faces.VIEWS]
        path = config.workdir / "views.png"
        figures.save_rows(
            path, np.stack(rows), faces.VIEWS, "a row a view, a column a person"
        )


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
