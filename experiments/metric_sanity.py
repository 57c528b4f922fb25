"""Damages images in known ways, and shows what the metrics say about it.

    python -m experiments.metric_sanity
    python -m experiments.metric_sanity --data idx:MNIST faces:8192
    python -m experiments.metric_sanity --data folder:FACES --weights INCEPTION

Real images are divided in two: one half is the reference, the other is damaged and
compared with it. It is damaged by noise, by blur, by leaving out modes (classes, or
tenths of the images by brightness if there are no labels), and by collapsing to a few
repeated images, those nearest to the reference. A Fréchet and a kernel distance must
grow with each; images that collapse inside the manifold keep their precision and lose
their recall. The undamaged half against the reference is the lowest value that samples
of the same number can reach. Writes sanity.png, a row for each data set, and
results.json.

Without flags it takes digits (5,000 of MNIST, `pip install -e ".[digits]"`) with the
digit classifier and drawn faces with the random network: a minute and a half on two CPU
cores.
"""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Annotated, Any

import jax
import numpy as np
import tyro
from PIL import Image, ImageFilter

from jaxgan import bounds, metrics, parallel
from jaxgan.lab import cli, figures
from jaxgan.lab import sets as lab_sets
from jaxgan.lab.data import Data, open_set
from jaxgan.lab.measure import extract, moments
from jaxgan.metrics import features
from jaxgan.train.terminal import say

NOISE = (0, 4, 8, 16, 32, 64)  # standard deviation, of 255
BLUR = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)  # standard deviation in pixels
MODES = 10
KEPT = (10, 8, 6, 4, 2, 1)  # modes
COLLAPSED = (1, 10, 100, 1000)  # different images that are left
COLOURS = ("#1b4965", "#e4572e", "#5fa8a3", "#a26769")


@dataclasses.dataclass(frozen=True)
class Config:
    """What to damage, and what to look through."""

    extraction: Annotated[extract.Extraction, tyro.conf.arg(name="")]
    data: tuple[str, ...] = ("digits", "faces:4000")
    """One or more sets of real images."""
    resolution: bounds.Natural = 0
    """Height and width to resize images to; 0 takes them as they are."""
    count: Annotated[int, bounds.Within(40)] = 10_000
    """Images to take of each set, at most; half of them are the reference."""
    subsets: bounds.Count = 50
    """Random subsets that the kernel distance is averaged over."""
    subset_size: Annotated[int, bounds.Within(2)] = 500
    """Features in each of these subsets."""
    batch_size: bounds.Count = 100
    """Images that go through the network together."""
    seed: bounds.Natural = 0
    """Seed of the noise and of the halves."""
    workdir: pathlib.Path = pathlib.Path("runs/metric_sanity")
    """Directory for the picture and the numbers."""

    def __post_init__(self):
        if not self.data:
            raise ValueError("--data is empty; give one set of images or more")
        bounds.check(self, flags=True)


def main(config: Config) -> None:
    """Damages the images, measures them, and draws the picture."""
    found = {name: _sanity(config, name) for name in config.data}
    figure = figures.new(15, 3.4 * len(found), 0.04)
    panels = figure.subplots(len(found), 4, squeeze=False)
    for row, (name, results) in zip(panels, found.items(), strict=True):
        _draw(row, name, results)
    figures.save(config.workdir / "sanity.png", figure, "each number under damage")
    figures.save_results(config.workdir / "results.json", {"sets": found})


