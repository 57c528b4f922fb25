"""The next frame by five losses, where two are possible (arXiv:1511.05440).

    python -m experiments.multiscale_video
    python -m experiments.multiscale_video --world two --losses l2 adv+gdl
    python -m experiments.multiscale_video --world turntable --data npz:FRUITS.npz

Trains the multi-scale network of Mathieu, Couprie and LeCun side by side with the
absolute error, the squared error, the gradient difference (GDL), the judgement of a
discriminator (Adv), and Adv with GDL, and compares what they guess for unseen clips.

--world turning: a digit comes to a crossing and turns left or right, which its past
does not tell. Both futures are known, so it can be seen who averages them and who
decides for one. one, two: digits bounce, and there is one future. turntable: real
fruits that turn (64 frames each; add --model.channels 3), of kinds that were not
trained on. --tests is the number of unseen clips.

Without flags: 32x32 pixels, narrow networks, minutes on two CPU cores. Writes
results.json and futures.png, and a run for each loss.
"""

import dataclasses
from typing import Annotated, Literal

import tyro

from experiments.multiscale_video import measuring
from jaxgan import bounds
from jaxgan.lab import clips, runs
from jaxgan.lab.data import Data
from jaxgan.models import multiscale_video
from jaxgan.train import Run

Loss = Literal["l1", "l2", "gdl", "adv", "adv+gdl"]


@dataclasses.dataclass(frozen=True)
class Config:
    """Training by several losses."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[Data, tyro.conf.arg(name="")]
    model: multiscale_video.Config
    world: clips.World = "turning"
    """What moves: a digit that turns, one or two that bounce, or real turntables."""
    losses: tuple[Loss, ...] = ("l1", "l2", "gdl", "adv", "adv+gdl")
    """Losses to train by; weights of adv and gdl are those of the model."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the paper's sizes, for an accelerator."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if not self.losses or len(set(self.losses)) < len(self.losses):
            raise ValueError(f"--losses is {self.losses}; give one or more, each once")
        if self.model.power != 2:
            raise ValueError(
                f"--model.power is {self.model.power}; leave it out, as --losses"
                " chooses it"
            )


PRESETS = {
    "laptop": Config(
        run=runs.run("multiscale_video", steps=1200, every=400, batch_size=8),
        data=Data(tests=500),
        model=multiscale_video.Config(
            channels=1,
            width=8,
            hidden=64,
            optimizer="adam",
            learning_rate=5e-4,
            last_learning_rate=1e-4,
            decay=500,
            discriminator_learning_rate=5e-4,
        ),
    ),
    "paper": Config(
        run=runs.run(
            "multiscale_video_paper",
            steps=200_000,
            every=10_000,
            log_every=100,
            batch_size=8,
        ),
        data=Data(tests=500),
        model=multiscale_video.Config(channels=1, decay=200_000),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains what is not trained yet, then compares all."""
    measuring.compare(config, {loss: _model(config, loss) for loss in config.losses})


def _model(config: Config, loss: Loss) -> multiscale_video.Config:
    """The model with the weights of one loss."""
    judged, steep = loss.startswith("adv"), loss.endswith("gdl")
    return dataclasses.replace(
        config.model,
        power=1 if loss in ("l1", "gdl") else 2,
        gradient_difference=config.model.gradient_difference if steep else 0.0,
        adversarial=config.model.adversarial if judged else 0.0,
    )
