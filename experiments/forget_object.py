"""Makes a generator forget an object: the maps that draw it are found and dropped.

    python -m experiments.forget_object --run runs/dcgan_faces
    python -m experiments.forget_object --run runs/photos --sheet
    python -m experiments.forget_object --run runs/photos --boxes boxes.json

Radford, Metz and Chintala, arXiv:1511.06434, section 6.3.2, forget windows: in 150
samples people drew 52 boxes around them; a logistic regression on the maps of the
second-highest layer told positions in boxes from others; the samples were drawn again
without the maps of positive weight. Here the samples are drawn faces and the object is
their glasses, which a regressor finds, in the samples to learn from and in those to
test on; of other pictures the boxes are drawn by hand. `--sheet` writes the samples
with their numbers, for that.

Windows are anywhere, glasses are before eyes. A regression that sees them against what
is around them finds the maps that draw eyes; so it is asked, by default, to tell them
from the eyes of samples without glasses too (`--against outside` is the paper's way).

What is left of the object is compared with what else changes, and with dropping as many
maps at random: a generator without half of its maps forgets glasses too, with all the
rest. So the heaviest maps alone are dropped as well, in several layers, and maps of
positive weight are tried one by one: the one that takes most of the glasses for the
least damage goes first, then the next beside it. All choices are made on the samples
that were learned from; the rates are those of new samples.

Some minutes on two CPU cores; the first run on drawn faces trains the regressor, which
takes some more. The run itself is only read. Writes forgotten.png (the same latents
before and after), evidence.png (where the regression sees the object), trade.png (what
is forgotten against what changes) and results.json.
"""

import dataclasses
import functools
import json
import pathlib
import sys
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import jax
import numpy as np
from tqdm import tqdm

from experiments import _cli, _data, _factors, _figures, _trained
from jaxgan.analysis import forgetting, rectifiers

BLOCK = 50  # images drawn together
SHOWN = 7  # images with the object in a row
LEAST = 5  # boxes to learn from
TRIED = 100  # samples with the object, and without it, that a search looks at
FIT, TEST, POSITIONS, CONTROL = 0, 1, 2, 3  # what keys are for


@dataclasses.dataclass(frozen=True)
class Config:
    """What to forget in which run."""

    run: pathlib.Path
    """Directory of a finished run of a generator."""
    workdir: pathlib.Path = pathlib.Path("runs/forget_object")
    """Directory for what this makes."""
    object: str = "glasses"
    """What is forgotten: glasses on drawn faces, or anything with --boxes."""
    boxes: pathlib.Path | None = None
    """File of boxes drawn by hand: JSON, the number of a sample to its top, left,
    bottom and right in pixels."""
    sheet: bool = False
    """Write samples.png only: the numbered samples, to draw boxes on."""
    layer: int = -2
    """Rectifier of the generator whose maps the picture drops; -1 is the last."""
    compare: tuple[int, ...] = ()
    """Rectifiers whose maps are dropped in turn, to compare; the last three that have
    maps if left out."""
    against: Literal["both", "absent", "outside"] = "both"
    """What the object is told from: other places of the same samples (outside, as in
    the paper), the same places of samples without it (absent), or both. With --boxes
    always outside."""
    drop: int = 0
    """Maps of positive weight that the picture drops, the heaviest; 0 takes those that
    trying finds, or a quarter where the object is not found by itself."""
    samples: int = 400
    """Samples to learn from, with the object or without; the paper has 150."""
    count: int = 500
    """New samples to test on, where the object is found by the regressor."""
    controls: int = 3
    """Choices of random maps that are averaged."""
    penalty: float = 1.0
    """Strength of the regression's L2 penalty, the inverse of scikit-learn's C."""
    seed: int = 0
    """Seed of the latents."""
    ema: bool = True
    """Use the moving average of the weights, where the run kept one."""

    def __post_init__(self):
        _figures.at_least(self, drop=0, samples=1, count=1, controls=1)
        if not self.penalty > 0:
            raise ValueError(f"--penalty is {self.penalty}; it must be above 0")
        if self.boxes is None and self.object != "glasses" and not self.sheet:
            raise ValueError(
                f"--object is {self.object!r}, but only glasses are found by"
                " themselves: draw boxes and give them with --boxes"
            )


