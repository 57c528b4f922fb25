"""Shows what each number of a class capsule means, by changing one at a time.

    python -m experiments.capsnet_dimensions
    python -m experiments.capsnet_dimensions --run runs/capsnet_mnist_paper
    python -m experiments.capsnet_dimensions --digits 18 61 --reach 0.5 --step 0.1

Sabour, Frosst and Hinton (arXiv:1710.09829), figure 4. A digit is encoded, one
dimension of its class capsule is moved from -0.25 to 0.25 in steps of 0.05, and the
decoder draws every value. Takes half a minute on a CPU, with a run of
experiments.capsnet_mnist. Writes dimensions_CLASS_IMAGE.png, a row for each dimension,
dimensions.png with the rows that change most, and dimensions.json. Expect strokes to
get thicker, lean, widen or lose a part; some dimensions do little for a digit.
"""

import dataclasses
import pathlib

import numpy as np

from experiments.capsnet_dimensions.pictures import Digit, draw, draw_overview
from jaxgan import bounds, capsules
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
    """Largest change of a dimension, in both directions."""
    step: bounds.Rate = 0.05
    """Change from one tile to the next."""
    overview: bounds.Count = 4
    """Digits in the overview."""
    dimensions: bounds.Count = 4
    """Dimensions of each digit in the overview: those whose change is most visible."""

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
    offsets = np.arange(-config.steps, config.steps + 1) * config.step
    changed = np.stack([perturb(*each, offsets) for each in zip(v, label, strict=True)])
    drawn = blocks.in_blocks(
        lambda masked: capsnets.decode(model, variables, masked),
        changed.reshape(-1, *v.shape[1:]),
    ).reshape(*changed.shape[:3], *image.shape[1:])  # [digit, dimension, offset, ...]
    names = figures.plain(sets.classes)
    seen = [
        Digit(int(i), names[c], int(c), int(c_found), *pictures)
        for i, c, c_found, *pictures in zip(
            index, label, found, image, drawn, strict=True
        )
    ]
    above = [f"{x:+.2f}" if x else "0" for x in offsets.round(9)]
    for digit in seen:
        about = f"{digit.about[:-1]}, classified {names[digit.found]})"
        path = out / f"dimensions_{digit.label}_{digit.number}.png"
        figures.save(path, draw(digit, above, about), about)
    shown = np.linspace(0, len(seen) - 1, min(config.overview, len(seen))).round()
    overview = draw_overview(
        [seen[n] for n in shown.astype(int)], config.dimensions, above
    )
    figures.save(out / "dimensions.png", overview, "dimensions that change most")
    change = np.stack([digit.change for digit in seen])
    figures.save_results(
        out / "dimensions.json",
        {
            "run": str(config.run),
            "offsets": offsets.round(9).tolist(),
            "visible_change": change.mean(0).tolist(),
            "digits": [digit.results() for digit in seen],
        },
    )


def perturb(v: np.ndarray, label: int, offsets: np.ndarray) -> np.ndarray:
    """Makes masked capsules `[D, offsets, J, D]`, each with one number changed.

    Args:
        v: the class capsules `[J, D]` of one image.
        label: the capsule to keep.
        offsets: the changes to add.
    """
    classes, dim = v.shape
    changed = np.zeros((dim, len(offsets), classes, dim), np.float32)
    changed[:, :, label] = v[label]
    changed[:, :, label] += offsets[None, :, None] * np.eye(dim)[:, None, :]
    return changed
