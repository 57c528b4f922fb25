"""f-GAN on digits, by any of eight divergences (Nowozin et al., arXiv:1606.00709).

    python -m experiments.fgan_mnist
    python -m experiments.fgan_mnist --model.divergence kl
    python -m experiments.fgan_mnist --preset paper --data idx:MNIST

Without flags: Pearson's divergence, and the paper's networks, narrower, on 4,000
digits, minutes on two CPU cores. results.json has the scores, and how often the
variational function is right: T is above f'(1) where it takes an image for data.
`experiments.fgan_1d` shows what the divergences differ in.
"""

import dataclasses
import pathlib
from typing import Annotated, Any, Literal

import jax
import numpy as np
import tyro

from jaxgan import game, train
from jaxgan.lab import cli, mnist
from jaxgan.models import fgan

JUDGED = 1000  # test digits, and as many samples, that V judges at the end


@dataclasses.dataclass(frozen=True)
class Config:
    """Training an f-GAN."""

    run: Annotated[train.Run, tyro.conf.arg(name="")]
    data: Annotated[mnist.Data, tyro.conf.arg(name="")]
    model: fgan.Config
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the paper's networks and batches."""


PRESETS = {
    "laptop": Config(
        run=train.Run(
            workdir=pathlib.Path("runs/fgan_mnist"),
            steps=5000,
            batch_size=128,
            sample_every=1000,
            checkpoint_every=1000,
        ),
        data=mnist.Data(),
        model=fgan.Config(
            divergence="pearson",
            latent=50,
            hidden=(400, 400),
            learning_rate=5e-4,
            ema=0.999,
        ),
    ),
    "paper": Config(
        run=train.Run(
            workdir=pathlib.Path("runs/fgan_mnist_paper"),
            steps=20_000,
            batch_size=4096,
            sample_every=2000,
            checkpoint_every=2000,
            log_every=100,
        ),
        data=mnist.Data(),
        model=fgan.Config(ema=0.999),
        preset="paper",
    ),
}


def judge(config: Config, state: Any, sets: Any) -> tuple[dict, dict]:
    """How often V takes test digits, and samples, for data."""
    model, variables = config.model, game.variables(state)
    function = game.pure(fgan.Variational(model.variational), "discriminator")
    latent = fgan.latent(model, jax.random.key(config.run.seed + 3), JUDGED)
    shown = {
        "real": sets.test["image"][:JUDGED].astype(np.float32) / 255,
        "generated": fgan.sample(model, variables, latent),
    }
    return {
        f"{name}_taken_for_data": float(
            fgan.thinks_real(model.divergence, function(variables, image)[0]).mean()
        )
        for name, image in shown.items()
    }, {}


def main(config: Config) -> None:
    """Trains, or goes on training, and scores the samples."""
    mnist.fit(
        f"f-GAN, {config.model.divergence}",
        fgan,
        config,
        finish=lambda state, sets: judge(config, state, sets),
    )


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
