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

Without flags: 8,192 drawn portraits of 64x64 and narrow networks, minutes on two CPU
cores. VAE/GAN then goes on from the VAE's weights, with a new discriminator; with
`--no-from-vae` it begins afresh, as in the paper, and needs far more steps. Writes
rows.png (images, what both make of them, edits, samples) and results.json, and a run
for each of the two.
"""

import dataclasses
from typing import Annotated, Literal

import tyro

from jaxgan import bounds
from jaxgan.lab import (
    cli,
    codes,
    figures,
    generator,
    inference,
    rates,
    runs,
    session,
    unseen,
)
from jaxgan.lab.data import Data
from jaxgan.lab.session import Result
from jaxgan.models import vaegan
from jaxgan.train import Run, as_json, directory

TITLES = {"vae": "VAE", "vaegan": "VAE/GAN"}


@dataclasses.dataclass(frozen=True)
class Config:
    """The training of a VAE/GAN and of a plain VAE."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    """Of VAE/GAN."""
    data: Annotated[Data, tyro.conf.arg(name="")]
    model: vaegan.Config
    """Of VAE/GAN; the VAE has the same encoder and decoder."""
    vae_steps: bounds.Count = 800
    """Steps of the VAE, in which its step size falls to 0."""
    vae_learning_rate: bounds.Rate = 1e-3
    """First step size of the VAE."""
    from_vae: bool = True
    """Go on from the weights of the VAE."""
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
        run=runs.run("vaegan_faces", steps=1500, every=300, batch_size=16),
        data=Data("portraits:8192", flip=True, upscale="auto", tests=512),
        model=vaegan.Config(
            width=16,
            kernel=3,
            norm="spectral",
            gamma=0.5,
            margin=100.0,
            variance=0.1,
            feature_variance=0.02,
            optimizer="adam",
            learning_rate=4e-4,
            decay=1500,
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
        vae_steps=62_500,
        vae_learning_rate=3e-4,
        from_vae=False,
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains what is missing, then measures."""
    rates.check(config.run.steps, config.model.decay)
    shape = generator.image_shape(vaegan.MODEL, config.model)
    opened = unseen.open_both(config.data, shape)
    test = {"image": opened.test["image"]}
    pixels = dataclasses.replace(
        config.model,
        similarity="pixels",
        learning_rate=config.vae_learning_rate,
        decay=config.vae_steps,
    )
    parts = {
        "vae": runs.part(config, "vae", pixels, steps=config.vae_steps),
        "vaegan": runs.part(config, "vaegan", config.model),
    }

    def fit(name, part, start):
        return unseen.train(
            TITLES[name],
            vaegan.MODEL,
            part,
            opened,
            test,
            lambda variables: Result({}, {}),
            start=start if config.from_vae else None,
        )

    runs.in_stages(parts, fit)
    session.only_main()
    trained = {n: inference.open_run(part.run.workdir) for n, part in parts.items()}
    coders = {
        TITLES[name]: codes.of_vaegan(one.config, one.variables)
        for name, one in trained.items()
    }
    last = trained["vaegan"]
    features = codes.learned_features(last.config, last.variables)
    found = codes.compared(config, opened, coders, features)
    run, setting = config.run, as_json(dataclasses.asdict(config))
    about = {"data": opened.about, "seed": run.seed, "setting": setting}
    figures.save_results(run.workdir / directory.RESULTS, {**about, **found.numbers})


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
