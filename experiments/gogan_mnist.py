"""GoGAN on digits: stages of Wasserstein GANs that outdo the last (arXiv:1704.04865).

    python -m experiments.gogan_mnist
    python -m experiments.gogan_mnist --stages 4 --steps 800 --workdir runs/gogan_4
    python -m experiments.gogan_mnist --model.ranking 0 --workdir runs/gogan_plain

Trains `stage1`, `stage2` and so on, for `--steps` each. A stage starts from the weights
of the stage before, whose generator stays as a third, frozen net: the ranking term puts
the scores of the new generator above those of the frozen one. gogan.png shows the
samples of every stage with two measures: the Fréchet distance by a digit classifier,
and the paper's completion, which hides the lower half of test digits, searches for the
latent that explains the upper half, and measures the error in the lower. For
comparison, `--model.ranking 0` makes stages that only train longer. Takes minutes on
two CPU cores, on 4,000 digits.
"""

import dataclasses
from typing import Annotated, Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax
import tyro

from jaxgan import bounds, data, losses
from jaxgan.compose import ema_variables
from jaxgan.lab import cli, figures, runs, scored, session
from jaxgan.lab.data import Data
from jaxgan.lab.session import Result
from jaxgan.models import gogan
from jaxgan.train import Run

COMPLETED = 100  # test digits that are completed
SEARCH = 150  # steps of the search for their latents
RATE = 0.1  # Adam's step size in the search


@dataclasses.dataclass(frozen=True)
class Config:
    """The training of the stages of a GoGAN."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[Data, tyro.conf.arg(name="")]
    model: gogan.Config
    """Settings of the first stage; later stages differ only in `stage`."""
    stages: bounds.Count = 3
    """Number of stages to train."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: WGAN's settings, for an accelerator."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if self.model.stage != 1:
            raise ValueError(
                f"--model.stage is {self.model.stage}; leave it at 1, as all stages"
                " are trained in turn"
            )


PRESETS = {
    "laptop": Config(
        run=runs.run(
            "gogan_mnist", steps=1500, every=250, batch_size=32, checkpoint_every=500
        ),
        data=Data(),
        # With a margin of 0.05, clipped at 0.01, fewer steps and larger batches,
        # samples were hardly digits. Which of these changes matters was not tested.
        model=gogan.Config(
            width=16,
            hidden=128,
            latent=32,
            margin=0.5,
            ranking_margin=0.05,
            clip=0.02,
            learning_rate=5e-4,
            ema=0.98,
        ),
    ),
    "paper": Config(
        run=runs.run(
            "gogan_mnist_paper", steps=50_000, every=5000, batch_size=64, log_every=100
        ),
        data=Data(),
        model=gogan.Config(ema=0.999),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains the missing stages, then compares all."""
    stages = {}
    for stage in range(1, config.stages + 1):
        model = dataclasses.replace(config.model, stage=stage)
        stages[f"stage{stage}"] = runs.part(config, f"stage{stage}", model)

    def fit(name, part, start):
        return scored.train(
            f"GoGAN, stage {part.model.stage}",
            gogan.MODEL,
            part,
            measure=lambda state, opened: _completion(config, state, opened),
            start=start,
        )

    results = runs.in_stages(stages, fit, gogan.next_stage)
    session.only_main()
    numbers = {name: result.numbers for name, result in results.items()}
    path = config.run.workdir / "gogan.png"
    _draw(path, {name: part.run for name, part in stages.items()}, numbers)
    caption = "Samples of every stage, and their measures"
    figures.write("GoGAN", config.run.workdir, numbers, {caption: path})


def _completion(config, state, opened):
    """Completes the lower half of test digits from the upper: mean PSNR, dB."""
    chosen = data.some(len(opened.test["image"]), COMPLETED)
    real = jnp.asarray(opened.test["image"][chosen], jnp.float32) / 255
    weights = jnp.broadcast_to((jnp.arange(28) < 14)[None, :, None, None], real.shape)
    weights = weights.astype(jnp.float32)
    variables = ema_variables(state)
    adam = optax.adam(RATE)
    latent = gogan.latent(config.model, jax.random.key(config.run.seed + 4), len(real))

    def error(latent, weights):
        drawn = gogan.sample(config.model, variables, latent)
        return losses.masked_reconstruction_loss(real, drawn, weights)

    @jax.jit
    def search(latent, moments):
        # The loss is a sum, so that each latent is searched independently.
        gradient = jax.grad(lambda z: error(z, weights).sum())(latent)
        updates, moments = adam.update(gradient, moments)
        return optax.apply_updates(latent, updates), moments

    moments = adam.init(latent)
    for _ in range(SEARCH):
        latent, moments = search(latent, moments)
    hidden = error(latent, 1 - weights) * 2  # the mean over the hidden half
    psnr = float((-10 * jnp.log10(hidden)).mean())
    return Result({"completion_psnr": psnr}, {})


def _draw(path, of_stages, numbers):
    count = len(of_stages)
    figure = figures.new(2.7 * count + 1.9, 3.2)
    grid = figure.add_gridspec(2, count + 1, width_ratios=[*[4] * count, 3])
    for column, (name, run) in enumerate(of_stages.items()):
        axes = figure.add_subplot(grid[:, column])
        figures.show(axes, figures.last_sheet(run), f"stage {name[5:]}")
    stages = np.arange(1, count + 1)
    measures = {
        "frechet_distance": "Fréchet distance\n(lower is better)",
        "completion_psnr": "completion, dB\n(higher is better)",
    }
    for row, (measure, label) in enumerate(measures.items()):
        axes = figure.add_subplot(grid[row, count])
        values = [found.get(measure, np.nan) for found in numbers.values()]
        axes.plot(stages, values, "o-")
        axes.set_title(label, fontsize="small")
        axes.set_xticks(stages)
        axes.grid(alpha=0.3)
        axes.margins(0.2)
        axes.set_xlabel("stage" if row == 1 else "")
    figures.save(path, figure, "samples of every stage")


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
