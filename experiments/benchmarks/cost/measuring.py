"""Measures the points of the cost of a step, each once, in processes of their own."""

import json
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from typing import Any

from experiments.benchmarks.parts import kept, steps, timing
from experiments.benchmarks.parts import roofline as counts
from jaxgan import report

STARTS = 2  # new processes of each kind; the quickest counts


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


def starts(config: Any, words: str) -> dict[str, Any]:
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


def path_of(config: Any, *words: str) -> pathlib.Path:
    """The file for a measured point; its name contains everything it depends on."""
    parts = [*" ".join(words).replace("=", " ").split(), f"threads_{config.threads}"]
    if words[0] == "roofs":
        parts += [*map(str, config.products), f"{config.megabytes}MB"]
    elif words[0] != "starts":
        parts.append(f"rounds_{config.rounds}")
    return config.workdir / "points" / f"{'_'.join(parts)}.json"


def child() -> list[str]:
    """The words that begin the command of a child process."""
    return [sys.executable, "-m", "experiments.benchmarks.cost", *sys.argv[1:]]


def serve_roofs(config: Any) -> None:
    """The child that measures roofs, in operations and bytes a second."""
    kept.prepare(config.threads)
    from experiments.benchmarks.parts import roofs

    found = {
        dtype: roofs.product(dtype, config.products)
        for dtype in ("float32", "bfloat16")
    }
    found["bandwidth"] = roofs.bandwidth(config.megabytes)
    print(json.dumps(found), flush=True)


def point(config: Any, words: str, done: set[pathlib.Path]) -> dict[str, Any]:
    """Milliseconds of a step and XLA's count of it, measured now or before."""
    path = path_of(config, words)
    again = config.again and path not in done
    done.add(path)
    return kept.kept(path, again, lambda: _measure(config, words))


def _measure(config: Any, words: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        xla = pathlib.Path(folder) / "xla.json"
        samples = timing.measure(
            {words: [*child(), "--serve", words, "--xla", str(xla)]},
            rounds=config.rounds,
            steps=2,
        )[words]
        count = json.loads(xla.read_text())
    times = [sample.ms for sample in samples]
    return {"ms": statistics.median(times), "xla": count, "samples": samples}


def serve(config: Any, words: str) -> None:
    """The child that steps, and writes XLA's count to a file."""
    kept.prepare(config.threads)
    built = steps.build(steps.parse(words))
    if config.xla:
        cost = built.compiled.cost_analysis() or {}
        count = {"flops": cost.get("flops"), "bytes": cost.get("bytes accessed")}
        report.write(config.xla, json.dumps(count))
    timing.serve(lambda: built.play(1), warmup=2)


def grown(
    config: Any,
    words: str,
    value: int,
    results: Mapping[str, Any],
    done: set[pathlib.Path],
) -> dict[str, Any]:
    """The costs of a step of one size, without those of its layers."""
    found = roofline(words, point(config, words, done), results["roofs"])
    del found["layers"]
    return {"value": value, **found}
