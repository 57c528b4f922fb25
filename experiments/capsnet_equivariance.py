"""Shows equivariance and invariance: what moves with a digit, and what stays.

    python -m experiments.capsnet_equivariance
    python -m experiments.capsnet_equivariance --run runs/capsnet_mnist_paper
    python -m experiments.capsnet_equivariance --most 4 --count 80

Sabour, Frosst and Hinton (arXiv:1710.09829), section 1. Takes about a minute on two CPU
cores, with a run of experiments.capsnet_mnist. Writes equivariance_pooling.png (a
detection moves with its input, until pooling forgets where it was),
equivariance_pose.png and equivariance.json. For the latter, test digits are shifted and
the shift is read off the class capsule by a linear map, fitted to half of the digits of
a class and tested on the others. Expect to find most of the shift in the pose and
less of it in the lengths of all class capsules, and lengths that hold up to the largest
shift of the training.
"""

import dataclasses
import pathlib
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen
from matplotlib.patches import Rectangle

from jaxgan import bounds, capsules, data
from jaxgan.data.synthetic import digits
from jaxgan.lab import blocks, capsnets, cli, figures
from jaxgan.models import capsnet

POSE, LENGTH, PALE = "#1f6f8b", "#d1495b", "#777777"
INPUTS = np.array([[0, 3, 2, 0, 0], [0, 0, 3, 2, 0]])
# A filter as wide as the thing to detect, and a threshold that only all of it passes:
# 3 + 2 - 4 = 1, while 3 - 4 and 2 - 4 are cut off by the ReLU.
FILTER, BIAS = np.array([1, 1]), -4
POOL = 3  # neighbours of which the largest is kept

ALIASES = {"--out": "--workdir"}


@dataclasses.dataclass(frozen=True)
class Config:
    """Which digits to shift, and how far."""

    run: pathlib.Path = pathlib.Path("runs/capsnet_mnist")
    """Directory of a run of experiments.capsnet_mnist; it is only read."""
    workdir: pathlib.Path | None = None
    """Directory for the pictures; RUN/pictures if left out."""
    most: bounds.Count = 3
    """Largest shift in pixels, in each direction."""
    count: Annotated[int, bounds.Within(2)] = 80
    """Test digits of each class, at most; the fit uses half of them."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def main(config: Config) -> None:
    """Pools, shifts, fits and draws."""
    model, variables, sets = capsnets.restore_single(config.run)
    out = config.workdir or config.run / "pictures"
    labels = sets.test["label"]
    index = [np.flatnonzero(labels == c) for c in range(model.classes)]
    index = [there[data.some(len(there), config.count)] for there in index]
    if (fewest := min(map(len, index))) < 2:
        raise ValueError(
            f"a class has {fewest} test images; the fit and its test need one each"
        )
    detected, pooled = detect(INPUTS)
    figure = draw_pooling(detected, pooled)
    about = "a detection that moves, and pooling that forgets where"
    figures.save(out / "equivariance_pooling.png", figure, about)

    steps = np.arange(-config.most, config.most + 1)
    offsets = np.stack(np.meshgrid(steps, steps, indexing="ij"), -1).reshape(-1, 2)

    @jax.jit
    def look(variables, image, offset):
        return capsnet.encode(model, variables, jax.vmap(digits.shift)(image, offset))

    read, classes = [], []
    for c, chosen in enumerate(index):
        image = capsnets.images(sets, chosen).repeat(len(offsets), 0)
        every = np.tile(offsets, (len(chosen), 1))
        v = blocks.in_blocks(lambda *x: look(variables, *x), image, every)
        v = v.reshape(len(chosen), len(offsets), *v.shape[1:])
        predicted, found = of_class(v, c, offsets)
        read.append(predicted)
        classes.append({"class": c, "digits": len(chosen), **found})
    mean = {
        name: np.mean([c[name] for c in classes], 0).tolist()
        for name in ("r2_pose", "r2_lengths", "length", "found")
    }
    strip = None
    if model.reconstruction:
        strip = shifted_strip(model, variables, sets, index, steps)
    figure = draw_pose(strip, steps, offsets, read, classes, mean)
    about = "shifted digits, and the shift read off their capsules"
    figures.save(out / "equivariance_pose.png", figure, about)
    figures.save_results(
        out / "equivariance.json",
        {
            "run": str(config.run),
            "pooling": {
                "inputs": INPUTS.tolist(),
                "filter": FILTER.tolist(),
                "bias": BIAS,
                "pool": POOL,
                "detected": detected.tolist(),
                "pooled": pooled.tolist(),
            },
            "shifts": steps.tolist(),
            "about": "r2: rows down, columns right; length and found: by the larger of"
            " both shifts, from 0",
            "mean": mean,
            "classes": classes,
        },
    )


def of_class(v: np.ndarray, c: int, offsets: np.ndarray):
    """Measures how the capsules of digits of one class follow shifts.

    Args:
        v: class capsules `[digits, shifts, J, D]`.
        c: the class.
        offsets: the shifts `[shifts, 2]`.

    Returns:
        What is read off the pose of the digits that the fit did not use, see `fit`, and
        numbers: how good that is, how good it is from lengths alone, and, by the size
        of the shift, the length and how often it is the largest.
    """
    length, half = np.asarray(capsules.lengths(jnp.asarray(v))), len(v) // 2
    read, r2 = fit(v[:, :, c], offsets, half)
    size = np.abs(offsets).max(1)
    right = length.argmax(2) == c
    return read, {
        "r2_pose": r2.tolist(),
        "r2_lengths": fit(length, offsets, half)[1].tolist(),
        "length": [float(length[:, size == d, c].mean()) for d in np.unique(size)],
        "found": [float(right[:, size == d].mean()) for d in np.unique(size)],
    }


def detect(inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A convolution with a ReLU, and the largest of neighbours: two maps `[N, *]`."""
    x = jnp.asarray(inputs, jnp.float32)
    matched = jax.vmap(lambda row: jnp.correlate(row, jnp.asarray(FILTER * 1.0)))(x)
    maps = linen.relu(matched + BIAS)
    pooled = linen.max_pool(maps[..., None], (POOL,))[..., 0]
    return np.asarray(maps).astype(int), np.asarray(pooled).astype(int)


