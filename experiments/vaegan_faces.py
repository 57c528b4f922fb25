"""VAE/GAN on faces, beside a plain VAE (Larsen et al., arXiv:1512.09300).

    python -m experiments.vaegan_faces
    python -m experiments.vaegan_faces --judge
    python -m experiments.vaegan_faces --preset paper --data folder:CELEBA

Trains two runs with the same encoder and decoder: `vae`, whose reconstructions are
compared by pixels, and `vaegan`, by the features of a discriminator. Both reconstruct
images they were not trained on, beside the mean and the nearest training image. On
drawn people, the vectors of three attributes are added to and taken from the codes of
people whose true pictures with and without the attribute are known; with `--judge`, a
network that reads factors off faces counts who gained the attribute and what else
changed. It is trained once, in minutes.

Without flags: 8,192 drawn portraits of 64x64 and narrow networks, ten minutes of
processor time. Writes rows.png (images, what both make of them, edits, samples) and
results.json, and a run for each of the two.
"""

import dataclasses
from typing import Annotated, Literal

import tyro

from jaxgan import bounds, game
from jaxgan.lab import cli, codes, figures, generator, rates, runs, session, unseen
from jaxgan.lab.data import Data, open_set
from jaxgan.lab.session import Result
from jaxgan.models import vaegan
from jaxgan.train import Run, as_json, directory


@dataclasses.dataclass(frozen=True)
class Config:
    """The training of a VAE/GAN and of a plain VAE."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[Data, tyro.conf.arg(name="")]
    model: vaegan.Config
    """Of VAE/GAN; the VAE has the same encoder, decoder and training."""
    people: Annotated[int, bounds.Within(8)] = 1024
    """Drawn people whose codes make the vectors of attributes."""
    judge: bool = False
    """Read the factors of faces."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the paper's sizes, for an accelerator."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if self.model.similarity != "learned":
            raise ValueError(
                f"--model.similarity is {self.model.similarity}; leave it at learned,"
                " as the plain VAE is trained as well"
            )


PRESETS = {
    "laptop": Config(
        run=runs.run("vaegan_faces", steps=800, every=200, batch_size=16),
        data=Data("portraits:8192", flip=True, upscale="auto", tests=512),
        model=vaegan.Config(
            width=16,
            kernel=3,
            gamma=0.01,
            variance=0.1,
            optimizer="adam",
            learning_rate=1e-3,
            decay=800,
        ),
    ),
    "paper": Config(
        run=runs.run(
            "vaegan_faces_paper",
            steps=62_500,  # 250 epochs of 250 batches
            every=2500,
            log_every=100,
        ),
        data=Data("folder:CELEBA", crop=(40, 15, 148, 148), flip=True),
        model=vaegan.Config(),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains what is missing, then measures."""
    rates.check(config.run.steps, config.model.decay)
    shape = generator.image_shape(vaegan.MODEL, config.model)
    opened = open_set(config.data, shape, test=True)
    if not opened.test:
        raise ValueError(
            f"{config.data.data} is too large to set images aside; give a set with a"
            " test split"
        )
    pixels = dataclasses.replace(config.model, similarity="pixels")
    trained = {}
    for title, name, model in (
        ("VAE", "vae", pixels), ("VAE/GAN", "vaegan", config.model),
    ):  # fmt: skip
        result = unseen.train(
            title,
            vaegan.MODEL,
            runs.part(config, name, model),
            opened,
            {"image": opened.test["image"]},
            lambda variables: Result({}, {}),
        )
        trained[title] = (model, result.state)
    session.only_main()
    nets = {name: (c, game.variables(state)) for name, (c, state) in trained.items()}
    coders = {name: codes.of_vaegan(*both) for name, both in nets.items()}
    features = codes.learned_features(*nets["VAE/GAN"])
    found = codes.compared(config, opened, coders, features)
    run = config.run
    about = {
        "data": opened.about,
        "seed": run.seed,
        "setting": as_json(dataclasses.asdict(config)),
    }
    figures.save_results(run.workdir / directory.RESULTS, {**about, **found.numbers})


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
