"""α-GAN on faces, beside VAE and VAE/GAN (Rosca et al., arXiv:1706.04987).

    python -m experiments.alpha_gan_faces
    python -m experiments.alpha_gan_faces --beside runs/vaegan_faces --judge
    python -m experiments.alpha_gan_faces --preset paper --data folder:CIFAR

Trains an autoencoder whose codes and images are judged by discriminators, and measures
it as `vaegan_faces` does: reconstructions of unseen images beside the mean and the
nearest training image and, on drawn people, vectors of attributes that are added to
codes and taken from them. With `--beside`, the two models of a run of `vaegan_faces` on
the same data are measured with it, in the features of its discriminator. With
`--judge`, a network that reads factors off faces says what edits changed.

Without flags: 8,192 drawn portraits of 64x64 and the narrow networks of
`vaegan_faces`, minutes on two CPU cores. Writes rows.png and results.json, besides what
every run leaves.
"""

import dataclasses
import pathlib
from typing import Annotated, Any, Literal

import tyro

from jaxgan import bounds
from jaxgan.lab import cli, codes, generator, inference, runs, unseen
from jaxgan.lab.data import Data
from jaxgan.models import alpha_gan
from jaxgan.train import Run

TITLES = {"vae": "VAE", "vaegan": "VAE/GAN"}


@dataclasses.dataclass(frozen=True)
class Config:
    """The training of an α-GAN, and what it is compared with."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[Data, tyro.conf.arg(name="")]
    model: alpha_gan.Config
    beside: pathlib.Path | None = None
    """Directory of a run of vaegan_faces, whose two models are measured as well; it is
    only read."""
    people: Annotated[int, bounds.Within(8)] = 1024
    """Drawn people whose codes make the vectors of attributes."""
    judge: bool = False
    """Read the factors of faces."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the networks for CIFAR, for an
    accelerator."""

    def __post_init__(self):
        bounds.check(self, flags=True)


PRESETS = {
    "laptop": Config(
        run=runs.run("alpha_gan_faces", steps=1000, every=250, batch_size=16),
        data=Data("portraits:8192", flip=True, upscale="auto", tests=512),
        model=alpha_gan.Config(
            resolution=64,
            nets="strided",
            width=16,
            kernel=3,
            norm="spectral",
            learning_rate=4e-4,
        ),
    ),
    "paper": Config(
        run=runs.run("alpha_gan_paper", steps=100_000, every=5000, log_every=100),
        data=Data("folder:CIFAR", flip=True),
        model=alpha_gan.Config(),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or goes on training, then measures."""
    shape = generator.image_shape(alpha_gan.MODEL, config.model)
    others = rivals(config, shape)
    opened = unseen.open_both(config.data, shape)
    coders = {TITLES[n]: codes.of_vaegan(*both) for n, both in others.items()}
    features = codes.learned_features(*others["vaegan"]) if others else None

    def measured(variables):
        coders["alpha-GAN"] = codes.coder(
            lambda image: alpha_gan.encode(config.model, variables, image),
            alpha_gan.MODEL,
            config.model,
            variables,
        )
        return codes.compared(config, opened, coders, features)

    test = {"image": opened.test["image"]}
    unseen.train("alpha-GAN", alpha_gan.MODEL, config, opened, test, measured)


def rivals(config: Config, shape: tuple[int, int, int]) -> dict[str, tuple[Any, Any]]:
    """The configurations and the variables of both models of `--beside`.

    Raises:
        ValueError: it is no such run, or of images of another size.
    """
    if config.beside is None:
        return {}
    found = {}
    for name in TITLES:
        trained = inference.open_run(config.beside / name)
        drawn = inference.image_shape(trained)
        if trained.name != "vaegan" or drawn != shape:
            raise ValueError(
                f"--beside {config.beside} has a run of {trained.name} for images of"
                f" {drawn}; give one of vaegan_faces for {shape}"
            )
        found[name] = (trained.config, trained.variables)
    return found


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
