"""What a net that looks at images has learned, beside the same net at random weights.

    python -m experiments.inside_networks --run runs/dcgan_faces
    python -m experiments.inside_networks --run runs/dcgan_faces --layer 1 --maps 12
    python -m experiments.inside_networks --run runs/infogan_mnist --images 2000

About a minute on a CPU. The run is only read; the images that it was trained on have to
be there. --workdir gets, trained weights left, random ones right:

- weights.png: the filters of the first layer;
- activations.png: the maps of every layer for one image;
- projections.png: of the first maps of a layer, the image they answer to most, and what
  reaches its pixels from there by the rules of deconvnet (arXiv:1311.2901), guided
  backpropagation (arXiv:1412.6806) and the plain gradient;
- guided.png: guided backpropagation on more images: DCGAN's figure 5
  (arXiv:1511.06434);
- patches.png: the pieces of training images that drive a map most;
- results.json: how the two nets differ in numbers.

A layer is what a rectifier hands on: maps with rows and columns or, where a net has no
such, its units as maps of one pixel. Nets without rectifiers, as those of maxout, are
refused. With the seed of the run the random weights are those that it started from.

Expect deconvnet and the plain gradient to look like noise to the eye. Guided
backpropagation draws a few lines of what a trained map looks for, and nearly the whole
image where weights are random: `guided_spread`, the share of the pixels that carry it,
is half as large in the last layer of a trained DCGAN (0.15 to 0.19 against 0.30 to 0.34
on drawn faces, photographs and clothes). The patches agree with each other about as
well for random maps, which pick out bright or dark corners. In layers that see a few
pixels only, and in small nets on digits, the numbers tell little apart.
"""

import dataclasses
import functools
import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from tqdm import tqdm

from jaxgan import report
from jaxgan.analysis import inside
from jaxgan.analysis.outline import Call, geometry, outline
from jaxgan.analysis.rectifiers import Rule, observed
from jaxgan.lab import cli, figures
from jaxgan.lab import trained as lab_trained

BLOCK = 50  # images looked at together
MEASURED = 64  # maps of a layer that the numbers are of, at most
TILES = 32  # maps of a layer, or filters, that are shown at most
RULES: tuple[Rule, ...] = ("deconvnet", "guided", "gradient")
SIDES = ("trained", "random weights")

_patches = jax.jit(inside.patches, static_argnames="field")
_agree = jax.jit(jax.vmap(inside.agreement, 1))
_spread = jax.jit(jax.vmap(inside.spread))


@dataclasses.dataclass(frozen=True)
class Config:
    """Which net to look into, and how much to show."""

    run: pathlib.Path
    """Directory of a training run."""
    workdir: pathlib.Path = pathlib.Path("runs/inside_networks")
    """Where pictures and numbers go."""
    net: str = "discriminator"
    """Which net of the model; it has to look at images."""
    layer: int = -1
    """Layer whose maps are projected, from 0; negative ones count from the last."""
    maps: int = 6
    """How many of its maps to show: the first ones."""
    images: int = 1000
    """Training images among which those are sought that drive a map most."""
    shown: int = 8
    """How many of these to show of each map."""
    image: int = 0
    """Number of the image whose activations are shown."""
    seed: int = 0
    """Of the choice of images, and of the random weights."""

    def __post_init__(self):
        figures.at_least(self, maps=1, images=2, shown=2, image=0, seed=0)
        for name in ("shown", "image"):
            if getattr(self, name) + (name == "image") > self.images:
                raise ValueError(
                    f"--{name} is {getattr(self, name)}, but --images is"
                    f" {self.images}; look at more images"
                )


class Layer(NamedTuple):
    """Maps of a net.

    Attributes:
        number: of the rectifier.
        shape: of its maps for one image, `(H, W, C)`.
        field: what a unit sees; the whole image where that is not known.
    """

    number: int
    shape: tuple[int, int, int]
    field: inside.Field


class Net(NamedTuple):
    """What is looked into.

    Attributes:
        judge: `judge(image, label)`, with batch norms held still.
        pixels: images as the model has them, `[N, H, W, C]`.
        labels: `[N]`.
        layers: those with maps.
        layer: the chosen one.
    """

    judge: Callable[..., Any]
    pixels: np.ndarray
    labels: np.ndarray
    layers: Sequence[Layer]
    layer: Layer


