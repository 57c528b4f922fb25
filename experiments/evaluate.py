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
they have these names; with other extractors they have not. `--held-out` (a part of the
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

from jaxgan import bounds, data, metrics, parallel, report
from jaxgan.lab import cli, inference, session
from jaxgan.lab import sets as lab_sets
from jaxgan.lab.data import Data, Set, open_set
from jaxgan.lab.measure import extract, generators, moments, statistics
from jaxgan.lab.sets import ImageSet, Reading
from jaxgan.metrics import features
from jaxgan.train.terminal import say

SHOWN = 8  # samples with their nearest neighbours
# What the field calls statistics of the published Inception features.
PUBLISHED_NAMES = {
    "frechet_distance": "fid",
    "kernel_distance": "kid",
    "score": "inception_score",
    "class_frechet_distance": "class_fid",
}
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
    """Images seen together."""
    seed: bounds.Natural = 0
    """Seed of latents, and of every random choice."""
    ema: bool = True
    """Measure the moving average of the weights, not the weights themselves."""
    best: bool = False
    """Measure the state that scored best while it trained, not the latest."""
    truncation: bounds.Weight = 0.0
    """Draw Gaussian latents from within N standard deviations; 0 draws all."""
    devices: bounds.Natural = 0
    """Devices to use; 0 takes all there are."""
    workdir: pathlib.Path | None = None
    """Directory for the results; RUN/evaluation, or runs/evaluation, if left out."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if (self.run is None) == (self.fake is None):
            raise ValueError("give what to measure: either --run or --fake")
        if self.run is None and self.real is None:
            raise ValueError("--fake needs --real, the images to compare it with")
        if self.run is not None and not self.count:
            raise ValueError("--count is 0; say how many samples to draw")
        if len(set(self.metrics)) < len(self.metrics):
            raise ValueError(f"--metrics has one twice: {' '.join(self.metrics)}")


def main(config: Config) -> None:
    """Opens, looks, compares, and only then writes."""
    mesh = _mesh(config.devices)
    real, fake, held_out = _open(config)
    sets = {"real": real, "fake": fake} | ({"held out": held_out} if held_out else {})
    for name, pictures in sets.items():
        say(f"{name:>9}  {pictures.about}")
        if pictures.shape != real.shape:
            raise ValueError(
                f"{pictures.about}, but {real.about}: they cannot be compared; bring"
                " them together by --resolution and --channels"
            )
    spec = real.protocol["data"]
    labelled = (lambda: _labelled(spec, config, real.shape)) if real.labelled else None
    extractor = extract.extractor(config.extraction, real.shape, labelled)
    say(f"extractor  {extractor.name}")
    wanted = _wanted(sets, extractor, config)
    seen = {
        name: moments.look_at(
            pictures,
            extractor,
            mesh,
            batch_size=config.batch_size,
            kept=config.kept,
            classes="classes" in wanted and name != "held out",
            title=name,
        )
        for name, pictures in sets.items()
    }
    numbers = statistics.compare(
        seen["real"],
        seen["fake"],
        wanted,
        held_out=seen.get("held out"),
        subsets=config.subsets,
        subset_size=config.subset_size,
        seed=config.seed,
    )
    numbers = named(session.finite(numbers), extractor)
    out = config.workdir or (config.run or pathlib.Path("runs")) / "evaluation"
    results = {
        "metrics": numbers,
        "protocol": {
            "extractor": {"name": extractor.name, **extractor.about},
            **{
                name: {**pictures.protocol, "seen": int(seen[name].moments.count)}
                for name, pictures in sets.items()
            },
            "features_kept": config.kept,
            "kernel_subsets": [config.subsets, config.subset_size],
            "seed": config.seed,
        },
        "command": session.command(),
        "device": f"{mesh.size} x {mesh.devices.flat[0].device_kind}",
        "jax": f"{jax.__version__}, Python {platform.python_version()}",
    }
    picture = _neighbours(seen["real"], seen["fake"])
    report.save_png(out / "neighbours.png", picture)
    session.save_json(out / "results.json", results)
    say(table(numbers))
    say(f"{out / 'neighbours.png'}: samples (left) and the real images nearest to them")
    say(f"{out / 'results.json'}: the numbers and their protocol")


def named(numbers: dict[str, Any], extractor: features.Extractor) -> dict[str, Any]:
    """The numbers by the names of the field, where they have a right to them."""
    if not extractor.about.get("published"):
        return numbers

    def called(name):
        for ours, theirs in PUBLISHED_NAMES.items():
            if name == ours or name.startswith(f"{ours}_"):
                return theirs + name.removeprefix(ours)
        return name

    return {called(name): value for name, value in numbers.items()}


def table(numbers: dict[str, Any]) -> str:
    """The numbers as lines, and classes as a table."""
    lines = []
    for name, value in numbers.items():
        if name == "classes":
            lines.append("  " + "  ".join(f"{column:>16}" for column in value[0]))
            lines += ["  " + "  ".join(f"{_short(v):>16}" for v in r.values())
                      for r in value]  # fmt: skip
        else:
            lines.append(f"{name.replace('_', ' '):>36}  {_short(value)}")
    return "\n".join(lines)


def _mesh(count: int) -> Mesh:
    """So many devices, or all."""
    there = jax.local_devices()
    if count > len(there):
        raise ValueError(
            f"--devices is {count}, but there are {len(there)}; give fewer, or 0"
        )
    return parallel.mesh(there[: count or None])


def _open(config: Config) -> tuple[ImageSet, ImageSet, ImageSet | None]:
    """The reference, what is measured, and held-out images if there are any."""
    reading, spec = config.reading, config.real
    if config.run is None:
        fake = _other(config.fake or "", reading, config.count, config.seed)
    else:
        generator = inference.open_run(config.run, ema=config.ema, best=config.best)
        fake = generators.drawn(
            generator, config.count, config.seed, truncation=config.truncation
        )
        fake.protocol["moving_average"] = config.ema
        fake.protocol["checkpoint"] = "best" if config.best else "latest"
        if spec is None:
            spec, reading = inference.trained_on(generator, fake.shape, reading)
    real = lab_sets.open_set(spec or "", reading, config.real_count, config.seed)
    if config.held_out is None:
        return real, fake, None
    if ":" in config.held_out or pathlib.Path(config.held_out).exists():
        held_out = _other(config.held_out, reading, config.real_count, config.seed)
        return real, fake, held_out
    reading = dataclasses.replace(reading, split=config.held_out)
    held_out = lab_sets.open_set(spec or "", reading, config.real_count, config.seed)
    return real, fake, held_out


def _other(spec: str, reading: Reading, count: int, seed: int) -> ImageSet:
    """A set of its own, which need not have the part that the real one is read of."""
    whole = dataclasses.replace(reading, split="train")
    try:
        return lab_sets.open_set(spec, whole, count, seed)
    except data.NoSplit:
        return lab_sets.open_set(spec, reading, count, seed)


def _labelled(spec: str, config: Config, shape: tuple[int, ...]) -> Set:
    """The whole labelled set that a classifier is trained and tested on."""
    height, width, channels = shape
    flags = Data(data=spec, download=config.reading.download)
    try:
        return open_set(flags, (height, width, channels), test=True)
    except data.NoSplit:  # a set of test images alone
        flags = dataclasses.replace(flags, split=config.reading.split)
        return open_set(flags, (height, width, channels), test=True)


def _wanted(sets, extractor, config) -> tuple[statistics.Metric, ...]:
    """The metrics that were asked for, or all that can be made of what there is.

    Raises:
        ValueError: one of them cannot be made, or none can.
    """
    logits = extractor.about.get("classes") is not None
    labels = sets["real"].labelled and sets["fake"].labelled
    count = min(pictures.count for pictures in sets.values())
    kept, side = min(config.kept, count), min(sets["real"].shape[:2])
    needs: dict[statistics.Metric, tuple[bool, str]] = {
        "frechet": (count >= 2, f"2 images of each set or more, not {count}"),
        "kernel": (
            kept >= config.subset_size,
            f"as many images as --subset-size, {config.subset_size}, not {kept}",
        ),
        "coverage": (
            kept >= statistics.LEAST_COVERED,
            f"{statistics.LEAST_COVERED} images of each set or more, not {kept}",
        ),
        "score": (logits, "logits of classes: give --extractor inception or digits"),
        "classes": (
            bool(extractor.about.get("sees_labels")) or labels,
            "labels of both sets, or --extractor digits",
        ),
        "memorisation": (
            "held out" in sets,
            "real images that were not trained on: name them with --held-out",
        ),
        "diversity": (side >= 11, f"images of 11 pixels a side, not {side}"),
        "wasserstein": (side >= 16, f"images of 16 pixels a side, not {side}"),
    }
    for name in config.metrics:
        possible, what = needs[name]
        if not possible:
            raise ValueError(f"--metrics {name} needs {what}")
    if config.metrics:
        return config.metrics
    there: tuple[statistics.Metric, ...] = tuple(
        name for name, (possible, _) in needs.items() if possible
    )
    if not there:
        raise ValueError(f"nothing can be measured with {count} image: give more")
    if left_out := [name for name in needs if name not in there]:
        say(f" left out  {', '.join(left_out)}: not to be had of these sets")
    return there


def _neighbours(real: moments.Seen, fake: moments.Seen) -> np.ndarray:
    """Samples, each beside the three real images nearest to it by features."""
    shown = min(SHOWN, len(fake.images))
    near = min(3, len(real.images))
    chosen = data.some(len(fake.images), shown)
    index, _ = metrics.nearest_neighbours(
        fake.features[fake.pictured][chosen], real.features[real.pictured], near
    )
    rows = np.concatenate(
        [fake.images[chosen, None], real.images[np.asarray(index)]], axis=1
    )
    return report.sheet(rows.reshape(-1, *fake.images.shape[1:]), 2 * (near + 1))


def _short(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(_short(x) for x in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__, aliases=ALIASES)
