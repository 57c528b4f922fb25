"""TP-GAN: turns faces to the front (Huang et al., arXiv:1704.04086).

    python -m experiments.tp_gan_faces
    python -m experiments.tp_gan_faces --judge
    python -m experiments.tp_gan_faces --preset paper

Drawn people are seen at six angles, up to 43 degrees to each side, and the network
draws them from the front. Patches around eyes, nose and mouth take paths of their own;
the renderer knows where these are. A network that recognises people is part of the
loss, and another one, trained on other people, says afterwards whether the person is
the same. People who were not trained on are turned, and compared with their true
fronts, beside the turned picture itself and the front of the nearest training face;
with `--judge`, a third network reads the angle that is left.

Without flags: 1,024 people of 32x32 and narrow networks, a few minutes of one CPU core,
and once a few more for the networks that recognise people. Writes turned.png.
"""

import dataclasses
from typing import Annotated, Literal

import tyro

from jaxgan.lab import cli, rates, runs, turning, unseen
from jaxgan.lab.judges import factors, identity
from jaxgan.lab.session import Result
from jaxgan.models import tp_gan
from jaxgan.train import Run

ALIASES = {"--people": "--data.people"}


@dataclasses.dataclass(frozen=True)
class Config:
    """Training a TP-GAN."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: turning.Data
    model: tp_gan.Config
    judge: bool = False
    """Read the angles of faces."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the paper's networks, for an accelerator."""

    def __post_init__(self):
        if self.model.people not in (0, self.data.people):
            raise ValueError(
                f"--model.people is {self.model.people}, but --data.people"
                f" {self.data.people}: give one number to both, or 0 to the model"
            )


PRESETS = {
    "laptop": Config(
        run=runs.run("tp_gan_faces", steps=500, every=250, batch_size=8),
        data=turning.Data(),
        # Weights beside sums over pixels, of which 32x32 images have a sixteenth.
        model=tp_gan.Config(
            resolution=32,
            width=16,
            blocks=0,
            kernel=3,
            halvings=2,
            feature=64,
            noise=16,
            people=0,
            adversarial=1.5,
            identity=10.0,
            alone=False,
            moves=1,
            learning_rate=1e-3,
            beta1=0.5,
            decay=500,
        ),
    ),
    "paper": Config(
        run=runs.run(
            "tp_gan_paper", steps=50_000, every=2500, batch_size=10, log_every=100
        ),
        data=turning.Data(people=340),
        model=tp_gan.Config(),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or goes on training, and measures."""
    model = config.model
    rates.check(config.run.steps, model.decay)
    opened = turning.open_faces(config.data, model.resolution)
    embed = turning.embed(identity.trained("search")) if model.identity else None

    def measure(variables):
        front = turning.turning(model, variables)
        found = turning.answers(front, opened.train, opened.test)
        judge = factors.trained(model.resolution) if config.judge else None
        scores = identity.trained("judge")
        path = config.run.workdir / "turned.png"
        turning.draw(path, found)
        return Result(
            {
                "turned": turning.measured(found, scores, judge),
                "judge": scores.facts,
            },
            {"Not trained on: turned, and to the front": path},
        )

    unseen.train(
        "TP-GAN",
        tp_gan.MODEL,
        config,
        opened,
        opened.test,
        measure,
        game=tp_gan.game(model, embed),
    )


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__, aliases=ALIASES)