class Look(NamedTuple):
    """What a net shows; M are the first maps of its chosen layer.

    Attributes:
        filters: tiles of its first layer, `[O, T, h, w, c]`, or None.
        activations: of each layer, the maps of one image, `[H, W, C]`.
        chosen: the images that drive each map most, `[shown, M]`.
        patches: what they show there, `[shown, M, h, w, C]`; NaN is padding.
        signals: rule -> projections of the first of them, `[M, H, W, C]`.
        guided: guided backpropagation on all of them, `[shown, M, H, W, C]`.
        pieces: the same, cut as the patches are.
        alive: of each map, whether any image drives it above 0, `[C]`.
        numbers: for the results.
    """

    filters: np.ndarray | None
    activations: list[np.ndarray]
    chosen: np.ndarray
    patches: np.ndarray
    signals: dict[Rule, np.ndarray]
    guided: np.ndarray
    pieces: np.ndarray
    alive: np.ndarray
    numbers: dict[str, Any]


def main(config: Config) -> None:
    """Looks into the trained net and the random one, and draws both."""
    trained = lab_trained.open_run(config.run)
    images, labels = lab_trained.training_images(trained, config.images, config.seed)
    if len(images) < max(config.shown, config.image + 1):
        raise ValueError(
            f"the run was trained on {len(images)} images; give a smaller --shown and"
            " --image"
        )
    labels = np.zeros(len(images), np.int32) if labels is None else labels
    nets = trained, lab_trained.untrained(trained, config.seed)
    layers = find_layers(trained, config.net, images, labels)
    if not -len(layers) <= config.layer < len(layers):
        raise ValueError(
            f"--layer is {config.layer}, but the net has layers 0 to {len(layers) - 1}"
        )
    looks = [
        look(model, config, images, labels, layers, title)
        for model, title in zip(nets, SIDES, strict=True)
    ]
    chosen = config.layer % len(layers)
    height, width, channels = layers[chosen].shape
    about = f"{trained.name}, {config.net}, step {trained.step:,}"
    kind = "units" if height == width == 1 else f"maps of {height}x{width}"
    what = f"{about}, layer {chosen} (of 0 to {len(layers) - 1}): {channels} {kind}"
    low, high = lab_trained.range_of(trained)
    shown = [x._replace(patches=(x.patches - low) / (high - low)) for x in looks]
    pictures: dict[str, tuple[Figure, str]] = {
        "activations": (
            draw_activations(looks, layers, images[config.image], about),
            "the maps of one image",
        ),
        "projections": (draw_projections(looks, images, what), "back to the pixels"),
        "guided": (draw_guided(looks, what), "guided backpropagation, on more images"),
        "patches": (draw_patches(shown, what), "what drives each map most"),
    }
    filters = [x.filters for x in looks if x.filters is not None]
    if filters:
        figure = draw_weights(filters, about)
        pictures["weights"] = (figure, "the filters of the first layer")
    for name, (figure, said) in pictures.items():
        figures.save(config.workdir / f"{name}.png", figure, said)
    figures.save_results(
        config.workdir / "results.json",
        {
            "run": str(config.run),
            "model": trained.name,
            "net": config.net,
            "step": trained.step,
            "images": len(images),
            "seed": config.seed,
            "layers": [
                {"shape": list(x.shape), "field": x.field._asdict()} for x in layers
            ],
            "layer": chosen,
            "trained": looks[0].numbers,
            "random": looks[1].numbers,
        },
    )


def find_layers(
    trained: lab_trained.Trained, net: str, images: np.ndarray, labels: np.ndarray
) -> list[Layer]:
    """The layers of a net whose maps can be shown.

    Raises:
        ValueError: it has none.
    """
    judge = lab_trained.judging(trained, images[:BLOCK], labels[:BLOCK], net=net)
    one = lab_trained.from_uint8(trained, images[:1]), jnp.asarray(labels[:1])
    shapes = [x.shape[1:] for x in jax.eval_shape(observed(judge), *one)[1]]
    rank = max((len(shape) for shape in shapes if len(shape) in (1, 3)), default=0)
    if not rank:
        raise ValueError(
            f"the net {net!r} of {trained.name} has no rectifiers, so no maps to show;"
            " give the run of a net with ReLUs, such as a DCGAN"
        )
    whole = inside.Field(images.shape[1], 0, 0)
    known, layers = fields(calls(trained, net), images.shape[1]), []
    for number, shape in enumerate(shapes):
        if len(shape) != rank:
            continue
        while known and known[0][0] != shape:
            known = known[1:]
        field = known[0][1] if known else whole
        known = known[1:]
        layers.append(Layer(number, (1,) * (3 - rank) + shape, field))
    return layers


