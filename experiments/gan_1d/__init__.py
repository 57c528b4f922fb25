"""A GAN on the line: densities, discriminator and the generator's map over time.

    python -m experiments.gan_1d
    python -m experiments.gan_1d --data mixture
    python -m experiments.gan_1d --model.loss minimax --model.discriminator-steps 3

It is the figure of Goodfellow et al. (arXiv:1406.2661), measured instead of sketched,
and takes less than a minute on a CPU. The run directory gets evolution.png: at four
times, the densities of data and generator, D(x) and the best possible D, and arrows
from latents z to G(z); below, the value of the game at the best D, C(G) = -log 4 + 2
JSD(data, fakes), and at the current D. During training D tends to 1/2 and C(G) to -log
4. animation.gif shows the same in motion, and results.json has the numbers.

The generator's density is a kernel estimate on evenly spaced latents. The data's
density is blurred by the same kernel, so that the divergence of equal distributions is
zero.
"""

import dataclasses
import pathlib
from typing import Annotated, Literal

import numpy as np

from experiments.gan_1d.pictures import evolution, frame
from experiments.gan_1d.training import EVERY, SETS, train, values
from jaxgan import bounds
from jaxgan.lab import clouds, figures
from jaxgan.models.toys import points_gan
from jaxgan.train.terminal import say

LOGITS = ("non_saturating", "minimax", "boundary_seeking")
SMALL = points_gan.Config(
    data=1,
    latent=1,
    latent_distribution="uniform",
    generator=(32, 32),
    discriminator=(48, 48),
    activation="leaky_relu",
    loss="non_saturating",
    penalty="r1",
    weight=0.1,
    discriminator_steps=5,
    learning_rate=2e-3,
    beta1=0.0,
    decay_steps=4000,
)


@dataclasses.dataclass(frozen=True)
class Config:
    """The training of a GAN on the line."""

    model: points_gan.Config = SMALL
    data: Literal["gaussian", "mixture"] = "gaussian"
    """Data: one Gaussian, or a mixture of two."""
    steps: Annotated[int, bounds.Within(EVERY)] = 4000
    """Steps to train for, rounded down to fives."""
    batch_size: bounds.Count = 256
    """Points a minibatch."""
    seed: bounds.Seed = 0
    """Seed of weights, data and noise."""
    frames: bounds.Natural = 36
    """Pictures of the animation; 0 for none."""
    workdir: pathlib.Path = pathlib.Path("runs/gan_1d")
    """Directory for the pictures."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        for name in ("data", "latent"):
            if getattr(self.model, name) != 1:
                raise ValueError(
                    f"--model.{name} is {getattr(self.model, name)}; on the line it"
                    " is 1"
                )
        if self.model.loss not in LOGITS:
            raise ValueError(
                f"the scores of --model.loss {self.model.loss} are not logits, so"
                f" there is no D(x) to draw; use one of {', '.join(LOGITS)}"
            )


def main(config: Config) -> None:
    """Trains and draws."""
    seen = train(config)
    if not np.isfinite(seen["logits"]).all():
        raise ArithmeticError("training diverged; lower --model.learning-rate")
    of = values(SETS[config.data], seen)
    say(f"D on data  {of['d'][-1]:.3f}  (tends to 1/2)")
    say(f"C(G)      {of['c'][-1]:.4f}  (tends to -log 4 = {-np.log(4):.4f})")
    say(f"V(D, G)   {of['v'][-1]:.4f}")
    figures.save(
        config.workdir / "evolution.png", evolution(config, seen, of), "four times"
    )
    if config.frames:
        count = len(seen["step"])
        chosen = np.geomspace(1, count, config.frames).round().astype(int) - 1
        pictures = [
            frame(config, {n: x[i] for n, x in seen.items()}, float(of["c"][i]))
            for i in np.unique(chosen)
        ]
        clouds.save_frames(config.workdir / "animation.gif", pictures)
    figures.save_results(
        config.workdir / "results.json",
        {
            "d_on_data": float(of["d"][-1]),
            "c": float(of["c"][-1]),
            "v": float(of["v"][-1]),
            "minus_log_4": float(-np.log(4)),
            "mean_of_samples": float(seen["samples"][-1].mean()),
            "std_of_samples": float(seen["samples"][-1].std()),
        },
    )
