r"""DCGAN and the improved GAN on natural images, side by side (arXiv:1606.03498).

    python -m experiments.improved_gan_images
    python -m experiments.improved_gan_images --data FLOWERS.npz --flip
    python -m experiments.improved_gan_images --preset paper --data tfds:cifar10

Trains two GANs on the same colour images at 32x32, for as many steps: a DCGAN, which
sees no labels, and the improved GAN by minibatch discrimination, whose discriminator
also learns the classes of all images, or of `--labels` of them. The paper shows that
samples of the second begin to have things in them that can be named. Here a small
classifier of the real images does the naming: `class_score` and `confidence` tell how
surely it sees a class in samples, and how evenly it sees all of them, beside the same
for real test images. It is also sure of things that no person would name, so look at
the samples.

Writes samples.png, with samples of both, report.html and results.json, which also has
Fréchet distances in the features of the classifier and in fixed ones. Neither generator
is averaged. The same command again goes on where it stopped, and a run that ended is
not repeated.

Without flags: drawn portraits by hair style and narrow networks, some minutes on two
CPU cores. Any colour images with classes will do: a folder of class folders, a zip or
an npz with labels, or tfds:NAME.
"""

import dataclasses
import functools
from typing import Annotated, Any, Literal

import numpy as np
import tyro
from PIL import Image

from jaxgan import bounds
from jaxgan.lab import (
    classes,
    cli,
    few_labels,
    figures,
    generator,
    runs,
    scored,
    session,
)
from jaxgan.lab.data import Data, Set, channels_of, open_set
from jaxgan.lab.measure import moments, samples
from jaxgan.lab.session import Numbers, Result
from jaxgan.models import dcgan, improved_gan
from jaxgan.train import Run

SHAPE = (32, 32, 3)
NAMES = {"dcgan": "DCGAN", "improved_gan": "Improved GAN"}
SHEETS = {"dcgan": "ema", "improved_gan": "samples"}


@dataclasses.dataclass(frozen=True)
class Config:
    """Training of both GANs."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[Data, tyro.conf.arg(name="")]
    model: improved_gan.Config
    dcgan: dcgan.Config
    labels: bounds.Natural = 0
    """How many images have their labels for the improved GAN, as many of each class; 0
    takes all."""
    constant: bounds.Share = 0.5
    """Share of the steps before the improved GAN's step size starts to fall to 0; 1
    keeps it constant."""
    evaluation: moments.Evaluation = dataclasses.field(
        default_factory=moments.Evaluation
    )
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the papers' networks and the steps of the
    released script for CIFAR-10, for an accelerator."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        for name in ("model", "dcgan"):
            model = getattr(self, name)
            if (model.resolution, model.channels) != (SHAPE[0], SHAPE[2]):
                raise ValueError(
                    f"--{name}.resolution is {model.resolution} and --{name}.channels"
                    f" {model.channels}; they must be 32 and 3, as both GANs draw"
                    " colour images of 32x32"
                )
        if self.data.shift:
            raise ValueError(
                f"--shift is {self.data.shift}; leave it out, as the improved GAN does"
                " not shift its images"
            )
        if self.model.decay is not None:
            raise ValueError(
                f"--model.decay is {self.model.decay}; leave it out and give --constant"
            )


PRESETS = {
    "laptop": Config(
        run=runs.run("improved_gan_images", steps=1500, every=250, batch_size=32),
        data=Data("portraits:8192@hair_style", upscale="auto"),
        model=dataclasses.replace(
            improved_gan.CIFAR10_MINIBATCH,
            classes=None,
            width=16,
            generator_width=32,
            ema=0.99,
        ),
        dcgan=dcgan.Config(
            resolution=32,
            width=32,
            kernel=4,
            latent_distribution="normal",
            learning_rate=3e-4,
            ema=0.0,
        ),
    ),
    "paper": Config(
        run=runs.run(
            "improved_gan_images_paper", steps=600_000, every=5000, batch_size=100
        ),
        data=Data("tfds:cifar10"),
        model=dataclasses.replace(
            improved_gan.CIFAR10_MINIBATCH, classes=None, ema=0.9999
        ),
        dcgan=dcgan.Config(resolution=32, ema=0.0),
        labels=4000,
        constant=2 / 3,
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains what is missing, then writes the picture and the numbers."""
    parts = {"dcgan": baseline(config), "improved_gan": improved(config)}
    fits = {"dcgan": fit_baseline, "improved_gan": few_labels.fit}

    @functools.cache
    def opened():
        return colour(config)

    found = {
        name: runs.once(part, lambda fit=fits[name], part=part: fit(
            part, opened(), functools.partial(score, config)
        ))
        for name, part in parts.items()
    }  # fmt: skip
    session.only_main()
    path = config.run.workdir / "samples.png"
    draw(path, {name: (found[name], part.run) for name, part in parts.items()})
    about = "Samples of the DCGAN, and of the improved GAN"
    title = "Natural images: DCGAN, and the improved GAN"
    figures.write(title, config.run.workdir, found, {about: path})