def calls(trained: lab_trained.Trained, net: str) -> tuple[Call, ...]:
    """The layers of a net of a model."""
    played = trained.record.game(trained.config)
    batch = trained.batch(2)
    if played.repeats > 1:
        batch = jax.tree.map(lambda x: x[0], batch)
    return outline(played.nets[net], *played.inputs(batch)[net])


def fields(
    layers: Sequence[Call], side: int
) -> list[tuple[tuple[int, ...], inside.Field]]:
    """Output shapes of convolutions on end, and what their units see.

    The list ends where something else, such as pooling, resizes maps in between.

    Args:
        layers: of `calls`.
        side: of the image.
    """
    found, path, last = [], [], (side, side)
    for call in layers:
        shape = geometry(call)
        if shape is None:
            continue
        sizes = set(zip(shape.kernel, shape.stride, shape.padding, strict=True))
        if call.inputs[0][1:3] != last or len(sizes) > 1 or shape.transposed:
            break
        path += sizes
        last = call.output[1:3]
        found.append((call.output[1:], inside.receptive_field(path)))
    return found


def look(
    model: lab_trained.Trained,
    config: Config,
    images: np.ndarray,
    labels: np.ndarray,
    layers: Sequence[Layer],
    title: str,
) -> Look:
    """Sees all that is shown of one net."""
    net = Net(
        lab_trained.judging(model, images, labels, net=config.net),
        np.asarray(lab_trained.from_uint8(model, images)),
        np.asarray(labels),
        layers,
        layers[config.layer],
    )
    maps = min(config.maps, net.layer.shape[-1])
    measured = min(max(config.maps, MEASURED), net.layer.shape[-1])
    with tqdm(total=4, desc=title, leave=False, disable=not sys.stderr.isatty()) as bar:
        found = peaks(net)
        bar.update()
        top = jax.tree.map(lambda x: x[:, :measured], found[config.layer])
        index, position = map(np.asarray, inside.strongest(top, config.shown))
        patches = cut(net.pixels[index], position, net.layer.field)
        rng = np.random.default_rng(config.seed)
        others = rng.integers(len(images), size=index.shape)
        chance = cut(net.pixels[others], position, net.layer.field)
        bar.update()
        guided = projected(net, index, "guided")
        pieces = cut(guided, position, net.layer.field)
        bar.update()
        signals: dict[Rule, np.ndarray] = {
            rule: guided[0, :maps]
            if rule == "guided"
            else projected(net, index[:1, :maps], rule)[0]
            for rule in RULES
        }
        activations = activated(net, config.image)
        bar.update()
    alive = [np.asarray(x.value).max(0) > 0 for x in found]
    return Look(
        first_filters(model, config.net, images.shape[1:]),
        activations,
        index[:, :maps],
        patches[:, :maps],
        signals,
        guided[:, :maps],
        pieces[:, :maps],
        alive[config.layer],
        measure(patches, chance, pieces)
        | {"dead_maps": [float(1 - x.mean()) for x in alive]},
    )


def maps_of(net: Net) -> Callable[..., list[jax.Array]]:
    """`f(image, label)`: the maps of all layers, `[N, H, W, C]`."""

    def apply(image, label):
        found = observed(net.judge)(image, label)[1]
        return [found[x.number].reshape(len(image), *x.shape) for x in net.layers]

    return jax.jit(apply)


def peaks(net: Net) -> list[inside.Peaks]:
    """The strongest responses of all layers to all images.

    Raises:
        ValueError: some are no numbers.
    """
    maps = maps_of(net)
    find = jax.jit(lambda *x: [inside.peaks(found) for found in maps(*x)])
    found = figures.in_blocks(find, net.pixels, net.labels, size=BLOCK)
    for number, layer in enumerate(found):
        if not np.isfinite(layer.value).all():
            raise ValueError(
                f"layer {number} gives responses that are not finite; the training has"
                " diverged, so give another run"
            )
    return found


