r"""Measures a generator, or a set of images, against real images, and records how.

    python -m experiments.evaluate --run runs/dcgan_faces
    python -m experiments.evaluate --run runs/dcgan_faces \
        --extractor inception --weights pt_inception-2015-12-05-6726825d.pth
    python -m experiments.evaluate --real idx:MNIST --fake folder:SAMPLES

Writes results.json, with every number and its protocol (extractor and its checksum,
resize, reference split and counts, seed, moving average or not, truncation), and
neighbours.png, samples beside the real images nearest to them by features. Numbers of
different protocols cannot be compared. With the published Inception weights the Fréchet
distance is the FID, the kernel distance the KID and the score the Inception score, and
results have these names; with other extractors they do not. `--held-out` (a part of the
real set, or another set) adds the numbers of new real images, which a perfect generator
would reach. Nothing is written before all is measured, and a run is only read.

Takes half a minute for 10,000 digits on two CPU cores. Inception needs an accelerator,
as two cores process about fifteen images per second.
"""

import dataclasses
import pathlib
import platform
from typing import Annotated, Any

import jax
import numpy as np
import tyro
from jax.sharding import Mesh

from experiments.evaluate.choosing import counted, wanted
from experiments.evaluate.opening import labelled, open_sets
from experiments.evaluate.showing import named, neighbours, table
from jaxgan import bounds, parallel, report
from jaxgan.lab import session
from jaxgan.lab.judges import factors
from jaxgan.lab.measure import census, extract, moments, statistics
from jaxgan.lab.sets import ImageSet, Reading
from jaxgan.metrics import features
from jaxgan.train.terminal import say

ALIASES = {"--out": "--workdir"}  # flags of earlier versions


@dataclasses.dataclass(frozen=True)
class Config:
    """What to measure."""

    extraction: Annotated[extract.Extraction, tyro.conf.arg(name="")]
    reading: Annotated[Reading, tyro.conf.arg(name="")]
    run: pathlib.Path | None = None
    """Directory of a finished run, whose generator is measured against its data."""
    real: str | None = None
    """Reference images, in the form of --data; with a run, by default its training
    data."""
    fake: str | None = None
    """Images to measure instead of a run, in the form of --data."""
    held_out: str | None = None
    """Real images that were not trained on: a part of the real set, such as test, or
    another set."""
    metrics: tuple[statistics.Metric, ...] = ()
    """What to measure; by default everything that the extractor, the labels and the
    held-out images allow."""
    count: bounds.Natural = 10_000
    """Number of samples to draw from a run, or largest number of images of --fake; 0
    takes all of --fake."""
    real_count: bounds.Natural = 0
    """Largest number of reference images; 0 takes all."""
    kept: Annotated[int, bounds.Within(2)] = 10_000
    """Features of each set that kernel distance, coverage and memorisation use."""
    subsets: bounds.Count = 100
    """Random subsets that the kernel distance is averaged over."""
    subset_size: Annotated[int, bounds.Within(2)] = 1000
    """Features in each of these subsets."""
    batch_size: bounds.Count = 100
    """Images in a batch."""
    seed: bounds.Seed = 0
    """Seed of latents, and of every random choice."""
    ema: bool = True
    """Measure the moving average of the weights, not the weights themselves."""
    best: bool = False
    """Measure the state that scored best while it trained, not the latest."""
    truncation: bounds.Weight = 0.0
    """Draw Gaussian latents from within N standard deviations; 0 draws all."""
    factors: bool = False
    """Count glasses, beards and more in drawn faces, beside the data's. The regressor
    that reads them is trained once, in some minutes; where it was, they are counted
    without this flag."""
    devices: bounds.Natural = 0
    """Devices to use; 0 takes all there are."""
    workdir: pathlib.Path | None = None
    """Directory for the results; by default RUN/evaluation, or runs/evaluation without
    a run."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if (self.run is None) == (self.fake is None):
            raise ValueError("give what to measure: either --run or --fake")
        if self.run is None and self.real is None:
            raise ValueError("--fake needs --real, the images to compare it with")
        if self.run is not None and not self.count:
            raise ValueError("--count is 0; give the number of samples to draw")
        if len(set(self.metrics)) < len(self.metrics):
            raise ValueError(f"--metrics names one twice: {' '.join(self.metrics)}")


def main(config: Config) -> None:
    """Opens both sets, extracts features, compares, and only then writes."""
    mesh = _mesh(config.devices)
    real, fake, held_out = open_sets(config)
    sets = {"real": real, "fake": fake} | ({"held out": held_out} if held_out else {})
    for name, pictures in sets.items():
        say(f"{name:>9}  {pictures.about}")
        if pictures.shape != real.shape:
            raise ValueError(
                f"{pictures.about}, but {real.about}: they cannot be compared; make"
                " them alike by --resolution and --channels"
            )
    extractor = _extractor(config, real)
    say(f"extractor  {extractor.name}")
    chosen, count = wanted(sets, extractor, config), counted(config, real)
    sets["fake"] = fake.labelled_as(real.classes)
    seen = {
        name: moments.look_at(
            pictures,
            extractor,
            mesh,
            batch_size=config.batch_size,
            kept=config.kept,
            classes="classes" in chosen and name != "held out",
            title=name,
        )
        for name, pictures in sets.items()
    }
    numbers = statistics.compare(
        seen["real"],
        seen["fake"],
        chosen,
        held_out=seen.get("held out"),
        subsets=config.subsets,
        subset_size=config.subset_size,
        seed=config.seed,
        names=real.classes,
    )
    numbers = named(session.finite(numbers), extractor)
    if count:
        regressor = factors.trained(real.shape[0])
        rows = census.taken(seen["real"], seen["fake"], regressor)
        numbers["factors"] = rows
        numbers["factor_distance"] = float(np.mean([row["distance"] for row in rows]))
    out = config.workdir or (config.run or pathlib.Path("runs")) / "evaluation"
    results = {
        "metrics": numbers,
        "protocol": _protocol(config, sets, seen, extractor),
        "command": session.command(),
        "device": f"{mesh.size} x {mesh.devices.flat[0].device_kind}",
        "jax": f"{jax.__version__}, Python {platform.python_version()}",
    }
    picture = neighbours(seen["real"], seen["fake"])
    report.save_png(out / "neighbours.png", picture)
    session.save_json(out / "results.json", results)
    say(table(numbers))
    if note := extractor.about.get("note"):
        say(f"     note  {note}")
    say(f"{out / 'neighbours.png'}: samples (left) and the real images nearest to them")
    say(f"{out / 'results.json'}: the numbers and their protocol")


def _extractor(config: Config, real: ImageSet) -> features.Extractor:
    """What images are seen through; a classifier is trained where it is missing."""
    spec = real.protocol["data"]
    whole = (lambda: labelled(spec, config, real.shape)) if real.labelled else None
    return extract.extractor(config.extraction, real.shape, whole)


def _protocol(config: Config, sets, seen, extractor) -> dict[str, Any]:
    """What the numbers depend on."""
    return {
        "extractor": {"name": extractor.name, **extractor.about},
        **{
            name: {**pictures.protocol, "seen": int(seen[name].moments.count)}
            for name, pictures in sets.items()
        },
        "features_kept": config.kept,
        "kernel_subsets": [config.subsets, config.subset_size],
        "seed": config.seed,
    }


def _mesh(count: int) -> Mesh:
    """Picks `count` devices, or all."""
    there = jax.local_devices()
    if count > len(there):
        raise ValueError(
            f"--devices is {count}, but there are {len(there)}; give fewer, or 0"
        )
    return parallel.mesh(there[: count or None])
