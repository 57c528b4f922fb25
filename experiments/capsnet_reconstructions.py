"""Draws what a CapsNet reconstructs of test digits, classified right and wrong.

    python -m experiments.capsnet_reconstructions
    python -m experiments.capsnet_reconstructions --run runs/capsnet_mnist_paper
    python -m experiments.capsnet_reconstructions --correct 10 --failures 6

Sabour, Frosst and Hinton (arXiv:1710.09829), figure 3. Every column is an input and,
below it, the drawing of one of its class capsules, under (l, p, r): the label, the
prediction, and the capsule that was drawn. A digit that is classified wrong appears
twice, with r = p and with r = l. Takes a minute on two CPU cores for 10,000 images.
Writes reconstructions.png, and reconstructions.json with the test error, the failures
and the squared errors. Expect smooth digits, and for failures both drawings to look
like the input; the drawing of the prediction is closer to it on average.
"""

import dataclasses
import pathlib

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import bounds, capsules, data
from jaxgan.lab import blocks, capsnets, cli, figures
from jaxgan.models import capsnet

ALIASES = {"--out": "--workdir"}


@dataclasses.dataclass(frozen=True)
class Config:
    """What to draw from which run."""

    run: pathlib.Path = pathlib.Path("runs/capsnet_mnist")
    """Directory of a run of experiments.capsnet_mnist; it is only read."""
    workdir: pathlib.Path | None = None
    """Directory for the picture; RUN/pictures if left out."""
    correct: bounds.Count = 6
    """Digits that are classified right, of as many different classes as possible."""
    failures: bounds.Natural = 3
    """Digits that are classified wrong, the first of the test set."""
    tests: bounds.Count = 10_000
    """Test images to look at, at most."""
    listed: bounds.Natural = 100
    """Failures that are listed in the JSON file, at most."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def main(config: Config) -> None:
    """Tests, draws, and writes."""
    model, variables, sets = capsnets.restore_single(config.run, drawing=True)
    out = config.workdir or config.run / "pictures"
    label = sets.test["label"]

    @jax.jit
    def look(variables, image, label):
        v = capsnet.encode(model, variables, image)
        predicted = capsules.longest(v)[:, 0]
        drawn = jnp.stack(
            [
                capsnet.decode(model, variables, capsules.mask(v, r))
                for r in (label, predicted)
            ],
            1,
        )
        error = jnp.square(drawn - image[:, None]).sum((2, 3, 4))
        return predicted, jnp.sort(capsules.lengths(v)), error, drawn

    def block(index, label):
        *found, drawn = look(variables, capsnets.images(sets, index), label)
        return (*found, drawn)

    index = data.some_of_each(label, config.tests)
    measured = blocks.in_blocks(lambda *x: block(*x)[:3], index, label[index])
    # The row of each test image by its number; images that are not tested have none.
    predicted, length, error = (
        np.zeros((len(label), *x.shape[1:]), x.dtype) for x in measured
    )
    for whole, part in zip((predicted, length, error), measured, strict=True):
        whole[index] = part
    hit = predicted[index] == label[index]
    right, wrong = index[hit], index[~hit]

    def columns(chosen, which):
        *_, drawn = block(chosen, label[chosen])
        image = capsnets.images(sets, chosen)
        rows = np.stack([image, np.asarray(drawn)[np.arange(len(chosen)), which]])
        triples = zip(label[chosen], predicted[chosen], which, strict=True)
        names = figures.plain(sets.classes)
        return rows, [
            f"({names[y]}, {names[p]}, {names[(y, p)[r]]})" for y, p, r in triples
        ]

    parts = []
    if len(right):
        chosen = one_of_each(right, label[right], config.correct)
        parts.append(("classified right", *columns(chosen, chosen * 0)))
    if len(wrong) and config.failures:
        chosen = wrong[: config.failures].repeat(2)
        parts.append(
            (
                "classified wrong: drawn from the prediction, then from the label",
                *columns(chosen, (np.arange(len(chosen)) + 1) % 2),
            )
        )
    figure = draw(parts, f"test error {len(wrong)} of {len(index):,}")
    about = f"{len(wrong)} of {len(index):,} test images are classified wrong"
    figures.save(out / "reconstructions.png", figure, about)
    figures.save_results(
        out / "reconstructions.json",
        {
            "run": str(config.run),
            "data": sets.about,
            "test_images": len(index),
            "test_error": len(wrong) / len(index),
            "failures": [
                {
                    "test_image": int(i),
                    "label": int(label[i]),
                    "predicted": int(predicted[i]),
                    "longest": length[i, :-3:-1].tolist(),
                    "squared_error_of_label": float(error[i, 0]),
                    "squared_error_of_prediction": float(error[i, 1]),
                }
                for i in wrong[: config.listed]
            ],
            "squared_error": {
                name: {
                    "label": float(error[of, 0].mean()) if len(of) else None,
                    "prediction": float(error[of, 1].mean()) if len(of) else None,
                }
                for name, of in (("all", index), ("right", right), ("wrong", wrong))
            },
        },
    )


def one_of_each(index: np.ndarray, label: np.ndarray, count: int) -> np.ndarray:
    """Chooses the first images of different classes, then the next of each class.

    Args:
        index: the images, `[N]`.
        label: their classes, `[N]`.
        count: the largest number to take.
    """
    turn = [np.sum(label[:i] == c) for i, c in enumerate(label[: 50 * count])]
    first = np.argsort(turn, kind="stable")[:count]
    return index[first[np.argsort(label[first], kind="stable")]]


def draw(parts, error):
    """Draws inputs above reconstructions, the columns under their captions."""
    side, counts = 0.84, [rows.shape[1] for _, rows, _ in parts]
    figure = figures.new(side * (sum(counts) + 2.2), 2 * side + 1.15)
    figure.suptitle(
        f"(l, p, r): label l, prediction p, drawn from the capsule of r; {error}"
    )
    axes = figure.subplots(1, len(parts), width_ratios=counts, squeeze=False)[0]
    for n, (ax, (about, rows, above)) in enumerate(zip(axes, parts, strict=True)):
        figures.tiles(ax, rows, ["input", "output"] if not n else ["", ""], above)
        ax.set_title(about, size=10)
    return figure


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__, aliases=ALIASES)
