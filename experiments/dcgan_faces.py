"""DCGAN on faces (Radford, Metz and Chintala, arXiv:1511.06434).

    python -m experiments.dcgan_faces
    python -m experiments.dcgan_faces --data folder:PHOTOS --steps 20000
    python -m experiments.dcgan_faces --preset paper --data tfds:celeb_a

Without flags: drawn portraits, 64x64, width 32, about six minutes on two CPU cores.
The run directory gets sample sheets (raw weights and their moving average), a strip of
them over time, curves, nearest training neighbours of samples and a page that holds it
all; with `--evaluate-every 300` also a Fréchet distance, and the best state beside the
last. The same command again goes on where it stopped; more --steps go on further. Small
sets of photographs want `--model.augment colour translation`.
"""

import dataclasses
import pathlib
from typing import Annotated, Literal

import jax
import numpy as np
import tyro

from jaxgan import game, nn, train
from jaxgan.compose import ema_variables
from jaxgan.lab import cli, session, sets
from jaxgan.lab import data as lab_data
from jaxgan.lab.measure import moments
from jaxgan.models import dcgan

SHEET = 64  # samples a sheet


@dataclasses.dataclass(frozen=True)
class Config:
    """Training a DCGAN."""

    run: Annotated[train.Run, tyro.conf.arg(name="")]
    data: Annotated[lab_data.Data, tyro.conf.arg(name="")]
    model: dcgan.Config
    evaluation: moments.Evaluation = dataclasses.field(
        default_factory=moments.Evaluation
    )
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the paper's networks, for an accelerator."""


PRESETS = {
    "laptop": Config(
        run=train.Run(
            workdir=pathlib.Path("runs/dcgan_faces"),
            steps=2700,
            batch_size=32,  # on few cores, many small steps learn faster than few large
            sample_every=300,
            checkpoint_every=300,
        ),
        data=lab_data.Data(),
        model=dcgan.Config(
            width=32,
            kernel=4,
            latent_distribution="normal",
            augment=("translation",),
            learning_rate=3e-4,
        ),
    ),
    "paper": Config(
        run=train.Run(
            workdir=pathlib.Path("runs/dcgan_faces_paper"),
            steps=70_000,  # 25 epochs of 350,000 faces
            batch_size=128,
            sample_every=1000,
            checkpoint_every=1000,
        ),
        data=lab_data.Data(data="tfds:celeb_a"),
        model=dcgan.Config(),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or goes on training, and reports."""
    model, run = config.model, config.run
    mesh = train.devices(run)
    images = lab_data.open_images(config.data, model.resolution, model.channels)
    played = dcgan.game(model)
    latent = dcgan.latent(model, jax.random.key(run.seed + 1), SHEET)

    @jax.jit
    def draw(variables):
        return nn.to_uint8(dcgan.sample(model, variables, latent))

    def sheets(state):
        return {
            "ema": np.asarray(draw(ema_variables(state))),
            "raw": np.asarray(draw(game.variables(state))),
        }

    def real():
        return sets.held(images, config.evaluation.samples)

    @jax.jit
    def fresh(variables, key):
        z = dcgan.latent(model, key, run.batch_size)
        return nn.to_uint8(dcgan.sample(model, variables, z))

    evaluate = moments.evaluation(
        config.evaluation,
        real,
        lambda state, key: np.asarray(fresh(ema_variables(state), key)),
        mesh,
        run.seed + 2,
    )
    session.train_and_report(
        "DCGAN",
        played,
        config,
        lab_data.feed(images, run, mesh, played.repeats),
        images,
        sheets,
        lambda state: session.samples(run, sheets(state), images.arrays),
        evaluate,
    )


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
