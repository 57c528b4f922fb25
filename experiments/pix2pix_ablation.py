"""Which loss of pix2pix does what: labels found in its portraits (arXiv:1611.07004).

    python -m experiments.pix2pix_ablation
    python -m experiments.pix2pix_ablation --losses l1 l1+cgan --seeds 0 1 2

Draws portraits from maps of their parts by each loss of the paper's table 1, and scores
them as the paper does: a segmenter trained on true portraits looks for the labels, and
its score on true portraits is the ceiling. The paper's segmenter learned from people's
labels of photographs; here all labels are exact. Without flags, 32x32, one seed, and
1,500 steps of each loss; the segmenter is trained once.

The run directory gets a run for each loss and seed, results.json, and table.png: the
same unseen maps, the portraits that each loss makes of them, and the true ones.
"""

import dataclasses
from typing import Annotated

import numpy as np
import tyro
from PIL import Image

from jaxgan import bounds, report
from jaxgan.lab import cli, figures, runs, spread, translation
from jaxgan.lab.data import Data
from jaxgan.models import pix2pix
from jaxgan.train import Run, directory
from jaxgan.train.terminal import say

SHOWN = 6  # maps in the picture
MEASURES = ("pixel", "class_", "iou")


@dataclasses.dataclass(frozen=True)
class Config:
    """Training pix2pix by several losses."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[Data, tyro.conf.arg(name="")]
    model: pix2pix.Config
    losses: tuple[pix2pix.Loss, ...] = ("l1", "gan", "cgan", "l1+gan", "l1+cgan")
    """Losses to train by."""
    seeds: tuple[bounds.Seed, ...] = (0,)
    """Seeds to train each with."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        for name in ("losses", "seeds"):
            values = getattr(self, name)
            if not values or len(set(values)) < len(values):
                raise ValueError(f"--{name} is {values}; give one or more, each once")


PRESETS = {
    "laptop": Config(
        run=runs.run("pix2pix_ablation", steps=1500, every=500, batch_size=4),
        data=Data("portraits:2048", upscale="auto", tests=512),
        model=pix2pix.Config(
            resolution="32x32",
            width=24,
            patch=16,
            learning_rate=1e-3,
            constant=750,
            decay=750,
        ),
    )
}


def main(config: Config) -> None:
    """Trains what is not trained yet, then scores all."""
    found = {
        loss: [_numbers(config, loss, seed) for seed in config.seeds]
        for loss in config.losses
    }
    table = {
        loss: {
            name: spread.spread([x["labels_found"]["output"][name] for x in numbers])
            for name in MEASURES
        }
        | {"l1": spread.spread([x["errors"]["output"]["l1"] for x in numbers])}
        for loss, numbers in found.items()
    }
    first = found[config.losses[0]][0]
    ceiling = first["labels_found"]["truth"]
    say("loss       pixel             class             IoU")
    for loss, row in table.items():
        cells = (f"{row[name].text(3):<18}" for name in MEASURES)
        say(f"{loss:<11}{''.join(cells)}".rstrip())
    cells = (f"{ceiling[name]:<18.3f}" for name in MEASURES)
    say(f"true       {''.join(cells)}".rstrip())
    _picture(config)
    figures.save_results(
        config.run.workdir / directory.RESULTS,
        {
            "data": first["data"],
            "steps": config.run.steps,
            "batch_size": config.run.batch_size,
            "seeds": config.seeds,
            "device": first["device"],
            "losses": {
                loss: {name: value._asdict() for name, value in row.items()}
                for loss, row in table.items()
            },
            "ceiling": ceiling,
            "baselines": first["errors"],
        },
    )


def _part(config, loss, seed):
    model = dataclasses.replace(config.model, loss=loss)
    return runs.part(config, f"{loss}_{seed}", model, seed=seed)


def _numbers(config, loss, seed):
    part = _part(config, loss, seed)
    say(f"{loss}, seed {seed}")
    return runs.once(
        part, lambda: translation.train(part, "labels-to-portrait", judge=True)
    )


def _picture(config):
    """Cuts the sheets of all losses, which show the same pairs, and joins them."""
    tiles = {}
    for loss in config.losses:
        path = figures.last_sheet_file(
            _part(config, loss, config.seeds[0]).run, "pairs"
        )
        with Image.open(path) as image:
            tiles[loss] = _cut(np.asarray(image.convert("RGB")), config.model.shape)
    maps, _, truth = next(iter(tiles.values()))
    rows = np.stack([maps, *(three[1] for three in tiles.values()), truth])
    names = ["labels", *tiles, "true"]
    path = config.run.workdir / "table.png"
    figures.save_rows(path, rows[:, :SHOWN], names, "a row a loss, a column a map")


def _cut(sheet: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """The maps, outputs and truths `[3, N, H, W, 3]` of a sheet."""
    height, width, gap = *shape[:2], report.GAP
    rows, columns = (
        (side - gap) // (size + gap)
        for side, size in zip(sheet.shape[:2], (height, width), strict=True)
    )
    cut = sheet[gap:, gap:].reshape(rows, height + gap, columns, width + gap, 3)
    tiles = cut[:, :height, :, :width].swapaxes(1, 2)
    tiles = tiles.reshape(-1, 3, height, width, 3)
    return tiles.swapaxes(0, 1)


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
