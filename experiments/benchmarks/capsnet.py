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
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from experiments.benchmarks.parts import kept, memory, routing, timing
from jaxgan.lab import cli

MIB = 2.0**20


@dataclasses.dataclass(frozen=True)
class Config:
    """What to measure, and for how long."""

    part: Literal["routing", "step"] = "routing"
    """Whether to measure routing alone, or the training step of the whole network."""
    batch_size: int = 128
    """Images in a batch."""
    below: int = 1152
    """I, capsules below, for routing alone; the network has the paper's sizes."""
    below_dim: int = 8
    """K, numbers in each capsule below."""
    above: int = 10
    """J, capsules above."""
    above_dim: int = 16
    """D, numbers in each capsule above."""
    iterations: int = 3
    """Iterations of routing."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Arithmetic of convolutions, votes and decoder, on both sides."""
    device: Literal["auto", "cpu", "gpu"] = "auto"
    """Where both sides run; auto takes an accelerator if they see one."""
    compile: bool = False
    """Whether to add PyTorch with `torch.compile` (needs a C++ compiler)."""
    channels_last: bool = True
    """Whether PyTorch uses the channels-last memory format."""
    threads: int = 2
    """Threads for each side."""
    rounds: int = 10
    """Timed turns of each case."""
    steps: int = 2
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


class Case(NamedTuple):
    """A step, ready to run, and what XLA reports about it (nothing for PyTorch)."""

    step: Callable[[], object]
    temporary: float | None = None
    accessed: float | None = None


def _xla(step: Callable[[], object], compiled: Any) -> Case:
    memory, cost = compiled.memory_analysis(), compiled.cost_analysis() or {}
    return Case(step, memory.temp_size_in_bytes, cost.get("bytes accessed"))


def jaxgan_routing(config: Config, *, fused: bool, backward: bool) -> Case:
    """Routing by the library, with the votes made first or never stored."""
    import jax

    from jaxgan.capsules import routing as library

    def route(u, weights):
        if fused:
            return library.route(u, weights, iterations=config.iterations)
        votes = library.predict(u, weights)
        return library.dynamic_routing(votes, iterations=config.iterations)

    def both(u, weights, cotangent):
        v, pull = jax.vjp(route, u, weights)
        return v, pull(cotangent)

    u, weights = (jax.numpy.asarray(x, config.dtype) for x in _inputs(config))
    arguments = (u, weights)
    if backward:
        arguments += (jax.numpy.ones((len(u), config.above, config.above_dim)),)
    compiled = jax.jit(both if backward else route).lower(*arguments).compile()
    return _xla(lambda: jax.block_until_ready(compiled(*arguments)), compiled)


def torch_routing(config: Config, *, compiled: bool, backward: bool) -> Case:
    """Routing in PyTorch."""
    import torch

    from experiments.benchmarks.parts import torch_capsnet

    u, weights = (torch.from_numpy(x) for x in _inputs(config))
    step = torch_capsnet.make_routing(
        u,
        weights,
        _runtime(config, compiled),
        iterations=config.iterations,
        backward=backward,
    )
    return Case(step)


def jaxgan_step(config: Config) -> Case:
    """The library's own model, engine and compiled step."""
    import jax

    from jaxgan import game, parallel
    from jaxgan.models import capsnet

    mesh = parallel.mesh(jax.local_devices()[:1])
    model = capsnet.Config(iterations=config.iterations, dtype=config.dtype)
    algorithm = parallel.compiled(game.algorithm(capsnet.game(model)), mesh)
    n, side = config.batch_size, model.resolution
    keys = jax.random.split(jax.random.key(1))
    batch = {
        "image": jax.random.uniform(keys[0], (n, side, side, model.channels)),
        "label": jax.random.randint(keys[1], (n,), 0, model.classes),
    }
    batch = jax.device_put(batch, parallel.split(mesh))
    state = algorithm.init(jax.random.key(0), batch)
    jitted: Any = algorithm.step
    compiled = jitted.lower(state, batch).compile()

    def step() -> float:
        nonlocal state
        state, metrics = compiled(state, batch)
        jax.block_until_ready(state)
        return float(metrics["capsules/loss"])

    return _xla(step, compiled)


