"""Fills holes of images by a latent search in a trained GAN (arXiv:1607.07539).

    python -m experiments.inpaint --run runs/dcgan_faces
    python -m experiments.inpaint --run runs/dcgan_faces --mask centre --iterations 200
    python -m experiments.inpaint --run runs/dcgan_faces --mask HOLE.png --data folder:X

A latent z is sought whose image G(z) agrees with the known pixels, most of all around
the hole, and which the discriminator takes for real. The result is G(z) in the hole and
the image elsewhere: pasted, and blended by Poisson's equation. Images are held out:
drawn faces of another seed, the test part of sets that have one, or --data; other sets
give images that the run was trained on, and that is said.

--workdir gets, for every mask, MASK.png (original, masked, filled without a network,
G(z), pasted, blended), MASK_steps.png (G(z) and the blended image while z is sought),
and results.json with the PSNR of every image. A minute or two a mask on two CPU cores,
for faces of 64x64 at the default width.
"""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from PIL import Image
from tqdm import tqdm

from jaxgan import losses
from jaxgan.analysis import blending, inpainting, search
from jaxgan.data import CorruptImage
from jaxgan.data.decode import decode
from jaxgan.lab import cli, figures, sets
from jaxgan.lab import trained as lab_trained
from jaxgan.lab.data import say
from jaxgan.lab.sets import Reading

SHOWN = 8  # images in a picture
FOLLOWED = 3  # images in a strip
STOPS = (0, 10, 50, 100, 200, 500, 1000, 2000, 5000)  # iterations shown in a strip
KINDS = ("centre", "random", "half", "rows")
# How holes are filled: by the mean of the known pixels and by Laplace's equation, which
# need no network, and by what was found.
FILLS = {
    "mean": "mean colour",
    "laplace": "Laplace's\nequation",
    "drawn": "G(z) alone",
    "pasted": "G(z) pasted",
    "blended": "G(z) blended",
}


@dataclasses.dataclass(frozen=True)
class Config:
    """What to fill, by which run."""

    run: pathlib.Path
    """Directory of a finished run of a GAN; only read."""
    workdir: pathlib.Path = pathlib.Path("runs/inpaint")
    """Where pictures and results go."""
    images: int = 8
    """Images to fill."""
    data: str | None = None
    """Images, as --data of training has them, of the size that the run draws; held-out
    images of the run's own set if left out."""
    mask: tuple[str, ...] = KINDS
    """What is missing: centre (a square), random (pixels), half (the left one), rows
    (bands), or a PNG file, white where pixels are missing."""
    share: float = 0.8
    """Of pixels that --mask random takes away."""
    iterations: int = 1000
    """Steps of a search."""
    restarts: int = 2
    """Searches an image, of which the best is kept."""
    candidates: int = 1024
    """Random latents, the nearest of which searches start from."""
    weight: float = 0.1
    """Of the prior loss, what the discriminator says; 0 leaves it out."""
    saturating: bool = True
    """The prior loss is log(1 - D), as in the paper, not -log D."""
    learning_rate: float = 0.1
    """Adam's at the start; it falls to 0 along half a cosine."""
    ema: bool = True
    """Use the moving average of the weights, not the weights themselves."""
    seed: int = 0
    """Of images, masks and latents."""

    def __post_init__(self):
        figures.at_least(
            self, images=1, iterations=1, restarts=1, candidates=1, weight=0, seed=0
        )
        if self.candidates < self.restarts:
            raise ValueError(
                f"--candidates is {self.candidates}, fewer than the {self.restarts}"
                " restarts that are chosen from them; give more"
            )
        if not 0 < self.share < 1:
            raise ValueError(f"--share is {self.share}; it must be above 0 and below 1")
        if self.learning_rate <= 0:
            raise ValueError(
                f"--learning-rate is {self.learning_rate}; it must be above 0"
            )
        if not self.mask or len(set(self.mask)) < len(self.mask):
            raise ValueError(
                f"--mask is {' '.join(self.mask) or 'empty'}; name one or more masks,"
                " each once"
            )


