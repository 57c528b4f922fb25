"""Draws pictures from a finished run of any model: a sheet, images, a walk.

    python -m experiments.sample --run runs/dcgan_faces
    python -m experiments.sample --run runs/cdcgan_mnist --labels 3 7 --best
    python -m experiments.sample --run runs/dcgan_faces --count 1000 --single

This takes seconds on a CPU. It writes sheet.png (with a column for each class, for
models of classes), walk.gif (from latent to latent and back to the first: along great
circles for Gaussian latents, along straight lines for others) and, with --single, every
image as a file. The run itself is only read.
"""

import dataclasses
import pathlib
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import bounds, report
from jaxgan.analysis import latent, norms
from jaxgan.data.labels import numbers
from jaxgan.lab import cli, inference
from jaxgan.train.terminal import say

BLOCK = 64  # images drawn together
REFERENCE = 1024  # latents from which standing statistics are estimated
ALIASES = {"--out": "--workdir"}  # flags of earlier versions


@dataclasses.dataclass(frozen=True)
class Config:
    """The run, and what to draw."""

    run: pathlib.Path
    """Directory of a finished run."""
    workdir: pathlib.Path | None = None
    """Directory for the pictures; by default RUN/pictures."""
    count: bounds.Count = 64
    """Images on the sheet, and as files with --single."""
    labels: tuple[str, ...] = ()
    """Classes to draw, by name or number; by default all in turn."""
    single: bool = False
    """Also write every image to a separate file."""
    stops: bounds.Natural = 6
    """Latents that the walk passes through; 0 leaves the walk out."""
    frames: bounds.Count = 12
    """Frames from one stop of the walk to the next."""
    walkers: bounds.Count = 16
    """Walks shown side by side."""
    seed: bounds.Seed = 0
    """Seed of the latents."""
    ema: bool = True
    """Use the moving average of the weights, not the weights themselves."""
    best: bool = False
    """Use the state that scored best while it trained, not the latest."""
    statistics: Literal["batch", "running", "standing"] = "batch"
    """Statistics of batch norms: those of the images drawn together, the running
    averages of training, or those of a thousand latents."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def main(config: Config) -> None:
    """Opens the run and draws."""
    run = inference.open_run(config.run, ema=config.ema, best=config.best)
    draw, classes = drawer(run, config.statistics, config.seed), labels(run, config)
    out = config.workdir or config.run / "pictures"
    key = jax.random.key(config.seed)

    # With the batch's statistics an image depends on the others, so blocks are full.
    size = -(-config.count // BLOCK) * BLOCK
    z, label = inference.latents(run, key, size), np.resize(classes, size)
    blocks = [slice(i, i + BLOCK) for i in range(0, size, BLOCK)]
    parts = [draw(jax.tree.map(lambda x: x[at], z), label[at]) for at in blocks]  # noqa: B023
    images = np.concatenate(parts)[: config.count]
    columns = len(classes) if run.classes and len(classes) > 1 else None
    report.save_png(out / "sheet.png", report.sheet(images, columns))
    say(f"{out / 'sheet.png'}: {config.count} samples of step {run.step}")
    if columns:
        names = inference.class_names(run)
        say(f"{'columns':>9}  {', '.join(names[label] for label in classes)}")
    if config.single:
        for i, image in enumerate(images):
            report.save_png(out / "single" / f"{i:05d}.png", image)
        say(f"{out / 'single'}: the same samples, each in a file")
    if config.stops:
        steps = walk(run, config, jax.random.fold_in(key, 2))
        label = np.resize(classes, config.walkers)
        frames = [report.sheet(draw(z, label)) for z in steps]
        report.save_gif(out / "walk.gif", frames)
        say(f"{out / 'walk.gif'}: {len(frames)} frames between latents")


def drawer(run: inference.Trained, statistics: str, seed: int):
    """`draw(latent, label) -> uint8 [B, H, W, C]`, compiled.

    Raises:
        ValueError: the run is not of a generator.
    """
    inference.check_draws(run)

    def sample(latent, label):
        return inference.sampled(run, latent, label)

    if statistics == "running":
        sample = norms.running(sample)
    elif statistics == "standing":
        key = jax.random.fold_in(jax.random.key(seed), 1)
        label = jnp.arange(REFERENCE) % max(1, run.classes)
        z = inference.latents(run, key, REFERENCE)
        held = jax.jit(lambda *x: norms.batch_statistics(sample, *x))(z, label)
        sample = norms.frozen(sample, held)
    compiled = jax.jit(lambda *x: inference.to_uint8(run, sample(*x)))
    return lambda latent, label: np.asarray(compiled(latent, label))


def labels(run: inference.Trained, config: Config) -> np.ndarray:
    """Finds the numbers of the classes to draw; 0 for models without classes.

    Raises:
        ValueError: there is no such class.
    """
    if not run.classes:
        if config.labels:
            raise ValueError(
                f"--labels {' '.join(config.labels)} was given, but {run.name} draws"
                " without labels: leave it out"
            )
        return np.zeros(1, np.int32)
    names = inference.class_names(run)
    wanted = [
        name
        for given in config.labels or names
        for name in ([given] if given in names else given.split(","))
    ]
    try:
        return np.array(numbers(wanted, names), np.int32)
    except ValueError as error:
        raise ValueError(f"--labels: {error} of {config.run}") from None


def walk(run: inference.Trained, config: Config, key: jax.Array) -> list:
    """Makes the latents of every frame, for all walkers side by side.

    Parts of a latent that are not vectors of numbers, such as a category, stay as they
    are at the first stop.
    """
    drawn = inference.latents(run, key, config.stops * config.walkers)
    leaves, tree = jax.tree.flatten(drawn)
    spherical, paths = inference.are_gaussian(run), []
    for x in leaves:
        stops = x.reshape(config.stops, config.walkers, *x.shape[1:])
        if jnp.issubdtype(x.dtype, jnp.floating):
            walked = latent.walk(stops, config.frames, spherical=spherical, closed=True)
        else:
            walked = [stops[0]] * (config.stops * config.frames)
        paths.append(walked)
    return [tree.unflatten(frame) for frame in zip(*paths, strict=True)]


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__, aliases=ALIASES)
