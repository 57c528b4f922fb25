"""Age-cGAN on faces: other ages of the same person (arXiv:1702.01983).

    python -m experiments.age_cgan_faces
    python -m experiments.age_cgan_faces --judge
    python -m experiments.age_cgan_faces --preset paper --data folder:FACES

Trains a GAN that is told classes of ages, in the directory `gan`, then an encoder of
what it draws to its latents, in `encoder`. The ages of drawn people are known, and make
classes by themselves; other sets need folders of classes. Young people who were not
trained on are then encoded, and their latents improved by a search: for the same
pixels, or for the same person according to a network that recognises people. With the
class of old people, the same latents should draw the same people when old, whose true
pictures are known. A second network, which was trained on other people, says whether
reconstructions show the same person; with `--judge`, a third one reads the age.

Without flags: 8,192 drawn portraits of 64x64 and narrow networks, minutes on two CPU
cores, and once a few more for the networks that recognise people. Writes ages.png and
results.json, and a run for each of the two stages.
"""

import dataclasses
from typing import Annotated, Literal

import tyro

from experiments.age_cgan_faces import measuring
from jaxgan import bounds
from jaxgan.lab import generator, inference, rates, runs, session
from jaxgan.lab.data import Data
from jaxgan.models import age_cgan
from jaxgan.train import Run

SHEET = 50  # samples a sheet


@dataclasses.dataclass(frozen=True)
class Config:
    """The training of an Age-cGAN, and the search for latents."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    """Of the GAN."""
    data: Annotated[Data, tyro.conf.arg(name="")]
    model: age_cgan.Config
    encoder_steps: bounds.Count = 500
    """Steps of the encoder."""
    people: Annotated[int, bounds.Within(2)] = 64
    """Young people who are made old, who were not trained on."""
    iterations: bounds.Count = 100
    """Steps of a search."""
    judge: bool = False
    """Read the factors of faces."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the paper's sizes, for an accelerator."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if self.model.stage != "gan":
            raise ValueError(
                f"--model.stage is {self.model.stage}; leave it out, as both stages are"
                " trained in turn"
            )


PRESETS = {
    "laptop": Config(
        run=runs.run("age_cgan_faces", steps=3000, every=500, batch_size=16),
        data=Data("portraits:8192", flip=True, upscale="auto"),
        model=age_cgan.Config(
            classes=None,
            width=24,
            kernel=4,
            latent=50,
            encoder_width=16,
            encoder_hidden=128,
            learning_rate=3e-4,
        ),
    ),
    "paper": Config(
        run=runs.run(
            "age_cgan_paper",
            steps=187_500,  # 100 epochs of 120,000 faces
            every=5000,
            log_every=100,
        ),
        data=Data("folder:FACES", flip=True),
        model=age_cgan.Config(classes=None),
        encoder_steps=1563,  # 100,000 generated pairs
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains the missing stages, then makes young people old."""
    rates.check(config.encoder_steps, config.model.decay)
    opened = measuring.opened(config)
    encoder = dataclasses.replace(config.model, stage="encoder")
    stages = {
        "gan": runs.part(config, "gan", config.model),
        "encoder": runs.part(config, "encoder", encoder, steps=config.encoder_steps),
    }

    def fit(name, part, start):
        return generator.train(
            f"Age-cGAN, {name}",
            age_cgan.MODEL,
            part,
            opened=opened,
            sheet=SHEET,
            start=start,
        )

    runs.in_stages(stages, fit)
    session.only_main()
    trained = inference.open_run(stages["encoder"].run.workdir)
    measuring.measured(config, trained)
