"""Makes the table and the picture of the runs."""

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxgan import report
from jaxgan.lab import figures
from jaxgan.lab.session import Numbers
from jaxgan.lab.spread import spread
from jaxgan.train import Run, directory

# The paper's errors of 10,000: mean and standard deviation over ten draws of labels.
PUBLISHED = {20: "1677 ± 452", 50: "221 ± 136", 100: "93 ± 6.5", 200: "90 ± 4.2"}


NAMES = {
    "features": "Feature matching",
    "discrimination": "Minibatch discrimination",
}


def draw(path: pathlib.Path, pictures: Mapping[str, tuple[Numbers, Run]]) -> None:
    """Draws samples of both ways to train the generator, side by side."""
    figure = figures.new(11, 6)
    for axes, (matching, (found, run)) in zip(
        figure.subplots(1, 2), pictures.items(), strict=True
    ):
        labels = found["setting"]["labels"]
        title = (
            f"{NAMES[matching]}, {labels:,} labels\ntest error"
            f" {found['test_error']:.1%}, Fréchet {found['frechet_distance']:.0f}"
        )
        figures.show(axes, figures.last_sheet(run, "samples"), title)
    figures.save(path, figure, "samples of both")


def write(
    config: Any, results: Mapping[int, list[Numbers]], pictures: Mapping[str, Numbers]
) -> None:
    """Writes the table so far, as text and JSON."""
    first = next(runs[0] for runs in results.values() if runs)
    lines = [
        f"{first['data']}; {config.steps:,} steps of {config.batch_size}; mean ±"
        " standard deviation over draws of labelled images.",
        "",
        f"| labels | runs | errors of {first['test_images']:,} | error, % | the paper,"
        " on MNIST: errors of 10,000 |",
        "|---|---|---|---|---|",
    ]
    summary: dict[str, Any] = {"labels": {}, "samples_of": pictures}
    for count, runs in results.items():
        if not runs:
            continue
        errors = np.array([run["test_errors"] for run in runs])
        reached, percent = spread(errors), spread(100 * errors / first["test_images"])
        published = PUBLISHED.get(count, "")
        lines.append(
            f"| {count} | {len(runs)} | {reached.text(0)} | {percent.text(2)}"
            f" | {published} |"
        )
        summary["labels"][str(count)] = {
            "mean_errors": reached.mean,
            "standard_deviation": reached.standard_deviation,
            "published": published,
            "runs": runs,
        }
    report.write(config.workdir / "table.md", "\n".join(lines) + "\n")
    figures.save_results(config.workdir / directory.RESULTS, summary)
