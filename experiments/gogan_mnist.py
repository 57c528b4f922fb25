"""GoGAN: stages of Wasserstein GANs, each to outdo the one before (arXiv:1704.04865).

    python -m experiments.gogan_mnist
    python -m experiments.gogan_mnist --stages 4 --steps 800 --workdir runs/gogan_4
    python -m experiments.gogan_mnist --model.ranking 0 --workdir runs/gogan_plain

Trains `stage1`, `stage2` and so on, `--steps` each. A stage starts from the weights of
the one before, whose generator stays as a third, frozen net: the ranking term puts the
new one's scores above its. gogan.png shows every stage's samples with two measures of
it: the Fréchet distance by a digit classifier, and the completion of the paper, which
hides the lower half of test digits, looks for the latent that explains the upper, and
counts the error below. With `--model.ranking 0` a stage is more training and no more,
which is what to compare with. Minutes on two CPU cores, on 4,000 digits.
"""

import dataclasses
import json
import pathlib
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax
import tyro

from jaxgan import checkpoint, game, losses, train
from jaxgan.compose import ema_variables
from jaxgan.lab import cli, compared, figures, mnist, session, several
from jaxgan.models import gogan

COMPLETED = 100  # test digits that are completed
SEARCH = 150  # steps of the search for their latents
RATE = 0.1  # Adam's step size in it


@dataclasses.dataclass(frozen=True)
class Config:
    """Training the stages of a GoGAN."""

    run: Annotated[train.Run, tyro.conf.arg(name="")]
    data: Annotated[mnist.Data, tyro.conf.arg(name="")]
    model: gogan.Config
    """Of the first stage; later ones differ in `stage` alone."""
    stages: int = 3
    """How many stages to train."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: WGAN's settings, for an accelerator."""

    def __post_init__(self):
        if self.stages < 1:
            raise ValueError(f"--stages is {self.stages}; it must be at least 1")
        if self.model.stage != 1:
            raise ValueError(
                f"--model.stage is {self.model.stage}; leave it at 1: the stages are"
                " trained in turn"
            )


PRESETS = {
    "laptop": Config(
        run=train.Run(
            workdir=pathlib.Path("runs/gogan_mnist"),
            steps=1500,
            batch_size=32,
            sample_every=250,
            checkpoint_every=500,
        ),
        data=mnist.Data(),
        # With a margin of 0.05, clipped at 0.01, fewer steps and larger batches, there
        # were hardly digits; which of the changes it took was not tried.
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
        run=train.Run(
            workdir=pathlib.Path("runs/gogan_mnist_paper"),
            steps=50_000,
            batch_size=64,
            sample_every=5000,
            checkpoint_every=5000,
            log_every=100,
        ),
        data=mnist.Data(),
        model=gogan.Config(ema=0.999),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains the stages that are missing, then compares them."""
    settings = {}
    for stage in range(1, config.stages + 1):
        model = dataclasses.replace(config.model, stage=stage)
        settings[f"stage{stage}"] = several.part(config, f"stage{stage}", model)
    runs = {name: setting.run for name, setting in settings.items()}
    _check_lengths(runs, config.run.steps)
    results: dict[str, Any] = {}
    before = None
    for name, setting in settings.items():
        if before is not None:
            _start(setting, before)
        results[name] = several.fit_once(
            f"GoGAN, stage {setting.model.stage}",
            gogan,
            setting,
            finish=lambda state, sets: _completion(config, state, sets),
        )
        before = setting.run
    path = config.run.workdir / "gogan.png"
    _draw(path, runs, results)
    caption = "Samples of every stage, and what was measured"
    compared.write("GoGAN", config.run.workdir, results, {caption: path})


def _check_lengths(runs, steps):
    """A stage that another was started from must not be trained on."""
    for (name, run), later in zip(runs.items(), list(runs.values())[1:], strict=False):
        if (later.workdir / "checkpoints").is_dir():
            plain = json.loads((run.workdir / "config.json").read_text())
            if (done := plain["run"]["steps"]) != steps:
                raise ValueError(
                    f"--steps is {steps}, but {name} was trained for {done} and the"
                    " next stage started from it; give another --workdir, or"
                    f" --steps {done}"
                )


def _start(setting, before):
    """Makes the first checkpoint of a stage from the last of the one before."""
    with checkpoint.manager(setting.run.workdir / "checkpoints") as checkpoints:
        if checkpoints.latest_step() is not None:
            return
        old = session.restore(before.workdir, gogan, _batch).state
        key = jax.random.key(setting.run.seed)
        fresh = game.algorithm(gogan.game(setting.model)).init(
            key, _batch(setting.model)
        )
        state = gogan.next_stage(fresh, old)
        # A run of its own: steps from 0, and randomness that no other stage had.
        key = jax.random.fold_in(old.key, setting.model.stage)
        state = state.replace(step=jnp.zeros_like(old.step), key=key)
        plain = train.as_json(dataclasses.asdict(setting))
        checkpoint.save(checkpoints, 0, state, plain)


def _batch(model):
    """A batch to initialise a model with."""
    leading = (model.critic_steps, 1) if model.critic_steps > 1 else (1,)
    return {"image": jnp.zeros((*leading, 28, 28, 1))}


def _completion(config, state, sets):
    """How well the lower half of test digits follows from the upper: mean PSNR, dB."""
    real = jnp.asarray(sets.test["image"][:COMPLETED], jnp.float32) / 255
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
        # A sum, so that each latent is searched for as if it were alone.
        gradient = jax.grad(lambda z: error(z, weights).sum())(latent)
        updates, moments = adam.update(gradient, moments)
        return optax.apply_updates(latent, updates), moments

    moments = adam.init(latent)
    for _ in range(SEARCH):
        latent, moments = search(latent, moments)
    hidden = error(latent, 1 - weights) * 2  # the mean over the hidden half
    psnr = float((-10 * jnp.log10(hidden)).mean())
    return {"completion_psnr": psnr}, {}


def _draw(path, runs, results):
    figure = figures.new(2.7 * len(runs) + 1.9, 3.2)
    grid = figure.add_gridspec(2, len(runs) + 1, width_ratios=[*[4] * len(runs), 3])
    for column, (name, run) in enumerate(runs.items()):
        axes = figure.add_subplot(grid[:, column])
        compared.show(axes, compared.last_sheet(run), f"stage {name[5:]}")
    stages = np.arange(1, len(runs) + 1)
    measures = {
        "frechet_distance": "Fréchet distance\n(lower is better)",
        "completion_psnr": "completion, dB\n(higher is better)",
    }
    for row, (measure, label) in enumerate(measures.items()):
        axes = figure.add_subplot(grid[row, len(runs)])
        values = [found.get(measure, np.nan) for found in results.values()]
        axes.plot(stages, values, "o-")
        axes.set_title(label, fontsize="small")
        axes.set_xticks(stages)
        axes.grid(alpha=0.3)
        axes.margins(0.2)
        axes.set_xlabel("stage" if row == 1 else "")
    figures.save(path, figure, "samples of every stage")


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
