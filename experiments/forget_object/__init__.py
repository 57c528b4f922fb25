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
from typing import Any, Literal

import jax
import numpy as np
from tqdm import tqdm

from experiments.forget_object import pictures
from experiments.forget_object.forgetting import (
    BLOCK,
    CONTROL,
    FIT,
    POSITIONS,
    TEST,
    Fitted,
    Seen,
    fit,
    measure,
    random_maps,
    search,
)
from jaxgan.analysis import forgetting, rectifiers
from jaxgan.lab import data as lab_data
from jaxgan.lab import figures
from jaxgan.lab import trained as lab_trained
from jaxgan.lab.judges import factors as lab_factors

LEAST = 5  # boxes to learn from


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
        figures.at_least(self, drop=0, samples=1, count=1, controls=1)
        if not self.penalty > 0:
            raise ValueError(f"--penalty is {self.penalty}; it must be above 0")
        if self.boxes is None and self.object != "glasses" and not self.sheet:
            raise ValueError(
                f"--object is {self.object!r}, but only glasses are found by"
                " themselves: draw boxes and give them with --boxes"
            )


def main(config: Config) -> None:
    """Learns where the object is, forgets it, and measures."""
    trained = lab_trained.open_run(config.run, ema=config.ema)
    draw = lab_trained.drawing(trained)
    key = jax.random.key(config.seed)
    latents, labels = _latents(trained, jax.random.fold_in(key, FIT), config.samples)
    plain = jax.jit(lambda *x: lab_trained.to_uint8(trained, draw(*x)))
    images = figures.in_blocks(plain, latents, labels, size=BLOCK)
    if config.sheet:
        pictures.save_sheet(config, images)
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
        images = figures.in_blocks(plain, latents, labels, size=BLOCK)
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
    pictures.draw_forgotten(config, key, forget, sets, test)
    pictures.draw_evidence(config, look, chosen, fitted[chosen], seen)
    pictures.draw_trade(config, rows, total, test, results.get("searched"))
    figures.save_results(config.workdir / "results.json", results)
    _say(results)


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


def _latents(trained: lab_trained.Trained, key: jax.Array, count: int):
    latents = lab_trained.latents(trained, key, count)
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


def _regressor(trained: lab_trained.Trained, images: np.ndarray) -> lab_factors.Factors:
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
    return lab_factors.trained(images.shape[1])


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
    maps = figures.in_blocks(look, seen.latents, seen.labels, size=BLOCK)
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
        return lab_trained.to_uint8(trained, images)

    def images(maps, seen):
        block = functools.partial(forget, maps)
        return figures.in_blocks(block, seen.latents, seen.labels, size=BLOCK)

    return images


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
                        measured(random_maps(_control_key(key, layer, number, i), maps))
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


def _say(results: dict[str, Any]) -> None:
    for layer, found in results["layers"].items():
        row, control = (found[kind][-1] for kind in ("dropped", "control"))
        lab_data.say(
            f"rectifier {layer} without {row['maps']} of {found['maps']} maps:"
        )
        for who, numbers in (("maps for it", row), ("random maps", control)):
            lab_data.say(f"  {who}: {_words(numbers)}")
    if "searched" in results:
        for who in ("searched", "searched_control"):
            what = "maps for it" if who == "searched" else "others"
            maps, words = results[who]["maps"], _words(results[who])
            lab_data.say(f"without {what} found by trying, {maps}: {words}")


def _words(row: dict[str, Any]) -> str:
    left = f"{row['left']:.1%} left, " if "left" in row else ""
    changed = f"pixels change by {row['inside']:.1%} in boxes"
    return f"{left}{changed} and {row['outside']:.1%} outside"
