"""Looks into a net: its maps, what drives them, and projections to the pixels."""

import functools
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from tqdm import tqdm

from experiments.inside_networks.layers import BLOCK, Layer
from jaxgan.analysis import inside
from jaxgan.analysis.rectifiers import Rule, observed
from jaxgan.lab import blocks, inference

MEASURED = 64  # largest number of maps of a layer that are measured
RULES: tuple[Rule, ...] = ("deconvnet", "guided", "gradient")
_patches = jax.jit(inside.patches, static_argnames="field")
_agree = jax.jit(jax.vmap(inside.agreement, 1))
_spread = jax.jit(jax.vmap(inside.spread))


class Net(NamedTuple):
    """The net to look into, and the images to look with.

    Attributes:
        judge: `judge(image, label)`, with fixed batch norms.
        pixels: images in the model's range, `[N, H, W, C]`.
        labels: `[N]`.
        layers: the layers with maps.
        layer: the chosen layer.
    """

    judge: Callable[..., Any]
    pixels: np.ndarray
    labels: np.ndarray
    layers: Sequence[Layer]
    layer: Layer


class Look(NamedTuple):
    """What is seen in a net; M is the number of maps shown of its chosen layer.

    Attributes:
        activations: of each layer, the maps of one image, `[H, W, C]`.
        chosen: the images that drive each map most, `[shown, M]`.
        patches: the patches of these images, `[shown, M, h, w, C]`; NaN is padding.
        signals: rule -> projections of the first of them, `[M, H, W, C]`.
        guided: guided backpropagation on all of them, `[shown, M, H, W, C]`.
        pieces: the same, cut like the patches.
        alive: whether any image drives each map above 0, `[C]`.
        numbers: numbers for the results.
    """

    activations: list[np.ndarray]
    chosen: np.ndarray
    patches: np.ndarray
    signals: dict[Rule, np.ndarray]
    guided: np.ndarray
    pieces: np.ndarray
    alive: np.ndarray
    numbers: dict[str, Any]


def net(
    model: inference.Trained,
    name: str,
    images: np.ndarray,
    labels: np.ndarray,
    layers: Sequence[Layer],
    layer: int,
) -> Net:
    """Prepares a net of a model to be looked into.

    Args:
        model: the model of the run, or the same with random weights.
        name: the name of the net.
        images: training images, uint8 `[N, H, W, C]`.
        labels: `[N]`.
        layers: from `find_layers`.
        layer: the index of the layer to look at closely.
    """
    judge = inference.judging(model, images, labels, net=name)
    pixels = np.asarray(inference.from_uint8(model, images))
    return Net(judge, pixels, np.asarray(labels), layers, layers[layer])


def look(
    net: Net, title: str, *, maps: int, shown: int, image: int = 0, seed: int = 0
) -> Look:
    """Collects all that is shown of a net.

    Args:
        net: from `net`.
        title: of the progress bar.
        maps: the number of maps of the layer to show, from the first.
        shown: the number of images to show for each map.
        image: the number of the image whose activations are shown.
        seed: the seed of the images that patches are compared with.
    """
    layer, count = net.layer, len(net.pixels)
    measured = min(max(maps, MEASURED), layer.shape[-1])
    maps = min(maps, layer.shape[-1])
    with tqdm(total=4, desc=title, leave=False, disable=not sys.stderr.isatty()) as bar:
        found = peaks(net)
        bar.update()
        own = found[net.layers.index(layer)]
        top = jax.tree.map(lambda x: x[:, :measured], own)
        index, position = map(np.asarray, inside.strongest(top, shown))
        patches = cut(net.pixels[index], position, layer.field)
        others = np.random.default_rng(seed).integers(count, size=index.shape)
        chance = cut(net.pixels[others], position, layer.field)
        bar.update()
        guided = projected(net, index, "guided")
        pieces = cut(guided, position, layer.field)
        bar.update()
        signals: dict[Rule, np.ndarray] = {
            rule: guided[0, :maps]
            if rule == "guided"
            else projected(net, index[:1, :maps], rule)[0]
            for rule in RULES
        }
        activations = activated(net, image)
        bar.update()
    dead = [float(1 - (np.asarray(x.value).max(0) > 0).mean()) for x in found]
    return Look(
        activations,
        index[:, :maps],
        patches[:, :maps],
        signals,
        guided[:, :maps],
        pieces[:, :maps],
        np.asarray(own.value).max(0) > 0,
        measure(patches, chance, pieces) | {"dead_maps": dead},
    )


def maps_of(net: Net) -> Callable[..., list[jax.Array]]:
    """Makes `f(image, label)`, which returns the maps of all layers, `[N, H, W, C]`."""

    def apply(image, label):
        found = observed(net.judge)(image, label)[1]
        return [found[x.number].reshape(len(image), *x.shape) for x in net.layers]

    return jax.jit(apply)


def peaks(net: Net) -> list[inside.Peaks]:
    """Finds the strongest responses of all layers to all images.

    Raises:
        ValueError: some are NaN or infinite.
    """
    maps = maps_of(net)
    find = jax.jit(lambda *x: [inside.peaks(found) for found in maps(*x)])
    found = blocks.in_blocks(find, net.pixels, net.labels, size=BLOCK)
    for number, layer in enumerate(found):
        if not np.isfinite(layer.value).all():
            raise ValueError(
                f"layer {number} gives responses that are NaN or infinite; the training"
                " has diverged, so give another run"
            )
    return found


def activated(net: Net, number: int) -> list[np.ndarray]:
    """Computes the maps of one image."""
    one = slice(number, number + 1)
    return [np.asarray(x[0]) for x in maps_of(net)(net.pixels[one], net.labels[one])]


def projected(net: Net, index: np.ndarray, rule: Rule) -> np.ndarray:
    """Projects the images `[shown, M]` of each map: `[shown, M, H, W, C]`."""

    @jax.jit
    def back(image, label, channel):
        judge = lambda x: net.judge(x, label)  # noqa: E731
        return inside.project(judge, image, net.layer.number, channel, rule)

    flat = index.ravel()
    channel = np.broadcast_to(np.arange(index.shape[1]), index.shape).ravel()
    sent = blocks.in_blocks(
        back, net.pixels[flat], net.labels[flat], channel, size=BLOCK
    )
    return sent.reshape(*index.shape, *sent.shape[1:])


def cut(images: np.ndarray, position: np.ndarray, field: inside.Field) -> np.ndarray:
    """Cuts patches of `[shown, M, H, W, C]` at `[shown, M, 2]`."""
    flat = images.reshape(-1, *images.shape[2:]), position.reshape(-1, 2)
    apply = functools.partial(_patches, field=field)
    found = blocks.in_blocks(apply, *flat, size=BLOCK)
    return found.reshape(*position.shape[:2], *found.shape[1:])


def measure(
    patches: np.ndarray, chance: np.ndarray, guided: np.ndarray
) -> dict[str, Any]:
    """Measures the first maps of a layer, all from `[shown, M, h, w, C]`.

    Args:
        patches: the patches that drive the maps most.
        chance: patches at the same places of other images.
        guided: guided backpropagation to the patches.
    """
    agreement, by_chance = np.asarray(_agree(patches)), np.asarray(_agree(chance))
    spread = np.asarray(_spread(guided))
    sent = spread > 0
    return {
        "maps_measured": patches.shape[1],
        "guided_spread": float(spread[sent].mean()) if sent.any() else None,
        "patch_agreement": float(agreement.mean()),
        "patch_agreement_by_chance": float(by_chance.mean()),
        "patch_agreement_of_maps": agreement.tolist(),
    }
