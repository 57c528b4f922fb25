"""Measures what chains end at, and draws them."""

import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.ppgn_images import chains
from jaxgan import metrics, nn
from jaxgan.lab import blocks, figures, neighbours
from jaxgan.lab.data import Set
from jaxgan.lab.judges import classifier
from jaxgan.models import ppgn

SHOWN = 9  # ends of chains in a row, and images with holes
STEPS = (0, 4, 19, 49)  # of a chain that are shown, besides its end
TESTED = 1000  # real images
HOLES = 200  # images with holes


def measure(
    config: Any, model: ppgn.Config, nets: Any, opened: Set
) -> tuple[dict[str, Any], dict[str, pathlib.Path]]:
    """Makes chains of every class and into holes, measures and draws them.

    Args:
        config: of the command.
        model: with the number of classes.
        nets: the variables of all nets.
        opened: the data, with labels and a test part.

    Returns:
        What was measured, and the pictures.
    """
    judge = classifier.trained(opened)
    folder = config.run.workdir
    labels = np.arange(model.classes).repeat(config.chains.each)
    codes = chains.classes(config.chains, model, nets, jnp.asarray(labels))
    draw = drawing(model, nets)
    last = draw(codes[:, -1])
    real = {name: x[:TESTED] for name, x in opened.test.items()}
    again = blocks.in_blocks(
        jax.jit(lambda x: _bytes(ppgn.draw(model, nets, _code(model, nets, x)))),
        real["image"],
    )
    keys = jax.random.key(config.chains.seed + 1)
    random = config.chains.start * jax.random.normal(keys, (len(labels), model.code))
    chance = draw(jnp.maximum(random, 0.0))
    shown = {
        "chains": (last, labels),
        "drawn again": (again, real["label"]),
        "random codes": (chance, labels),
        "real": (real["image"], real["label"]),
    }
    numbers = {
        "seen": {
            name: scored(judge, images, asked)
            for name, (images, asked) in shown.items()
        },
        "judge": {"accuracy": judge.accuracy, "tested": judge.tested},
    }
    paths = {
        "A chain, and the ends of others, for each class": folder / "classes.png",
        "Holes": folder / "holes.png",
    }
    draw_classes(folder / "classes.png", model, draw, codes, opened.classes)
    numbers["holes"] = fill(config, model, nets, opened, folder / "holes.png")
    return numbers, paths


def drawing(model: ppgn.Config, nets: Any) -> Any:
    """Codes `[N, Z]` to bytes `[N, R, R, C]`."""
    one = jax.jit(lambda codes: _bytes(ppgn.draw(model, nets, codes)))
    return lambda codes: blocks.in_blocks(one, codes)


def scored(
    judge: classifier.Classifier, images: np.ndarray, labels: np.ndarray
) -> dict[str, float]:
    """What another classifier sees in images, and how different they are.

    Args:
        judge: the classifier.
        images: bytes `[N, R, R, C]`.
        labels: the classes that were asked for, `[N]`.

    Returns:
        `right`, the share of images in which it sees the class; `different`, the mean
        distance between images of a class, as a root mean square of [0, 1] pixels.
    """
    right = (judge.logits(images).argmax(1) == labels).mean()
    spread = [
        metrics.pairwise_diversity(images[labels == label].astype(np.float32) / 255)
        for label in np.unique(labels)
        if (labels == label).sum() > 1
    ]
    size = np.sqrt(np.prod(images.shape[1:]))
    return {"right": float(right), "different": float(np.mean(spread) / size)}


def fill(
    config: Any, model: ppgn.Config, nets: Any, opened: Set, path: pathlib.Path
) -> Mapping[str, float]:
    """Fills a hole in the middle of unseen images, beside two that need no chain.

    Returns:
        The mean absolute error in the hole as a share of the range, of the `chains`, of
        the code of the image with its hole (`first`), and of the training image whose
        known pixels are `nearest`.
    """
    side = model.resolution
    size = 3 * side // 7
    part = slice((side - size) // 2, (side - size) // 2 + size)
    hole = np.zeros((side, side), bool)
    hole[part, part] = True
    image, label = (opened.test[name][:HOLES] for name in ("image", "label"))
    unit = nn.from_uint8(jnp.asarray(image))
    given = jnp.where(hole[None, :, :, None], 0.0, unit)
    made = chains.holes(
        config.chains, model, nets, unit, jnp.asarray(label), jnp.asarray(hole)
    )
    first = ppgn.draw(model, nets, ppgn.see(model, nets, given).code)
    known = opened.train["image"] * ~hole[:, :, None]
    index, _ = neighbours.nearest(image * ~hole[:, :, None], known, 1)
    guesses = {
        "chains": _bytes(made),
        "first": _bytes(first),
        "nearest": opened.train["image"][index[:, 0]],
    }
    filled = {
        name: np.where(hole[:, :, None], guess, image)
        for name, guess in guesses.items()
    }
    rows = [_bytes(given), *filled.values(), image]
    figures.save(
        path,
        _tiles(
            np.stack([np.asarray(row)[:SHOWN] for row in rows]),
            ["given", "PPGN", "code of it", "nearest", "truth"],
        ),
        "holes in images that were not trained on",
    )

    def error(guess):
        off = np.abs(guess.astype(float) - image)[:, part, part] / 255
        return float(off.mean())

    return {name: error(guess) for name, guess in filled.items()}


def draw_classes(path, model, draw, codes, names) -> None:
    """Draws a chain of each class, and the ends of its others."""
    each = codes.shape[0] // model.classes
    of_class = codes.reshape(model.classes, each, *codes.shape[1:])
    steps = [step for step in STEPS if step < codes.shape[1] - 1]
    chain = of_class[:, 0, jnp.array([*steps, codes.shape[1] - 1])]
    ends = of_class[:, 1 : SHOWN + 1, -1]
    shown = jnp.concatenate([chain, ends], axis=1)
    tiles = draw(shown.reshape(-1, model.code))
    tiles = tiles.reshape(*shown.shape[:2], *tiles.shape[1:])
    above = [f"{step + 1}" for step in (*steps, codes.shape[1] - 1)]
    figure = _tiles(tiles, figures.plain(names), above + [""] * ends.shape[1])
    figures.save(path, figure, "one chain by its steps, then the ends of other chains")


def _tiles(tiles, names, above=None):
    rows, columns = tiles.shape[:2]
    figure = figures.new(0.6 * columns + 1.2, 0.6 * rows + 0.5)
    axes = figure.subplots()
    unit = np.asarray(tiles, np.float32) / 255
    figures.tiles(axes, unit, list(names), above or [""] * columns)
    return figure


def _code(model, nets, image):
    return ppgn.see(model, nets, nn.from_uint8(image)).code


def _bytes(image):
    return nn.to_uint8(jnp.clip(image, -1, 1))
