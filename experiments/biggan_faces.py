"""BigGAN on faces by hair style, or any images with classes (arXiv:1809.11096).

    python -m experiments.biggan_faces
    python -m experiments.biggan_faces --data folder:FLOWERS --resolution 64
    python -m experiments.truncation_curve --run runs/biggan_faces
    python -m experiments.biggan_faces --preset cifar10 --data tfds:cifar10
    python -m experiments.biggan_faces --preset imagenet --data folder:IMAGENET

Classes and their names are those of the data: a folder of class folders, a zip with the
`dataset.json` of StyleGAN, an npz with labels, or drawn faces by one of their factors.
The presets are the authors' networks for CIFAR-10 and for ImageNet at 128x128, for
accelerators. The run directory gets sheets with a class along rows and a latent along
columns, classes.png with their names, curves, nearest neighbours and a page.

Without flags: drawn portraits at 32x32, of nine hair styles, with narrow networks,
five processor-minutes.
"""

import dataclasses
from typing import Literal

from jaxgan.lab import cli, generator, runs
from jaxgan.lab.data import Data
from jaxgan.lab.generator import Training
from jaxgan.models import biggan

ALIASES = {"--resolution": "--model.resolution"}
Config = Training[biggan.Config, Literal["laptop", "cifar10", "imagenet"]]
PRESETS = {
    "laptop": Config(
        run=runs.run("biggan_faces", steps=2000, every=250, batch_size=16),
        data=Data("portraits:8192@hair_style", flip=True, upscale="auto"),
        model=biggan.Config(
            classes=None,
            width=8,
            latent=64,
            init="orthogonal",
            critic_steps=1,
            learning_rate=4e-4,
            critic_rate=8e-4,
            ema=0.98,
        ),
    ),
    "cifar10": Config(
        run=runs.run("biggan_cifar10", steps=125_000, every=5000, batch_size=50),
        data=Data("tfds:cifar10", upscale="auto"),
        model=biggan.Config(classes=None),
        preset="cifar10",
    ),
    "imagenet": Config(
        run=runs.run("biggan_imagenet", steps=140_000, every=5000, batch_size=2048),
        data=Data("folder:IMAGENET", upscale="auto"),
        model=dataclasses.replace(biggan.IMAGENET, classes=None),
        preset="imagenet",
    ),
}


def main(config: Config) -> None:
    """Trains, or goes on training, and reports."""
    generator.train("BigGAN", biggan.MODEL, config)


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__, aliases=ALIASES)
