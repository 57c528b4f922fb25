"""Shows what each number of a class capsule means, by changing one at a time.

    python -m experiments.capsnet_dimensions
    python -m experiments.capsnet_dimensions --run runs/capsnet_mnist_paper
    python -m experiments.capsnet_dimensions --digits 18 61 --reach 0.5 --step 0.1

Sabour, Frosst and Hinton (arXiv:1710.09829), figure 4. A digit is encoded, its class
capsule is moved along one direction, and the decoder draws every step. Takes a minute
on a CPU, with a run of experiments.capsnet_mnist. Writes

dimensions_CLASS_IMAGE.png  the paper's figure: a row for each dimension of the capsule,
                            moved from -0.25 to 0.25 in steps of 0.05
dimensions.png              the principal directions of the capsules of training digits
                            of the class, those of most variance; the digit's place
                            along each runs from -2.5 to 2.5 of the class's standard
                            deviations, where digits really lie
dimensions.json             the variances, and how much the drawings change

The dimensions of capsules vary together, and a step of 0.25 along one of them alone is
often farther than any digit lies, so its drawing is no digit any more. Along principal
directions, one thing changes at a time. Expect strokes to get thicker, lean, widen or
lose a part.
"""

import dataclasses
import pathlib
from typing import Annotated, NamedTuple

import numpy as np

from experiments.capsnet_dimensions.pictures import Digit, draw, draw_overview
from jaxgan import bounds, capsules, data
from jaxgan.lab import blocks, capsnets, figures

ALIASES = {"--out": "--workdir"}


