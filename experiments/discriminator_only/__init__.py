"""Generation by a discriminator alone, round by round.

    python -m experiments.discriminator_only
    python -m experiments.discriminator_only --digit-rounds 0
    python -m experiments.discriminator_only --preset paper --data idx:MNIST

In each round, gradient ascent finds the examples that D rates highest. They are the
generated examples, and the negatives of the next round, in which D learns to rate them
lower unless they are like the data. Without flags: eight Gaussians in the plane, 40
rounds in seconds, then digits, minutes on two CPU cores. The run directory gets

- plane.png: D's landscape after some rounds, with the data, the negatives that were
  found, and false peaks, which D takes for data where there are none: they vanish in
  the first rounds;
- rounds.png: the numbers of true and of false peaks, and the share of negatives that
  lie where the data are;
- digits.png: the images that D rated highest, a row for each of some rounds, and real
  digits;
- results.json.

The same command again goes on where it stopped.
"""

import dataclasses
import pathlib
from typing import Annotated, Any, Literal

import tyro

from experiments.discriminator_only import digits as on_digits
from experiments.discriminator_only import plane as in_plane
from jaxgan import bounds
from jaxgan.lab import figures, session
from jaxgan.lab.data import Data
from jaxgan.models import discriminator_only as alone
from jaxgan.train import Run, directory


@dataclasses.dataclass(frozen=True)
class Config:
    """The two runs: in the plane, and on digits."""

    data: Annotated[Data, tyro.conf.arg(name="")]
    plane: alone.Config
    digits: alone.Config
    plane_rounds: bounds.Count = 40
    """Rounds in the plane."""
    digit_rounds: bounds.Natural = 800
    """Rounds on digits; 0 leaves them out."""
    modes: bounds.Count = 8
    """Gaussians on the ring."""
    batch_size: Annotated[int, bounds.Within(2)] = 64
    """Positives in a minibatch, which has equally many negatives."""
    seed: bounds.Seed = 0
    """Seed of weights, starts and data order."""
    devices: bounds.Natural = 0
    """Devices to train on; 0 takes all there are."""
    workdir: pathlib.Path = pathlib.Path("runs/discriminator_only")
    """Directory of the two runs and the pictures."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: larger and longer, for an accelerator,
    though there is no paper with these settings."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if self.plane.shape != (2,):
            raise ValueError(
                f"--plane.shape is {self.plane.shape}; points in the plane are (2,)"
            )
        if len(self.digits.shape) != 3:
            raise ValueError(
                f"--digits.shape is {self.digits.shape}; images have a height, a width"
                " and channels, as in 28 28 1"
            )


# Peaks without data come back once the random negatives of the start are forgotten, so
# that more rounds are remembered than are played.
PLANE = alone.Config(negatives=128, restarts=4, rounds_kept=100, replay=0.9)
DIGITS = alone.Config(
    shape=(28, 28, 1), low=0.0, high=1.0, width=16, hidden=(128,), round_steps=5,
    negatives=64, rounds_kept=50, replay=0.5, restarts=1, ascent_steps=60,
    ascent_rate=3.0, ascent_reach=1.5, prior=0.02, penalty=0.1, learning_rate=5e-4,
)  # fmt: skip
PRESETS = {
    "laptop": Config(data=Data(), plane=PLANE, digits=DIGITS),
    "paper": Config(
        data=Data(),
        plane=PLANE,
        digits=dataclasses.replace(
            DIGITS, width=64, hidden=(512,), negatives=256, ascent_steps=200
        ),
        digit_rounds=10_000,
        batch_size=256,
        workdir=pathlib.Path("runs/discriminator_only_paper"),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Plays the missing rounds, then draws."""
    run = run_of(config, "plane", config.plane_rounds)
    found: dict[str, Any] = {"seed": config.seed}
    found["plane"] = in_plane.fit(run, config.plane, config.modes, config.workdir)
    if config.digit_rounds:
        run = run_of(config, "digits", config.digit_rounds)
        found["digits"] = on_digits.fit(run, config.data, config.digits, config.workdir)
    session.only_main()
    figures.save_results(config.workdir / directory.RESULTS, found)


def run_of(config: Config, name: str, rounds: int) -> Run:
    """Makes one of the two runs, with a sheet after every hundredth of its rounds."""
    model = getattr(config, name)
    every = model.round_steps * max(1, rounds // 100)  # sheets of a hundred rounds
    return Run(
        workdir=config.workdir / name,
        steps=rounds * model.round_steps,
        batch_size=config.batch_size,
        seed=config.seed,
        devices=config.devices,
        log_every=every,
        sample_every=every,
        checkpoint_every=model.round_steps * max(1, rounds // 5),
        keep=1,
    )
