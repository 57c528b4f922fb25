"""Measures where the time of a step goes on this machine, and how it grows.

    python -m experiments.benchmarks.cost
    python -m experiments.benchmarks.cost --only roofs roofline

It has four parts. `roofs`: the speed that the machine reaches in a large matrix product
and in a large copy. `roofline`: multiply-adds and bytes of the step of the DCGAN and of
the CapsNet, counted by hand layer by layer (`roofline.py`) beside XLA's own count; the
least time that they take, the measured time, and the quotient. XLA counts the body of a
loop once, counts nothing for custom calls to a library, and counts the bytes of every
operand of a kernel, whether in a cache or not. `growth`: time as the batch, the width
and the resolution grow, one at a time. `compile`: seconds to the first step of a new
process, without and with cached compilations.

Measurements are kept in the work directory, point by point: running the same command
again continues with the next one, and --again repeats all. Stop other programs first.
Takes about seven minutes on two cores at the defaults. Writes cost.md, cost.png and
results.json.
"""

import dataclasses
import pathlib
from typing import Any, Literal

from tqdm import tqdm

from experiments.benchmarks.cost.measuring import (
    child,
    grown,
    path_of,
    point,
    roofline,
    serve,
    serve_roofs,
    starts,
)
from experiments.benchmarks.cost.tables import draw, tables
from experiments.benchmarks.parts import kept, steps, timing
from jaxgan import bounds, report
from jaxgan.lab import figures
from jaxgan.train.terminal import say

Part = Literal["roofs", "roofline", "growth", "compile"]
PARTS: tuple[Part, ...] = ("roofs", "roofline", "growth", "compile")


@dataclasses.dataclass(frozen=True)
class Config:
    """What to measure, and for how long."""

    workdir: pathlib.Path = pathlib.Path("runs/cost")
    """Directory for the measured points, cost.md, cost.png and results.json."""
    only: tuple[Part, ...] = PARTS
    """Which parts; roofline and growth measure the roofs too, if these are missing."""
    batch_size: bounds.Count = 64
    """Images in a batch of the DCGAN, when something else grows."""
    width: bounds.Count = 32
    """Channels of the DCGAN's widest maps."""
    resolution: bounds.Count = 64
    """Height and width of the DCGAN's images."""
    capsnet_batch_size: bounds.Count = 128
    """Images in a batch of the CapsNet."""
    features: bounds.Count = 256
    """Channels of the CapsNet's first convolution; 256 in the paper."""
    batches: tuple[bounds.Count, ...] = (16, 32, 64, 128, 256)
    """Batch sizes of the DCGAN to measure."""
    widths: tuple[bounds.Count, ...] = (16, 32, 64, 96)
    """Widths of the DCGAN to measure."""
    resolutions: tuple[bounds.Count, ...] = (32, 64, 128)
    """Resolutions of the DCGAN to measure."""
    capsnet_batches: tuple[bounds.Count, ...] = (32, 128)
    """Batch sizes of the CapsNet to measure."""
    products: tuple[bounds.Count, ...] = (512, 1024, 2048)
    """Sides of the matrices whose products are timed; the fastest is the roof."""
    megabytes: bounds.Count = 512
    """Size of each of the arrays that are copied, far more than caches hold."""
    threads: bounds.Count = 2
    """Threads, and cores."""
    rounds: bounds.Count = 5
    """Timed turns of each point, of two steps; the median counts."""
    again: bool = False
    """Whether to repeat what was measured before."""
    serve: str | None = None
    """Internal: be the child process that steps this."""
    xla: pathlib.Path | None = None
    """Internal: where the child writes XLA's count."""
    roofs: bool = False
    """Internal: be the child process that measures roofs."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        for field in dataclasses.fields(self):
            if getattr(self, field.name) == ():
                flag = f"--{field.name.replace('_', '-')}"
                raise ValueError(f"{flag} is empty; give one or more")


def main(config: Config) -> None:
    """Measures what is missing, and writes the tables and the picture."""
    if config.roofs:
        return serve_roofs(config)
    if config.serve:
        return serve(config, config.serve)
    for _, _, words in points(config):  # reports wrong sizes before anything runs
        steps.parse(words)
    needed = [part for part in PARTS if part in config.only]
    if {"roofline", "growth"} & set(needed) and "roofs" not in needed:
        needed.insert(0, "roofs")
    results: dict[str, Any] = {"machine": timing.machine()}
    done: set[pathlib.Path] = set()  # the files that --again has measured anew
    bar = tqdm(needed, unit="part")
    for part in bar:
        bar.set_postfix_str(part)
        match part:
            case "roofs":
                again = config.again and "roofs" in config.only
                results["roofs"] = kept.kept(
                    path_of(config, "roofs"),
                    again,
                    lambda: kept.ask([*child(), "--roofs"]),
                )
            case "roofline":
                words = [_dcgan(config), _capsnet(config)]
                results["roofline"] = {
                    word.split()[0]: roofline(
                        word, point(config, word, done), results["roofs"]
                    )
                    for word in words
                }
            case "growth":
                results["growth"] = [
                    {"axis": axis, **grown(config, word, value, results, done)}
                    for axis, value, word in points(config)
                ]
            case "compile":
                results["compile"] = {
                    word.split()[0]: kept.kept(
                        path_of(config, "starts", word),
                        config.again,
                        lambda word=word: starts(config, word),
                    )
                    for word in (_dcgan(config), _capsnet(config), "mlp batch=64")
                }
    text = tables(results)
    report.write(config.workdir / "cost.md", text)
    if "growth" in results:
        draw(config.workdir / "cost.png", results["growth"], results["roofs"])
    figures.save_results(config.workdir / "results.json", results)
    say(text)


def points(config: Config) -> list[tuple[str, int, str]]:
    """Lists axis, value and subject of every point of growth."""
    return [
        *(("batch", n, _dcgan(config, batch=n)) for n in config.batches),
        *(("width", n, _dcgan(config, width=n)) for n in config.widths),
        *(("resolution", n, _dcgan(config, resolution=n)) for n in config.resolutions),
        *(("capsnet's batch", n, _capsnet(config, n)) for n in config.capsnet_batches),
    ]


def _dcgan(config: Config, **sizes: int) -> str:
    sizes = {
        "batch": config.batch_size,
        "resolution": config.resolution,
        "width": config.width,
        **sizes,
    }
    return " ".join(["dcgan", *(f"{name}={n}" for name, n in sizes.items())])


def _capsnet(config: Config, batch: int | None = None) -> str:
    batch = batch or config.capsnet_batch_size
    return f"capsnet batch={batch} features={config.features}"