class Fitted(NamedTuple):
    """A regression on the maps of a layer.

    Attributes:
        weights: of maps as they are, `[C]`.
        heavy: the same, of maps brought to a spread of 1, `[C]`.
        bias: `[]`.
        accuracy: the share of positions that it tells right, of those it was fitted
            on, as the mean of the two kinds: 0.5 is chance.
        positions: how many those were.
    """

    weights: np.ndarray
    heavy: np.ndarray
    bias: float
    accuracy: float
    positions: int


class Seen(NamedTuple):
    """Samples, and what is known of them.

    Attributes:
        latents: `[N, Z]`, or a tree of such.
        labels: int `[N]`.
        images: uint8 `[N, H, W, C]`.
        there: whether the object is in them, bool `[N]`.
        boxes: of it, `[N, 4]` in image heights; meaningless where it is not.
        factors: what the regressor reads, where it can.
    """

    latents: Any
    labels: np.ndarray
    images: np.ndarray
    there: np.ndarray
    boxes: np.ndarray
    factors: dict[str, np.ndarray]


def main(config: Config) -> None:
    """Learns where the object is, forgets it, and measures."""
    trained = _trained.open_run(config.run, ema=config.ema)
    draw = _trained.drawing(trained)
    key = jax.random.key(config.seed)
    latents, labels = _latents(trained, jax.random.fold_in(key, FIT), config.samples)
    plain = jax.jit(lambda *x: _trained.to_uint8(trained, draw(*x)))
    images = _figures.in_blocks(plain, latents, labels, size=BLOCK)
    if config.sheet:
        _save_sheet(config, images)
        return
    look = jax.jit(lambda *x: rectifiers.observed(draw)(*x)[1])
    shapes = [x.shape for x in jax.eval_shape(look, *_first(latents, labels))]
    layers, total = _layers(config, shapes), len(shapes)
    regressor = None if config.boxes else _regressor(trained, images)
    seen = _seen(config, regressor, latents, labels, images)
    fitted = _fit_all(config, key, look, layers, seen)
    test = seen
    if regressor is not None:
        latents, labels = _latents(trained, jax.random.fold_in(key, TEST), config.count)
        images = _figures.in_blocks(plain, latents, labels, size=BLOCK)
        test = _seen(config, regressor, latents, labels, images)
    read = None if regressor is None else regressor.read
    rows = _compare(config, key, trained, draw, fitted, seen, test, read)
    chosen = config.layer % total
    results = _results(config, trained, fitted, rows, seen, test, regressor)
    forget = _without(trained, draw, chosen)
    positive = fitted[chosen].heavy > 0
    if read is None or config.drop:
        few = forgetting.heaviest(
            fitted[chosen].heavy, config.drop or -(-positive.sum() // 4)
        )
    else:
        few, others = (search(forget, x, seen, read) for x in (positive, ~positive))
        for name, maps in (("searched", few), ("searched_control", others)):
            found = measure(test, forget(maps, test), read)
            results[name] = {"maps": np.flatnonzero(maps).tolist(), **found}
    sets = (few,) if (few == positive).all() else (few, positive)
    _draw_forgotten(config, key, forget, sets, test)
    _draw_evidence(config, look, chosen, fitted[chosen], seen)
    _draw_trade(config, rows, total, test, results.get("searched"))
    _figures.save_results(config.workdir / "results.json", results)
    _say(results)


def fit(
    key: jax.Array,
    maps: np.ndarray,
    boxes: np.ndarray,
    there: np.ndarray,
    *,
    against: str,
    penalty: float,
) -> Fitted:
    """Learns to tell positions on the object from others.

    Args:
        key: of the choice of others.
        maps: `[N, H, W, C]`.
        boxes: `[N, 4]`, in image heights.
        there: whether the object is in them, bool `[N]`.
        against: what it is told from, as the flag says.
        penalty: L2, of weights of maps brought to a spread of 1.

    Raises:
        ValueError: there is nothing to tell it from, or scikit-learn is not installed.
    """
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise ValueError(
            "this needs scikit-learn, which is not installed: pip install -e"
            ' ".[analysis]"'
        ) from error
    used = there if against == "outside" else np.ones(len(there), bool)
    features, labels = forgetting.positions(
        key, maps[used], boxes[used], there[used], outside=against != "absent"
    )
    # Not centred: a map of zeros is to speak neither for the object nor against it.
    spread = features.std(0)
    scale = np.where(spread > 0, 1 / np.maximum(spread, 1e-12), 0)
    model = LogisticRegression(C=1 / penalty, max_iter=3000, class_weight="balanced")
    model.fit(features * scale, labels)
    heavy = np.asarray(model.coef_)[0]
    right = np.asarray(model.predict(features * scale)) == labels
    accuracy = float((right[labels].mean() + right[~labels].mean()) / 2)
    bias = float(np.asarray(model.intercept_)[0])
    return Fitted(heavy * scale, heavy, bias, accuracy, len(labels))


def read_boxes(path: pathlib.Path, shape: tuple[int, ...]) -> dict[int, np.ndarray]:
    """Boxes drawn by hand.

    Args:
        path: of a JSON object: number of a sample -> top, left, bottom, right in
            pixels.
        shape: of all samples, `[N, H, W, C]`.

    Returns:
        Number -> box `[4]` in image heights.

    Raises:
        ValueError: it is no such file, or a box is not inside its image.
    """
    count, height, width, _ = shape
    try:
        held = json.loads(path.read_text())
        held = {int(i): np.asarray(box, np.float64) for i, box in held.items()}
    except (AttributeError, TypeError, ValueError):
        raise ValueError(
            f'{path} is no file of boxes: write {{"7": [top, left, bottom, right]}} in'
            " pixels, with the numbers of --sheet"
        ) from None
    for i, box in held.items():
        if not 0 <= i < count:
            raise ValueError(
                f"{path} has a box of sample {i}, but they are numbered 0 to"
                f" {count - 1}: raise --samples"
            )
        if box.shape != (4,) or not (
            0 <= box[0] < box[2] <= height and 0 <= box[1] < box[3] <= width
        ):
            raise ValueError(
                f"the box of sample {i} is {box.tolist()}, expected top, left, bottom,"
                f" right inside its {height}x{width} pixels"
            )
    return {i: box / height for i, box in held.items()}


def _latents(trained: _trained.Trained, key: jax.Array, count: int):
    latents = _trained.latents(trained, key, count)
    return latents, np.arange(count, dtype=np.int32) % max(1, trained.classes)


def _first(*arrays):
    return jax.tree.map(lambda x: x[:1], arrays)


def _layers(config: Config, shapes: Sequence[tuple[int, ...]]) -> list[int]:
    """The rectifiers that are looked at, by their numbers from 0.

    Args:
        config: with --layer and --compare.
        shapes: of what each rectifier of the generator hands on.

    Raises:
        ValueError: there is none of that number, or it has units, not maps.
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
                f"rectifier {i} of the generator has {shapes[i][-1]} units, which are"
                " no maps with places: give others with --layer and --compare, of a"
                " convolutional generator"
            )
    return sorted({i % total for i in wanted})


def _regressor(trained: _trained.Trained, images: np.ndarray) -> _factors.Factors:
    """Reads factors of drawn faces.

    Raises:
        ValueError: the run is of other pictures.
    """
    data = trained.plain["data"]["data"]
    if data.partition(":")[0] != "faces" or images.shape[-1] != 3:
        raise ValueError(
            f"the run is of {data}, and glasses are found by themselves on drawn"
            " colour faces only: draw boxes on the pictures of --sheet and give them"
            " with --boxes"
        )
    return _factors.trained(images.shape[1])


def _seen(config, regressor, latents, labels, images) -> Seen:
    """Where the object is.

    Raises:
        ValueError: it is hardly anywhere.
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
            f" from or to test on: give --samples and --count that hold {LEAST} or"
            " more, or a run that draws them"
        )
    return Seen(latents, labels, images, there, boxes, factors)


