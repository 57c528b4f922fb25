"""GP-GAN blends pictures of a scene under two lights (Wu et al., arXiv:1703.07195).

    python -m experiments.gp_gan_scenes
    python -m experiments.gp_gan_scenes --preset paper --data folder:CAMERAS

A composite is a picture with the central square of another picture of the same scene
pasted into it, so the untouched picture is the true answer. The network learns to draw
it at --model.resolution; the command then blends unseen scenes at twice that size, and
measures every result against the truth: copy and paste, Poisson's equation, the
modified Poisson problem, and Gaussian-Poisson blending with the colours of the
composite, of the network (which is GP-GAN), and of the truth, which no network can
beat.

Without flags: 4,096 drawn portraits, each under two lights that differ in direction,
strength, brightness and colour; minutes on two CPU cores. `folder:CAMERAS` has a folder
of pictures for each scene, of which one in twenty is held out, as in the paper. Writes
results.json and blending.png, besides what every run leaves.
"""

import dataclasses
import functools
from typing import Annotated, Literal

import tyro

from experiments.gp_gan_scenes import measuring, scenes
from jaxgan import bounds
from jaxgan.lab import rates, runs, unseen
from jaxgan.lab.data import Data
from jaxgan.models import gp_gan
from jaxgan.train import Run


@dataclasses.dataclass(frozen=True)
class Config:
    """The training of the network, and the blending."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[Data, tyro.conf.arg(name="")]
    model: gp_gan.Config
    pairs: bounds.Count = 4096
    """Pairs of pictures to train on, where the data has several of each scene."""
    weight: bounds.Rate = 1.0
    """Weight of colours in Gaussian-Poisson blending."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the paper's sizes, for an accelerator."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if self.data.flip or self.data.shift:
            raise ValueError(
                "--flip and --shift would move one picture of a pair and not the other;"
                " leave them out"
            )


PRESETS = {
    "laptop": Config(
        run=runs.run("gp_gan_scenes", steps=3000, every=500, batch_size=16),
        data=Data("portraits:4096", tests=100),
        # One update of the critic saves two thirds of the time. A network that draws
        # what is added need not learn first to copy what lies around the square.
        model=gp_gan.Config(
            width=16,
            bottleneck=512,
            residual=True,
            critic_steps=1,
            learning_rate=1e-3,
            decay=3000,
        ),
    ),
    "paper": Config(
        run=runs.run(
            "gp_gan_scenes_paper", steps=11_700, every=1000, log_every=100
        ),  # 25 epochs of 150,000 pairs, counted in batches of the critic
        data=Data("faces:65536", tests=500),
        model=gp_gan.Config(),
        pairs=150_000,
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or resumes training, then blends and measures."""
    rates.check(config.run.steps, config.model.decay)
    opened, large = scenes.opened(config)
    unseen.train(
        "GP-GAN",
        gp_gan.MODEL,
        config,
        opened,
        opened.test,
        functools.partial(measuring.measured, config, large),
    )