def fit(x: np.ndarray, offsets: np.ndarray, half: int) -> tuple[np.ndarray, np.ndarray]:
    """Reads shifts off vectors by least squares.

    Args:
        x: vectors `[digits, shifts, D]`.
        offsets: what is to be read `[shifts, 2]`.
        half: how many of the digits the fit uses.

    Returns:
        What is read off the other digits `[digits - half, shifts, 2]`, and the share of
        the variance of the shifts that it explains `[2]`, 1 at best.
    """
    x = np.concatenate([x, np.ones_like(x[..., :1])], -1).astype(np.float64)
    target = np.broadcast_to(offsets, (*x.shape[:2], 2)).astype(np.float64)
    known, new = x[:half].reshape(-1, x.shape[-1]), x[half:]
    weights = np.linalg.lstsq(known, target[:half].reshape(-1, 2), rcond=1e-6)[0]
    read = new @ weights
    left = np.square(read - target[half:]).mean((0, 1))
    return read, 1 - left / np.square(target[half:]).mean((0, 1))


def shifted_strip(model, variables, sets, index, steps):
    """One digit shifted to the right, and drawings of its capsule: `[2, S, ...]`."""
    c = min(3, len(index) - 1)
    image = jnp.asarray(capsnets.images(sets, index[c][-1]))
    moved = jnp.stack([digits.shift(image, np.array([0, x])) for x in steps])
    v = capsnets.encode(model, variables, moved)
    v = capsules.mask(v, jnp.full(len(steps), c))
    return np.stack([moved, capsnets.decode(model, variables, v)])


