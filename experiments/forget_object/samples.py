"""Makes the samples to learn from and to test on, and finds the object in them."""

import json
import pathlib
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from experiments.forget_object.fitting import Seen
from jaxgan.lab import inference
from jaxgan.lab.judges import factors

LEAST = 5  # the least number of boxes to learn from


def read_boxes(path: pathlib.Path, shape: tuple[int, ...]) -> dict[int, np.ndarray]:
    """Reads boxes drawn by hand.

    Args:
        path: of a JSON object: number of a sample -> top, left, bottom, right in
            pixels.
        shape: of all samples, `[N, H, W, C]`.

    Returns:
        Number -> box `[4]` in image heights.

    Raises:
        ValueError: the file is not of this form, or a box is not inside its image.
    """
    count, height, width, _ = shape
    try:
        held = json.loads(path.read_text())
        held = {int(i): np.asarray(box, np.float64) for i, box in held.items()}
    except (AttributeError, TypeError, ValueError):
        raise ValueError(
            f'{path} is not a file of boxes: write {{"7": [top, left, bottom, right]}}'
            " in pixels, with the numbers of --sheet"
        ) from None
    for i, box in held.items():
        if not 0 <= i < count:
            raise ValueError(
                f"{path} has a box of sample {i}, but samples are numbered 0 to"
                f" {count - 1}: raise --samples"
            )
        if box.shape != (4,) or not (
            0 <= box[0] < box[2] <= height and 0 <= box[1] < box[3] <= width
        ):
            raise ValueError(
                f"the box of sample {i} is {box.tolist()}; it must be top, left,"
                f" bottom, right inside its {height}x{width} pixels"
            )
    return {i: box / height for i, box in held.items()}


def latents(trained: inference.Trained, key: jax.Array, count: int):
    """Latents `[N, Z]` and labels `[N]`, which go through the classes in turn."""
    drawn = inference.latents(trained, key, count)
    return drawn, np.arange(count, dtype=np.int32) % max(1, trained.classes)


def first(*arrays):
    """Takes the first example of arrays, or of trees of them."""
    return jax.tree.map(lambda x: x[:1], arrays)


def layers(config: Any, shapes: Sequence[tuple[int, ...]]) -> list[int]:
    """Finds the numbers, from 0, of the rectifiers whose maps are dropped.

    Args:
        config: the flags, --layer and --compare among them.
        shapes: the output shape of each rectifier of the generator.

    Raises:
        ValueError: a rectifier does not exist, or has units instead of maps.
    """
    total = len(shapes)
    usual = [i for i, shape in enumerate(shapes) if len(shape) == 4][-3:]
    wanted = (config.layer, *(config.compare or usual))
    if strange := sorted({i for i in wanted if not -total <= i < total}):
        raise ValueError(
            f"--layer or --compare has {strange}, but the generator has {total}"
            f" rectifiers: number them -{total} to -1, from the first to the last"
        )
    for i in wanted:
        if len(shapes[i]) != 4:
            raise ValueError(
                f"rectifier {i} of the generator has {shapes[i][-1]} units, not"
                " maps with places: give others with --layer and --compare, of a"
                " convolutional generator"
            )
    return sorted({i % total for i in wanted})


def regressors(
    trained: inference.Trained, images: np.ndarray
) -> tuple[factors.Factors, factors.Factors]:
    """Opens two regressors of factors of drawn faces: one to learn by, one to score.

    Raises:
        ValueError: the run draws other pictures.
    """
    data = trained.plain["data"]["data"]
    if not factors.readable(data) or images.shape[-1] != 3:
        raise ValueError(
            f"the run was trained on {data}, but glasses are found automatically only"
            " on drawn faces in colour: draw boxes on the pictures of --sheet and give"
            " them"
            " with --boxes"
        )
    side = images.shape[1]
    return factors.trained(side), factors.trained(side, second=True)


def seen(config, regressor, latents, labels, images) -> Seen:
    """Draws samples, and finds the object in them.

    Raises:
        ValueError: too few samples have it.
    """
    count = len(images)
    if regressor is None:
        found = read_boxes(config.boxes, images.shape)
        there = np.isin(np.arange(count), list(found))
        boxes = np.tile([0.0, 0.0, 1.0, 1.0], (count, 1))
        for i, box in found.items():
            boxes[i] = box
        factors = {}
    else:
        factors = regressor.read(images)
        there = factors["glasses"] > 0.5
        boxes = factors["glasses_box"].clip(0, 1).astype(np.float64)
        there &= (boxes[:, :2] < boxes[:, 2:]).all(1)
    if there.sum() < LEAST:
        raise ValueError(
            f"{there.sum()} of {count} samples have {config.object}, too few to learn"
            f" from or to test on: at least {LEAST} are needed; raise --samples and"
            " --count, or give a run that draws more of them"
        )
    return Seen(latents, labels, images, there, boxes, factors)
