"""BEGAN on faces: samples, convergence and interpolation (arXiv:1703.10717).

    python -m experiments.began_faces
    python -m experiments.began_faces --model.gamma 0.7
    python -m experiments.began_faces --preset paper --data tfds:celeb_a

Trains a boundary equilibrium GAN with the paper's networks and writes began.png
(samples, faces with the discriminator's reconstructions, and curves of the measure of
convergence M and of k) and interpolation.png. Its rows go from the latent of a test
face to that of its mirror image, or of another face, with the images themselves at both
ends. As in the paper, latents are found by Adam on the generator's error. A low gamma
makes smooth faces of few kinds, a high gamma more kinds and more noise.

Without flags: drawn portraits at 64x64 with narrow networks, some ten minutes on two
CPU cores. `--census` counts glasses, beards and other factors of drawn faces; the
network that reads them is trained once.
"""

import dataclasses
import pathlib
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import tyro

from jaxgan import bounds, data
from jaxgan.analysis import latent, search
from jaxgan.compose import ema_variables
from jaxgan.lab import cli, equilibrium, figures, generator, pixels, runs, unseen
from jaxgan.lab.data import Data, Set
from jaxgan.lab.measure import extract, samples
from jaxgan.lab.session import Result
from jaxgan.models import began
from jaxgan.train import Run

SHOWN = 12  # faces with their reconstructions
MIRRORED, PAIRS = 2, 4  # rows of the interpolation
COLUMNS = 9  # drawn images of a row
CANDIDATES, RESTARTS = 512, 2  # random latents, and the nearest ones to search from
ALIASES = {"--resolution": "--model.resolution"}


@dataclasses.dataclass(frozen=True)
class Config:
    """Training a BEGAN on faces, and what is measured at the end."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[Data, tyro.conf.arg(name="")]
    model: began.Config
    extraction: Annotated[extract.Extraction, tyro.conf.arg(name="")] = (
        dataclasses.field(default_factory=extract.Extraction)
    )
    samples: Annotated[int, bounds.Within(10)] = 2000
    """Images that are drawn for the scores, and most of the training images they are
    compared with."""
    search: bounds.Count = 300
    """Steps of Adam that look for the latents of test faces."""
    census: bool = False
    """Count factors in drawn faces; their regressor is trained once, in minutes."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the paper's networks, for an accelerator."""

    def __post_init__(self):
        bounds.check(self, flags=True)


PRESETS = {
    "laptop": Config(
        run=runs.run("began_faces", steps=1500, every=250, batch_size=16),
        data=Data("portraits:8192", flip=True, upscale="auto", tests=512),
        # Control is faster than the paper's, since the run is a hundredth as long. With
        # a gamma of 0.7 or less, all latents soon gave one face.
        model=began.Config(
            resolution=64,
            channels=3,
            centred=True,
            width=16,
            layers=1,
            gamma=1.0,
            gain=0.2,
            learning_rate=1e-3,
            ema=0.99,
        ),
    ),
    "paper": Config(
        run=runs.run(
            "began_faces_paper", steps=200_000, every=5000, batch_size=16, log_every=100
        ),
        data=Data("tfds:celeb_a", flip=True, upscale="auto", tests=512),
        model=began.Config(
            resolution=64, channels=3, centred=True, skip=True, width=128, ema=0.999
        ),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or resumes training, then measures and draws."""
    model, run = config.model, config.run
    opened = unseen.open_both(config.data, generator.image_shape(began.MODEL, model))

    def measure(state: Any, opened: Set) -> Result:
        variables = ema_variables(state)
        faces = opened.test["image"]
        some = pixels.floats(faces[data.some(len(faces), SHOWN)])
        drawn = began.reconstruct(model, variables, some)
        sheet, between = run.workdir / "began.png", run.workdir / "interpolation.png"
        title = f"samples, gamma {model.gamma:g}"
        both = np.asarray(some), np.asarray(drawn)
        numbers = equilibrium.draw(sheet, run, *both, title, "faces")
        numbers |= interpolate(between, config, variables, faces)
        numbers |= samples.scored(
            generator.Drawing(began.MODEL, model),
            state,
            opened,
            config.extraction,
            config.samples,
            faces=config.census,
            seed=run.seed + 2,
        )
        return Result(
            numbers,
            {
                "Samples, reconstructions, and the curves of M and k": sheet,
                "Between the latents of test faces": between,
            },
        )

    generator.train(
        "BEGAN", began.MODEL, config, opened=opened, sheet=64, measure=measure
    )


def interpolate(
    path: pathlib.Path, config: Config, variables: Any, faces: np.ndarray
) -> dict[str, float]:
    """Draws rows between the latents of faces, with the faces at both ends.

    Args:
        path: of the picture.
        config: of the command.
        variables: of the networks.
        faces: test images, bytes `[N, S, S, C]`.

    Returns:
        `found_psnr`: how well faces are found, a mean in decibels.
    """
    chosen = faces[data.some(len(faces), MIRRORED + 2 * PAIRS)]
    alone, pairs = np.split(chosen, [MIRRORED])
    half = len(pairs) // 2
    one = np.concatenate([alone, pairs[:half]])
    other = np.concatenate([alone[:, :, ::-1], pairs[half : 2 * half]])
    ends = np.stack([one, other])
    image = pixels.floats(ends.reshape(-1, *ends.shape[2:]))

    def draw(z):
        return began.sample(config.model, variables, z)

    key = jax.random.key(config.run.seed + 3)
    found, errors = search.invert(
        draw,
        image,
        began.latent(config.model, key, CANDIDATES),
        restarts=RESTARTS,
        steps=config.search,
        project=lambda z: z.clip(-1, 1),
    )
    stops = found.reshape(2, -1, found.shape[-1])
    walk = latent.walk(stops, COLUMNS - 1, spherical=False, closed=False)
    drawn = search.drawn_in_blocks(draw, walk.reshape(-1, walk.shape[-1]))
    drawn = drawn.reshape(*walk.shape[:2], *drawn.shape[1:])
    image = image.reshape(ends.shape)
    rows = jnp.concatenate([image[:1], drawn, image[1:]]).swapaxes(0, 1)
    names = ["mirrored"] * len(alone) + ["another"] * half
    above = ["image", "found", *[""] * (COLUMNS - 2), "found", "image"]
    side = max(48, faces.shape[1]) / 80  # inches of an image
    figure = figures.new(1 + len(above) * side, 0.3 + len(rows) * side)
    figures.tiles(figure.subplots(), rows, names, above)
    figures.save(path, figure, "between the latents of test faces")
    return {"found_psnr": float(-10 * jnp.log10(errors).mean())}


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__, aliases=ALIASES)
