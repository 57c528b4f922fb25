"""What the content loss of SRGAN compares: the features that `--content` names."""

import functools
import pathlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.lab.judges import segments
from jaxgan.metrics import vgg
from jaxgan.models import segmenter, srgan

VGG_SCALE = 1 / 12.75  # of maps, as released: squares are 0.006 times as large
LOGIT_SCALE = 0.01  # of logits, beside pixels

Features = Callable[[jax.Array], jax.Array]


def features(
    model: srgan.Config, weights: pathlib.Path | None
) -> tuple[Features | None, dict[str, Any]]:
    """The features that a model's `content` names, and numbers about them.

    Args:
        model: of SRGAN.
        weights: torchvision's file of VGG19.

    Raises:
        ValueError: the file holds something else, or the segmenter cannot see such
            images.
    """
    if model.content == "pixels":
        return None, {}
    if model.content == "segmenter":
        return _segmenter(model)
    assert weights is not None
    held = vgg.load(weights)
    about = {"content": f"VGG19's {model.content}", "sha256": held.checksum}
    return functools.partial(_vgg, held.layers, layer=model.content), about


def _vgg(layers, image, layer):
    return VGG_SCALE * vgg.features(layers, image, layer)


def _segmenter(model):
    if model.channels != 3:
        raise ValueError(
            f"--content segmenter takes 3 channels, and there are {model.channels}; use"
            " --content pixels"
        )
    judge = segments.trained(model.resolution)
    see = functools.partial(segmenter.logits, judge.config, judge.variables)
    about = {
        "content": "pixels, and the logits of jaxgan's segmenter of drawn faces",
        "segmenter_right": judge.quality.pixel,
    }
    return lambda image: jnp.concatenate([image, LOGIT_SCALE * see(image)], -1), about