def noisy(images: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Images uint8 with Gaussian noise, cut off at black and white."""
    added = images + rng.normal(0, sigma, images.shape)
    return np.clip(np.rint(added), 0, 255).astype(np.uint8)


def blurred(images: np.ndarray, sigma: float) -> np.ndarray:
    """Images uint8 `[N, H, W, C]` under a Gaussian blur."""
    if not sigma:
        return images
    channel = images[..., 0] if images.shape[-1] == 1 else images
    soft = ImageFilter.GaussianBlur(sigma)
    out = np.stack([np.asarray(Image.fromarray(x).filter(soft)) for x in channel])
    return out.reshape(images.shape)


def modes_of(images: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
    """A mode for every image `[N]`: its class, or its tenth by brightness."""
    if labels is not None:
        return labels
    rank = np.argsort(np.argsort(images.mean((1, 2, 3)), kind="stable"))
    return rank * MODES // len(images)


def _sanity(config: Config, name: str) -> dict[str, Any]:
    reading = lab_sets.Reading(resolution=config.resolution)
    opened = lab_sets.open_set(name, reading, config.count, config.seed)
    say(opened.about)
    parts = list(opened.blocks(config.batch_size))
    images = np.concatenate([part.images for part in parts])
    given = [part.labels for part in parts if part.labels is not None]
    labels = np.concatenate(given) if given else None
    rng = np.random.default_rng(config.seed)
    order, half = rng.permutation(len(images)), len(images) // 2
    reference, rest = images[order[:half]], images[order[half : 2 * half]]
    modes = modes_of(images, labels)[order[half : 2 * half]]

    def sets():
        data = Data(data=name)
        height, width, channels = opened.shape
        return open_set(data, (height, width, channels), test=True)

    extractor = extract.extractor(
        config.extraction, opened.shape, sets if opened.labelled else None
    )
    look = seeing(extractor, config.batch_size)
    real = look(reference)

    def distances(images):
        fake = look(images)
        size = min(config.subset_size, len(fake), len(real))
        kernel = metrics.kernel_distance(
            real, fake, subsets=config.subsets, subset_size=size, seed=config.seed
        )
        return {
            "frechet": _frechet(real, fake),
            "kernel": float(kernel.mean),
            "kernel_spread": float(kernel.spread),
        }

    def kept(count):
        left = rest[np.isin(modes, np.unique(modes)[:count])]
        return left[rng.integers(0, len(left), half)] if count < MODES else rest

    def coverage(images):
        fake = look(images)
        found = {
            **metrics.precision_recall(*map(jax.device_put, (real, fake)))._asdict(),
            **metrics.density_coverage(*map(jax.device_put, (real, fake)))._asdict(),
        }
        return {k: float(v) for k, v in found.items()} | distances(images)

    # A single image may be unusual, but a generator collapses to what D knows well.
    _, away = metrics.nearest_neighbours(look(rest), real)
    typical = rest[np.argsort(np.asarray(away)[:, 0], kind="stable")]
    several = tuple(n for n in COLLAPSED if n < half)
    damage = {
        "noise": (NOISE, lambda x: distances(noisy(rest, x, rng))),
        "blur": (BLUR, lambda x: distances(blurred(rest, x))),
        "modes kept": (KEPT, lambda x: distances(kept(x))),
        "different images": (
            (*several, half),
            lambda x: coverage(typical[np.arange(half) % x]),
        ),
    }
    results = {}
    for kind, (strengths, measure) in damage.items():
        say(f"  {kind}: {', '.join(map(str, strengths))}")
        results[kind] = [{"strength": x, **measure(x)} for x in strengths]
    return {
        "data": opened.protocol,
        "half": half,
        "extractor": {"name": extractor.name, **extractor.about},
        **results,
    }


def seeing(
    extractor: features.Extractor, batch_size: int
) -> Callable[[np.ndarray], np.ndarray]:
    """`look(images) -> features [N, F]` of any number of images."""
    see = extract.looker(extractor, parallel.mesh(), batch_size)

    def look(images):
        starts = range(0, len(images), batch_size)
        return np.concatenate(
            [see(images[start : start + batch_size]).features for start in starts]
        )

    return look


def _frechet(a: np.ndarray, b: np.ndarray) -> float:
    return moments.frechet(*(metrics.moments(np.asarray(x, float)) for x in (a, b)))


def _draw(row, name, results):
    for axes, kind in zip(row, ("noise", "blur", "modes kept"), strict=False):
        rows = results[kind]
        x = [r["strength"] for r in rows]
        axes.plot(x, [r["frechet"] for r in rows], "o-", color=COLOURS[0])
        axes.set_ylabel("Fréchet distance", color=COLOURS[0])
        other = axes.twinx()
        other.errorbar(
            x,
            [r["kernel"] for r in rows],
            [r["kernel_spread"] for r in rows],
            fmt="s--",
            color=COLOURS[1],
            capsize=2,
        )
        other.set_ylabel("kernel distance", color=COLOURS[1])
        axes.set_xlabel(kind)
        axes.set_ylim(bottom=0)
        other.set_ylim(bottom=0)
        if kind == "modes kept":
            axes.invert_xaxis()
    rows = results["different images"]
    axes = row[3]
    for number, colour in zip(
        ("precision", "recall", "density", "coverage"), COLOURS, strict=True
    ):
        values = [r[number] for r in rows]
        axes.plot([r["strength"] for r in rows], values, "o-", color=colour,
                  label=number)  # fmt: skip
    axes.set_xscale("log")
    axes.set_ylim(0, 2.2)
    axes.set_xlabel("different images, repeated")
    axes.legend(fontsize="small", ncols=2, loc="upper center")
    row[0].set_title(f"{name} by {results['extractor']['name']}", loc="left")


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
