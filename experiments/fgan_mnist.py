"""f-GAN on digits, by any of eight divergences (Nowozin et al., arXiv:1606.00709).

    python -m experiments.fgan_mnist
    python -m experiments.fgan_mnist --model.divergence kl
    python -m experiments.fgan_mnist --preset paper --data idx:MNIST

Without flags: Pearson's divergence, and narrower networks than the paper's, on 4,000
digits, minutes on two CPU cores. results.json has the scores, and how often the
variational function is right: it takes an image for data where T is above f'(1).
`experiments.fgan_1d` shows how the divergences differ.
"""

from typing import Any, Literal

import jax

from jaxgan import data, game
from jaxgan.lab import cli, pixels, runs, scored
from jaxgan.lab.data import Data, Set
from jaxgan.lab.generator import Training
from jaxgan.lab.session import Result
from jaxgan.models import fgan

JUDGED = 1000  # test digits, and equally many samples, that V judges at the end

Config = Training[fgan.Config, Literal["laptop", "paper"]]
PRESETS = {
    "laptop": Config(
        run=runs.run("fgan_mnist", steps=5000, every=1000, batch_size=128),
        data=Data(),
        model=fgan.Config(
            divergence="pearson",
            latent=50,
            hidden=(400, 400),
            learning_rate=5e-4,
            ema=0.999,
        ),
    ),
    "paper": Config(
        run=runs.run(
            "fgan_mnist_paper", steps=20_000, every=2000, batch_size=4096, log_every=100
        ),
        data=Data(),
        model=fgan.Config(ema=0.999),
        preset="paper",
    ),
}


def judge(config: Config, state: Any, opened: Set) -> Result:
    """Measures how often V takes test digits, and samples, for data."""
    model, variables = config.model, game.variables(state)
    function = game.pure(fgan.Variational(model.variational), "discriminator")
    latent = fgan.latent(model, jax.random.key(config.run.seed + 3), JUDGED)
    chosen = data.some(len(opened.test["image"]), JUDGED)
    shown = {
        "real": pixels.floats(opened.test["image"][chosen]),
        "generated": fgan.sample(model, variables, latent),
    }
    shares = {
        f"{name}_taken_for_data": float(
            fgan.thinks_real(model.divergence, function(variables, image)[0]).mean()
        )
        for name, image in shown.items()
    }
    return Result(shares, {})


def main(config: Config) -> None:
    """Trains, or resumes training, and scores the samples."""
    scored.train(
        f"f-GAN, {config.model.divergence}",
        fgan.MODEL,
        config,
        measure=lambda state, opened: judge(config, state, opened),
    )


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
