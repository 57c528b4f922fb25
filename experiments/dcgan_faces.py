"""DCGAN on faces (Radford, Metz and Chintala, arXiv:1511.06434).

    python -m experiments.dcgan_faces
    python -m experiments.dcgan_faces --data folder:PHOTOS --steps 20000
    python -m experiments.dcgan_faces --preset paper --data tfds:celeb_a

Without flags: drawn portraits, 64x64, width 32, about ten minutes on two CPU cores. The
run directory gets sample sheets (raw weights and their moving average), a strip of them
over time, curves, nearest training neighbours of samples and a page with all of it;
with `--evaluate-every 300` also a Fréchet distance, and the best state beside the
last. The same command again goes on where it stopped, and with a larger --steps it goes
on further. For small sets of photographs, add `--model.augment colour translation`.
"""

import dataclasses
import functools
from typing import Annotated, Any, Literal

import jax
import numpy as np
import tyro
from jax.sharding import Mesh

from jaxgan import bounds, parallel
from jaxgan.compose import ema_variables
from jaxgan.lab import cli, generator, runs, sets
from jaxgan.lab.data import Data, Set, channels_of, open_set
from jaxgan.lab.measure import extract, moments
from jaxgan.lab.session import Result
from jaxgan.models import dcgan
from jaxgan.train import Run

SHEET = 64  # samples a sheet


@dataclasses.dataclass(frozen=True)
class Model(dcgan.Config):
    """Networks and training of a DCGAN."""

    channels: bounds.Natural = 0
    """Image channels: 3 for colour, 1 for grey; 0 takes those of the data."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Training a DCGAN."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[Data, tyro.conf.arg(name="")]
    model: Model
    evaluation: moments.Evaluation = dataclasses.field(
        default_factory=moments.Evaluation
    )
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the paper's networks, for an accelerator."""


PRESETS = {
    "laptop": Config(
        run=runs.run(
            "dcgan_faces",
            steps=5000,
            every=500,
            batch_size=16,  # many small steps learn faster: docs/notes/speedrun.md
        ),
        data=Data("portraits:8192", flip=True, upscale="auto"),
        model=Model(
            width=32, kernel=4, latent_distribution="normal", learning_rate=3e-4
        ),
    ),
    "paper": Config(
        run=runs.run(
            "dcgan_faces_paper",
            steps=70_000,  # 25 epochs of 350,000 faces
            every=1000,
            batch_size=128,
        ),
        data=Data("tfds:celeb_a", flip=True, upscale="auto"),
        model=Model(),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or resumes training, and reports."""
    config = settled(config)
    shape = generator.image_shape(dcgan.MODEL, config.model)
    generator.train(
        "DCGAN",
        dcgan.MODEL,
        config,
        opened=open_set(config.data, shape),
        sheet=SHEET,
        evaluation=functools.partial(evaluation, config),
        measure=lambda state, opened: seen_by(config),
    )


def settled(config: Any) -> Any:
    """The configuration with a plain model, whose channels are a number."""
    fields = dataclasses.asdict(config.model)
    fields["channels"] = config.model.channels or channels_of(config.data)
    model = dcgan.Config(**fields)
    return dataclasses.replace(config, model=model)


def seen_by(config: Config) -> Result:
    """What the page says of the network that distances are seen through."""
    if not config.run.evaluate_every:
        return Result({}, {})
    shape = generator.image_shape(dcgan.MODEL, config.model)
    extractor = extract.extractor(config.evaluation, shape)
    note = extractor.about.get("note", "published weights")
    return Result({"evaluated_by": f"{extractor.name}, {note}"}, {})


def evaluation(
    config: Config, drawing: generator.Drawing, opened: Set, mesh: Mesh
) -> generator.Evaluate:
    """Makes the distance of samples to training images, for `--evaluate-every`."""
    run, draw = config.run, drawing.compiled()

    @jax.jit
    def fresh(variables, key):
        latent, labels = drawing.sheet(key, run.batch_size)
        return drawing.to_bytes(draw(variables, latent, labels))

    together = parallel.shared(fresh, mesh)
    return moments.evaluation(
        config.evaluation,
        lambda: sets.held(opened, config.evaluation.samples),
        lambda state, key: np.asarray(together(ema_variables(state), key)),
        mesh,
        run.seed + 2,
    )


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
