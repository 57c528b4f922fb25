"""SNGAN, the baseline of residual networks, on faces or classes (arXiv:1802.05957).

    python -m experiments.sngan_faces
    python -m experiments.sngan_faces --model.san --workdir runs/san_faces
    python -m experiments.sngan_faces --data folder:FLOWERS --model.classes None
    python -m experiments.sngan_faces --preset paper --data folder:CELEBA
    python -m experiments.sngan_faces --preset cifar10 --model.classes 10

With `--model.san` the last layer of the discriminator is that of SAN
(arXiv:2301.12811). With `--model.classes None` it is told of the classes of the data,
and sheets have a row a class. The presets paper (64x64) and cifar10 (32x32) have the
protocol of mimicry (arXiv:2005.02494), for an accelerator: 100,000 steps of five
updates of the discriminator and one of the generator.

Without flags: drawn portraits at 64x64 with narrow networks and one update each, seven
processor-minutes, which give heads without good eyes yet; --steps 10000 goes on. The
run directory gets sheets, a strip of them over time, curves, nearest training
neighbours of samples and a page.
"""

from typing import Literal

from jaxgan.lab import cli, generator, runs
from jaxgan.lab.data import Data
from jaxgan.lab.generator import Training
from jaxgan.models import sngan

ALIASES = {"--resolution": "--model.resolution"}
Config = Training[sngan.Config, Literal["laptop", "paper", "cifar10"]]
PRESETS = {
    "laptop": Config(
        run=runs.run("sngan_faces", steps=1400, every=200, batch_size=16),
        data=Data("portraits:8192", flip=True, upscale="auto"),
        model=sngan.Config(
            resolution=64,
            width=8,
            critic_steps=1,
            learning_rate=1e-3,  # mimicry's 2e-4 is for a hundred thousand steps
            decay=0,
            ema=0.99,
        ),
    ),
    "paper": Config(
        run=runs.run("sngan_faces_paper", steps=100_000, every=5000, batch_size=64),
        data=Data("folder:CELEBA"),
        model=sngan.Config(resolution=64),
        preset="paper",
    ),
    "cifar10": Config(
        run=runs.run("sngan_cifar10", steps=100_000, every=5000, batch_size=64),
        data=Data("tfds:cifar10"),
        model=sngan.Config(),
        preset="cifar10",
    ),
}


def main(config: Config) -> None:
    """Trains, or goes on training, and reports."""
    title = "SAN" if config.model.san else "SNGAN"
    generator.train(title, sngan.MODEL, config, sheet=64)


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__, aliases=ALIASES)