def activated(net: Net, number: int) -> list[np.ndarray]:
    """The maps of one image."""
    one = slice(number, number + 1)
    return [np.asarray(x[0]) for x in maps_of(net)(net.pixels[one], net.labels[one])]


def projected(net: Net, index: np.ndarray, rule: Rule) -> np.ndarray:
    """Projections of the images `[shown, M]` of each map, `[shown, M, H, W, C]`."""

    @jax.jit
    def back(image, label, channel):
        judge = lambda x: net.judge(x, label)  # noqa: E731
        return inside.project(judge, image, net.layer.number, channel, rule)

    flat = index.ravel()
    channel = np.broadcast_to(np.arange(index.shape[1]), index.shape).ravel()
    sent = figures.in_blocks(
        back, net.pixels[flat], net.labels[flat], channel, size=BLOCK
    )
    return sent.reshape(*index.shape, *sent.shape[1:])


def cut(images: np.ndarray, position: np.ndarray, field: inside.Field) -> np.ndarray:
    """Patches of `[shown, M, H, W, C]` at `[shown, M, 2]`."""
    flat = images.reshape(-1, *images.shape[2:]), position.reshape(-1, 2)
    apply = functools.partial(_patches, field=field)
    found = figures.in_blocks(apply, *flat, size=BLOCK)
    return found.reshape(*position.shape[:2], *found.shape[1:])


