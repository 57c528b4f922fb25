"""Compares a CapsNet with a CNN of as many parameters where capsules should win.

    python -m experiments.capsnet_generalisation
    python -m experiments.capsnet_generalisation --data idx:MNIST --seeds 0 1 2
    python -m experiments.capsnet_generalisation --studies views --views FRUITS.npz

Both train on the same examples for as many steps. Three studies:

affine: digits in training are shifted, and nothing else; the test turns, shears and
    scales them, as affNIST does (Sabour, Frosst and Hinton, arXiv:1710.09829, 5.1).
labels: training on 10, 100 and 1,000 labelled digits in all.
views: things on a turntable, seen from a third of all directions in training and from
    the others in the test, as Hinton, Sabour and Frosst (2018, section 5.1) did with
    smallNORB. --views is an npz of `images`, their `variety` and `frame`, such as one
    made of the turntable sequences of Fruits-360; without it the study is left out.
faces: drawn faces against the same heads without features; the test asks which share of
    faces whose eyes, nose and mouth have changed places is refused.

Writes table.md, generalisation.png, scrambled_faces.png and results.json, with means
and standard deviations over training seeds. Nothing is selected by validation: errors
are those of the last step. The same command again goes on where it stopped, and runs
that ended are not repeated. Without flags: small networks on 5,000 digits, half an hour
on two CPU cores.
"""

import dataclasses
import functools
import pathlib
from typing import Annotated, Any, Literal

import tyro

from experiments.capsnet_generalisation import results, scrambled, studies
from jaxgan import bounds, parallel
from jaxgan.lab import capsules, runs, session
from jaxgan.lab.data import Data
from jaxgan.train import Run
from jaxgan.train.terminal import say

Study = Literal["affine", "labels", "views", "faces"]


@dataclasses.dataclass(frozen=True)
class Config:
    """The runs to compare."""

    data: Annotated[Data, tyro.conf.arg(name="")]
    views: pathlib.Path | None = None
    """Pictures of things on a turntable, an npz; the study of views needs it."""
    studies: tuple[Study, ...] = ("affine", "labels", "views", "faces")
    """What to compare in."""
    steps: bounds.Count = 1200
    """Steps of every run on shifted digits; the other studies take a third of it."""
    batch_size: bounds.Count = 64
    """Images a minibatch."""
    seeds: tuple[bounds.Seed, ...] = (0, 1, 2)
    """Training seeds."""
    devices: bounds.Natural = 0
    """Devices to train on; 0 takes all there are."""
    workdir: pathlib.Path = pathlib.Path("runs/capsnet_generalisation")
    """Directory of the runs and the table."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(
                f"--seeds is {self.seeds}; give different ones, at least one"
            )


PRESETS = {"small": Config(data=Data(tests=5000))}


def main(config: Config) -> None:
    """Trains what is missing, then writes the table."""
    found: dict[str, Any] = {}
    for seed in config.seeds:  # a table comes early, and grows by every seed
        for setting in studies.settings(config, seed):
            for name, model in setting.models.items():
                run = Run(
                    workdir=config.workdir / f"{setting.name}_{name}_{seed}",
                    steps=setting.steps,
                    batch_size=config.batch_size,
                    seed=seed,
                    devices=config.devices,
                    sample_every=setting.steps,
                    checkpoint_every=setting.steps,
                    keep=1,
                )
                part = runs.Part(run, setting.opened.data, model)
                fit = functools.partial(
                    capsules.train,
                    f"{setting.name}, {name}",
                    part,
                    opened=setting.opened,
                    tests=setting.tests,
                )
                done = runs.once(part, fit)
                found.setdefault(setting.name, {}).setdefault(name, []).append(done)
            if parallel.is_main():
                results.write(config.workdir, found)
    session.only_main()
    if "faces" in config.studies:
        scrambled.draw(config.workdir / "scrambled_faces.png", studies.SIDE)
    if found:
        say((config.workdir / "table.md").read_text(encoding="utf-8"))
