"""The pictures and the table of anomaly scores."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxgan.analysis import anomaly
from jaxgan.lab import figures, inference

SHOWN = 8  # images of each kind in the picture
SCORES = {
    "A": "anomaly score A",
    "R": "residual R",
    "D": "features of D",
    "discriminator": "logit of D alone",
    "neighbour": "nearest training image",
    "components": "principal components",
}


def table(areas: dict[str, Any]) -> str:
    """The areas under the ROC curves as lines of text."""
    lines = ["area under the ROC curve (95% interval)"]
    for name, found in areas.items():
        low, high = found["interval"]
        lines.append(
            f"{SCORES[name]:>24}  {found['auc']:.3f} ({low:.3f} to {high:.3f})"
        )
    return "\n".join(lines)


def means(mean: dict[str, float], count: int) -> str:
    """The mean areas of several runs as lines of text."""
    lines = [f"mean area over {count} runs"]
    return "\n".join(
        lines + [f"{SCORES[name]:>24}  {value:.3f}" for name, value in mean.items()]
    )


def runs_picture(path, found: dict[str, dict[str, Any]]) -> None:
    """Draws the area of each score and run, with the intervals."""
    figure = figures.new(max(7.0, 1.1 * len(found)), 4.6, 0.05)
    axes = figure.subplots()
    place = np.arange(len(found))
    for number, (score, words) in enumerate(SCORES.items()):
        areas = [one[score]["auc"] for one in found.values()]
        ends = np.array([one[score]["interval"] for one in found.values()]).T
        axes.errorbar(
            place + 0.1 * (number - (len(SCORES) - 1) / 2),
            areas,
            np.abs(ends - areas),
            fmt="o",
            ms=4,
            lw=1,
            label=f"{words}: mean {np.mean(areas):.3f}",
        )
    axes.axhline(0.5, color="grey", lw=0.8, ls=":")
    axes.set_xticks(place, figures.plain(list(found)))
    axes.set_ylabel("area under the ROC curve")
    figure.legend(loc="outside lower center", fontsize="small", ncols=3)
    figures.save(path, figure, "how well each score finds anomalies, run by run")


def scores_picture(path, scores, anomalous, areas):
    """Draws a histogram of the anomaly score, and the ROC curves of all scores."""
    figure = figures.new(11, 4.6, 0.05)
    left, right = figure.subplots(1, 2)
    score = scores["A"]
    bins = np.linspace(score.min(), score.max(), 31)
    for kind, those in (("normal", ~anomalous), ("anomalous", anomalous)):
        left.hist(score[those], bins, alpha=0.6, label=kind)
    left.set_xlabel("anomaly score A")
    left.set_ylabel("images")
    left.set_title("how unlike any drawn image")
    left.legend()
    for name, values in scores.items():
        order = np.argsort(-values, kind="stable")
        hits = anomalous[order]
        ends = np.append(np.diff(values[order]) != 0, True)  # ties are one step
        rise = np.append(0, np.cumsum(hits)[ends] / hits.sum())
        run = np.append(0, np.cumsum(~hits)[ends] / (~hits).sum())
        words = f"{SCORES[name]}: {areas[name]['auc']:.3f}"
        right.plot(run, rise, label=words, lw=2.5 if name == "A" else 1.3)
    right.plot([0, 1], [0, 1], color="grey", lw=0.8, ls=":")
    right.set_xlabel("share of normal images above the threshold")
    right.set_ylabel("share of anomalous images above")
    right.set_title("ROC curves, and the area under them")
    right.legend(loc="lower right", fontsize="small")
    figures.save(path, figure, "how well the scores separate the two kinds")


def images_picture(path, trained, images, drawn, scores, anomalous):
    """Draws image, G(z) and residual, normal images above anomalous ones."""
    low, high = inference.range_of(trained)
    figure = figures.new(11, 8.6, 0.04)
    for axes, (kind, those) in zip(
        figure.subplots(2, 1),
        (("normal", ~anomalous), ("anomalous", anomalous)),
        strict=True,
    ):
        index = np.flatnonzero(those)[:SHOWN]
        x, g = ((np.asarray(y)[index] - low) / (high - low) for y in (images, drawn))
        residual = np.asarray(anomaly.residual_image(jnp.asarray(g), jnp.asarray(x)))
        residual = np.broadcast_to(residual[..., None], x.shape)
        figures.tiles(
            axes,
            np.stack([x, g, residual]),
            ["image", "G(z)", "residual"],
            [f"A = {scores[i]:.0f}" for i in index],
        )
        axes.set_title(kind)
    figures.save(path, figure, "images, what was drawn for them, and the difference")
