"""Chooses the images to fill, and makes their masks."""

import dataclasses
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from jaxgan import data as jaxgan_data
from jaxgan.analysis import inpainting
from jaxgan.data import CorruptImage
from jaxgan.data.decode import decode
from jaxgan.lab import classes, inference, sets
from jaxgan.lab.sets import Reading

KINDS = ("centre", "random", "half", "rows")


def known_pixels(name: str, shape: tuple[int, ...], config: Any) -> jax.Array:
    """Makes the mask of a kind or reads it from a file: `[H, W]`, true where known.

    Args:
        name: its kind, or the path of a PNG.
        shape: the shape of an image.
        config: the flags.

    Raises:
        ValueError: there is no such mask, it has another size, or it hides all pixels
            or none.
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
            f"--mask {name} is not a file; choose from {', '.join(KINDS)} or give a PNG"
        )
    try:
        picture = Image.fromarray(decode(pathlib.Path(name), name).squeeze())
    except CorruptImage as error:
        raise ValueError(
            f"--mask {name} is not a picture; give a PNG ({error})"
        ) from None
    missing = np.asarray(picture.convert("L")) >= 128
    if missing.shape != (height, width):
        raise ValueError(
            f"--mask {name} is {missing.shape[1]}x{missing.shape[0]}, but the run draws"
            f" {width}x{height}: give a mask of that size"
        )
    if missing.all() or not missing.any():
        raise ValueError(
            f"--mask {name} is {'all' if missing.all() else 'nowhere'} white: white"
            " marks what is missing, which must be a part of the image"
        )
    return jnp.asarray(~missing)


def held_out(
    trained: inference.Trained, shape: tuple[int, ...], config: Any
) -> tuple[sets.Block, str]:
    """Chooses the images to fill; returns them and a description.

    Raises:
        ValueError: they are of another size, too few, or without the labels that the
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
        spec, reading = inference.trained_on(trained, shape, Reading())
        held = dataclasses.replace(reading, split="test")
        kind = spec.partition(":")[0]
        few = f"{kind}:{config.images}" if jaxgan_data.drawn(spec) else spec
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
            f"{trained.name} needs the class of every image, and {opened.about}"
            " has no labels; give a labelled set with --data"
        )
    (block,) = opened.blocks(opened.count)
    if trained.classes:
        labels = classes.of_run(trained.plain, np.asarray(block.labels), opened.classes)
        if (labels < 0).any():
            known = ", ".join(inference.class_names(trained)[:20])
            raise ValueError(
                f"{opened.about} has images of other classes than the run, which knows"
                f" {known}; give images of these with --data"
            )
        block = block._replace(labels=labels)
    return block, about