def baseline(config: Config) -> runs.Part:
    """The settings of the DCGAN's run."""
    return runs.part(config, "dcgan", config.dcgan)


def improved(config: Config) -> few_labels.Part:
    """The settings of the improved GAN's run."""
    begin = int(config.constant * config.run.steps)
    decay = (begin, config.run.steps) if begin < config.run.steps else None
    model = dataclasses.replace(config.model, decay=decay)
    part = runs.part(config, "improved_gan", model)
    return few_labels.Part(part.run, part.data, config.labels, model)


def colour(config: Config) -> Set:
    """The data of both GANs.

    Raises:
        ValueError: it is grey, or has no labels, or no images to test on.
    """
    if channels_of(config.data) == 1:
        raise ValueError(
            f"{config.data.data} has grey images, and this command is for colour;"
            " experiments.improved_gan_mnist is for digits"
        )
    opened = classes.labelled(open_set(config.data, SHAPE, test=True))
    if not opened.test:
        raise ValueError(
            f"{config.data.data} has no images to test on, which the classifier that"
            " scores samples needs; give a smaller set, or one with a test split"
        )
    return opened


def fit_baseline(part: runs.Part, opened: Set, score: few_labels.Score) -> Result:
    """Trains the DCGAN, or goes on, and scores it."""

    def measure(state, opened):
        judged = classes.present(opened)
        return Result(score(dcgan.MODEL, part, judged, state), {})

    return generator.train("DCGAN", dcgan.MODEL, part, opened=opened, measure=measure)


def score(
    config: Config, record: Any, part: Any, judged: Set, state: Any
) -> dict[str, Any]:
    """Scores samples by the classifier of the data, and in features of no classes."""
    seen = samples.scored(
        generator.Drawing(record, part.model),
        state,
        judged,
        config.evaluation,
        config.evaluation.samples,
        faces=False,
        seed=part.run.seed + 3,
    )
    return scored.score(record, part, judged, state) | {
        "fixed_features": seen["extractor"]["name"],
        "fixed_features_frechet_distance": seen["frechet_distance"],
    }


def draw(path: Any, pictures: dict[str, tuple[Numbers, Run]]) -> None:
    """Draws samples of both, side by side, with their scores."""
    figure = figures.new(11, 6)
    panels = figure.subplots(1, 2)
    for axes, (name, (found, run)) in zip(panels, pictures.items(), strict=True):
        with Image.open(figures.last_sheet_file(run, SHEETS[name])) as image:
            figures.show(axes, np.asarray(image), f"{NAMES[name]}\n{said(found)}")
    figures.save(path, figure, "samples of both")


def said(found: Numbers) -> str:
    """What the classifier says of samples, for a title."""
    kind = "class_score" if "class_score" in found else "mnist_score"
    return (
        f"score {found[kind]:.2f} (real {found[f'{kind}_of_test_images']:.2f}),"
        f" confidence {found['confidence']:.0%}"
        f" (real {found['confidence_of_test_images']:.0%})"
    )


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
