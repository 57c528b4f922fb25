"""PPGN: chains of codes that end at images of a class (arXiv:1612.00005).

    python -m experiments.ppgn_images
    python -m experiments.ppgn_images --data idx:FASHION
    python -m experiments.ppgn_images --data portraits:8192@hair_style \
        --model.resolution 32 --model.channels 3

Trains an encoder, which is a classifier, in the directory `encoder`, then a generator
that draws images of its codes, in `generator`. Nobody trains the generator for classes:
chains of codes begin at random, and each step goes towards codes that the generator
knows and towards what the classifier takes for the class. Other chains fill holes, and
begin at the code of an image with a hole.

Writes classes.png (a row for each class: one chain, then the ends of others), holes.png
and results.json: how often another classifier, which had no part in it, sees the class
that was asked for, beside real images, their own codes drawn again, and random codes;
and how different the images are. Without flags: 5,000 digits of MNIST
(`pip install -e ".[digits]"`), minutes on two CPU cores.
"""

import dataclasses
import functools
from typing import Annotated, Literal

import tyro

from experiments.ppgn_images import chains, measuring
from jaxgan import bounds, game
from jaxgan.lab import classes, figures, generator, restored, runs, session, unseen
from jaxgan.lab.data import Data
from jaxgan.lab.session import Result
from jaxgan.models import ppgn
from jaxgan.train import Run


@dataclasses.dataclass(frozen=True)
class Config:
    """Training an encoder and a generator, and chains of codes."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    """Of the generator."""
    data: Annotated[Data, tyro.conf.arg(name="")]
    model: ppgn.Config
    chains: chains.Chains
    encoder_steps: bounds.Count = 600
    """Steps of the encoder."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the paper's sizes, for an accelerator."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if self.model.stage != "generator":
            raise ValueError(
                f"--model.stage is {self.model.stage}; leave it out, as both stages are"
                " trained in turn"
            )


PRESETS = {
    "laptop": Config(
        run=runs.run("ppgn_images", steps=2000, every=500, batch_size=32),
        data=Data(),
        # The number of classes is that of the data.
        model=ppgn.Config(
            resolution=28,
            channels=1,
            code=128,
            hidden=256,
            width=64,
            encoder_width=16,
            learning_rate=1e-3,
            beta1=0.5,
        ),
        chains=chains.Chains(),
    ),
    "paper": Config(
        run=runs.run(
            "ppgn_images_paper", steps=500_000, every=10_000, batch_size=64,
            log_every=100,
        ),
        data=Data("folder:IMAGENET", upscale="yes"),
        model=ppgn.Config(),
        chains=chains.Chains(rate=1.0, prior=1e-5, start=1.0),
        encoder_steps=450_000,
        preset="paper",
    ),
}  # fmt: skip


def main(config: Config) -> None:
    """Trains what is missing, then makes chains and measures."""
    shape = generator.image_shape(ppgn.MODEL, config.model)
    opened = classes.present(unseen.open_both(config.data, shape))
    model = dataclasses.replace(config.model, classes=len(opened.classes))
    encoder = dataclasses.replace(model, stage="encoder")
    parts = {
        "encoder": runs.part(config, "encoder", encoder, steps=config.encoder_steps),
        "generator": runs.part(config, "generator", model),
    }

    def fit(name, part, start):
        return unseen.train(
            f"PPGN, {name}",
            ppgn.MODEL,
            part,
            opened,
            opened.test,
            functools.partial(_nothing, name),
            start=start,
        )

    results = runs.in_stages(parts, fit)
    session.only_main()
    state = restored.restore(parts["generator"].run.workdir).state
    numbers, pictures = measuring.measure(config, model, game.variables(state), opened)
    stages = {name: result.numbers for name, result in results.items()}
    figures.write("PPGN", config.run.workdir, stages, pictures, **numbers)


def _nothing(name, variables):
    """A stage by itself has no numbers: the chains need both."""
    del variables
    return Result({"stage": name}, {})