def measure(
    patches: np.ndarray, chance: np.ndarray, guided: np.ndarray
) -> dict[str, Any]:
    """Numbers of the first maps of a layer, all from `[shown, M, h, w, C]`.

    Args:
        patches: that drive the maps most.
        chance: at the same places of other images.
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


def first_filters(
    model: lab_trained.Trained, net: str, shape: tuple[int, ...]
) -> np.ndarray | None:
    """Tiles of the first layer's filters, `[O, T, h, w, c]`.

    Weights of units that see all pixels are drawn as images. None where the first layer
    with a kernel is neither.
    """
    for call in calls(model, net):
        own = model.variables[net]["params"]
        for name in filter(None, call.path.split("/")):
            own = own.get(name, {})
        kernel = own.get("kernel")
        if kernel is None:
            continue
        if kernel.ndim == 2 and len(kernel) == np.prod(shape):
            kernel = kernel.reshape(*shape, -1)
        return np.asarray(inside.kernel_tiles(kernel)) if kernel.ndim == 4 else None
    return None


def draw_weights(filters: Sequence[np.ndarray], about: str) -> Figure:
    """The first layer's filters; those of many channels have a row each."""
    many = filters[0].shape[1] > 1
    text = "a row a filter, a column an input channel" if many else "a tile a filter"
    shown = [x[: TILES // 2 if many else TILES] for x in filters]
    rows, columns = shown[0].shape[:2]
    if not many:
        rows, columns = -(-rows // 8), min(8, rows)
    figure = figures.new(12, 0.9 + 5.8 * rows / columns)
    figure.suptitle(f"{about}: filters of the first layer, {text}")
    for axes, side, tiles in zip(figure.subplots(1, 2), SIDES, shown, strict=True):
        show(axes, tiles.reshape(-1, *tiles.shape[2:]), columns)
        axes.set_title(side)
    return figure


def draw_activations(
    looks: Sequence[Look], layers: Sequence[Layer], image: np.ndarray, about: str
) -> Figure:
    """The maps of one image, a row a layer."""
    units = layers[0].shape[:2] == (1, 1)
    count = [x.shape[-1] if units else min(TILES, x.shape[-1]) for x in layers]
    columns = 40 if units else 8
    heights = [max(0.8, 5.9 / columns * -(-n // columns)) for n in count]
    heights[0] = max(heights[0], 2.2)
    figure = figures.new(14, 0.9 + sum(heights) + 0.25 * len(layers))
    figure.suptitle(f"{about}: maps of one image, each from its least to its largest")
    grid = figure.subplots(
        len(layers), 3, squeeze=False, width_ratios=(1, 3, 3), height_ratios=heights
    )
    for i, ((first, *others), layer) in enumerate(zip(grid, layers, strict=True)):
        height, width, channels = layer.shape
        what = f"{channels} units" if units else f"{height}x{width} maps"
        more = f",\n{count[i]} of {channels}" if count[i] < channels else ""
        first.axis("off")
        place = {"ha": "center", "va": "top" if i == 0 else "center"}
        first.text(
            0.5, -0.05 if i == 0 else 0.5, f"layer {i}: {what}{more}",
            transform=first.transAxes, **place,
        )  # fmt: skip
        if i == 0:
            first.imshow(_rgb(image))
        for axes, side, seen in zip(others, SIDES, looks, strict=True):
            maps = seen.activations[i]
            # Units are compared with each other, as the pixels of one map are.
            maps = maps.reshape(1, -1, 1) if units else maps[..., : count[i]]
            tiles = np.asarray(inside.map_tiles(maps))
            if units:
                tiles = tiles.reshape(-1, 1, 1, 1)
            show(axes, tiles, columns)
            if i == 0:
                axes.set_title(side)
    return figure


def draw_projections(looks: Sequence[Look], images: np.ndarray, about: str) -> Figure:
    """A row a map: the image that it answers to most, and three ways back to it."""
    tile = 6.4 / (1 + len(RULES))
    figure = figures.new(14, 1.1 + tile * looks[0].chosen.shape[1])
    figure.suptitle(f"{about}: from the strongest response to the pixels")
    for axes, side, seen in zip(figure.subplots(1, 2), SIDES, looks, strict=True):
        sent = [np.asarray(inside.centred(seen.signals[rule])) for rule in RULES]
        rows = np.stack([images[seen.chosen[0]] / 255, *sent], axis=1)
        figures.tiles(axes, rows, _labels(seen), ["image", *RULES])
        axes.set_title(side, fontweight="bold")
    return figure


def draw_guided(looks: Sequence[Look], about: str) -> Figure:
    """Guided backpropagation: a row a map, a column an image, strongest first."""
    shown, maps = looks[0].chosen.shape
    figure = figures.new(16, 1.0 + 7.2 / shown * maps)
    figure.suptitle(
        f"{about}: guided backpropagation on the images they answer to most"
    )
    for axes, side, seen in zip(figure.subplots(1, 2), SIDES, looks, strict=True):
        rows = _centred(np.moveaxis(seen.guided, 0, 1))
        figures.tiles(axes, rows, _labels(seen), [""] * shown)
        axes.set_title(side, fontweight="bold")
    return figure


def draw_patches(looks: Sequence[Look], about: str) -> Figure:
    """Patches, strongest first, and guided backpropagation below; padding is white."""
    shown, maps = looks[0].chosen.shape
    figure = figures.new(16, 1.0 + 7.2 / shown * 2 * maps)
    figure.suptitle(f"{about}: what drives them most, and guided backpropagation to it")
    for axes, side, seen in zip(figure.subplots(1, 2), SIDES, looks, strict=True):
        sent = np.where(np.isnan(seen.pieces), 1.0, _centred(seen.pieces))
        both = np.stack([np.nan_to_num(seen.patches, nan=1.0), sent], axis=2)
        rows = np.moveaxis(both, 0, 2).reshape(2 * maps, shown, *both.shape[3:])
        left = [text for label in _labels(seen) for text in (label, "guided")]
        figures.tiles(axes, rows, left, [""] * shown)
        axes.set_title(side, fontweight="bold")
    return figure


def show(axes: Axes, tiles: np.ndarray, columns: int, least: int = 24) -> None:
    """Draws tiles `[N, h, w, c]` in [0, 1], enlarged until the borders are thin."""
    scale = max(1, -(-least // tiles.shape[1]))
    large = tiles.repeat(scale, 1).repeat(scale, 2)
    sheet = report.sheet((large * 255 + 0.5).astype(np.uint8), columns)
    axes.imshow(_rgb(sheet))
    axes.axis("off")


def _labels(seen: Look) -> list[str]:
    return [
        f"map {i}" if seen.alive[i] else f"map {i}\n(dead)"
        for i in range(seen.chosen.shape[1])
    ]


def _centred(signals: np.ndarray) -> np.ndarray:
    """`inside.centred` of `[A, B, H, W, C]`; NaN counts as no signal."""
    flat = np.nan_to_num(signals).reshape(-1, *signals.shape[2:])
    return np.asarray(inside.centred(flat)).reshape(signals.shape)


def _rgb(image: np.ndarray) -> np.ndarray:
    return image if image.shape[-1] == 3 else image.repeat(3, -1)


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
