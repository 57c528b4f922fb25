"""Fills holes in unseen pictures in every way, and measures what is drawn in them."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.analysis import blending
from jaxgan.data import some
from jaxgan.game import Variables
from jaxgan.lab import blocks, figures, filling, inference, pixels, session
from jaxgan.lab.data import Set
from jaxgan.models import context_encoder
from jaxgan.train.terminal import say

SHOWN = 8  # pictures in the figure
BLOCK = 20  # pictures filled together
COMPARED = 1024  # training images that are compared with at once
MOST_COMPARED = 20_000  # training images that are compared with, at most
SEARCHED = 40  # pictures that latents are searched for, at most
NAMES = {
    "mean": "mean colour",
    "nearest": "nearest\nneighbour",
    "laplace": "Laplace's\nequation",
    "semantic": "semantic\ninpainting",
    "context_encoder": "context\nencoder",
    "same_images": "context encoder, images of the search",
}
DRAWN = ("nearest", "laplace", "semantic", "context_encoder")


class Search(NamedTuple):
    """How latents are searched for, as `filling` takes it."""

    iterations: int
    restarts: int = 2
    candidates: int = 1024
    weight: float = 0.1
    saturating: bool = True
    learning_rate: float = 0.1
    seed: int = 0


def rival(config: Any, shape: tuple[int, int, int]) -> inference.Trained | None:
    """The run of a GAN to compare with, if one was given.

    Raises:
        ValueError: it draws pictures of another size, or takes classes, or there are
            random holes, each of which would need a search of its own.
    """
    if config.semantic is None:
        return None
    trained = inference.open_run(config.semantic)
    inference.check_draws(trained)
    drawn = inference.image_shape(trained)
    if drawn != shape or trained.classes:
        raise ValueError(
            f"--semantic {config.semantic} draws pictures of {drawn} of"
            f" {trained.classes or 'no'} classes; give a run without classes that draws"
            f" {shape}"
        )
    if config.model.hole == "random":
        raise ValueError(
            "--semantic searches for latents for one hole alone; use it with"
            " --model.hole centre"
        )
    return trained


def measured(
    config: Any, opened: Set, trained: Any, variables: Variables
) -> session.Result:
    """Fills the test pictures in every way, measures and draws.

    Args:
        config: of the command.
        opened: the data.
        trained: the GAN of `rival`.
        variables: of the networks.
    """
    model = config.model
    real = np.asarray(pixels.floats(opened.test["image"], (-1.0, 1.0)))
    keys = jax.random.split(jax.random.key(config.run.seed + 2), len(real))
    holes = np.asarray(jax.vmap(lambda key: context_encoder.missing(model, key))(keys))
    fill = jax.jit(lambda x, hole: filled(model, variables, x, hole))
    found = blocks.in_blocks(fill, real, holes, size=BLOCK, title="filling")
    near = nearest(real, holes, _training_images(opened))
    found["nearest"] = np.where(holes[..., None], near, real)
    if trained is not None:
        found["semantic"] = searched(config, trained, real, holes[0])
        found["same_images"] = found["context_encoder"][:SEARCHED]
    numbers = {
        name: scores(real, found[name], holes) for name in NAMES if name in found
    }
    say(table(numbers))
    path = config.run.workdir / "filling.png"
    shown = np.asarray(context_encoder.damage(jnp.asarray(real), jnp.asarray(holes)))
    draw(path, real, shown, found)
    share = float(holes.mean())
    return session.Result(
        {"filling": numbers, "missing": share, "images": len(real)},
        {"Holes, and how they are filled; none was trained on": path},
    )


def filled(model, variables, image, hole) -> dict[str, jax.Array]:
    """Images with their holes filled, by all that needs no other images."""
    known = ~hole[..., None]
    mean = (image * known).sum((1, 2), keepdims=True) / known.sum((1, 2), keepdims=True)
    return {
        "mean": jnp.where(known, image, mean),
        "laplace": blending.harmonic_fill(image, hole),
        "context_encoder": context_encoder.fill(model, variables, image, hole),
    }


def nearest(image, holes, among) -> np.ndarray:
    """The images of `among`, bytes, whose known pixels are nearest to each image's."""
    known = (~holes[..., None] * np.ones(image.shape[-1])).reshape(len(image), -1)
    seen = image.reshape(len(image), -1) * known

    @jax.jit
    def distances(block):
        y = pixels.floats(block, (-1.0, 1.0)).reshape(len(block), -1)
        return known @ jnp.square(y).T - 2 * seen @ y.T

    known, seen = jnp.asarray(known, jnp.float32), jnp.asarray(seen, jnp.float32)
    parts = [
        np.asarray(distances(among[start : start + COMPARED]))
        for start in range(0, len(among), COMPARED)
    ]
    index = np.concatenate(parts, 1).argmin(1)
    return np.asarray(pixels.floats(among[index], (-1.0, 1.0)))


def searched(config, trained, real, hole) -> np.ndarray:
    """Some of the pictures, filled by a search for latents and blended."""
    search = Search(config.iterations, seed=config.run.seed)
    low, high = inference.range_of(trained)
    some_real = jnp.asarray(low + (high - low) * (real[:SEARCHED] + 1) / 2)
    labels = jnp.zeros(len(some_real), int)
    nets = filling.nets_of(trained, labels, search)
    known = jnp.asarray(~hole)
    kept = filling.searched(nets, some_real, labels, known, search, "semantic")
    made = filling.fills(nets, some_real, labels, known, kept[search.iterations])
    return np.asarray(2 * (made["blended"] - low) / (high - low) - 1)


def scores(real, made, holes) -> dict[str, float]:
    """Mean errors of the missing pixels, as parts of the range of values, and PSNR."""
    count = len(made)
    error = np.asarray(made - real[:count], np.float64) / 2
    square = np.array(
        [np.square(e[h]).mean() for e, h in zip(error, holes, strict=False)]
    )
    absolute = [np.abs(e[h]).mean() for e, h in zip(error, holes, strict=False)]
    return {
        "l1_percent": float(100 * np.mean(absolute)),
        "l2_percent": float(100 * square.mean()),
        "psnr": float(-10 * np.log10(square).mean()),
        "images": count,
    }


def table(numbers) -> str:
    """The scores as lines."""
    lines = ["missing pixels of unseen images: mean L1 in %, mean L2 in %, PSNR in dB"]
    for name, found in numbers.items():
        words = " ".join(NAMES[name].split())
        errors = f"{found['l1_percent']:6.2f} {found['l2_percent']:6.2f}"
        lines.append(
            f"{words:>37}  {errors} {found['psnr']:6.2f}   {found['images']} images"
        )
    return "\n".join(lines)


def draw(path, real, damaged, found) -> None:
    """Draws a column for each picture: damaged, filled in every way, and true."""
    rows = {"damaged": damaged}
    rows |= {NAMES[name]: found[name] for name in DRAWN if name in found}
    rows["original"] = real
    shown = min(SHOWN, *(len(x) for x in rows.values()))
    stacked = (np.stack([x[:shown] for x in rows.values()]) + 1) / 2
    count, columns, side = stacked.shape[:3]
    scale = max(1.0, 96 / side) / 100
    figure = figures.new(1.9 + columns * side * scale, 0.2 + count * side * scale)
    figures.tiles(figure.subplots(), stacked, list(rows), [""] * columns)
    figures.save(path, figure, "holes, and how they are filled")


def _training_images(opened: Set) -> np.ndarray:
    if opened.arrays is not None:
        return opened.arrays["image"]
    places = some(len(opened.train), MOST_COMPARED)
    return np.stack([opened.train[int(i)]["image"] for i in places])
