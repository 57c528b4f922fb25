"""Fills holes in images by a latent search in a trained GAN (arXiv:1607.07539).

    python -m experiments.inpaint --run runs/dcgan_faces
    python -m experiments.inpaint --run runs/dcgan_faces --mask centre --iterations 200
    python -m experiments.inpaint --run runs/dcgan_faces --mask HOLE.png --data folder:X

Searches for a latent z whose image G(z) agrees with the known pixels, most of all
around the hole, and which the discriminator takes for real. The result is G(z) in the
hole and the image elsewhere: pasted, and blended by Poisson's equation. The images are
held out: drawn faces of another seed, the test part of a set that has one, or --data.
Other sets give images that the run was trained on, and the command says so.

For every mask, --workdir gets MASK.png (original, masked, filled without a network,
G(z), pasted, blended) and MASK_steps.png (G(z) and the blended image during the
search), and then results.json with the PSNR of every image. A mask takes a minute or
two on two CPU cores, for faces of 64x64 at the default width.
"""

import dataclasses
import pathlib
from typing import Annotated

import jax.numpy as jnp
import numpy as np

from experiments.inpaint.holes import KINDS, held_out, known_pixels
from experiments.inpaint.pictures import picture, strip, table
from jaxgan import bounds
from jaxgan.lab import figures, inference
from jaxgan.lab.filling import fills, measured, nets_of, searched
from jaxgan.train.terminal import say


@dataclasses.dataclass(frozen=True)
class Config:
    """The images to fill, and the run to use."""

    run: pathlib.Path
    """Directory of a finished run of a GAN; it is only read."""
    workdir: pathlib.Path = pathlib.Path("runs/inpaint")
    """Directory for the pictures and the results."""
    images: bounds.Count = 8
    """Number of images to fill."""
    data: str | None = None
    """Images to fill, written as in training and of the size that the run draws. If
    left out, held-out images of the run's own set."""
    mask: tuple[str, ...] = KINDS
    """Missing parts: centre (a square), random (pixels), half (the left half), rows
    (bands), or a PNG file that is white where pixels are missing."""
    share: Annotated[float, bounds.Within(0, 1, above=True, below=True)] = 0.8
    """Share of the pixels that --mask random removes."""
    iterations: bounds.Count = 1000
    """Steps of a search."""
    restarts: bounds.Count = 2
    """Searches for each image, of which the best is kept."""
    candidates: bounds.Count = 1024
    """Random latents; searches start from the nearest of them."""
    weight: bounds.Weight = 0.1
    """Weight of the prior loss, which is the discriminator's; 0 leaves it out."""
    saturating: bool = True
    """Whether the prior loss is log(1 - D), as in the paper, or -log D."""
    learning_rate: bounds.Rate = 0.1
    """Adam's learning rate at the start; it falls to 0 along half a cosine."""
    ema: bool = True
    """Whether to use the moving average of the weights."""
    seed: bounds.Seed = 0
    """Seed of the choice of images, of masks and of latents."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if self.candidates < self.restarts:
            raise ValueError(
                f"--candidates is {self.candidates}, fewer than the {self.restarts}"
                " restarts, which are chosen from the candidates; give more"
            )
        if not self.mask or len(set(self.mask)) < len(self.mask):
            raise ValueError(
                f"--mask is {' '.join(self.mask) or 'empty'}; name one or more masks,"
                " each once"
            )


def main(config: Config) -> None:
    """Fills the holes and measures, then writes everything at the end."""
    trained = inference.open_run(config.run, ema=config.ema)
    inference.check_draws(trained)
    shape = inference.image_shape(trained)
    masks = {
        pathlib.Path(name).stem: known_pixels(name, shape, config)
        for name in config.mask
    }
    found, about = held_out(trained, shape, config)
    say(f"images  {about}")
    labels = np.zeros(len(found.images), int)
    if trained.classes and found.labels is not None:
        labels = found.labels
    nets = nets_of(trained, labels, config)
    images, labels = inference.from_uint8(trained, found.images), jnp.asarray(labels)
    results, pictures = {}, {}
    for name, known in masks.items():
        latents = searched(nets, images, labels, known, config, name)
        filled = fills(nets, images, labels, known, latents[config.iterations])
        results[name] = measured(nets, images, known, filled)
        pictures[name] = known, filled, latents
    for name, (known, filled, latents) in pictures.items():
        picture(config.workdir / f"{name}.png", nets, images, known, filled, name)
        strip(
            config.workdir / f"{name}_steps.png", nets, images, labels, known, latents
        )
    say(table(results))
    figures.save_results(
        config.workdir / "results.json",
        {
            "run": str(config.run),
            "step": trained.step,
            "images": about,
            "iterations": config.iterations,
            "restarts": config.restarts,
            "candidates": config.candidates,
            "weight": config.weight,
            "missing": {n: float((~np.asarray(m)).mean()) for n, m in masks.items()},
            "psnr_mean": {
                mask: {
                    fill: {where: float(np.mean(v)) for where, v in row.items()}
                    for fill, row in rows.items()
                }
                for mask, rows in results.items()
            },
            "psnr": results,
        },
    )
