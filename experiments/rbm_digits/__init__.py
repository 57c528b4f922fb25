"""Trains a restricted Boltzmann machine on digits by CD-1, CD-10 and PCD, side by side.

    python -m experiments.rbm_digits
    python -m experiments.rbm_digits --model.hidden 12     # few enough for an exact sum

What generative learning was before GANs (Hinton, 2002; Tieleman, 2008). Without flags:
about a minute on two CPU cores. Writes rbm.png with filters, samples of
chains that start as noise, and curves; rbm.md and results.json. The log-likelihood is
exact where hidden units are few, and estimated by annealed importance sampling where
they are many; it stands beside that of independent pixels. Expect reconstruction errors
that hardly differ where likelihoods do, and chains of CD-1 that forget most digits.
"""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Annotated, Any

import jax
import numpy as np
import tyro

from experiments.rbm_digits import pictures, training
from jaxgan import bounds, report
from jaxgan.lab import figures
from jaxgan.lab.data import Data, open_set
from jaxgan.lab.spread import Spread, spread
from jaxgan.models import rbm
from jaxgan.train.terminal import say

METHODS: dict[str, dict[str, Any]] = {
    "CD-1": {"negatives": "cd", "gibbs": 1},
    "CD-10": {"negatives": "cd", "gibbs": 10},
    "PCD": {"negatives": "pcd", "gibbs": 1},
}


@dataclasses.dataclass(frozen=True)
class Config:
    """The machines to train."""

    data: Annotated[Data, tyro.conf.arg(name="")] = Data()  # noqa: RUF009
    model: rbm.Config = rbm.Config(hidden=100)  # noqa: RUF009
    epochs: Annotated[int, bounds.Within(2)] = 10
    """Passes over the data."""
    batch_size: bounds.Count = 50
    """Images a minibatch."""
    seeds: bounds.Count = 1
    """Trainings of each method, all at once."""
    measure_every: bounds.Count = 5
    """Epochs from one estimate of the likelihood to the next."""
    temperatures: bounds.Count = 200
    """Machines on the way of annealed importance sampling, which has 100 chains."""
    chain_steps: bounds.Count = 500
    """Gibbs steps from noise to the samples."""
    workdir: pathlib.Path = pathlib.Path("runs/rbm_digits")
    """Directory for the picture and the numbers."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if (self.model.negatives, self.model.gibbs) != ("cd", 1):
            raise ValueError(
                f"--model.negatives is {self.model.negatives} and --model.gibbs"
                f" {self.model.gibbs}; leave both out, as CD-1, CD-10 and PCD are"
                " trained in turn"
            )


def main(config: Config) -> None:
    """Trains, measures and draws."""
    opened = open_set(config.data, (28, 28, 1), test=True)
    assert isinstance(opened.train, dict)
    train, test = (x["image"] / np.float32(255) for x in (opened.train, opened.test))
    if config.batch_size > len(train):
        raise ValueError(
            f"--batch-size is {config.batch_size}, but there are {len(train)} images"
            " to train on; give at most as many"
        )
    binary = training.binary(test), training.binary(train[: len(test)])
    base = training.independent(train)
    runs, rows = {}, {}
    for name, method in METHODS.items():
        made = dataclasses.replace(config.model, **method)
        runs[name] = training.fit(config, made, train, binary, base)
        rows[name] = {
            measure: spread(np.asarray(values)[-1])
            for measure, values in runs[name].curves.items()
        }
        found = rows[name]["log_likelihood"].mean
        say(f"{name}: log-likelihood of test digits {found:.1f} nats")
    alone = training.pixels_alone(base, binary[0])
    text = table(rows, alone)
    say(text)
    samples = {
        name: np.asarray(
            training.samples(run.first, jax.random.key(9), config.chain_steps)
        )
        for name, run in runs.items()
    }
    pictures.draw(config.workdir / "rbm.png", runs, samples, alone)
    report.write(config.workdir / "rbm.md", text)
    figures.save_results(
        config.workdir / "results.json",
        {
            "data": opened.about,
            "model": dataclasses.asdict(config.model),
            "epochs": config.epochs,
            "batch_size": config.batch_size,
            "seeds": config.seeds,
            "independent_pixels": alone,
            "device": jax.devices()[0].device_kind,
            "methods": {
                name: {measure: found._asdict() for measure, found in row.items()}
                for name, row in rows.items()
            },
            "curves": {
                name: {n: np.asarray(x).tolist() for n, x in run.curves.items()}
                for name, run in runs.items()
            },
        },
    )


def table(rows: Mapping[str, Mapping[str, Spread]], alone: float) -> str:
    """Writes the last values as Markdown, mean ± standard deviation over seeds."""
    lines = [
        "| | reconstruction error | log-likelihood, nats | gap of free energies |",
        "|---|---|---|---|",
        *(
            f"| {name} | {row['reconstruction'].text(4)} |"
            f" {row['log_likelihood'].text(1)} | {row['gap'].text(1)} |"
            for name, row in rows.items()
        ),
        f"| independent pixels | | {alone:.1f} | |",
    ]
    return "\n".join(lines) + "\n"