def _fit_all(config, key, look, layers, seen: Seen) -> dict[int, Fitted]:
    against = "outside" if config.boxes else config.against
    maps = _figures.in_blocks(look, seen.latents, seen.labels, size=BLOCK)
    fitted = {}
    for layer in layers:
        fitted[layer] = fit(
            jax.random.fold_in(jax.random.fold_in(key, POSITIONS), layer),
            *(maps[layer], seen.boxes, seen.there),
            against=against,
            penalty=config.penalty,
        )
        if not (fitted[layer].heavy > 0).any():
            raise ValueError(
                f"no map of rectifier {layer} speaks for {config.object}: take another"
                " with --layer and --compare"
            )
    return fitted


def _without(trained, draw, layer: int):
    """`f(maps, seen)`: the samples drawn anew without some maps of a layer."""

    @jax.jit
    def forget(maps, latents, labels):
        edits = {layer: forgetting.drop(maps)}
        images = rectifiers.edited(draw, edits)(latents, labels)
        return _trained.to_uint8(trained, images)

    def images(maps, seen):
        block = functools.partial(forget, maps)
        return _figures.in_blocks(block, seen.latents, seen.labels, size=BLOCK)

    return images


def _random(key: jax.Array, maps: np.ndarray) -> np.ndarray:
    """As many maps, at random: bool `[C]`."""
    return np.asarray(jax.random.permutation(key, maps))


