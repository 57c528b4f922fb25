"""The accuracies as text and as a picture."""

from typing import Any

import numpy as np

from experiments.discriminator_features import labelled
from jaxgan.lab import figures
from jaxgan.lab.spread import Spread

COLOURS = {
    "discriminator": "#2f6f9f",
    "random weights": "#9fb8c8",
    "k-means": "#c8a25a",
    "pixels": "#b0b0b0",
}


def table(found: dict[str, Any]) -> str:
    """Writes the accuracies as lines of text."""
    counts = list(found["discriminator"]["accuracy"])
    lines = [
        f"{'features':>15} {'numbers':>8}"
        + "".join(f"{f'{count:,} labels':>20}" for count in counts)
    ]
    for name, result in found.items():
        cells = [f"{_accuracy(result['accuracy'][count]):>20}" for count in counts]
        lines.append(f"{name:>15} {result['numbers']:>8,}" + "".join(cells))
    return "\n".join(lines)


def bars(found: dict[str, Any], about: dict[str, Any]) -> Any:
    """Draws a panel for each number of labels."""
    counts = list(found["discriminator"]["accuracy"])
    figure = figures.new(10.4, 1.2 + (0.75 + 0.42 * len(found)) * len(counts))
    axes = np.atleast_1d(figure.subplots(len(counts), 1, sharex=True))
    for ax, count in zip(axes, counts, strict=True):
        for y, (name, result) in enumerate(found.items()):
            seen = result["accuracy"][count]
            mean, deviation = 100 * seen["mean"], 100 * (seen["deviation"] or 0)
            ax.barh(y, mean, xerr=deviation or None, color=COLOURS[name], capsize=3)
            ax.text(
                mean + deviation + 0.8, y, _accuracy(seen), va="center", size="small"
            )
        labels = [f"{name} ({r['numbers']:,} numbers)" for name, r in found.items()]
        ax.set_yticks(range(len(found)), labels)
        ax.invert_yaxis()
        ax.axvline(100 / about["classes"], color="black", lw=1, ls=":")
        ax.set_title(f"{count:,} labels", size="medium", loc="left")
        ax.set(xlim=(0, 122), xticks=range(0, 101, 20))
        ax.spines[["top", "right"]].set_visible(False)
    figure.supxlabel(
        f"accuracy on {about['tested_on']:,} test images in %: mean and deviation over"
        " draws of labels; dotted: chance",
        size="medium",
    )
    figure.suptitle(
        f"Linear SVM on features of {about['data']}: {about['model']}, step"
        f" {about['step']:,}"
    )
    return figure


def binomial(result: dict[str, Any], count: int, parts: labelled.Parts) -> float:
    """The standard error from the choice of test images, which draws do not include."""
    p = result["accuracy"][count]["mean"]
    return float(np.sqrt(p * (1 - p) / len(parts.test)))


def _accuracy(seen: dict[str, Any]) -> str:
    mean, deviation = seen["mean"], seen["deviation"]
    percent = Spread(100 * mean, None if deviation is None else 100 * deviation)
    return f"{percent.text(1)} %"