def draw_pooling(detected, pooled):
    """Draws numbers in boxes: inputs, detections and what pooling leaves of them."""
    figure = figures.new(9.6, 3.9)
    figure.suptitle("A detector moves with its input; pooling forgets where it was")
    axes = figure.subplots(1, 2)
    texts = (
        "input",
        f"convolution\nwith ({', '.join(map(str, FILTER))}),\nbias {BIAS}, ReLU",
        f"largest of\n{POOL} neighbours",
    )
    for n, (ax, about) in enumerate(
        zip(axes, ("an input", "moved by one"), strict=True)
    ):
        for row, values in enumerate((INPUTS[n], detected[n], pooled[n])):
            colour = (PALE, POSE, LENGTH)[row]
            for i, value in enumerate(values):
                place = (i + (len(INPUTS[n]) - len(values)) / 2, -1.5 * row)
                strength = 0.15 + 0.25 * min(value, 2) if value else 0
                for alpha, fill in ((strength, True), (1, False)):
                    ax.add_patch(
                        Rectangle(
                            place, 0.94, 0.94, color=colour, alpha=alpha, fill=fill
                        )
                    )
                middle = (place[0] + 0.47, place[1] + 0.44)
                ax.text(*middle, str(value), size=15, ha="center", va="center")
            if not n:
                ax.text(-0.4, -1.5 * row + 0.47, texts[row], ha="right", va="center")
        ax.set(xlim=(-0.2, 5.2), ylim=(-3.2, 1.2), aspect="equal")
        ax.set_title(about)
        ax.set_axis_off()
    return figure


def draw_pose(strip, steps, offsets, read, classes, mean):
    """Draws a digit that moves, what is read off its capsule, lengths, and R²."""
    figure = figures.new(12, 5.4 + 2.2 * (strip is not None))
    below = figure
    if strip is not None:
        parts = figure.subfigures(2, 1, height_ratios=(1, 2), squeeze=False)
        above, below = parts[:, 0]
        ax = above.subplots()
        offset = [f"{x:+d}" if x else "0" for x in steps]
        figures.tiles(
            ax, strip, ["shifted input", "drawn from its\nclass capsule"], offset
        )
        ax.set_title("pixels to the right", size=10)
    axes = below.subplots(2, 2)
    for ax, axis, about in zip(axes[0], (1, 0), ("to the right", "down"), strict=True):
        still = offsets[:, 1 - axis] == 0
        ax.plot(steps, steps, color=PALE, lw=1, ls="--")
        for values in read:
            shift = values[:, still, axis]
            ax.plot(steps, shift[0], color=POSE, lw=0.9, alpha=0.8)
        ax.set(xlabel=f"pixels shifted {about}", ylabel="read off the pose")
        ax.set_title("one unseen digit of each class (dashed: exact)", size=10)
    length, r2 = axes[1]
    far = np.arange(len(mean["length"]))
    for c in classes:
        length.plot(far, c["length"], color=PALE, lw=0.9)
    for name, colour, text in (
        ("length", LENGTH, "length of the right capsule (grey: each class)"),
        ("found", POSE, "share classified right"),
    ):
        length.plot(far, mean[name], "o-", color=colour, label=text)
    length.set(ylim=(0, 1.05), xticks=far, xlabel="pixels shifted, either way")
    length.set_title("presence", size=10)
    length.legend(frameon=False, fontsize=9, loc="lower left")
    place = np.arange(len(classes))
    for side, name, colour, text in (
        (-0.2, "r2_pose", POSE, "from the class's capsule"),
        (0.2, "r2_lengths", LENGTH, "from the lengths of all"),
    ):
        values = [max(0.0, float(np.mean(c[name]))) for c in classes]
        r2.bar(place + side, values, 0.4, color=colour, label=text)
    r2.set(xticks=place, xlabel="class", ylim=(0, 1.35), yticks=(0, 0.5, 1))
    r2.set_title("R² of the shift, on unseen digits (below 0: no bar)", size=10)
    r2.legend(frameon=False, fontsize=9, ncols=2, loc="upper center")
    for ax in axes.ravel():
        ax.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__, aliases=ALIASES)