def _compare(config, key, trained, draw, fitted, seen: Seen, test: Seen, read):
    """Layer -> kind -> rows `{maps, ...}`, for growing numbers of maps.

    The kinds are `dropped`, `control` (as many random maps) and, where they are other
    samples, `learned` (dropped, of the samples that were learned from).
    """
    plan = {
        layer: _numbers(int((found.heavy > 0).sum()), config.drop)
        for layer, found in fitted.items()
    }
    rows = {layer: {"dropped": [], "control": [], "learned": []} for layer in plan}
    each = 1 + config.controls + (seen is not test)
    total = each * sum(len(numbers) for numbers in plan.values())
    off = not sys.stderr.isatty()
    with tqdm(total=total, unit="edit", disable=off) as bar:
        for layer, numbers in plan.items():
            forget = _without(trained, draw, layer)

            def measured(maps, samples=test, forget=forget):
                after = forget(maps, samples)
                bar.update()
                return measure(samples, after, read)

            for number in numbers:
                maps = forgetting.heaviest(fitted[layer].heavy, number)
                found = {"dropped": measured(maps)}
                found["control"] = jax.tree.map(
                    lambda *x: float(np.mean(x)),
                    *(
                        measured(_random(_control_key(key, layer, number, i), maps))
                        for i in range(config.controls)
                    ),
                )
                if seen is not test:
                    found["learned"] = measured(maps, seen)
                for kind, row in found.items():
                    rows[layer][kind].append({"maps": number, **row})
    return rows


def _control_key(key, layer, number, i):
    for value in (CONTROL, layer, number, i):
        key = jax.random.fold_in(key, value)
    return key