class Nets(NamedTuple):
    """What searches use.

    Attributes:
        draw: latents and labels to images.
        judge: images and labels to logits, or None where the prior is left out.
        candidates: random latents, `[N, ...]`.
        drawn: label -> images of the candidates, `[N, H, W, C]`.
        range: of pixels.
    """

    draw: Callable
    judge: Callable | None
    candidates: Any
    drawn: dict[int, jax.Array]
    range: tuple[float, float]


def main(config: Config) -> None:
    """Fills the holes, measures, and only then writes."""
    trained = lab_trained.open_run(config.run, ema=config.ema)
    key = jax.random.key(config.seed)
    candidates = lab_trained.latents(trained, key, config.candidates)
    draw = lab_trained.drawing(trained)
    one = jax.tree.map(lambda x: x[:1], candidates)
    shape = jax.eval_shape(draw, one).shape[1:]
    masks = {
        pathlib.Path(name).stem: known_pixels(name, shape, config)
        for name in config.mask
    }
    found, about = held_out(trained, shape, config)
    say(f"images  {about}")
    labels = np.zeros(len(found.images), int)
    if trained.classes and found.labels is not None:
        labels = found.labels
    judge = _judge(trained, shape) if config.weight else None
    drawn = {
        label: search.drawn_in_blocks(
            lambda z, label=label: draw(z, _full(z, label)), candidates
        )
        for label in sorted(set(labels.tolist()))
    }
    nets = Nets(draw, judge, candidates, drawn, lab_trained.range_of(trained))
    images, labels = lab_trained.from_uint8(trained, found.images), jnp.asarray(labels)
    results, pictures = {}, {}
    for name, known in masks.items():
        latents = searched(nets, images, labels, known, config, name)
        filled = fills(nets, images, labels, known, latents[config.iterations])
        results[name] = measured(nets, images, known, filled)
        pictures[name] = known, filled, latents
    for name, (known, filled, latents) in pictures.items():
        _picture(config.workdir / f"{name}.png", nets, images, known, filled, name)
        _strip(
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


def known_pixels(name: str, shape: tuple[int, ...], config: Config) -> jax.Array:
    """A mask by its kind or its file: `[H, W]`, true where the image is known.

    Raises:
        ValueError: there is no such mask, or it has another size, or leaves nothing to
            do or to go by.
    """
    height, width = shape[:2]
    key = jax.random.fold_in(jax.random.key(config.seed), 1)
    if name == "centre":
        return inpainting.centre_mask(height, width)
    if name == "random":
        return inpainting.random_mask(key, height, width, config.share)
    if name == "half":
        return inpainting.half_mask(height, width)
    if name == "rows":
        return inpainting.rows_mask(height, width)
    if not pathlib.Path(name).is_file():
        raise ValueError(
            f"--mask {name} is no file; choose from {', '.join(KINDS)} or give a PNG"
        )
    try:
        picture = Image.fromarray(decode(pathlib.Path(name), name).squeeze())
    except CorruptImage as error:
        raise ValueError(f"--mask {name} is no picture; give a PNG ({error})") from None
    missing = np.asarray(picture.convert("L")) >= 128
    if missing.shape != (height, width):
        raise ValueError(
            f"--mask {name} is {missing.shape[1]}x{missing.shape[0]}, but the run draws"
            f" {width}x{height}: give a mask of that size"
        )
    if missing.all() or not missing.any():
        raise ValueError(
            f"--mask {name} is {'all' if missing.all() else 'nowhere'} white: white"
            " says what is missing, and some has to be, and some not"
        )
    return jnp.asarray(~missing)


def held_out(
    trained: lab_trained.Trained, shape: tuple[int, ...], config: Config
) -> tuple[sets.Block, str]:
    """Images to fill, and what they are.

    Raises:
        ValueError: they are of another size, too few, or without labels that the
            model needs.
    """
    if config.data is not None:
        opened = sets.open_set(config.data, Reading(), config.images, config.seed)
        if opened.shape != shape:
            raise ValueError(
                f"--data has images of {sets.size_of(opened.shape)}, but the run"
                f" draws {sets.size_of(shape)}: give images of that size"
            )
        about = f"{opened.about}, given by --data"
    else:
        spec, reading = lab_trained.trained_on(trained, shape, Reading())
        held = dataclasses.replace(reading, split="test")
        few = f"faces:{config.images}" if spec.startswith("faces") else spec
        try:
            opened = sets.open_set(few, held, config.images, config.seed)
            about = f"{opened.about}, not trained on"
        except (ValueError, OSError):  # the set has no such part
            opened = sets.open_set(spec, reading, config.images, config.seed)
            about = f"{opened.about}, TRAINED ON: the set has no other part"
    if opened.count < config.images:
        raise ValueError(
            f"--images is {config.images}, but there are {opened.count}; give fewer"
        )
    if trained.classes and not opened.labelled:
        raise ValueError(
            f"{trained.name} has to be told the class of every image, and"
            f" {opened.about} has no labels; give a labelled set by --data"
        )
    (block,) = opened.blocks(opened.count)
    return block, about


def searched(
    nets: Nets,
    images: jax.Array,
    labels: jax.Array,
    known: jax.Array,
    config: Config,
    title: str = "",
) -> dict[int, Any]:
    """Latents that fill a hole, the best so far at some iterations and at the end.

    Args:
        nets: of the run.
        images: `[B, H, W, C]` as the model has them.
        labels: `[B]`.
        known: the mask, `[H, W]`.
        config: how to search.
        title: of the progress bar.
    """
    weights = losses.inpainting_weights(known[None, :, :, None])
    prior_loss = (
        losses.inpainting_prior_loss
        if config.saturating
        else losses.non_saturating_generator_loss
    )

    def loss(latent, label, image):
        drawn = nets.draw(latent, label)
        total = losses.inpainting_contextual_loss(image, drawn, weights)
        if nets.judge is None:
            return total
        return total + config.weight * prior_loss(nets.judge(drawn, label))

    @jax.jit
    def far(image, drawn):
        repeated = jnp.broadcast_to(image[None], drawn.shape)
        return losses.inpainting_contextual_loss(repeated, drawn, weights)

    each = zip(images, labels.tolist(), strict=True)
    table = jnp.stack([far(image, nets.drawn[label]) for image, label in each])
    start = search.starts(table, nets.candidates, config.restarts)
    schedule = optax.cosine_decay_schedule(config.learning_rate, config.iterations)
    found = search.search(
        loss, optax.adam(schedule), project=search.within(nets.candidates)
    )
    data = [jnp.repeat(x, config.restarts, 0) for x in (labels, images)]
    step, state, kept = jax.jit(found.step), found.init(start), {}

    def best():
        return search.best_of(state.loss, state.best, config.restarts)[1]

    # One step more: a step looks at what the steps before it have made.
    steps = range(config.iterations + 1)
    for i in tqdm(steps, desc=title, unit="step", leave=False, disable=None):
        state = step(state, *data)
        if i in STOPS or i == config.iterations:
            kept[i] = best()
    return kept


def fills(
    nets: Nets,
    images: jax.Array,
    labels: jax.Array,
    known: jax.Array,
    latents: Any,
) -> dict[str, jax.Array]:
    """The images with their holes filled in every way, `[B, H, W, C]` each."""
    hole = ~known
    drawn = jax.jit(nets.draw)(latents, labels)
    blend = jax.jit(blending.poisson_blend)
    plain = jnp.where(known[None, :, :, None], images, 0)
    mean = plain.sum((1, 2), keepdims=True) / known.sum()
    return {
        "mean": inpainting.paste(jnp.broadcast_to(mean, images.shape), images, known),
        "laplace": jax.jit(blending.harmonic_fill)(plain, hole),
        "drawn": drawn,
        "pasted": inpainting.paste(drawn, images, known),
        "blended": blend(drawn, images, hole).clip(*nets.range),
    }


def measured(
    nets: Nets, images: jax.Array, known: jax.Array, filled: dict[str, jax.Array]
) -> dict[str, dict[str, list[float]]]:
    """The PSNR of every image, in the hole and as a whole, of every fill."""
    low, high = nets.range

    def psnr(fill, where):
        error = np.square(np.asarray(fill - images, np.float64))[:, where]
        ratio = (high - low) ** 2 / np.maximum(error.mean((1, 2)), 1e-12)
        return (10 * np.log10(ratio)).tolist()

    hole = np.asarray(~known)
    return {
        name: {"hole": psnr(fill, hole), "whole": psnr(fill, np.ones_like(hole))}
        for name, fill in filled.items()
    }


def table(results: dict[str, Any]) -> str:
    """Mean PSNR in decibels as lines: in the hole, and of the whole image."""
    lines = ["PSNR in dB: in the hole (of the whole image)"]
    lines.append(" " * 20 + "".join(f"{name:>16}" for name in results))
    for fill, words in FILLS.items():
        cells = [
            f"{np.mean(rows[fill]['hole']):.1f} ({np.mean(rows[fill]['whole']):.1f})"
            for rows in results.values()
        ]
        words = words.replace("\n", " ")
        lines.append(f"{words:>20}" + "".join(f"{cell:>16}" for cell in cells))
    return "\n".join(lines)


def _judge(trained, shape):
    """The discriminator: images and labels to logits `[B]`."""
    real, labels = lab_trained.training_images(trained, lab_trained.REFERENCE)
    judge = lab_trained.judging(trained, real, labels)
    out = jax.eval_shape(judge, jnp.zeros((2, *shape)))
    if getattr(out, "shape", None) != (2,):
        raise ValueError(
            f"the discriminator of {trained.name} does not give one logit an image, as"
            " the prior loss needs it: leave that out by --weight 0"
        )
    return judge


def _full(latents, label):
    return jnp.full(len(jax.tree.leaves(latents)[0]), label)


def _picture(path, nets, images, known, filled, name):
    """Rows: original, masked, and the ways to fill the hole."""
    grey = sum(nets.range) / 2
    masked = jnp.where(known[None, :, :, None], images, grey)
    rows = {"original": images, "masked": masked}
    rows |= {FILLS[fill]: filled[fill] for fill in FILLS if fill != "mean"}
    _tiled(
        path,
        nets,
        jnp.stack([x[:SHOWN] for x in rows.values()]),
        list(rows),
        [""] * min(SHOWN, len(images)),
        f"holes ({name}) and how they are filled",
    )


def _strip(path, nets, images, labels, known, kept):
    """Rows: G(z) and the blended result; columns: after so many iterations."""
    some = slice(FOLLOWED)
    columns = []
    for latents in kept.values():
        latents = jax.tree.map(lambda x: x[some], latents)
        filled = fills(nets, images[some], labels[some], known, latents)
        columns.append(jnp.stack([filled["drawn"], filled["blended"]], 1))
    columns.append(jnp.stack([images[some]] * 2, 1))
    rows = jnp.stack(columns, 2)  # [image, way, column, H, W, C]
    rows = rows.reshape(-1, *rows.shape[2:])
    above = [*(f"{i:,}" for i in kept), "original"]
    left = ["G(z)", "blended"] * (len(rows) // 2)
    _tiled(path, nets, rows, left, above, "while z is sought, by iteration")


def _tiled(path, nets, rows, left, above, about):
    low, high = nets.range
    count, columns = rows.shape[:2]
    figure = figures.new(2.2 + 1.15 * columns, 0.4 + 1.15 * count)
    figures.tiles(figure.subplots(), (rows - low) / (high - low), left, above)
    figures.save(path, figure, about)


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
