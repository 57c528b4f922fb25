"""pix2pix: translates images into others, taught by pairs (arXiv:1611.07004).

    python -m experiments.pix2pix
    python -m experiments.pix2pix --task sketch-to-portrait --workdir runs/sketch
    python -m experiments.pix2pix --task grey-to-colour --data folder:PHOTOS
    python -m experiments.pix2pix --task pairs --data pairs:FACADES/train

Without flags: drawn portraits of 64x64 from maps of their parts, 3,000 steps on a CPU.
The tasks of drawn people are labels-to-portrait, portrait-to-labels,
sketch-to-portrait, day-to-night, and changes of one factor such as young-to-old;
edges-to-photo, grey-to-colour, small-to-photo (four times larger), hole-to-photo and
half-to-photo take images of any kind.

The run directory gets sheets of unseen pairs (input, output, truth), curves, and
results.json: the error of the output beside that of the input itself, the mean training
image, and the partner of the nearest training input. A folder of pairs may have both
ends side by side in each file, or folders `input` and `target`.
"""

import dataclasses
from typing import Annotated, Literal

import tyro

from jaxgan.lab import cli, pairs, runs, translation
from jaxgan.lab.data import Data
from jaxgan.models import pix2pix
from jaxgan.train import Run

ALIASES = {"--resolution": "--model.resolution"}


@dataclasses.dataclass(frozen=True)
class Config:
    """Training a pix2pix."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[Data, tyro.conf.arg(name="")]
    model: pix2pix.Config
    task: pairs.Task = "labels-to-portrait"
    """What to translate into what."""
    judge: bool = False
    """Look for the labels in portraits drawn from labels, by a segmenter that is
    trained once, for minutes."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the paper's networks, for an accelerator."""


PRESETS = {
    "laptop": Config(
        run=runs.run("pix2pix", steps=3000, every=500, batch_size=4),
        data=Data("portraits:4096", upscale="auto", tests=512),
        # Patches of 16 are to 64 pixels what the paper's 70 are to 256. Those of 70
        # give portraits that are blurred for much longer.
        model=pix2pix.Config(
            resolution="64x64",
            width=24,
            patch=16,
            learning_rate=1e-3,
            constant=1500,
            decay=1500,
        ),
    ),
    "paper": Config(
        run=runs.run(
            "pix2pix_paper", steps=80_000, every=2000, batch_size=1, log_every=100
        ),
        data=Data("portraits:4096", flip=True, upscale="auto"),
        model=pix2pix.Config(constant=40_000, decay=40_000),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or goes on training, and measures."""
    translation.train(config, config.task, judge=config.judge)


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__, aliases=ALIASES)
