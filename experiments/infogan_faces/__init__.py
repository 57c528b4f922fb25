"""InfoGAN on heads: codes that find pose, width and light (arXiv:1606.03657).

    python -m experiments.infogan_faces
    python -m experiments.infogan_faces --model.no-inform --workdir runs/plain_faces
    python -m experiments.infogan_faces --seeds 3

Grey bald heads, turned, nodding, narrow or broad, and lit from anywhere, stand for the
renderings of the paper. Nobody tells the network what varies. Five codes that can be
read off the images are given to the generator; at the end they are read off heads that
were not trained on, and compared with what those heads were drawn from.

`results.json` has, for every factor, its correlation with the code that tells most of
it, and the information of that code about it; `codes.png` shows all correlations, and
`sweeps.png` rows of one noise, along which one code goes from -2 to 2, twice as far as
in training. `--model.no-inform` trains a plain GAN, whose recogniser only observes.

Without flags: 32x32 pixels, minutes on two CPU cores. The preset paper has the paper's
networks and length.
"""

import dataclasses
from typing import Annotated, Literal

import tyro

from experiments.infogan_faces import pictures, reading
from jaxgan import game
from jaxgan.compose import ema_variables
from jaxgan.lab import generator, runs
from jaxgan.lab.session import Result
from jaxgan.models import infogan
from jaxgan.train import Run


@dataclasses.dataclass(frozen=True)
class Config:
    """The training of an InfoGAN on heads."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[reading.Heads, tyro.conf.arg(name="")]
    model: infogan.Config
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the paper's sizes."""

    def __post_init__(self):
        model = self.model
        if (model.categories, model.channels) != (0, 1):
            raise ValueError(
                f"--model.categories and --model.channels are {model.categories} and"
                f" {model.channels}, but heads are grey and have no kinds: leave them"
                " out, so that they are 0 and 1"
            )
        if model.side < 16:
            raise ValueError(
                f"--model.side is {model.side}; heads are drawn at 16 pixels or more"
            )


FACES = infogan.Config(
    side=32, noise=128, categories=0, continuous=5, generator_rate=5e-4
)
PRESETS = {
    "laptop": Config(
        run=runs.run("infogan_faces", steps=4000, every=1000, batch_size=64),
        data=reading.Heads(),
        model=dataclasses.replace(FACES, width=32, hidden=256, ema=0.995),
    ),
    "paper": Config(
        run=runs.run("infogan_faces_paper", steps=20_000, every=2000, batch_size=128),
        data=reading.Heads(heads=100_000),
        model=FACES,
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or goes on training, and reads the codes off unseen heads."""
    opened = reading.open_heads(config.data, config.model.side)
    folder = config.run.workdir

    def measure(state, opened):
        codes = reading.read(config.model, game.variables(state), opened.test)
        found = reading.measured(codes, opened.test)
        pictures.draw_codes(folder / "codes.png", found)
        pictures.draw_sweeps(
            folder / "sweeps.png", config.model, ema_variables(state), found,
            config.run.seed,
        )  # fmt: skip
        return Result(
            {"heads": found},
            {
                "One code changes along a row": folder / "sweeps.png",
                "What codes tell of unseen heads": folder / "codes.png",
            },
        )

    generator.train("InfoGAN", infogan.MODEL, config, opened=opened, measure=measure)
