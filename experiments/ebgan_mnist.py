"""EBGAN with and without the pulling-away term (Zhao et al., arXiv:1609.03126).

    python -m experiments.ebgan_mnist
    python -m experiments.ebgan_mnist --model.margin 10 --model.pulling-away 1
    python -m experiments.ebgan_mnist --preset paper --data idx:MNIST

Trains the same energy-based GAN twice, in the directories `without` and `with`: the
second has a pulling-away term in the generator's loss. ebgan.png shows both sheets, and
curves of the energies of real and generated images: that of real ones falls, and that
of generated ones stays near the margin, which is the paper's sign of success.
results.json has the scores of both. Without flags: narrow networks on 4,000 digits,
minutes on two CPU cores.
"""

import dataclasses
from typing import Annotated, Literal

import tyro

from jaxgan.lab import cli, figures, runs, scored, session
from jaxgan.lab.data import Data
from jaxgan.models import ebgan
from jaxgan.train import Run


@dataclasses.dataclass(frozen=True)
class Config:
    """The two trainings of an EBGAN."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[Data, tyro.conf.arg(name="")]
    model: ebgan.Config
    """Settings of the run with the term; the other run differs only in the term."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the paper's networks."""

    def __post_init__(self):
        if self.model.pulling_away == 0:
            raise ValueError(
                "--model.pulling-away is 0; it must be more than 0, since a run without"
                " it is trained in any case"
            )


PRESETS = {
    "laptop": Config(
        run=runs.run("ebgan_mnist", steps=3000, every=1000, batch_size=64),
        data=Data(),
        # With the paper's margin of 10 and step size of 1e-3, networks this narrow drew
        # always the same image; beside energies of 20, a weight of 0.1 has no effect.
        model=ebgan.Config(
            latent=50,
            generator=(400, 400),
            encoder=(400,),
            margin=20.0,
            pulling_away=5.0,
            learning_rate=3e-4,
            ema=0.99,
        ),
    ),
    "paper": Config(
        run=runs.run(
            "ebgan_mnist_paper", steps=50_000, every=5000, batch_size=64, log_every=100
        ),
        data=Data(),
        model=ebgan.Config(pulling_away=0.1, ema=0.999),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains both, or resumes, and draws the comparison."""
    models = {
        "without": dataclasses.replace(config.model, pulling_away=0.0),
        "with": config.model,
    }
    parts = {name: runs.part(config, name, models[name]) for name in models}
    numbers = {
        name: runs.once(
            part,
            lambda name=name, part=part: scored.train(
                f"EBGAN {name} pulling away", ebgan.MODEL, part
            ),
        )
        for name, part in parts.items()
    }
    session.only_main()
    path = config.run.workdir / "ebgan.png"
    _draw(path, config, {name: part.run for name, part in parts.items()}, numbers)
    caption = "Samples, and the energies of real and generated images"
    figures.write("EBGAN", config.run.workdir, numbers, {caption: path})


def _draw(path, config, of_names, numbers):
    figure = figures.new(8, 6.2)
    grid = figure.add_gridspec(2, 2, height_ratios=(4, 2))
    titles = {
        "without": "without the pulling-away term",
        "with": f"with it, weighing {config.model.pulling_away:g}",
    }
    for column, (name, run) in enumerate(of_names.items()):
        title = titles[name] + figures.distance(numbers[name])
        sheet = figures.last_sheet(run)
        figures.show(figure.add_subplot(grid[0, column]), sheet, title)
        axes = figure.add_subplot(grid[1, column])
        for kind, metric in (("real", "real"), ("generated", "fake")):
            figures.curve(axes, run, f"discriminator/{metric}", kind)
        axes.axhline(config.model.margin, color="black", ls=":", lw=1, label="margin")
        axes.set_yscale("log")
        axes.set_ylabel("energy" if column == 0 else "")
        axes.legend(fontsize="small", ncols=3, loc="upper right")
    figures.save(path, figure, "both sheets, and the energies")


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
