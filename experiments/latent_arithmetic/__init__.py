"""Calculates with the latents of a finished run, turns faces, and finds directions.

    python -m experiments.latent_arithmetic --run runs/dcgan_faces
    python -m experiments.latent_arithmetic --run runs/photos
    python -m experiments.latent_arithmetic --run R --start 3 17 --minus 5 8 --plus 11

Radford, Metz and Chintala, arXiv:1511.06434, show that man with glasses - man without
+ woman without is a woman with glasses, where each term is the mean of three latents,
and that left-looking minus right-looking turns faces. They chose latents by hand and
show the result. On drawn faces a regressor of the factors of a face chooses at random
among the samples that it is sure of. Another regressor, with other weights and trained
on other faces, counts how often, in many trials, the result gains what it should and
keeps the rest: with the mean of 1, 3 and 10 latents; stretched
to the usual length; where the subtracted latents were chosen to be like those they are
subtracted from; and, as controls, in a random direction and with pixels instead of
latents. Arithmetic can only move what lies along a line in the latents; results.json
says how well a line separates it. Directions without a name are found by closed-form
factorisation (Shen and Zhou, arXiv:2007.06600).

Other runs have no regressor: choose samples by their numbers on sheet.png. A model of
classes draws all samples in one class, --label.

Takes minutes on two CPU cores; the first run on drawn faces trains the regressor, which
takes some more. The run itself is only read. --workdir gets sheet.png, sefa.png, for
drawn faces arithmetic_*.png, trials_*.png and turn.png, for given samples
arithmetic.png; results.json with the counts; and directions.npz with a direction for
every factor of the regressor, for experiments.explore.
"""

import dataclasses
import functools
import io
import pathlib
from typing import Annotated, Any

import jax
import numpy as np

from experiments.latent_arithmetic import concepts, equations, pictures, turning
from experiments.latent_arithmetic.laboratory import Laboratory
from jaxgan import bounds, report
from jaxgan.data.labels import numbers
from jaxgan.lab import figures, inference, painting
from jaxgan.lab.first_layer import first_layer
from jaxgan.train.terminal import say

SHEET = 100  # samples on sheet.png
JUDGED = 512  # samples whose median logit is the discriminator's usual one


@dataclasses.dataclass(frozen=True)
class Config:
    """The run and the samples to calculate with."""

    run: pathlib.Path
    """Directory of a finished run of a generator; it is only read."""
    workdir: pathlib.Path = pathlib.Path("runs/latent_arithmetic")
    """Directory for the pictures and the results."""
    start: tuple[bounds.Natural, ...] = ()
    """Numbers of samples on sheet.png that have some attribute."""
    minus: tuple[bounds.Natural, ...] = ()
    """Numbers of similar samples without the attribute."""
    plus: tuple[bounds.Natural, ...] = ()
    """Numbers of the samples that are to gain it."""
    samples: Annotated[int, bounds.Within(SHEET)] = 4000
    """Samples among which the regressor looks for exemplars."""
    exemplars: bounds.Count = 3
    """Samples whose mean is a concept; 1 and 10 are tried too."""
    trials: bounds.Count = 200
    """Number of trials of each equation, each with other exemplars."""
    noise: bounds.Weight = 0.25
    """Largest noise around a result in its sheet of nine."""
    directions: bounds.Natural = 6
    """Directions of closed-form factorisation; 0 leaves them out."""
    label: str | None = None
    """Class to draw, by name or number, for models of classes; the first if left
    out."""
    seed: bounds.Seed = 0
    """Seed of the latents and of the choice of exemplars."""
    ema: bool = True
    """Whether to use the moving average of the weights."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        given = [len(self.start), len(self.minus), len(self.plus)]
        if any(given) and not all(given):
            raise ValueError(
                f"--start, --minus and --plus have {given} samples; give at least one"
                " of each, or none at all"
            )
        for name in ("start", "minus", "plus"):
            for index in getattr(self, name):
                if not 0 <= index < SHEET:
                    raise ValueError(
                        f"--{name} has {index}, but the samples of sheet.png are"
                        f" numbered 0 to {SHEET - 1}"
                    )


def main(config: Config) -> None:
    """Draws samples, calculates with them, and counts."""
    trained = inference.open_run(config.run, ema=config.ema)
    label = _label(config, trained)
    weight = first_layer(trained) if config.directions else None
    if config.directions and weight is None:
        raise ValueError(
            f"the latents of {trained.name} do not enter a dense layer by themselves;"
            " leave the directions out with --directions 0"
        )
    lab, quality = _open(config, trained, label)
    results: dict[str, Any] = {
        "step": trained.step,
        "config": dataclasses.asdict(config),
        "norm": {"mean": lab.norm, "of": f"{len(lab.latents)} samples"},
    }
    shown = config.workdir / "sheet.png"
    report.save_png(shown, pictures.numbered(lab.images[:SHEET]))
    say(f"{shown}: {SHEET} samples with their numbers")
    if config.start:
        results["given"] = _given(lab)
    if lab.read is not None:
        results["regressor"] = quality
        results["arithmetic"] = {
            equation.name: equations.solve(lab, equation)
            for equation in concepts.EQUATIONS
        }
        results["turn"] = turning.turn_faces(lab)
        found = io.BytesIO()
        np.savez(found, allow_pickle=False, **turning.named(lab))
        report.write(config.workdir / "directions.npz", found.getvalue())
    elif not config.start:
        say(
            "arithmetic needs samples to calculate with: choose some from sheet.png,"
            " such as --start 3 17 42 --minus 5 8 60 --plus 11 12 33"
        )
    if weight is not None:
        results["sefa"] = turning.factorise(lab, weight)
    figures.save_results(config.workdir / "results.json", results)


def _label(config: Config, trained: inference.Trained) -> int:
    """The number of the class to draw; 0 for models without classes."""
    if config.label is None:
        return 0
    if not trained.classes:
        raise ValueError(
            f"--label is {config.label}, but the generator takes no classes; leave it"
            " out"
        )
    try:
        return numbers([config.label], inference.class_names(trained))[0]
    except ValueError as error:
        raise ValueError(f"--label: {error} of {config.run}") from None


def _open(config: Config, trained: inference.Trained, label: int):
    """Prepares the samples and functions, and tells the quality of the regressor."""
    painter = painting.painter(trained)
    factors = painting.reader(trained)
    scores = painting.reader(trained, second=True)
    count = config.samples if factors is not None else 2 * SHEET
    key = jax.random.key(config.seed)
    z = np.asarray(painter.vectors(key, count))
    images = painter.paint(z, label)
    choose, read = (
        None if one is None else functools.partial(painting.read, one)
        for one in (factors, scores)
    )
    lab = Laboratory(
        config,
        lambda z: painter.paint(z, label),
        z,
        images,
        float(np.linalg.norm(z, axis=-1).mean()),
        read,
        {} if choose is None else choose(images),
        None if read is None else painting.judge(trained, images[:JUDGED]),
    )
    quality = {"chooses": factors, "scores": scores}
    return lab, {
        name: dict(one.quality) for name, one in quality.items() if one is not None
    }


def _given(lab: Laboratory) -> dict[str, Any]:
    """Calculates with samples that were given by their numbers."""
    config = lab.config
    chosen = {name: list(getattr(config, name)) for name in ("start", "minus", "plus")}
    title = "start - minus + plus"
    equations.draw(lab, "arithmetic.png", title, list(chosen), list(chosen.values()))
    return chosen