def torch_step(config: Config, *, compiled: bool) -> Case:
    """The plain PyTorch version."""
    from experiments.benchmarks.parts import torch_capsnet

    step = torch_capsnet.make_step(
        torch_capsnet.Sizes(iterations=config.iterations),
        _runtime(config, compiled),
        batch_size=config.batch_size,
    )
    return Case(step)


def _runtime(config: Config, compiled: bool):
    import torch

    from experiments.benchmarks.parts import torch_capsnet

    on_gpu = config.device == "gpu" or (
        config.device == "auto" and torch.cuda.is_available()
    )
    return torch_capsnet.Runtime(
        device="cuda" if on_gpu else "cpu",
        dtype=config.dtype,
        threads=config.threads,
        compiled=compiled,
        channels_last=config.channels_last,
    )


def sizes_of(config: Config) -> routing.Sizes:
    """The sizes of routing alone."""
    c = config
    return routing.Sizes(
        c.batch_size, c.below, c.below_dim, c.above, c.above_dim, c.iterations
    )


def _inputs(config: Config):
    """Capsules below [B, I, K], of length below 1, and weights [I, K, J, D]."""
    import numpy as np

    sizes, rng = sizes_of(config), np.random.default_rng(0)
    capsules, kernels = sizes.shapes
    u = rng.normal(size=capsules) * (0.5 / np.sqrt(sizes.below_dim))
    weights = 0.1 * rng.normal(size=kernels)
    return u.astype(np.float32), weights.astype(np.float32)


def cases(config: Config) -> list[str]:
    """Names: who, what is done, and the allocator; the reference comes first."""
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


def _make(config: Config, name: str) -> Case:
    who, what, allocator = name.split()
    kept.prepare(config.threads, allocator)
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # they share a GPU
    if config.device != "auto" and who.startswith("jaxgan"):
        import jax

        jax.config.update(
            "jax_platforms", "cuda" if config.device == "gpu" else config.device
        )
    backward = what == "forward+backward"
    match who:
        case "torch" | "torch-compiled":
            compiled = who == "torch-compiled"
            if what == "step":
                return torch_step(config, compiled=compiled)
            return torch_routing(config, compiled=compiled, backward=backward)
        case "jaxgan":
            return jaxgan_step(config)
        case _:
            fused = who == "jaxgan-fused"
            return jaxgan_routing(config, fused=fused, backward=backward)


def _inspect(config: Config, name: str) -> dict[str, Any]:
    case = _make(config, name)
    case.step()  # compiles; its garbage is not what is measured
    case.step()
    on_gpu = _gpu(name)
    if on_gpu and name.startswith("torch"):
        import torch

        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        case.step()
        growth = torch.cuda.max_memory_allocated() - before
    elif on_gpu:
        growth = None  # its peak cannot be reset, and compiling measures on the device
    else:
        growth = memory.peak_growth(case.step)
    return {
        "case": name,
        "device": on_gpu or "cpu",
        "growth": growth,
        "temporary": case.temporary,
        "accessed": case.accessed,
    }


def _gpu(name: str) -> str | None:
    """The accelerator's name, if the case runs on one."""
    if name.startswith("torch"):
        import torch

        return torch.cuda.get_device_name() if torch.cuda.is_initialized() else None
    import jax

    device = jax.devices()[0]
    return None if device.platform == "cpu" else device.device_kind


def _memory_table(config: Config, reports: list[dict[str, Any]]) -> str:
    lines = [
        "| case | peak growth, MiB | XLA's temporaries | XLA's bytes accessed | bound "
        "| device |",
        "|---|---|---|---|---|---|",
    ]
    for report in reports:
        least = None
        if config.part == "routing":
            backward = "backward" in report["case"]
            least = routing.bound(sizes_of(config), config.dtype, backward=backward)
        numbers = [report["growth"], report["temporary"], report["accessed"], least]
        shown = ["" if n is None else f"{n / MIB:.1f}" for n in numbers]
        lines.append(f"| {' | '.join([report['case'], *shown, report['device']])} |")
    return "\n".join(lines)


def main(config: Config) -> None:
    """Measures every case and prints the tables."""
    if config.serve:
        return timing.serve(_make(config, config.serve).step)
    if config.inspect:
        return print(json.dumps(_inspect(config, config.inspect)), flush=True)
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
    print(_memory_table(config, reports), flush=True)
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


if __name__ == "__main__":
    main(cli.parse(Config, __doc__, sys.argv[1:]))
