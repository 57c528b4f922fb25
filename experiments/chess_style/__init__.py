"""Style transfer in chess: moves that look like one player's (arXiv:1702.06762).

    python -m experiments.chess_style
    python -m experiments.chess_style --player builder --seeds 0 1 2

Two scripted players of different styles, the raider, who takes what it can and pushes
pawns, and the builder, who avoids both and brings pieces to the centre, play games
against each other. A net learns its task, to move as they both do, from all games;
with --styles above 0, a discriminator that knows one player's moves judges its own, and
the net is also asked to move like that player. The moves of both players are known in
every position, so it is also measured what happens where the other player was to move,
which no game tells the net.

Trained without the discriminator, with each weight of its judgement, and, for
comparison, on the player's moves alone; all are measured on games that were not trained
on, beside rules without a net. Needs the extra `chess` (python-chess). Minutes on two
CPU cores. Writes results.json, style.md and style.png, and a run for each net.
"""

import dataclasses
from typing import Annotated, Literal

import tyro

from experiments.chess_style import measuring
from jaxgan import bounds
from jaxgan.lab import runs
from jaxgan.models import chess_style
from jaxgan.train import Run


@dataclasses.dataclass(frozen=True)
class Config:
    """Training with several weights of style."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    model: chess_style.Config
    player: Literal["raider", "builder"] = "raider"
    """Whose style is asked for."""
    styles: tuple[bounds.Weight, ...] = (0.0, 0.1, 1.0)
    """Weights of the discriminator's judgement; 0 is without a discriminator."""
    games: bounds.Count = 800
    """Games to train on."""
    tests: bounds.Count = 100
    """Games to measure on."""
    seeds: tuple[bounds.Seed, ...] = (0,)
    """Seeds to train each net with; the games are the same."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        for name in ("styles", "seeds"):
            values = getattr(self, name)
            if not values or len(set(values)) < len(values):
                raise ValueError(f"--{name} is {values}; give one or more, each once")
        if self.model.style != chess_style.Config().style:
            raise ValueError(
                f"--model.style is {self.model.style}; leave it out, as --styles"
                " chooses it"
            )


PRESETS = {
    "laptop": Config(
        run=runs.run("chess_style", steps=1000, every=500, batch_size=64),
        model=chess_style.Config(learning_rate=2e-3),
    )
}


def main(config: Config) -> None:
    """Trains what is not trained yet, then measures and draws."""
    measuring.compare(config)
