"""Times scores, Inception's features and the distances, beside torch-fidelity.

    python -m experiments.benchmarks.metrics --rounds 5
    python -m experiments.benchmarks.metrics --parts extract-32 extract-299

`extract-32` and `extract-299` compute 2048 features and 1008 logits of images of that
size, with the same weights (random, unless `--weights` names a file). `frechet` is the
distance of two sets of statistics of 2048 features; "scipy" computes the root of the
product of the covariances, as in the first FID code. `mmd` is the squared discrepancy
of all samples, `kernel` its mean over subsets, and `manifold` precision and recall.
"jaxgan" computes distances of NumPy arrays in float64, and "jaxgan-jax" those of JAX
arrays in float32, like torch-fidelity.

Each case runs in a separate process; ratios are over torch-fidelity, round by round, or
over the first of the other cases if it is not installed. Takes minutes on two cores;
other work on the machine disturbs it.
"""

import dataclasses
import importlib.util
import json
import pathlib
import sys
import tempfile
from typing import Any, Literal

from experiments.benchmarks.metrics.cases import (
    CASES,
    THEIRS,
    Part,
    serve,
    write_weights,
)
from experiments.benchmarks.parts import kept, timing
from jaxgan import bounds


@dataclasses.dataclass(frozen=True)
class Config:
    """What to measure, and for how long."""

    parts: tuple[Part, ...] = tuple(CASES)
    """Parts to measure, one after the other."""
    batch_size: bounds.Count = 16
    """Images in a batch of extraction."""
    weights: pathlib.Path | None = None
    """File of Inception's weights; by default they are random."""
    channels_last: bool = True
    """Whether PyTorch extracts features in the faster channels-last format."""
    samples: bounds.Count = 5000
    """Features in each of two sets."""
    features: bounds.Count = 2048
    """Numbers in each feature vector."""
    subsets: bounds.Count = 10
    """Subsets of `kernel`, of a thousand samples each."""
    threads: bounds.Count = 2
    """Threads for each side."""
    rounds: bounds.Count = 5
    """Timed turns of each case."""
    allocator: Literal["tuned", "default"] = "tuned"
    """Settings of the allocator (jaxgan/allocator.py), on both sides."""
    workdir: pathlib.Path = pathlib.Path("runs/benchmarks/metrics")
    """Directory for results.json."""
    output: pathlib.Path | None = None
    """Internal: the file to write, instead of results.json."""
    serve: str | None = None
    """Internal: be the child process of this case."""
    folder: pathlib.Path | None = None
    """Internal: where the weights lie in the form of each side."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def table(part: str, rows: list[timing.Row], config: Config) -> str:
    """The rows of a part as Markdown."""
    lines = []
    for row in rows:
        rate = 1e3 * config.batch_size / row.ms if part.startswith("extract") else None
        lines.append(
            f"| {part} | {row.name} | {row.ms:.0f} | {row.ms_min:.0f} "
            f"| {row.ratio:.2f} ({row.ratio_low:.2f}-{row.ratio_high:.2f}) "
            f"| {f'{rate:.1f}' if rate else '-'} |"
        )
    return "\n".join(lines)


def main(config: Config) -> None:
    """Measures every case and prints the table."""
    if config.serve:
        part, _, case = config.serve.partition(" ")
        return serve(config, part, case)
    if config.rounds < 2:
        raise ValueError(f"--rounds is {config.rounds}; quartiles need 2 or more")
    there = all(importlib.util.find_spec(name) for name in ("torch", "torch_fidelity"))
    if not there:
        print(
            "torch-fidelity is not installed, so ratios are over the first of the"
            " other cases"
        )
    machine = timing.machine()
    print(json.dumps(machine))
    print("| part | case | ms, median | best | ratio (quartiles) | images / s |")
    print("|---|---|---|---|---|---|", flush=True)
    result: dict[str, Any] = {"machine": machine, "rows": {}, "samples": {}}
    with tempfile.TemporaryDirectory() as folder:
        if any(part.startswith("extract") for part in config.parts):
            write_weights(config, pathlib.Path(folder))
        child = [sys.executable, "-m", "experiments.benchmarks.metrics", *sys.argv[1:]]
        child += ["--folder", folder]
        for part in config.parts:
            names = [name for name in CASES[part] if there or name != THEIRS]
            samples = timing.measure(
                {name: [*child, "--serve", f"{part} {name}"] for name in names},
                rounds=config.rounds,
            )
            rows = timing.compare(samples, dict.fromkeys(names, names[0]))
            print(table(part, rows, config), flush=True)
            result["rows"][part] = [row._asdict() for row in rows]
            result["samples"][part] = samples
    kept.save(config, result)
