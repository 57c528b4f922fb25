"""Boundary-seeking GANs on grey and on binary digits (arXiv:1702.08431).

    python -m experiments.bgan_mnist
    python -m experiments.bgan_mnist --discrete.samples 50 --workdir runs/bgan_50
    python -m experiments.bgan_mnist --preset paper --data idx:MNIST

Trains two GANs, in the directories `continuous` and `discrete`. The first moves grey
images to the discriminator's boundary. The second draws binary pixels, through which no
gradient passes: it learns only from importance weights. bgan.png shows samples of both,
binary ones for the second; the second's scores in results.json are those of its pixels'
probabilities. Without flags: small networks, dense ones for the second, on 4,000
digits, minutes on two CPU cores.
"""

import dataclasses
import functools
from typing import Annotated, Literal

import jax
import numpy as np
import tyro

from jaxgan import bounds, report
from jaxgan.compose import ema_variables
from jaxgan.lab import cli, figures, runs, scored, session
from jaxgan.lab.data import Data
from jaxgan.lab.session import Result
from jaxgan.models import bgan
from jaxgan.train import Run, directory


@dataclasses.dataclass(frozen=True)
class Config:
    """Training a BGAN of either kind."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[Data, tyro.conf.arg(name="")]
    continuous: bgan.Config
    discrete: bgan.Config
    discrete_steps: bounds.Natural = 0
    """Steps of the discrete run, which learns from samples of a gradient and may need
    more; 0 takes --steps."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the paper's networks, for an accelerator."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        for kind in ("continuous", "discrete"):
            if (given := getattr(self, kind).kind) != kind:
                raise ValueError(
                    f"--{kind}.kind is {given!r}; it must be {kind!r}: each group of"
                    " flags has a fixed kind"
                )


# To judge twenty samples for each latent, a small convolutional net takes ten times as
# long as a dense one, which also tells the samples of a latent apart better.
DENSE = bgan.Config(dense=True, hidden=200, learning_rate=1e-3, ema=0.99)
SMALL = bgan.Config("continuous", width=16, hidden=128, learning_rate=5e-4, ema=0.99)
PAPER = bgan.Config(ema=0.999)
PRESETS = {
    "laptop": Config(
        run=runs.run("bgan_mnist", steps=2000, every=500, batch_size=32),
        data=Data(),
        continuous=SMALL,
        discrete=DENSE,
    ),
    "paper": Config(
        run=runs.run(
            "bgan_mnist_paper", steps=94_000, every=5000, batch_size=64, log_every=100
        ),
        data=Data(),
        continuous=dataclasses.replace(PAPER, kind="continuous"),
        discrete=PAPER,
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains both, or resumes, and draws them side by side."""
    models = {"continuous": config.continuous, "discrete": config.discrete}
    steps = {
        "continuous": config.run.steps,
        "discrete": config.discrete_steps or config.run.steps,
    }
    parts = {
        kind: runs.part(config, kind, model, steps=steps[kind])
        for kind, model in models.items()
    }

    bits = directory.sheet(parts["discrete"].run.workdir, "binary", 0)
    bits = bits.with_name("binary_final.png")

    def binary(state, opened):
        """A sheet of binary samples, beside those of probabilities."""
        del opened
        model = config.discrete
        latent_key, key = jax.random.split(jax.random.key(config.run.seed + 3))
        latent = bgan.latent(model, latent_key, 100)
        drawn = bgan.draw(model, ema_variables(state), latent, key)
        report.save_png(bits, report.sheet((np.asarray(drawn) * 255).astype(np.uint8)))
        return Result(
            {}, {"Binary samples, of the moving average of the weights": bits}
        )

    def fit(kind):
        measure = binary if kind == "discrete" else None
        return scored.train(f"BGAN, {kind}", bgan.MODEL, parts[kind], measure=measure)

    numbers = {
        kind: runs.once(part, functools.partial(fit, kind))
        for kind, part in parts.items()
    }
    session.only_main()
    path = config.run.workdir / "bgan.png"
    figure = figures.new(8, 4.5)
    for axes, (kind, part) in zip(figure.subplots(1, 2), parts.items(), strict=True):
        about = "samples" if kind == "continuous" else "samples of binary pixels"
        discrete = kind == "discrete"
        sheet = figures.grey(bits) if discrete else figures.last_sheet(part.run)
        figures.show(axes, sheet, f"{kind}: {about}")
    figures.save(path, figure, "samples of both kinds")
    caption = "Samples of the continuous and of the discrete kind"
    figures.write("BGAN", config.run.workdir, numbers, {caption: path})


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
