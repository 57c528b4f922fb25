"""Pictures from a finished run: a sheet, single images, a walk between latents.

    python -m experiments.sample --run runs/dcgan_faces
    python -m experiments.sample --run runs/dcgan_faces --count 1000 --single
    python -m experiments.sample --run runs/dcgan_faces --statistics standing --no-ema

Seconds on a CPU. Writes sheet.png, walk.gif (great circles through Gaussian latents,
straight lines through uniform ones, back to where it began) and, with --single, every
image by itself. The run itself is only read.
"""

import dataclasses
import pathlib
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import game, nn, report
from jaxgan.analysis import latent
from jaxgan.compose import ema_variables
from jaxgan.lab import cli, data, session
from jaxgan.models import dcgan

BLOCK = 64  # images drawn at once


@dataclasses.dataclass(frozen=True)
class Config:
    """What to draw from which run."""

    run: pathlib.Path
    """Directory of a run of experiments.dcgan_faces."""
    out: pathlib.Path | None = None
    """Where the pictures go; RUN/pictures if left out."""
    count: int = 64
    """Images on the sheet, and as files with --single."""
    single: bool = False
    """Write every image by itself too."""
    stops: int = 6
    """Latents the walk passes through; 0 leaves the walk out."""
    frames: int = 12
    """Frames from one stop of the walk to the next."""
    walkers: int = 16
    """Walks shown side by side."""
    seed: int = 0
    """Seed of the latents."""
    ema: bool = True
    """Use the moving average of the weights, not the weights themselves."""
    statistics: Literal["batch", "running", "standing"] = "batch"
    """Batch norm's: of the images drawn together, running averages, or averages
    estimated anew over a thousand latents."""

    def __post_init__(self):
        for name, least in (("count", 1), ("stops", 0), ("frames", 1), ("walkers", 1)):
            if getattr(self, name) < least:
                raise ValueError(
                    f"--{name} is {getattr(self, name)}; it must be at least {least}"
                )


def main(config: Config) -> None:
    """Restores the run and draws."""
    model, state, _ = session.restore(config.run, dcgan, _batch)
    out = config.out or config.run / "pictures"
    variables = ema_variables(state) if config.ema else game.variables(state)
    key = jax.random.key(config.seed)
    statistics = config.statistics
    if statistics == "standing":
        variables = dcgan.standing_statistics(
            model, variables, jax.random.fold_in(key, 1)
        )
        statistics = "running"

    @jax.jit
    def draw(z):
        return nn.to_uint8(dcgan.sample(model, variables, z, statistics))

    # Under the batch's statistics an image depends on its company: draw full blocks.
    blocks = -(-config.count // BLOCK)
    z = dcgan.latent(model, key, blocks * BLOCK).reshape(blocks, BLOCK, -1)
    images = np.concatenate([np.asarray(draw(part)) for part in z])[: config.count]
    report.save_png(out / "sheet.png", report.sheet(images))
    data.say(f"{out / 'sheet.png'}: {config.count} samples of step {int(state.step)}")
    if config.single:
        for i, image in enumerate(images):
            report.save_png(out / "single" / f"{i:05d}.png", image)
        data.say(f"{out / 'single'}: the same, one a file")
    if config.stops:
        count = config.stops * config.walkers
        stops = dcgan.latent(model, jax.random.fold_in(key, 2), count)
        stops = stops.reshape(config.stops, config.walkers, -1)
        spherical = model.latent_distribution == "normal"
        path = latent.walk(stops, config.frames, spherical=spherical, closed=True)
        frames = [report.sheet(np.asarray(draw(z))) for z in path]
        report.save_gif(out / "walk.gif", frames)
        data.say(f"{out / 'walk.gif'}: {len(frames)} frames between latents")


def _batch(model: dcgan.Config):
    shape = (1, model.resolution, model.resolution, model.channels)
    return {"image": jnp.zeros(shape)}


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
