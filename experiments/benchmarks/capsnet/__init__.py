"""Times routing by agreement, and a step of CapsNet, side by side with PyTorch.

    python -m experiments.benchmarks.capsnet --part routing --rounds 10
    python -m experiments.benchmarks.capsnet --part step --rounds 10

--part routing measures routing alone at the paper's size, forward and with both
gradients: PyTorch, jaxgan with the votes made first ("naive"), and jaxgan's `route`,
which never stores them ("fused"). --part step measures one update of the whole network.
Each case runs in a separate process; ratios are over PyTorch with the same settings of
the allocator (`jaxgan/allocator.py`), round by round.

Memory is measured first, case by case: the growth of the process's peak during one more
step (VmHWM; for torch on a GPU, the peak of its allocator), beside the temporary
buffers that XLA reports. The bound is the least that must be moved: inputs, weights and
cotangent are read once, and results written once.

Takes about ten minutes on two cores; other work on the machine disturbs it.
"""

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys
from typing import Literal

from experiments.benchmarks.capsnet.cases import make
from experiments.benchmarks.capsnet.memory_use import inspect, memory_table
from experiments.benchmarks.parts import kept, timing
from jaxgan import bounds


@dataclasses.dataclass(frozen=True)
class Config:
    """What to measure, and for how long."""

    part: Literal["routing", "step"] = "routing"
    """Whether to measure routing alone, or the training step of the whole network."""
    batch_size: bounds.Count = 128
    """Images in a batch."""
    below: bounds.Count = 1152
    """I, capsules below, for routing alone; the network has the paper's sizes."""
    below_dim: bounds.Count = 8
    """K, numbers in each capsule below."""
    above: bounds.Count = 10
    """J, capsules above."""
    above_dim: bounds.Count = 16
    """D, numbers in each capsule above."""
    iterations: bounds.Count = 3
    """Iterations of routing."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Arithmetic of convolutions, votes and decoder, on both sides."""
    device: Literal["auto", "cpu", "gpu"] = "auto"
    """Where both sides run; auto takes an accelerator if they see one."""
    compile: bool = False
    """Whether to add PyTorch with `torch.compile` (needs a C++ compiler)."""
    channels_last: bool = True
    """Whether PyTorch uses the channels-last memory format."""
    threads: bounds.Count = 2
    """Threads for each side."""
    rounds: bounds.Count = 10
    """Timed turns of each case."""
    steps: bounds.Count = 2
    """Steps in a turn; more where a step is short."""
    allocators: tuple[Literal["tuned", "default"], ...] = ("tuned", "default")
    """Settings of the allocator to measure."""
    workdir: pathlib.Path = pathlib.Path("runs/benchmarks/capsnet")
    """Directory for results.json."""
    output: pathlib.Path | None = None
    """Internal: the file to write, instead of results.json."""
    serve: str | None = None
    """Internal: be the child process of this case."""
    inspect: str | None = None
    """Internal: report the memory of this case and leave."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def cases(config: Config) -> list[str]:
    """Names of cases: side, work and allocator; the reference comes first."""
    torch = ["torch", "torch-compiled"] if config.compile else ["torch"]
    if config.part == "step":
        names = [f"{who} step" for who in (*torch, "jaxgan")]
    else:
        names = [
            f"{who} {what}"
            for what in ("forward", "forward+backward")
            for who in (*torch, "jaxgan-naive", "jaxgan-fused")
        ]
    return [f"{name} {allocator}" for allocator in config.allocators for name in names]


def main(config: Config) -> None:
    """Measures every case and prints the tables."""
    if config.serve:
        return timing.serve(make(config, config.serve).step)
    if config.inspect:
        return print(json.dumps(inspect(config, config.inspect)), flush=True)
    compilers = (os.environ.get("CXX"), "c++", "g++", "clang++")
    if config.compile and not any(name and shutil.which(name) for name in compilers):
        raise SystemExit("--compile needs a C++ compiler; install one or leave it out")
    names = cases(config)
    child = [sys.executable, "-m", "experiments.benchmarks.capsnet", *sys.argv[1:]]
    machine = timing.machine()
    print(json.dumps(machine), flush=True)
    reports = []
    for name in names:
        done = subprocess.run(
            [*child, "--inspect", name], text=True, stdout=subprocess.PIPE, check=True
        )
        reports.append(json.loads(done.stdout.splitlines()[-1]))
    print(memory_table(config, reports), flush=True)
    samples = timing.measure(
        {name: [*child, "--serve", name] for name in names},
        rounds=config.rounds,
        steps=config.steps,
    )
    references = {name: f"torch {name.split(maxsplit=1)[1]}" for name in names}
    rows = timing.compare(samples, references)
    print(timing.table(rows, examples=config.batch_size))
    result = {"machine": machine, "memory": reports, "samples": samples}
    kept.save(config, {**result, "rows": [row._asdict() for row in rows]})
