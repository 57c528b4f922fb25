"""Truncates the latents of a finished run: quality against variety (arXiv:1809.11096).

    python -m experiments.truncation_curve --run runs/biggan_faces
    python -m experiments.truncation_curve --run runs/dcgan_faces --thresholds 0.3 1 3

Brock, Donahue and Simonyan draw the latents of BigGAN from a normal distribution that
is cut off at a threshold: the smaller it is, the more typical and the more alike images
are. For each threshold this measures precision and density (how many samples lie among
real images) and recall and coverage (how much of the real images is reached), with
the Fréchet distance, in the features of one network.

Batch norms are held at what they see of latents that are not truncated. With `--norms
own` they see truncated batches, as in BigGAN, and where the first layer of a generator
is normalised, as that of DCGAN is, this undoes most of the truncation. A column of the
sheet has the same latents throughout.

Works for any run of a generator with Gaussian latents, which is only read; a minute on
two CPU cores. Writes truncation.png (the curve), sheet.png and results.json.
"""

import dataclasses
import pathlib
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

import jax
import numpy as np
import tyro

from jaxgan import bounds, nn, parallel
from jaxgan.lab import cli, figures, inference, sets
from jaxgan.lab.measure import extract, moments, statistics
from jaxgan.lab.sets import Block, ImageSet, Reading
from jaxgan.train.terminal import say

COLUMNS = 10  # latents of the sheet
BATCH = 100  # images looked at together
SHOWN = ("precision", "density", "recall", "coverage", "frechet_distance")


@dataclasses.dataclass(frozen=True)
class Config:
    """The run, and where to cut its latents off."""

    extraction: Annotated[extract.Extraction, tyro.conf.arg(name="")]
    run: pathlib.Path
    """Directory of a finished run of a generator; it is only read."""
    workdir: pathlib.Path | None = None
    """Directory for the pictures and the results; by default RUN/truncation."""
    thresholds: Annotated[tuple[bounds.Rate, ...], bounds.Long(1)] = (
        *(0.25, 0.5, 0.75, 1.0),
        *(1.5, 2.0, 3.0),
    )
    """Largest absolute values of a latent's numbers."""
    norms: Literal["held", "own"] = "held"
    """Statistics of batch norms: held at those of latents that are not truncated, or
    those of the truncated images that are drawn together."""
    count: Annotated[int, bounds.Within(10)] = 2000
    """Samples for each threshold, and most of the real images."""
    seed: bounds.Seed = 0
    """Seed of the latents."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def main(config: Config) -> None:
    """Draws, measures and writes."""
    trained = inference.open_run(config.run)
    out = config.workdir or config.run / "truncation"
    mesh = parallel.mesh(jax.local_devices())
    shape = inference.image_shape(trained)
    spec, reading = inference.trained_on(trained, shape, Reading())
    real = sets.open_set(spec or "", reading, config.count, config.seed)
    extractor = extract.extractor(config.extraction, real.shape)

    def look(pictures, title):
        return moments.look_at(
            pictures,
            extractor,
            mesh,
            batch_size=BATCH,
            kept=config.count,
            classes=False,
            title=title,
        )

    draw = drawing(config, trained)
    goal, rows = look(real, "real"), []
    for threshold in (*sorted(config.thresholds), None):
        seen = look(samples(config, trained, draw, threshold), _short(threshold))
        found = statistics.compare(goal, seen, ("frechet", "coverage"))
        row: dict[str, Any] = {"threshold": threshold}
        rows.append(row | {name: float(found[name]) for name in SHOWN})
        say("  ".join(f"{name} {_short(x)}" for name, x in rows[-1].items()))
    draw_curve(out / "truncation.png", rows)
    draw_sheet(out / "sheet.png", config, trained, draw)
    about = {"name": extractor.name, **extractor.about}
    results = {"step": trained.step, "real": real.protocol, "extractor": about}
    results |= {"count": config.count, "norms": config.norms, "rows": rows}
    figures.save_results(out / "results.json", results)


def drawing(config: Config, trained: inference.Trained) -> Callable[..., jax.Array]:
    """The generator, `draw(latent, label) -> bytes`, compiled.

    Raises:
        ValueError: its latents are not Gaussian.
    """
    if not inference.are_gaussian(trained):
        raise ValueError(
            f"truncation is for Gaussian latents, and those of {config.run} are not:"
            " train with normal latents"
        )
    held = config.norms == "held"
    draw = inference.drawing(trained) if held else None

    def drawn(latent, label):
        images = (
            inference.sampled(trained, latent, label)
            if draw is None
            else draw(latent, label)
        )
        return inference.to_uint8(trained, images)

    return jax.jit(drawn)


def cut(latent: Any, threshold: float | None) -> Any:
    """Latents within a threshold; as they are where it is None."""
    if threshold is None:
        return latent
    return jax.tree.map(lambda z: nn.truncated(z, threshold), latent)


def samples(
    config: Config,
    trained: inference.Trained,
    draw: Callable[..., jax.Array],
    threshold: float | None,
) -> ImageSet:
    """Samples from truncated latents, which are the same for all thresholds before."""
    key = jax.random.key(config.seed)

    def blocks(size: int) -> Iterator[Block]:
        for start in range(0, config.count, size):
            latent = inference.latents(trained, jax.random.fold_in(key, start), size)
            label = np.arange(start, start + size) % max(1, trained.classes)
            images = np.asarray(draw(cut(latent, threshold), label))
            yield Block(images[: config.count - start], None)

    shape = inference.image_shape(trained)
    return ImageSet("samples", {}, config.count, shape, False, blocks)


def _short(x: float | None) -> str:
    return "none" if x is None else f"{x:.3g}"


def draw_curve(path: pathlib.Path, rows: list[dict[str, Any]]) -> None:
    """Draws precision against recall, density against coverage, and the distance."""
    figure = figures.new(9, 3)
    axes = figure.subplots(1, 3)
    names = [_short(row["threshold"]) for row in rows]
    for ax, (across, up) in zip(
        axes[:2], (("recall", "precision"), ("coverage", "density")), strict=True
    ):
        x, y = ([row[name] for row in rows] for name in (across, up))
        ax.plot(x, y, "o-", ms=4)
        for place in zip(x, y, names, strict=True):
            ax.annotate(place[2], place[:2], (3, 3), textcoords="offset points")
        ax.set_xlabel(f"{across} (variety)")
        ax.set_ylabel(f"{up} (quality)")
    axes[2].plot(names, [row["frechet_distance"] for row in rows], "o-", ms=4)
    axes[2].set_xlabel("threshold")
    axes[2].set_ylabel("Fréchet distance")
    for ax in axes:
        ax.grid(alpha=0.3)
    figures.save(path, figure, "quality against variety, a point a threshold")


def draw_sheet(
    path: pathlib.Path,
    config: Config,
    trained: inference.Trained,
    draw: Callable[..., jax.Array],
) -> None:
    """Draws the same latents at each threshold, a row a threshold."""
    latent = inference.latents(trained, jax.random.key(config.seed), BATCH)
    label = np.arange(BATCH) % max(1, trained.classes)
    thresholds = (*sorted(config.thresholds), None)
    rows = [np.asarray(draw(cut(latent, x), label))[:COLUMNS] for x in thresholds]
    figures.save_rows(
        path, np.stack(rows), [_short(x) for x in thresholds], "a row a threshold"
    )


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
