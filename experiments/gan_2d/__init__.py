"""GANs on points of the plane: modes, samples and the discriminator's landscape.

    python -m experiments.gan_2d
    python -m experiments.gan_2d --data swiss_roll --model.loss relativistic
    python -m experiments.gan_2d --model.loss minimax --model.penalty none
    python -m experiments.gan_2d --model.order simultaneous
    python -m experiments.gan_2d --model.order simultaneous --model.dynamics optimistic
    python -m experiments.gan_2d --preset grid25
    python -m experiments.gan_2d --preset notes
    python -m experiments.gan_2d --preset paper --data grid25

Seeds train at once, eight by default, in one vectorised program. Without flags: eight
Gaussians on a ring, the non-saturating loss with R1, minutes on two CPU cores; every
seed should cover all 8 modes. grid25: the 25 Gaussians of WGAN-GP (arXiv:1704.00028)
with smaller nets, all modes in a quarter of an hour. notes: four Gaussians, a generator
of 2 layers of 20 units and a critic of 4 of 10, at ten times WGAN-GP's step size for a
fifth of its steps. paper: WGAN-GP's nets and its 100,000 steps, for an accelerator.

The run directory gets samples.png (generated points over the discriminator's contours,
one panel for each seed; the line is its median on data), animation.gif, curves.png and
results.json: modes covered (with one sample near them, and with a tenth of their
share), the share of samples within three sigma of a mode, and the Kullback-Leibler
divergences of histograms (50 bins of the common range, 1 added to every count), each as
mean and spread over the seeds. The same command goes on where it stopped.
"""

import dataclasses
import pathlib
from typing import Annotated, Literal

import jax
import numpy as np
import tyro

from experiments.gan_2d.measuring import PICTURES, measurer
from experiments.gan_2d.pictures import frame
from experiments.gan_2d.results import write
from jaxgan import bounds, compose, train
from jaxgan.data.synthetic.points import SETS
from jaxgan.game import algorithm
from jaxgan.lab import clouds
from jaxgan.models.toys import points_gan
from jaxgan.train.terminal import say


@dataclasses.dataclass(frozen=True)
class Config:
    """The training of GANs on points of the plane, with several seeds at once."""

    run: Annotated[train.Run, tyro.conf.arg(name="")]
    model: points_gan.Config
    data: Literal["ring4", "ring8", "grid25", "swiss_roll"] = "ring8"
    """The points."""
    seeds: bounds.Count = 8
    """Seeds that train at once."""
    points: bounds.Count = 10_000
    """Points of each kind on which results are measured."""
    preset: Literal["laptop", "grid25", "notes", "paper"] = "laptop"
    """laptop, grid25, notes: minutes on two cores; paper: WGAN-GP's nets."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if self.model.data != 2:
            raise ValueError(
                f"--model.data is {self.model.data}, but these points have 2"
                " coordinates"
            )


def _run(name: str, steps: int, sheets: int) -> train.Run:
    return train.Run(
        workdir=pathlib.Path("runs") / name,
        steps=steps,
        batch_size=256,
        log_every=max(20, steps // 400),
        sample_every=steps // sheets,
        checkpoint_every=max(1000, steps // 10),
    )


SMALL = points_gan.Config(
    generator=(64, 64, 64),
    discriminator=(64, 64, 64),
    loss="non_saturating",
    penalty="r1",
    weight=0.02,
    discriminator_steps=1,
    learning_rate=1e-3,
    decay_steps=16_000,
    ema=0.99,
)
PRESETS = {
    "laptop": Config(run=_run("gan_2d", 16_000, 40), model=SMALL),
    "grid25": Config(
        run=_run("gan_2d_grid25", 20_000, 40),
        model=points_gan.Config(
            generator=(64, 64, 64),
            discriminator=(64, 64, 64),
            learning_rate=1e-3,
            decay_steps=20_000,
            ema=0.99,
        ),
        data="grid25",
        preset="grid25",
    ),
    "notes": Config(
        run=_run("gan_2d_notes", 20_000, 40),
        model=points_gan.Config(
            generator=(20, 20),
            discriminator=(10, 10, 10, 10),
            learning_rate=1e-3,
            decay_steps=20_000,
            ema=0.99,
        ),
        data="ring4",
        seeds=4,
        preset="notes",
    ),
    "paper": Config(
        run=_run("gan_2d_paper", 100_000, 100),
        model=points_gan.Config(),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or resumes training, and measures."""
    run, points = config.run, SETS[config.data]
    if jax.process_count() > 1:
        raise ValueError("this command runs in one process; leave out --processes")
    game = points_gan.game(config.model)
    see = measurer(config)

    def show(state):
        seen = see(state)
        numbers = {
            f"samples/{name}": float(np.mean(value))
            for name, value in seen.items()
            if name not in PICTURES and not name.endswith("_loss")
        }
        return numbers | {"frame": frame(config, seen, int(state.step))[None]}

    say(
        f"{run.steps:,} steps of {config.seeds} seeds at once on {config.data},"
        f" {config.model.loss} with penalty {config.model.penalty}; results in"
        f" {run.workdir}"
    )
    state = train.train(
        compose.seeds(algorithm(game, accumulate=run.accumulate), config.seeds),
        clouds.feed(points, run, game.repeats, config.seeds),
        run,
        dataclasses.asdict(config),
        show,
        train.devices(run),
    )
    write(config, see(state), int(state.step))