@dataclasses.dataclass(frozen=True)
class Config:
    """Which digits to change, and by how much."""

    run: pathlib.Path = pathlib.Path("runs/capsnet_mnist")
    """Directory of a run of experiments.capsnet_mnist; it is only read."""
    workdir: pathlib.Path | None = None
    """Directory for the pictures; RUN/pictures if left out."""
    digits: tuple[bounds.Natural, ...] = ()
    """Numbers of test images. If left out, one of each class that is classified
    right."""
    reach: bounds.Rate = 0.25
    """Largest change of a dimension, to both sides."""
    step: bounds.Rate = 0.05
    """Change from one tile to the next."""
    overview: bounds.Count = 4
    """Digits in the overview."""
    directions: bounds.Count = 3
    """Principal directions of each digit in the overview."""
    deviations: bounds.Rate = 2.5
    """Farthest place along them in standard deviations from the mean, to both sides."""
    sample: Annotated[int, bounds.Within(2)] = 500
    """Training digits of a class whose capsules the directions are taken from."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if self.step > self.reach or abs(self.steps * self.step - self.reach) > (
            1e-6 * self.reach
        ):
            raise ValueError(
                f"--reach is {self.reach} and --step is {self.step}; give a reach of a"
                " whole number of steps"
            )

    @property
    def steps(self) -> int:
        """Tiles to either side of the unchanged one."""
        return round(self.reach / self.step)


def main(config: Config) -> None:
    """Encodes, changes, decodes and draws."""
    model, variables, sets = capsnets.restore_single(config.run, drawing=True)
    out = config.workdir or config.run / "pictures"
    for i in config.digits:
        capsnets.check_digit(sets, "digits", i)
    index = (
        np.array(config.digits)
        if config.digits
        else capsnets.classified_right(model, variables, sets)
    )
    image, label = capsnets.images(sets, index), sets.test["label"][index]
    v = capsnets.encode(model, variables, image)
    found, v = np.asarray(capsules.longest(v))[:, 0], np.asarray(v)
    names = figures.plain(sets.classes)

    def digits(chosen, paths):
        """Draws the capsules of digits along paths `[directions, offsets, D]` each."""
        changed = np.stack([perturb(v[n], int(label[n]), paths(n)) for n in chosen])
        drawn = blocks.in_blocks(
            lambda masked: capsnets.decode(model, variables, masked),
            changed.reshape(-1, *v.shape[1:]),
        ).reshape(*changed.shape[:3], *image.shape[1:])
        return [
            Digit(
                int(index[n]),
                names[label[n]],
                int(label[n]),
                int(found[n]),
                image[n],
                rows,
            )
            for n, rows in zip(chosen, drawn, strict=True)
        ]

    offsets = np.arange(-config.steps, config.steps + 1) * config.step
    axes = offsets[:, None] * np.eye(v.shape[2])[:, None]
    seen = digits(range(len(index)), lambda _: axes)
    above = [f"{x:+.2f}" if x else "0" for x in offsets.round(9)]
    for digit in seen:
        about = f"{digit.about[:-1]}, classified {names[digit.found]})"
        path = out / f"dimensions_{digit.label}_{digit.number}.png"
        figures.save(path, draw(digit, above, about), about)

    chosen = np.linspace(0, len(index) - 1, min(config.overview, len(index)))
    chosen = chosen.round().astype(int)
    kinds = {
        c: principal(class_capsules(model, variables, sets, c, config.sample))
        for c in np.unique(label[chosen])
    }
    places = np.linspace(-config.deviations, config.deviations, len(offsets))
    moved = digits(
        chosen,
        lambda n: through(kinds[label[n]], v[n, label[n]], places, config.directions),
    )
    explained = [kinds[d.label].explained[: config.directions] for d in moved]
    overview = draw_overview(
        moved, explained, [f"{x:+.1f}" if x else "0" for x in places]
    )
    figures.save(out / "dimensions.png", overview, "principal directions")
    figures.save_results(
        out / "dimensions.json",
        {
            "run": str(config.run),
            "offsets": offsets.round(9).tolist(),
            "visible_change": np.mean([d.change for d in seen], 0).tolist(),
            "digits": [digit.results() for digit in seen],
            "deviations": places.tolist(),
            "principal": [
                {
                    **digit.results(),
                    "explained": kinds[digit.label].explained.tolist(),
                    "directions": kinds[digit.label].directions.tolist(),
                }
                for digit in moved
            ],
        },
    )


def class_capsules(model, variables, sets, label: int, count: int) -> np.ndarray:
    """Capsules `[N, D]` of a class, of training digits of it that are seen as such."""
    of_class = np.flatnonzero(sets.train["label"] == label)
    chosen = of_class[data.some(len(of_class), count)]
    image = sets.train["image"][chosen].astype(np.float32) / 255
    v = blocks.in_blocks(lambda image: capsnets.encode(model, variables, image), image)
    right = np.asarray(capsules.longest(v))[:, 0] == label
    return v[right if right.sum() > 1 else slice(None), label]


class Principal(NamedTuple):
    """How capsules of a class vary.

    Attributes:
        mean: `[D]`.
        directions: `[D, D]`, a row each, orthogonal and of length 1; those of most
            variance first.
        deviations: the standard deviation along each, `[D]`.
    """

    mean: np.ndarray
    directions: np.ndarray
    deviations: np.ndarray

    @property
    def explained(self) -> np.ndarray:
        """The share of the variance along each direction, `[D]`."""
        return self.deviations**2 / (self.deviations**2).sum()


def principal(v: np.ndarray) -> Principal:
    """The principal directions of capsules `[N, D]`."""
    variance, vectors = np.linalg.eigh(np.cov(v.T))
    directions = vectors.T[::-1]
    # The sign of a direction has no meaning; the largest number is made positive.
    largest = np.abs(directions).argmax(1)[:, None]
    signs = np.sign(np.take_along_axis(directions, largest, 1))
    deviations = np.sqrt(np.maximum(variance[::-1], 0))
    return Principal(v.mean(0), directions * signs, deviations)


def through(
    kind: Principal, v: np.ndarray, places: np.ndarray, count: int
) -> np.ndarray:
    """What moves a capsule `[D]` through places along each of the first directions.

    Args:
        kind: how capsules of its class vary.
        v: the capsule.
        places: in standard deviations from the mean.
        count: of directions.

    Returns:
        `[directions, places, D]`.
    """
    directions = kind.directions[:count]
    there = directions @ (v - kind.mean)
    far = kind.deviations[:count, None] * places - there[:, None]
    return far[..., None] * directions[:, None]


def perturb(v: np.ndarray, label: int, paths: np.ndarray) -> np.ndarray:
    """Makes masked capsules `[directions, offsets, J, D]`.

    Args:
        v: the class capsules `[J, D]` of one image.
        label: the capsule to keep.
        paths: what to add to it, `[directions, offsets, D]`.
    """
    changed = np.zeros((*paths.shape[:2], *v.shape), np.float32)
    changed[:, :, label] = v[label] + paths
    return changed
