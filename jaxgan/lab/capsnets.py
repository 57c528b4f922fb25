"""Opens a trained CapsNet: its run, its test images, and those it classifies right."""

import pathlib
from typing import Any

import jax
import numpy as np

from jaxgan import capsules, game
from jaxgan import data as jaxgan_data
from jaxgan.lab import restored
from jaxgan.lab.blocks import in_blocks
from jaxgan.lab.capsules import open_for
from jaxgan.lab.data import Set, of_plain
from jaxgan.models import capsnet

CANDIDATES = 25  # images of a class among which one that is classified right is sought

encode = jax.jit(capsnet.encode, static_argnums=0)
decode = jax.jit(capsnet.decode, static_argnums=0)


def restore(run: pathlib.Path) -> tuple[capsnet.Config, Any, Set]:
    """The model of a finished run, its variables, and its data.

    Raises:
        ValueError: the directory holds no such run, with the command that makes one.
    """
    try:
        found = restored.restore(run)
        if not isinstance(found.config, capsnet.Config):
            raise ValueError(f"{run} is a run of {found.name}, not of a CapsNet")
    except ValueError as error:
        raise ValueError(
            f"{error}; train one with `python -m experiments.capsnet_mnist --workdir"
            f" {run}`"
        ) from None
    data = of_plain(found.plain)
    _, opened = open_for(data, found.config)
    if found.plain["fingerprint"] != opened.fingerprint:
        raise ValueError(f"{run} was trained on other data than {data.data!r} is now")
    return found.config, game.variables(found.state), opened


def restore_single(
    run: pathlib.Path, *, drawing: bool = False
) -> tuple[capsnet.Config, Any, Set]:
    """The model of a run on single digits, its variables, and its data.

    Args:
        run: its directory.
        drawing: whether it has to have a decoder.

    Raises:
        ValueError: there is no such run, or it cannot draw.
    """
    model, variables, opened = restore(run)
    if model.objects > 1:
        raise ValueError(
            f"{run} was trained on {model.objects} objects an image; give a run of"
            " experiments.capsnet_mnist"
        )
    if drawing and not model.reconstruction:
        raise ValueError(
            f"{run} has no decoder to draw with; train one with `python -m"
            " experiments.capsnet_mnist` and --model.reconstruction above 0"
        )
    return model, variables, opened


def images(opened: Set, index: Any) -> np.ndarray:
    """Test images in [0, 1] by their index: `[B, H, W, C]`."""
    return opened.test["image"][index].astype(np.float32) / 255


def classified_right(model: capsnet.Config, variables: Any, opened: Set):
    """The first test image of each class that the network gets right: `[classes]`.

    Classes of which it gets none right are left out.

    Raises:
        ValueError: it gets none right at all.
    """
    labels = opened.test["label"]
    of_each = [np.flatnonzero(labels == c) for c in range(len(opened.classes))]
    index = np.concatenate([x[jaxgan_data.some(len(x), CANDIDATES)] for x in of_each])
    v = in_blocks(lambda image: encode(model, variables, image), images(opened, index))
    right = index[np.asarray(capsules.longest(v))[:, 0] == labels[index]]
    if not len(right):
        raise ValueError(
            "the network gets none of the test images right that were looked at; train"
            " it longer, or name images with flags"
        )
    return right[np.unique(labels[right], return_index=True)[1]]


def check_digit(opened: Set, flag: str, index: int) -> None:
    """Checks the index of a test image.

    Raises:
        ValueError: there is no such image.
    """
    count = len(opened.test["label"])
    if not 0 <= index < count:
        raise ValueError(
            f"--{flag} has {index}, but test images are numbered 0 to {count - 1}"
        )
