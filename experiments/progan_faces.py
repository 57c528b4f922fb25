"""Progressive GAN on faces, from 4x4 pixels up (Karras et al., arXiv:1710.10196).

    python -m experiments.progan_faces
    python -m experiments.progan_faces --resolution 32 --workdir runs/progan_32
    python -m experiments.progan_faces --preset paper --data folder:CELEBA_HQ

Trains `4x4`, `8x8` and so on, each from the networks of the one before: the new layers
fade in for `--steps`, then all train for as many. These are steps of `--batch-size`
images at 4x4; above 16x16 the minibatch is halved with each resolution, down to
`--smallest-batch`, and takes more steps for the same number of images. `--shares` gives
a resolution fewer images than 4x4 has, since large ones take long. growth.png shows
the same latents after each resolution, fade.png how the last layers fade in, a row a
value of alpha.

Without flags: drawn portraits up to 64x64 with narrow networks, ten minutes of two CPU
cores; more --steps draw better. `python -m experiments.sample --run
runs/progan_faces/64x64` draws more.
"""

import dataclasses
import pathlib
from typing import Annotated, Literal

import jax
import numpy as np
import tyro
from PIL import Image

from jaxgan import bounds, report
from jaxgan.lab import cli, figures, generator, growing, inference, runs, session
from jaxgan.lab.data import Data, open_set
from jaxgan.models import progan
from jaxgan.train import Run, directory

COLUMNS = 10  # latents of the pictures
ALIASES = {"--resolution": "--model.resolution"}


@dataclasses.dataclass(frozen=True)
class Config:
    """The training of all resolutions of a progressive GAN."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[Data, tyro.conf.arg(name="")]
    model: progan.Config
    """Settings of the last stage; earlier ones have other resolutions."""
    smallest_batch: bounds.Count = 4
    """Images in a step at the highest resolutions."""
    shares: tuple[bounds.Share, ...] = ()
    """Part of --steps that each resolution has for a phase, from 4x4; the last one goes
    on. All have all of it where left out, as in the paper."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: 1024x1024, for an accelerator."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if self.model.fade:
            raise ValueError(
                f"--model.fade is {self.model.fade}; leave it out, as layers fade in"
                " for as many images as --steps and --batch-size say"
            )
        if self.smallest_batch > self.run.batch_size:
            raise ValueError(
                f"--smallest-batch is {self.smallest_batch}; give no more than the"
                f" --batch-size of {self.run.batch_size}"
            )


PRESETS = {
    "laptop": Config(
        run=runs.run("progan_faces", steps=2000, every=400, batch_size=32),
        data=Data("portraits:8192", flip=True, upscale="auto"),
        model=progan.Config(
            resolution=64, base=256, width=32, latent=64, learning_rate=2e-3, ema=0.99
        ),
        smallest_batch=16,
        shares=(1.0, 1.0, 0.75, 0.25, 0.1),
    ),
    "paper": Config(
        run=runs.run(
            "progan_faces_paper",
            steps=4688,  # 600,000 images
            every=2000,
            batch_size=128,
            log_every=100,
        ),
        data=Data("folder:CELEBA_HQ", flip=True),
        model=progan.Config(resolution=1024),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains the missing stages, then draws."""
    whole = runs.Part(config.run, config.data, config.model)
    trained = growing.stages(whole, config.smallest_batch, config.shares)
    shape = generator.image_shape(progan.MODEL, config.model)
    results = growing.grow(trained, lambda: open_set(config.data, shape, test=True))
    session.only_main()
    folder = config.run.workdir
    pictures = {"The same latents after each resolution": folder / "growth.png"}
    draw_growth(folder / "growth.png", trained)
    if len(trained) > 1:
        pictures["The last layers fade in"] = folder / "fade.png"
        draw_fade(folder / "fade.png", *trained[-2:])
    numbers = {name: result.numbers for name, result in results.items()}
    figures.write("Progressive GAN", folder, numbers, pictures)


def draw_growth(path: pathlib.Path, trained: list[runs.Part]) -> None:
    """Draws the same latents after each stage, a row a stage, all equally large."""
    side, rows, names = trained[-1].model.resolution, [], []
    for part in trained:
        run = inference.open_run(part.run.workdir)
        latent = inference.latents(run, jax.random.key(part.run.seed + 1), COLUMNS)
        drawn = inference.to_uint8(run, jax.jit(inference.drawing(run))(latent))
        larger = side // part.model.resolution
        rows.append(np.asarray(drawn).repeat(larger, 1).repeat(larger, 2))
        names.append(f"{part.model.resolution}x{part.model.resolution}")
    figures.save_rows(path, np.stack(rows), names, "a row a resolution")


def draw_fade(path: pathlib.Path, before: runs.Part, last: runs.Part) -> None:
    """Draws the last fade, a row a sheet of the run: from the end of the stage before.

    Sheets show the moving average as it was then, so the rows are training as well as
    the fade.
    """
    sheets = directory.sheets(last.run.workdir, "ema")
    steps = [step for step in sorted(sheets) if step <= last.model.fade_steps]
    side = last.model.resolution
    old = tiles(figures.last_sheet_file(before.run, "ema"), side // 2)
    rows = [
        old.repeat(2, 1).repeat(2, 2),
        *(tiles(sheets[step], side) for step in steps),
    ]
    names = [f"{side // 2}x{side // 2}"]
    names += [f"{float(last.model.alpha(step)):.2f}" for step in steps]  # alpha
    figures.save_rows(path, np.stack(rows), names, "a row a sheet of the fade")


def tiles(path: pathlib.Path, side: int) -> np.ndarray:
    """The first row of tiles of a sheet, uint8 `[N, side, side, channels]`."""
    with Image.open(path) as image:
        sheet = np.asarray(image)
    sheet = sheet.reshape(*sheet.shape[:2], -1)
    pitch = side + report.GAP
    begins = range(report.GAP, sheet.shape[1] - side, pitch)
    row = sheet[report.GAP : report.GAP + side]
    return np.stack([row[:, x : x + side] for x in begins])


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__, aliases=ALIASES)
