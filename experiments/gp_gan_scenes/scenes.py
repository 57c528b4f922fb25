"""Opens pairs of pictures of the same scenes, at the network's size and at twice it."""

import dataclasses
import functools
from typing import Any

import numpy as np

from jaxgan.data.synthetic import lights
from jaxgan.lab import data, drawn
from jaxgan.train import terminal

HELD_OUT = 20  # one scene in so many is tested on
FACES = 4096  # drawn where `faces` or `portraits` does not say how many
Pairs = dict[str, np.ndarray]  # image and source, uint8 [N, H, W, C]


def opened(config: Any) -> tuple[data.Set, Pairs]:
    """Opens or draws the scenes.

    Args:
        config: of the command.

    Returns:
        The set, of pairs at the network's size; and its test pairs at twice the size.

    Raises:
        ValueError: there is no such set, or it has one picture of each scene.
    """
    side, seed = 2 * config.model.resolution, config.run.seed
    kind, _, count = config.data.data.partition(":")
    if kind in ("faces", "portraits"):
        train, test, about = _drawn(config, kind, int(count or FACES), side)
    else:
        shape = (side, side, config.model.channels)
        held = data.open_set(config.data, shape)
        train, test, about = _paired(config, held, seed)
    made = data.of_arrays(train, about)
    return dataclasses.replace(made, data=config.data, test=_small(test)), test


def halved(images: np.ndarray) -> np.ndarray:
    """Images of half the height and width, as means of 2x2 pixels."""
    count, height, width, channels = images.shape
    blocks = images.reshape(count, height // 2, 2, width // 2, 2, channels)
    return np.rint(blocks.mean((2, 4), dtype=np.float32)).astype(np.uint8)


def _small(pairs: Pairs) -> Pairs:
    return {name: halved(images) for name, images in pairs.items()}


def _drawn(config, kind, count, side) -> tuple[Pairs, Pairs, str]:
    """Pairs of drawn faces, those to train on halved; the test has another seed."""
    if config.model.channels != 3:
        raise ValueError(
            f"--model.channels is {config.model.channels}, but drawn faces have colour;"
            " leave it at 3"
        )
    terminal.doing(f"drawing {count + config.data.tests:,} {kind} under two lights")

    tests = config.data.tests
    scenes = functools.partial(lights.two_lights, aligned=kind == "portraits")
    train = drawn.once(
        (kind, "halved", count, side), lambda: _small(scenes(0, count, side)), lights
    )
    test = drawn.once((kind, tests, side), lambda: scenes(1, tests, side), lights)
    about = f"{kind}, {count:,} drawn under two lights, and {tests} to test"
    return train, test, about


def _paired(config, held, seed) -> tuple[Pairs, Pairs, str]:
    """Pairs of pictures with one label, those to train on halved; others to test."""
    arrays = held.arrays or {"image": np.zeros(0), "label": np.zeros(0, int)}
    images, label = (
        arrays["image"],
        arrays.get("label", np.arange(len(arrays["image"]))),
    )
    counts = np.bincount(label)
    several = np.flatnonzero(counts > 1)
    if len(several) < 2:
        raise ValueError(
            f"{config.data.data} has not two scenes with two pictures each; give a"
            " folder of folders, each with the pictures of one scene, or faces, or"
            " portraits"
        )
    rng = np.random.default_rng(seed)
    tested = rng.permutation(several)[: -(-len(several) // HELD_OUT)]

    def pairs(scenes, count):
        among = np.flatnonzero(np.isin(label, scenes))
        first = rng.choice(among, count, replace=count > len(among))
        second = [
            rng.choice(
                np.flatnonzero((label == label[i]) & (np.arange(len(label)) != i))
            )
            for i in first
        ]
        return {"image": images[first], "source": images[np.array(second)]}

    train = _small(pairs(np.setdiff1d(several, tested), config.pairs))
    test = pairs(tested, min(config.data.tests, int(counts[tested].sum())))
    about = (
        f"{config.data.data}: {len(train['image']):,} pairs of {len(several)} scenes,"
        f" {len(test['image'])} of {len(tested)} others to test"
    )
    return train, test, about
