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
import json
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from typing import Any, Literal

from tqdm import tqdm

from experiments.benchmarks.cost.tables import draw, tables
from experiments.benchmarks.parts import kept, steps, timing
from experiments.benchmarks.parts import roofline as counts
from jaxgan import bounds, report
from jaxgan.lab import figures
from jaxgan.train.terminal import say

Part = Literal["roofs", "roofline", "growth", "compile"]
PARTS: tuple[Part, ...] = ("roofs", "roofline", "growth", "compile")
STARTS = 2  # new processes of each kind; the quickest counts


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
        return _serve(config, config.serve)
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
                    _path(config, "roofs"),
                    again,
                    lambda: kept.ask([*_child(), "--roofs"]),
                )
            case "roofline":
                words = [_dcgan(config), _capsnet(config)]
                results["roofline"] = {
                    word.split()[0]: roofline(
                        word, _point(config, word, done), results["roofs"]
                    )
                    for word in words
                }
            case "growth":
                results["growth"] = [
                    {"axis": axis, **_grown(config, word, value, results, done)}
                    for axis, value, word in points(config)
                ]
            case "compile":
                results["compile"] = {
                    word.split()[0]: kept.kept(
                        _path(config, "starts", word),
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


def roofline(
    words: str, point: Mapping[str, Any], roofs: Mapping[str, Any]
) -> dict[str, Any]:
    """The counts of a step, the least time they take, and the measured time."""
    subject = steps.parse(words)
    peak, rate = roofs["float32"], roofs["bandwidth"]
    layers = counts.rows(subject.nets, subject.size)
    work = counts.step(subject.nets, subject.size)
    least = counts.seconds(work, peak, rate)
    measured = point["ms"] / 1e3
    return {
        "subject": words,
        "images": subject.size,
        "flops": work.flops,
        "bytes": work.bytes,
        "xla_flops": point["xla"]["flops"],
        "xla_bytes": point["xla"]["bytes"],
        "arithmetic": work.flops / peak,
        "memory": work.bytes / rate,
        "least": least,
        "in_turn": sum(counts.seconds(layer, peak, rate) for layer in layers),
        "measured": measured,
        "share": least / measured,
        "layers": [layer._asdict() for layer in layers],
    }


def starts(config: Config, words: str) -> dict[str, Any]:
    """Measures seconds to the first step of new processes, without and with a cache."""
    cold, warm = [], []
    for _ in range(STARTS):
        with tempfile.TemporaryDirectory() as cache:
            for found in (cold, warm):
                module = "experiments.benchmarks.parts.first_step"
                command = [sys.executable, "-m", module, words]
                env = {"JAX_COMPILATION_CACHE_DIR": cache}
                rest = [str(time.time()), str(config.threads)]
                found.append(kept.ask([*command, *rest], env))
    quickest = [min(found, key=lambda one: one["all"]) for found in (cold, warm)]
    return {"subject": words, "cold": quickest[0], "warm": quickest[1]}


def _path(config: Config, *words: str) -> pathlib.Path:
    """The file for a measured point; its name contains everything it depends on."""
    parts = [*" ".join(words).replace("=", " ").split(), f"threads_{config.threads}"]
    if words[0] == "roofs":
        parts += [*map(str, config.products), f"{config.megabytes}MB"]
    elif words[0] != "starts":
        parts.append(f"rounds_{config.rounds}")
    return config.workdir / "points" / f"{'_'.join(parts)}.json"


def _child() -> list[str]:
    return [sys.executable, "-m", "experiments.benchmarks.cost", *sys.argv[1:]]


def serve_roofs(config: Config) -> None:
    """The child that measures roofs, in operations and bytes a second."""
    kept.prepare(config.threads)
    from experiments.benchmarks.parts import roofs

    found = {
        dtype: roofs.product(dtype, config.products)
        for dtype in ("float32", "bfloat16")
    }
    found["bandwidth"] = roofs.bandwidth(config.megabytes)
    print(json.dumps(found), flush=True)


def _point(config: Config, words: str, done: set[pathlib.Path]) -> dict[str, Any]:
    """Milliseconds of a step and XLA's count of it, measured now or before."""
    path = _path(config, words)
    again = config.again and path not in done
    done.add(path)
    return kept.kept(path, again, lambda: _measure(config, words))


def _measure(config: Config, words: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        xla = pathlib.Path(folder) / "xla.json"
        samples = timing.measure(
            {words: [*_child(), "--serve", words, "--xla", str(xla)]},
            rounds=config.rounds,
            steps=2,
        )[words]
        count = json.loads(xla.read_text())
    times = [sample.ms for sample in samples]
    return {"ms": statistics.median(times), "xla": count, "samples": samples}


def _serve(config: Config, words: str) -> None:
    """The child that steps, and writes XLA's count to a file."""
    kept.prepare(config.threads)
    built = steps.build(steps.parse(words))
    if config.xla:
        cost = built.compiled.cost_analysis() or {}
        count = {"flops": cost.get("flops"), "bytes": cost.get("bytes accessed")}
        report.write(config.xla, json.dumps(count))
    timing.serve(lambda: built.play(1), warmup=2)


def _grown(
    config: Config,
    words: str,
    value: int,
    results: Mapping[str, Any],
    done: set[pathlib.Path],
) -> dict[str, Any]:
    found = roofline(words, _point(config, words, done), results["roofs"])
    del found["layers"]
    return {"value": value, **found}
