r"""R3GAN on faces or classes: a plain residual GAN without tricks (arXiv:2501.05441).

    python -m experiments.r3gan_faces
    python -m experiments.r3gan_faces --data portraits:8192@hair_style \
        --model.classes None
    python -m experiments.r3gan_faces --preset paper --data folder:FFHQ64
    python -m experiments.r3gan_faces --preset cifar10

Neither network has a norm. Step size, the weight gamma of the gradient penalties and
Adam's second momentum fall or rise along half a cosine to their last values, which they
reach in `--model.annealing` steps. The presets paper (64x64) and cifar10 are the
authors' networks and schedules, for accelerators: 20 million images, then as many more
as one likes.

Without flags: drawn portraits at 32x32 with narrow networks, some minutes of one CPU
core. 64x64 with twice the width took seven times as long, since slopes of slopes are
costly.
"""

from typing import Literal

from jaxgan.lab import cli, generator, runs
from jaxgan.lab.data import Data
from jaxgan.lab.generator import Training
from jaxgan.models import r3gan_images

ALIASES = {"--resolution": "--model.resolution"}
Config = Training[r3gan_images.Config, Literal["laptop", "paper", "cifar10"]]
PRESETS = {
    "laptop": Config(
        run=runs.run("r3gan_faces", steps=2000, every=500, batch_size=16),
        data=Data("portraits:8192", flip=True, upscale="auto"),
        model=r3gan_images.Config(
            classes=0,
            resolution=32,
            width=16,
            annealing=2000,
            gamma=0.5,
            last_gamma=0.05,
            learning_rate=2e-3,
            last_learning_rate=5e-4,
            ema=0.99,
        ),
    ),
    "paper": Config(
        run=runs.run("r3gan_faces_paper", steps=80_000, every=2000, batch_size=256),
        data=Data("folder:FFHQ64", flip=True),
        model=r3gan_images.Config(
            classes=0, resolution=64, annealing=78_125, gamma=2.0, last_gamma=0.2
        ),
        preset="paper",
    ),
    "cifar10": Config(
        run=runs.run("r3gan_cifar10", steps=40_000, every=2000, batch_size=512),
        data=Data("tfds:cifar10", flip=True),
        model=r3gan_images.Config(annealing=39_063),
        preset="cifar10",
    ),
}


def main(config: Config) -> None:
    """Trains, or goes on training, and reports."""
    generator.train("R3GAN", r3gan_images.MODEL, config, sheet=64)


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__, aliases=ALIASES)
