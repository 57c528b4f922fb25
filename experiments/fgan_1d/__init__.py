"""Shows how f-divergences differ, by one Gaussian fitted to a mixture of two.

    python -m experiments.fgan_1d
    python -m experiments.fgan_1d --steps 40000 --seeds 8

Nowozin et al. (arXiv:1606.00709), the experiment in one dimension: for each divergence
of the paper's table, a generator mu + sigma z plays against a small network, and both
move at once. Without flags: half a minute on two CPU cores, in one compiled call.

Writes fgan_1d.png, fgan_1d.md and results.json: the fitted mean and deviation beside
the exact minimiser, found by numerical integration; and every divergence of each fit,
of which the least, or nearly the least, should be on the diagonal. Expect KL and
Pearson to cover both modes, and reverse KL and Neyman to settle on the larger one.
Since the Gaussian cannot match the mixture, the generator plays the zero-sum game:
raising E g(V) instead, as is usual, would move the end of the training away from the
minimiser.
"""

import dataclasses
import pathlib

import numpy as np

from experiments.fgan_1d.exact import divergence, minimisers
from experiments.fgan_1d.fitting import MIXTURE, TITLES, fit_all
from experiments.fgan_1d.pictures import draw_fits, draw_table, tables
from jaxgan import bounds, report
from jaxgan.lab import figures
from jaxgan.train.terminal import say


@dataclasses.dataclass(frozen=True)
class Config:
    """The fits of a Gaussian by every divergence."""

    workdir: pathlib.Path = pathlib.Path("runs/fgan_1d")
    """Directory for the picture and the tables."""
    steps: bounds.Count = 10_000
    """Steps of both players."""
    seeds: bounds.Count = 3
    """Runs of each divergence, whose results are averaged."""
    batch_size: bounds.Count = 256
    """Size of a minibatch, both of real and of generated numbers."""
    hidden: bounds.Count = 32
    """Units of each of the two tanh layers of V."""
    learning_rate: bounds.Rate = 1e-3
    """Adam's step size for the generator; V's is twice as large."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def main(config: Config) -> None:
    """Fits, integrates, compares, draws."""
    fits, exact = fit_all(config), minimisers()
    means = {name: fits[name].mean(0) for name in TITLES}
    # Rows are the divergences trained with; columns are those measured.
    mean, deviation = np.stack(list(means.values()), axis=1)
    table = np.stack([divergence(name, mean, deviation) for name in TITLES], axis=1)
    text = tables(fits, exact, table)
    say(text)
    figure = figures.new(12.6, 4.8, space=0.04)
    left, right = figure.subplots(1, 2, width_ratios=(1.35, 1))
    draw_fits(left, means)
    draw_table(right, table)
    figures.save(config.workdir / "fgan_1d.png", figure, "the fits, and a cross table")
    report.write(config.workdir / "fgan_1d.md", text)
    figures.save_results(
        config.workdir / "results.json",
        {
            "mixture": MIXTURE,
            "fitted": {name: found.tolist() for name, found in fits.items()},
            "exact": exact,
            "cross": {  # null where infinite
                name: {
                    by: float(x) if np.isfinite(x) else None
                    for by, x in zip(TITLES, row, strict=True)
                }
                for name, row in zip(TITLES, table, strict=True)
            },
            "diagonal_above_least": dict(
                zip(TITLES, (table.diagonal() - table.min(0)).tolist(), strict=True)
            ),
        },
    )
