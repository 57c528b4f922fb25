"""What a push will do, by moving pixels: CDNA on drawn blocks (arXiv:1605.07157).

    python -m experiments.cdna_blocks
    python -m experiments.cdna_blocks --nets cdna dna stp

A finger pushes blocks over a table. The network sees two frames and is told where the
finger is and is going to go; it guesses the other frames, by moving the pixels of the
last one with a few kernels, each of which is believed in some places (masks). Actions
that were not taken have a true outcome too, so it is measured how far guesses are from
the truth when the network is told the right actions, those of another clip, or none;
and whether guesses for the other clip's actions come true when these are carried out.

Beside it stand the last known frame, and a feed-forward net without memory that draws
each frame anew; with --nets also those that move pixels by a kernel for each (dna) or
by affine maps (stp). Without flags: 32x32 pixels, narrow networks, minutes on two CPU
cores. Writes results.json, clips.png, motion.png (kernels and masks) and psnr.png.
"""

import dataclasses
from typing import Annotated, Literal

import tyro

from experiments.cdna_blocks import measuring
from jaxgan import bounds
from jaxgan.lab import runs
from jaxgan.models import cdna
from jaxgan.train import Run

Net = Literal["cdna", "dna", "stp", "feed-forward"]


@dataclasses.dataclass(frozen=True)
class Config:
    """Training on pushed blocks."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    model: cdna.Config
    nets: tuple[Net, ...] = ("cdna", "feed-forward")
    """Nets to train, each as long: how they move pixels, or a feed-forward net."""
    tests: Annotated[int, bounds.Within(2)] = 256
    """Unseen clips to measure; the network is also told the actions of another."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the paper's sizes, for an accelerator."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if not self.nets or len(set(self.nets)) < len(self.nets):
            raise ValueError(f"--nets is {self.nets}; give one or more, each once")
        default = cdna.Config()
        for name in ("motion", "memory"):
            if (value := getattr(self.model, name)) != getattr(default, name):
                raise ValueError(
                    f"--model.{name} is {value}; leave it out, as --nets chooses it"
                )
        given = (self.model.channels, self.model.states, self.model.actions)
        if given != (3, 2, 2):
            raise ValueError(
                "--model.channels, --model.states and --model.actions are"
                f" {given}, but blocks have colour, and the finger two numbers for its"
                " place and two for its action: leave them out"
            )


PRESETS = {
    "laptop": Config(
        run=runs.run("cdna_blocks", steps=500, every=250, batch_size=8),
        model=cdna.Config(
            resolution=32,
            frames=6,
            states=2,
            actions=2,
            width=8,
            sampling=60,
            learning_rate=2e-3,
        ),
    ),
    "paper": Config(
        run=runs.run(
            "cdna_blocks_paper",
            steps=100_000,
            every=5000,
            log_every=100,
            batch_size=32,
        ),
        model=cdna.Config(states=2, actions=2),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains what is not trained yet, then measures and draws."""
    plain = {"motion": "none", "memory": False}
    changes = {
        net: plain if net == "feed-forward" else {"motion": net} for net in config.nets
    }
    models = {
        net: dataclasses.replace(config.model, **change)
        for net, change in changes.items()
    }
    measuring.compare(config, models)
