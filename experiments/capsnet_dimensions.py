"""Draws what the numbers of a class capsule mean, by changing one at a time.

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

from jaxgan import bounds, capsules
from jaxgan.lab import blocks, capsnets, cli, figures

ALIASES = {"--out": "--workdir"}


@dataclasses.dataclass(frozen=True)
class Config:
    """Which digits to change, and by how much."""

    run: pathlib.Path = pathlib.Path("runs/capsnet_mnist")
    """Directory of a run of experiments.capsnet_mnist; it is only read."""
    workdir: pathlib.Path | None = None
    """Directory for the pictures; RUN/pictures if left out."""
    digits: tuple[int, ...] = ()
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
    change = np.abs(drawn[:, :, -1] - drawn[:, :, 0]).mean((2, 3, 4))
    error = np.square(drawn - image[:, None, None]).sum((3, 4, 5))
    above = [f"{x:+.2f}" if x else "0" for x in offsets.round(9)]

    for n, i in enumerate(index):
        about = f"digit {label[n]} (test image {i}, classified {found[n]})"
        path = out / f"dimensions_{label[n]}_{i}.png"
        figures.save(path, draw(image[n], drawn[n], change[n], above, about), about)
    shown = np.linspace(0, len(index) - 1, min(config.overview, len(index)))
    overview = draw_overview(
        [
            (f"digit {label[n]} (test image {index[n]})", drawn[n], change[n])
            for n in shown.round().astype(int)
        ],
        config.dimensions,
        above,
    )
    figures.save(out / "dimensions.png", overview, "dimensions that change most")
    results = [
        {
            "test_image": int(i),
            "label": int(label[n]),
            "predicted": int(found[n]),
            "visible_change": change[n].tolist(),
            "squared_error": float(error[n, 0, config.steps]),
            "squared_error_at_ends": error[n][:, [0, -1]].tolist(),
        }
        for n, i in enumerate(index)
    ]
    figures.save_results(
        out / "dimensions.json",
        {
            "run": str(config.run),
            "offsets": offsets.round(9).tolist(),
            "visible_change": change.mean(0).tolist(),
            "digits": results,
        },
    )


def perturb(v: np.ndarray, label: int, offsets: np.ndarray) -> np.ndarray:
    """Masked capsules `[D, offsets, J, D]` of which one number each was changed.

    Args:
        v: the class capsules `[J, D]` of one image.
        label: which of them is kept.
        offsets: what is added.
    """
    classes, dim = v.shape
    changed = np.zeros((dim, len(offsets), classes, dim), np.float32)
    changed[:, :, label] = v[label]
    changed[:, :, label] += offsets[None, :, None] * np.eye(dim)[:, None, :]
    return changed


def draw(image, rows, change, above, about):
    """One digit, and below each other the rows of all its dimensions."""
    side, (dims, columns) = 0.56, rows.shape[:2]
    figure = figures.new(side * (columns + 3.6), side * dims + 1.3)
    figure.suptitle(f"What each dimension of the class capsule does: {about}")
    left, right = figure.subplots(1, 2, width_ratios=(1.6, columns + 1))
    pair = np.stack([image, rows[0, columns // 2]])[:, None]
    figures.tiles(left, pair, ["", ""], [""])
    left.set_anchor("N")
    left.set_title("input", size=9)
    left.set_xlabel("drawn from\nits capsule", size=9)
    figures.tiles(right, rows, [str(d) for d in range(dims)], above)
    right.set_ylabel("dimension")
    right.set_title("added to the dimension", size=10)
    label_changes(right, change, rows.shape[2])
    return figure


def draw_overview(digits, count, above):
    """The dimensions that change most, for some digits, two beside each other."""
    side, columns = 0.56, len(above)
    lines = -(-len(digits) // 2)
    across = min(2, len(digits))
    count = min(count, len(digits[0][1]))
    figure = figures.new(
        across * side * (columns + 2.0), lines * (side * count + 0.75) + 0.4
    )
    figure.suptitle("One dimension of the class capsule changed, and drawn")
    axes = figure.subplots(lines, across, squeeze=False).ravel()
    for ax, (about, rows, change) in zip(axes, digits, strict=False):
        most = np.argsort(-change)[:count]
        figures.tiles(ax, rows[most], [f"dim {d}" for d in most], above)
        ax.set_title(about, size=10)
        label_changes(ax, change[most], rows.shape[2])
    for ax in axes[len(digits) :]:
        ax.remove()
    return figure


def label_changes(axes, change, height):
    """Writes at the right by how much each row changes from end to end."""
    right = axes.secondary_yaxis("right")
    labels = [f"{x:.3f}" for x in change]
    right.set_yticks(figures.middles(len(change), height), labels)
    right.set_ylabel("mean change of a pixel, end to end", size=8)
    right.tick_params(length=0, labelsize=8, colors="#777777")
    right.spines[:].set_visible(False)


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__, aliases=ALIASES)
