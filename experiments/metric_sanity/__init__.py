"""Damages images in known ways, and shows what the metrics say about it.

    python -m experiments.metric_sanity
    python -m experiments.metric_sanity --data idx:MNIST faces:8192
    python -m experiments.metric_sanity --data folder:FACES --weights INCEPTION

Real images are split in two halves: one is the reference, and the other is damaged and
compared with it. The damage is done by noise, by blur, by leaving out modes (classes,
or tenths of the images by brightness if there are no labels), and by collapsing to a
few repeated images, those nearest to the reference. Fréchet and kernel distances must
grow with each damage; images that collapse inside the manifold keep their precision and
lose their recall. The undamaged half gives the lowest value that equally many samples
can reach. Writes sanity.png, a row for each data set, and results.json.

Without flags it takes digits (5,000 of MNIST, `pip install -e ".[digits]"`) with the
digit classifier and drawn faces with the random network: a minute and a half on two CPU
cores.
"""

import dataclasses
import pathlib
from typing import Annotated

import tyro

from experiments.metric_sanity.measuring import sanity
from experiments.metric_sanity.pictures import draw
from jaxgan import bounds
from jaxgan.lab import figures
from jaxgan.lab.measure import extract


@dataclasses.dataclass(frozen=True)
class Config:
    """The images to damage, and the network to look through."""

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
    """Images in a batch of the network."""
    seed: bounds.Seed = 0
    """Seed of the noise and of the halves."""
    workdir: pathlib.Path = pathlib.Path("runs/metric_sanity")
    """Directory for the picture and the numbers."""

    def __post_init__(self):
        if not self.data:
            raise ValueError("--data is empty; give one set of images or more")
        bounds.check(self, flags=True)


def main(config: Config) -> None:
    """Damages the images, measures them, and draws the picture."""
    found = {name: sanity(config, name) for name in config.data}
    figure = figures.new(15, 3.4 * len(found), 0.04)
    panels = figure.subplots(len(found), 4, squeeze=False)
    for row, (name, results) in zip(panels, found.items(), strict=True):
        draw(row, name, results)
    figures.save(config.workdir / "sanity.png", figure, "each metric under damage")
    figures.save_results(config.workdir / "results.json", {"sets": found})
