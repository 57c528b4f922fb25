"""Context encoders fill holes in pictures (Pathak et al., arXiv:1604.07379).

    python -m experiments.context_encoder_images
    python -m experiments.context_encoder_images --model.hole random
    python -m experiments.context_encoder_images --semantic runs/dcgan_faces
    python -m experiments.context_encoder_images --preset paper --data folder:PHOTOS

Trains a network that draws what is missing: a square in the middle, or random regions.
On pictures that it was not trained on, it is measured against the mean colour, the
training image whose known pixels are nearest, Laplace's equation, and, given the run of
a GAN that draws pictures of the same size, semantic inpainting (arXiv:1607.07539): a
search for latents. Errors are those of the missing pixels. The squared error of a
blurred guess is smaller than that of a sharp one that is wrong, so the numbers favour
what is blurred.

Without flags: 8,192 drawn portraits of 64x64, minutes on two CPU cores. Writes
results.json and filling.png, besides what every run leaves.
"""

import dataclasses
import functools
import pathlib
from typing import Annotated, Literal

import tyro

from experiments.context_encoder_images import measuring
from jaxgan import bounds
from jaxgan.lab import generator, rates, runs, unseen
from jaxgan.lab.data import Data
from jaxgan.models import context_encoder
from jaxgan.train import Run


@dataclasses.dataclass(frozen=True)
class Config:
    """The training of the network, and what it is compared with."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[Data, tyro.conf.arg(name="")]
    model: context_encoder.Config
    semantic: pathlib.Path | None = None
    """Run of a GAN to fill the same holes with, by a search for latents; it is only
    read. None leaves this out."""
    iterations: bounds.Count = 500
    """Steps of this search."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the paper's sizes, for an accelerator."""

    def __post_init__(self):
        bounds.check(self, flags=True)


PRESETS = {
    "laptop": Config(
        run=runs.run("context_encoder_images", steps=2000, every=500, batch_size=32),
        data=Data("portraits:8192", flip=True, upscale="auto", tests=200),
        model=context_encoder.Config(
            resolution=64,
            overlap=2,
            width=16,
            bottleneck=256,
            # With the paper's 0.999, the discriminator pulls harder than the error.
            reconstruction=0.9998,
            decay=2000,
        ),
    ),
    "paper": Config(
        run=runs.run(
            "context_encoder_images_paper",
            steps=117_000,  # 500 epochs of 14,900 photographs
            every=2000,
            log_every=100,
        ),
        data=Data("folder:PHOTOS", flip=True),
        model=context_encoder.Config(),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or resumes training, then fills and measures."""
    rates.check(config.run.steps, config.model.decay)
    record = context_encoder.MODEL
    shape = generator.image_shape(record, config.model)
    rival = measuring.rival(config, shape)
    opened = unseen.open_both(config.data, shape)
    unseen.train(
        "Context encoder",
        record,
        config,
        opened,
        {"image": opened.test["image"]},
        functools.partial(measuring.measured, config, opened, rival),
    )