def _numbers(positive: int, wanted: int) -> list[int]:
    """How many maps to drop in turn: by halves more, up to all of positive weight."""
    steps = [n * 2**i for i in range(positive.bit_length()) for n in (2, 3)]
    own = wanted or -(-positive // 4)
    return sorted({min(n, positive) for n in (1, *steps, own, positive)})


def search(forget: Any, candidates: np.ndarray, seen: Seen, read: Any) -> np.ndarray:
    """Finds maps to drop by trying, one more each time, while it gets better.

    Better is less of what is left of the object and the damage, added up.

    Args:
        forget: of a mask of maps and samples to new images.
        candidates: the maps to try, bool `[C]`.
        seen: the samples to try them on; a part of them is used.
        read: the regressor's.

    Returns:
        The maps to drop, bool `[C]`; at least one.
    """
    part = [np.flatnonzero(x)[:TRIED] for x in (seen.there, ~seen.there)]
    few = _chosen(seen, np.concatenate(part))

    def loss(maps):
        found = measure(few, forget(maps, few), read)
        return found["left"] + found.get("damage", 0.0)

    dropped, least = np.zeros(len(candidates), bool), np.inf
    off = not sys.stderr.isatty()
    with tqdm(unit="try", desc="searching", disable=off) as bar:
        while (candidates & ~dropped).any():
            tried = {}
            for i in np.flatnonzero(candidates & ~dropped):
                tried[i] = loss(dropped | (np.arange(len(dropped)) == i))
                bar.update()
            i = min(tried, key=tried.__getitem__)
            if tried[i] >= least:
                break
            dropped[i], least = True, tried[i]
    return dropped


def _chosen(seen: Seen, index: np.ndarray) -> Seen:
    return jax.tree.map(lambda x: x[index], seen)


def measure(seen: Seen, after: np.ndarray, read: Any = None) -> dict[str, Any]:
    """What has changed in samples.

    Args:
        seen: the samples before.
        after: the same latents drawn anew, uint8 `[N, H, W, C]`.
        read: the regressor's, or None.

    Returns:
        Mean absolute changes of pixels in [0, 1]: `inside` and `outside` of the boxes
        of samples with the object, and of the samples `without` it (where there are
        any). With the regressor `rate`, the share of samples that have the object, and
        `left`, the share of those that had it; `factors`: of the samples without it,
        mean absolute changes of numbers, in standard deviations over samples, and the
        share of changed answers about the rest; `damage`, the mean of these.
    """
    change = np.abs(after.astype(np.float64) - seen.images).mean(-1) / 255
    there = seen.there
    box = forgetting.inside(seen.boxes[there], *change.shape[1:])
    found: dict[str, Any] = {
        "inside": float(change[there][box].mean()),
        "outside": float(change[there][~box].mean()) if not box.all() else 0.0,
    }
    if not there.all():
        found["without"] = float(change[~there].mean())
    if read is None:
        return found
    now, before = read(after), seen.factors
    still = now["glasses"] > 0.5
    found |= {"rate": float(still.mean()), "left": float(still[there].mean())}
    if there.all():
        return found
    moved = {
        name: np.abs(now[name] - before[name])[~there].mean() / before[name].std()
        for name in _factors.NUMBERS
    } | {
        name: ((now[name] > 0.5) != (before[name] > 0.5))[~there].mean()
        for name in _factors.BINARIES
    }
    factors = {name: float(value) for name, value in moved.items()}
    numbers = [factors[name] for name in _factors.NUMBERS]
    return found | {"damage": float(np.mean(numbers)), "factors": factors}


def _results(config, trained, fitted, rows, seen, test, regressor) -> dict[str, Any]:
    layers = {}
    for layer, found in fitted.items():
        positive = int((found.heavy > 0).sum())
        layers[str(layer)] = {
            "maps": len(found.heavy),
            "positive": positive,
            "positions": found.positions,
            "accuracy": found.accuracy,
            "heaviest": np.argsort(-found.heavy)[:8].tolist(),
            **rows[layer],
        }
    return {
        "step": trained.step,
        "config": dataclasses.asdict(config),
        "about": {
            "learned": f"{len(seen.images)} samples, {seen.there.sum()} with"
            f" {config.object}",
            "dropped": f"{len(test.images)} "
            + ("new samples" if regressor else "of the same samples")
            + f", {test.there.sum()} with {config.object}",
            "control": f"as many random maps, a mean of {config.controls} choices",
            "left": "share of the samples with it that still have it; rate is that of"
            " all samples",
            "pixels": "are from 0 to 1: mean absolute changes, inside and outside of"
            " the boxes of samples with the object, and of samples without it",
            "factors": "of samples without the object: mean absolute changes of"
            " numbers in standard deviations, shares of changed yes-or-no answers;"
            " damage is the mean of the numbers",
            "searched": "maps of positive weight of --layer that were found by trying,"
            " on learned samples; its control tried the other maps",
        },
        "rate_before": float(test.there.mean()),
        "layers": layers,
        "regressor": regressor.quality if regressor else None,
    }


def _save_sheet(config: Config, images: np.ndarray) -> None:
    """The samples with their numbers and a grid of pixels, to draw boxes on."""
    columns = 10
    rows = -(-len(images) // columns)
    height, width = images.shape[1:3]
    figure = _figures.new(1.6 * columns, 1.75 * rows, 0.01)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(images) :]:
        axes.set_axis_off()
    for i, (axes, image) in enumerate(zip(panels, images, strict=False)):
        axes.imshow(_colour(image), extent=(0, width, height, 0))
        axes.set_title(i, fontsize=9, pad=2)
        axes.set_xticks(range(0, width + 1, max(1, width // 4)))
        axes.set_yticks(range(0, height + 1, max(1, height // 4)))
        axes.tick_params(length=0, labelsize=5, pad=1)
        axes.grid(color="white", alpha=0.4, lw=0.4)
    path = config.workdir / "samples.png"
    about = f"{len(images)} samples of {height}x{width} pixels, numbered for --boxes"
    _figures.save(path, figure, about)


def _draw_forgotten(config, key, forget, sets, test: Seen):
    """The same latents before and after, and without random maps."""
    index = [_clearest(test), np.flatnonzero(~test.there)[: SHOWN // 2]]
    shown = _chosen(test, np.concatenate(index))
    rows = {"as drawn": shown.images}
    for i, maps in enumerate(sets):
        n = maps.sum()
        how = "the" if i + 1 < len(sets) else "all"
        rows[f"without {how} {n}\nmaps for {config.object}"] = forget(maps, shown)
        other = _random(jax.random.fold_in(key, CONTROL + i), maps)
        rows[f"without {n}\nrandom maps"] = forget(other, shown)
    side = test.images.shape[2]
    larger = max(1, 128 // side)
    width, height = (
        0.01 * larger * (side + 4) * n for n in (len(shown.images), len(rows))
    )
    figure = _figures.new(1.7 + width, 0.8 + height)
    words = {True: config.object, False: f"no {config.object}"}
    above = [words[bool(there)] for there in shown.there]
    axes = figure.subplots()
    _figures.tiles(axes, np.stack(list(rows.values())) / 255, list(rows), above)
    axes.tick_params(labelsize=9)
    figure.suptitle(
        f"The same latents without maps of layer {config.layer}, which has"
        f" {len(sets[0])}",
        fontsize=11,
    )
    path = config.workdir / "forgotten.png"
    _figures.save(path, figure, "the same latents before and after")


def _clearest(seen: Seen) -> np.ndarray:
    """The samples that have the object most clearly."""
    there = np.flatnonzero(seen.there)
    if "glasses" in seen.factors:
        there = there[np.argsort(-seen.factors["glasses"][there], kind="stable")]
    return there[:SHOWN]


def _draw_evidence(config, look, layer, found: Fitted, seen: Seen):
    """Samples with their boxes, and where the regression sees the object."""
    index = _clearest(seen)
    latents = jax.tree.map(lambda x: x[index], seen.latents)
    maps = _figures.in_blocks(look, latents, seen.labels[index], size=BLOCK)[layer]
    odds = forgetting.evidence(maps, found.weights, found.bias)
    chances = np.asarray(jax.nn.sigmoid(odds))
    height, width = seen.images.shape[1:3]
    figure = _figures.new(1.8 * len(index), 4.4)
    panels = figure.subplots(2, len(index), squeeze=False)
    extent = (0, width, height, 0)
    for i, chance, column in zip(index, chances, panels.T, strict=True):
        top, left, bottom, right = height * seen.boxes[i]
        column[0].imshow(_colour(seen.images[i]), extent=extent)
        column[1].imshow(chance, vmin=0, vmax=1, cmap="magma", extent=extent)
        for axes, colour in zip(column, ("lime", "white"), strict=True):
            axes.plot(
                [left, right, right, left, left], [top, top, bottom, bottom, top],
                color=colour, lw=1.2,
            )  # fmt: skip
            axes.set_xticks([])
            axes.set_yticks([])
        column[0].set_title(f"sample {i}", fontsize=9)
    panels[0, 0].set_ylabel(f"box of the\n{config.object}")
    panels[1, 0].set_ylabel("probability")
    heat = panels[1, 0].images[0]
    figure.colorbar(heat, ax=list(panels[1]), shrink=0.8, pad=0.005)
    figure.suptitle(
        f"Which of the {chances.shape[1]}x{chances.shape[2]} positions of layer"
        f" {config.layer} look like {config.object} to the regression",
        fontsize=11,
    )
    path = config.workdir / "evidence.png"
    _figures.save(path, figure, f"where {config.object} are seen")


def _draw_trade(config, rows, total, test: Seen, searched):
    """What is forgotten against what else changes, map after map."""
    figure = _figures.new(12.5, 5.4, 0.05)
    panels = figure.subplots(1, 2)
    first = next(iter(rows.values()))["dropped"][0]
    rated = "left" in first
    kept = "left" if rated else "inside"
    cost = "without" if "without" in first else "outside"
    for i, layer in enumerate(rows):
        colour = f"C{i}"
        for kind, style, who in (
            ("dropped", "o-", f"maps for {config.object}"),
            ("control", "x--", "random maps"),
        ):
            numbers, y, x = (
                np.array([row[name] for row in rows[layer][kind]])
                for name in ("maps", kept, cost)
            )
            label = f"layer {layer - total}, {who}"
            scale = 100 if rated else 255
            panels[0].plot(numbers, scale * y, style, color=colour, label=label)
            panels[1].plot(255 * x, scale * y, style, color=colour)
            for number, a, b in zip(numbers, 255 * x, scale * y, strict=True):
                if kind == "dropped":
                    panels[1].annotate(
                        number, (a, b), (3, 3), textcoords="offset points", fontsize=7,
                        color=colour,
                    )  # fmt: skip
    if searched:
        maps, y, x = searched["maps"], 100 * searched["left"], 255 * searched[cost]
        look = {"color": f"C{list(rows).index(config.layer % total)}", "ms": 14}
        name = f"layer {config.layer}, maps found by trying"
        panels[0].plot([len(maps)], [y], "*", label=name, **look)
        panels[1].plot([x], [y], "*", **look)
    what = (
        f"samples that still have {config.object} (%)"
        if rated
        else f"mean change of a pixel in boxes of {config.object} (levels of 255)"
    )
    panels[0].set_xscale("log", base=2)
    panels[0].xaxis.set_major_formatter("{x:g}")
    panels[0].set_xlabel("maps dropped, the heaviest first")
    where = "in samples without" if cost == "without" else "outside the boxes of"
    panels[1].set_xlabel(
        f"mean change of a pixel {where} {config.object} (levels of 255)"
    )
    for axes in panels:
        axes.set_ylabel(what)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_title(f"Of the {test.there.sum()} samples that had it")
    panels[1].set_title(
        "What it costs: down and to the left is best"
        if rated
        else "What it costs: up and to the left is best"
    )
    figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    path = config.workdir / "trade.png"
    _figures.save(path, figure, "what is forgotten against what else changes")


def _say(results: dict[str, Any]) -> None:
    for layer, found in results["layers"].items():
        row, control = (found[kind][-1] for kind in ("dropped", "control"))
        _data.say(f"rectifier {layer} without {row['maps']} of {found['maps']} maps:")
        for who, numbers in (("maps for it", row), ("random maps", control)):
            _data.say(f"  {who}: {_words(numbers)}")
    if "searched" in results:
        for who in ("searched", "searched_control"):
            what = "maps for it" if who == "searched" else "others"
            maps, words = results[who]["maps"], _words(results[who])
            _data.say(f"without {what} found by trying, {maps}: {words}")


def _words(row: dict[str, Any]) -> str:
    left = f"{row['left']:.1%} left, " if "left" in row else ""
    changed = f"pixels change by {row['inside']:.1%} in boxes"
    return f"{left}{changed} and {row['outside']:.1%} outside"


def _colour(image: np.ndarray) -> np.ndarray:
    return image.repeat(3, -1) if image.shape[-1] == 1 else image


if __name__ == "__main__":
    _cli.run(main, Config, description=__doc__)
