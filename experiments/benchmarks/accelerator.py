"""Everything that is worth timing on one accelerator, beside PyTorch where it runs.

    python -m experiments.benchmarks.accelerator
    python -m experiments.benchmarks.accelerator --only dcgan routing --precisions tf32
    python -m experiments.benchmarks.accelerator --device cpu --small --rounds 3

Training steps of the DCGAN at 64 pixels (widths 64 and 128), of a residual pair of
BigGAN's widths at 128 pixels, of the CapsNet (batches of 128 and 512) and of the small
GAN (many steps a dispatch; 1, 8 and 64 seeds under `vmap`), and routing alone; each in
float32, TensorFloat-32 and bfloat16. PyTorch's side has channels-last memory, autocast
and fused Adam, and runs with and without `torch.compile`: the faster of both is what
jaxgan is divided by. Without PyTorch, or on a device that it does not see, jaxgan is
timed alone. On a TPU "tf32" is what JAX makes of it, three passes of bfloat16.

A case is a process of its own; processes share the device, take turns at compiling (a
compiler that tries kernels out must be alone) and then at steps, many of which are
dispatched before one is waited for. What a step does at least is counted by hand
(`roofline.py`), and set against what the device reaches in a large matrix product and
a large copy, and against what its vendor prints. Routing has the bytes of its inputs,
weights and results as its bound; inputs change from call to call, so that no cache
holds them. A call shorter than its dispatch takes as long as that: larger batches tell
the bound apart from it.

What was measured stays in the work directory, so that the same command again goes on
with the next; `--again` measures anew. Planned to take ten minutes on one H200. Writes
table.md and results.json.
"""

import contextlib
import dataclasses
import importlib.util
import json
import os
import pathlib
import re
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from tqdm import tqdm

from experiments.benchmarks.parts import kept, roofline, timing
from jaxgan import report
from jaxgan.lab import cli, figures
from jaxgan.lab.data import say

Name = Literal["dcgan", "residual", "capsnet", "mlp", "routing"]
Precision = Literal["float32", "tf32", "bfloat16"]
PRECISIONS: tuple[Precision, ...] = ("float32", "tf32", "bfloat16")
PATIENCE = 2.0  # routing is near its bound if it takes no longer than so many times it
SPREAD = 256 * 2**20  # bytes of routing's inputs, taken in turn: more than caches hold


class Case(NamedTuple):
    """What is timed together.

    Attributes:
        title: of its rows.
        name: which part of the benchmark it belongs to.
        sizes: as `steps_` or routing takes them.
        seeds: of the small GAN.
        shorter: so many times fewer steps in a turn, where they take long.
    """

    title: str
    name: Name
    sizes: dict[str, int]
    seeds: tuple[int, ...] = (1,)
    shorter: int = 1


class Peaks(NamedTuple):
    """What a device can do: operations a second, and bytes; None where unknown."""

    float32: float | None
    tf32: float | None
    bfloat16: float | None
    bandwidth: float | None


CASES = (
    Case("DCGAN 64 px, width 64", "dcgan", {"batch": 128, "width": 64}),
    Case("DCGAN 64 px, width 128", "dcgan", {"batch": 128, "width": 128}),
    Case("residual pair 128 px, width 96", "residual",
         {"batch": 32, "resolution": 128, "width": 96}, shorter=4),
    Case("CapsNet, batch 128", "capsnet", {"batch": 128}),
    Case("CapsNet, batch 512", "capsnet", {"batch": 512}),
    Case("MLP GAN, 128 units", "mlp", {"batch": 64, "hidden": 128}, (1, 8, 64)),
    Case("routing, batch 128", "routing", {"batch": 128, "below": 1152}),
    Case("routing, batch 512", "routing", {"batch": 512, "below": 1152}),
    Case("routing, batch 2048", "routing", {"batch": 2048, "below": 1152}),
)  # fmt: skip
SMALL = (
    Case("DCGAN 64 px, width 2", "dcgan", {"batch": 2, "width": 2}),
    Case("residual pair 16 px, width 2", "residual",
         {"batch": 2, "resolution": 16, "width": 2}),
    Case("CapsNet, 4 features", "capsnet", {"batch": 2, "features": 4, "types": 1}),
    Case("MLP GAN, 8 units", "mlp", {"batch": 4, "hidden": 8}, (1, 2)),
    Case("routing, batch 2", "routing", {"batch": 2, "below": 36}),
)  # fmt: skip

# Dense, of one chip, without sparsity; the parts of the names that JAX gives them.
VENDOR = {
    "H200": Peaks(67e12, 495e12, 990e12, 4.8e12),
    "H100 80GB HBM3": Peaks(67e12, 495e12, 990e12, 3.35e12),
    "A100-SXM4-40GB": Peaks(19.5e12, 156e12, 312e12, 1.555e12),
    "A100": Peaks(19.5e12, 156e12, 312e12, 2.0e12),
    "TPU v5 lite": Peaks(None, None, 197e12, 0.82e12),
    "TPU v5e": Peaks(None, None, 197e12, 0.82e12),
}


@dataclasses.dataclass(frozen=True)
class Config:
    """What to measure, and for how long."""

    workdir: pathlib.Path = pathlib.Path("runs/accelerator")
    """Where what was measured, table.md and results.json go."""
    device: Literal["auto", "cpu", "gpu", "tpu"] = "auto"
    """Where both sides run; by default on the accelerator that JAX sees."""
    only: tuple[Name, ...] = ("dcgan", "residual", "capsnet", "mlp", "routing")
    """Which models."""
    precisions: tuple[Precision, ...] = PRECISIONS
    """Arithmetic, on both sides."""
    torch: bool = True
    """Time PyTorch too, where it is installed and sees the device."""
    compile: bool = True
    """Time PyTorch through `torch.compile` too (needs a C++ compiler)."""
    small: bool = False
    """Sizes of a toy, to try the command on any machine."""
    rounds: int = 8
    """Timed turns of each case."""
    steps: int = 20
    """Steps in a turn, of which only the last is waited for; a quarter of them of the
    residual pair at its full size."""
    scan: int = 100
    """Steps of the small GAN in a turn, all of them one dispatch."""
    vendor: tuple[float, float, float, float] | None = None
    """Of a device that is not in the table: TFLOP/s in float32, TF32 and bfloat16, and
    TB/s of its memory; 0 where unknown."""
    threads: int = 16
    """Cores that a process may use."""
    again: bool = False
    """Measure what was measured before too."""
    serve: str | None = None
    """Internal: be the child process of this case."""

    def __post_init__(self):
        least = {"rounds": 2, "steps": 1, "scan": 1, "threads": 1}
        for name, number in least.items():
            if getattr(self, name) < number:
                raise ValueError(
                    f"--{name} is {getattr(self, name)}; it must be at least {number}"
                )
        for name in ("only", "precisions"):
            if not getattr(self, name):
                raise ValueError(f"--{name} is empty; name one or more")
        if self.vendor and min(self.vendor) < 0:
            raise ValueError(
                f"--vendor has {min(self.vendor)}; give TFLOP/s and TB/s, 0 where"
                " unknown"
            )


def main(config: Config) -> None:
    """Measures what is not there yet, draws up the tables."""
    if config.serve:
        return _serve(config, config.serve)
    # Processes share the device; this one only counts, and must not take it.
    import jax

    jax.config.update("jax_platforms", "cpu")
    words = ["device", config.device, *(["small"] * config.small)]
    words += ["torch"] * config.torch
    device = kept.kept(
        config.workdir / f"{'_'.join(words)}.json",
        config.again,
        lambda: _probe(config),
    )
    sides = _sides(config, device)
    cases = [c for c in (SMALL if config.small else CASES) if c.name in config.only]
    peaks = vendor(config, device["kind"])
    measured = []
    bar = tqdm(cases, unit="case")
    for case in bar:
        bar.set_postfix_str(case.title)
        found = kept.kept(
            _path(config, case, sides),
            config.again,
            lambda case=case: _measure(config, case, sides, device["platform"]),
        )
        reported = rows(case, found["samples"], device, peaks)
        left_out = found["left_out"]
        measured.append(
            {"case": case._asdict(), "rows": reported, "left_out": left_out}
        )
    text = tables(device, peaks, measured, sides)
    report.write(config.workdir / "table.md", text.encode())
    results = {
        "machine": timing.machine(),
        "device": device,
        "vendor": peaks and peaks._asdict(),
        "cases": measured,
    }
    figures.save_results(config.workdir / "results.json", results)
    say(text)


def vendor(config: Config, kind: str) -> Peaks | None:
    """What the vendor says of a device, or the user; None where neither does."""
    if config.vendor:
        return Peaks(*(1e12 * number or None for number in config.vendor))
    return next((peaks for part, peaks in VENDOR.items() if part in kind), None)


# --- processes -----------------------------------------------------------------------


def _child(words: str) -> list[str]:
    module = "experiments.benchmarks.accelerator"
    return [sys.executable, "-m", module, *sys.argv[1:], "--serve", words]


def _probe(config: Config) -> dict[str, Any]:
    """The device as JAX sees it, what it reaches, and as PyTorch sees it.

    Raises:
        ValueError: if there is only a CPU, and it was not asked for.
    """
    found = kept.ask(_child("probe"))
    if found["platform"] == "cpu" and config.device == "auto":
        raise ValueError(
            "JAX sees no accelerator, only the CPU: install JAX for yours (such as pip"
            ' install "jaxgan[cuda12]"), or try the command with --device cpu --small'
        )
    torch = None
    if config.torch and importlib.util.find_spec("torch"):
        torch = kept.ask(_child("probe-torch"))
    return {**found, "torch": torch}


def _sides(config: Config, device: Mapping[str, Any]) -> list[str]:
    """Who is timed: jaxgan always."""
    torch = device["torch"]
    on = {"cpu": "cpu", "gpu": "cuda", "cuda": "cuda", "rocm": "cuda"}
    if not config.torch or torch is None:
        return ["jaxgan"]
    if on.get(device["platform"]) not in torch["devices"]:
        return ["jaxgan"]
    return ["jaxgan", "torch", *(["torch-compiled"] if config.compile else [])]


def _names(config: Config, case: Case, sides: Sequence[str]) -> list[str]:
    """Who, in which arithmetic, of which case, and what: a child process each.

    PyTorch plays seeds in turn, which takes so many times the time of one.
    """
    names = []
    for precision in config.precisions:
        for side in sides:
            if case.name == "routing":
                whats = ["forward", "forward+backward"]
            else:
                whats = [str(n) for n in (case.seeds if side == "jaxgan" else (1,))]
            names += [f"{side} {precision} {what}" for what in whats]
    return names


def _measure(
    config: Config, case: Case, sides: Sequence[str], platform: str
) -> dict[str, Any]:
    """Samples in milliseconds a step of one run.

    A TPU belongs to one process at a time, so there the cases run one after another.

    A side of PyTorch that cannot be started is left out, and the others are started
    again: its compiler and its memory are not ours to fix.

    Raises:
        ValueError: if jaxgan's side cannot be started.
    """
    names, left_out = _names(config, case, sides), []
    index = (SMALL if config.small else CASES).index(case)
    while True:
        commands = {name: _child(f"{index} {name}") for name in names}
        groups = [[n] for n in names] if platform == "tpu" else [names]
        try:
            samples: dict[str, list[timing.Sample]] = {}
            for group in groups:
                some = {name: commands[name] for name in group}
                samples |= timing.measure(some, rounds=config.rounds)
            break
        except RuntimeError as error:
            found = re.search(r"case '(\S+)", str(error))
            if found is None or not found[1].startswith("torch"):
                raise ValueError(
                    f"{case.title}: {error}; what was measured before is kept, and the"
                    " same command goes on from there"
                ) from error
            left_out.append(found[1])
            names = [name for name in names if name.split()[0] != found[1]]
    return {
        "samples": {
            name: [
                sample._replace(ms=sample.ms / _steps_of(config, case, name))
                for sample in turns
            ]
            for name, turns in samples.items()
        },
        "left_out": left_out,
    }


def _steps_of(config: Config, case: Case, name: str) -> int:
    """Steps of one run in a turn."""
    if case.name == "mlp":
        return config.scan * int(name.split()[2])
    return _calls(config, case)


def _calls(config: Config, case: Case) -> int:
    """Steps, or calls of routing, in a turn."""
    return max(1, config.steps // case.shorter)


def _path(config: Config, case: Case, sides: Sequence[str]) -> pathlib.Path:
    """Where the samples of a case are kept; the name has all that they depend on."""
    sizes = [f"{name}_{n}" for name, n in case.sizes.items()]
    words = [config.device, case.name, *sizes, *config.precisions]
    words += [f"rounds_{config.rounds}", f"steps_{config.steps}", f"scan_{config.scan}"]
    words += sides
    return config.workdir / "points" / f"{'_'.join(words)}.json"


@contextlib.contextmanager
def _alone(path: pathlib.Path) -> Iterator[None]:
    """Waits until no other process is in here (on Unix)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        with contextlib.suppress(ImportError):
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _serve(config: Config, words: str) -> None:
    """The child process: probes, or builds its case, warms up and steps."""
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # they share it
    kept.prepare(config.threads)
    if words == "probe-torch":
        return print(json.dumps(_probe_torch()), flush=True)
    side = words.split()[1] if words != "probe" else "jaxgan"
    if side == "jaxgan" and config.device != "auto":
        import jax

        platforms = {"cpu": "cpu", "gpu": "cuda", "tpu": "tpu"}
        jax.config.update("jax_platforms", platforms[config.device])
    if words == "probe":
        return print(json.dumps(_probe_jax(config)), flush=True)
    index, side, precision, what = words.split()
    case = (SMALL if config.small else CASES)[int(index)]
    lock = config.workdir / "compiling.lock"
    if side == "jaxgan":
        with _alone(lock):
            play = jaxgan_side(config, case, precision, what)
            play()
            play()
    else:
        play = torch_side(config, case, precision, what, side == "torch-compiled", lock)
    timing.serve(play, warmup=1)


def _probe_jax(config: Config) -> dict[str, Any]:
    import jax

    from experiments.benchmarks.parts import roofs

    device = jax.devices()[0]
    on_cpu = device.platform == "cpu"
    sizes, megabytes = ((1024,), 256) if on_cpu else ((4096, 8192, 16384), 1024)
    if config.small:
        sizes, megabytes = (256,), 16
    found: dict[str, Any] = {p: roofs.product(p, sizes) for p in PRECISIONS}
    found["bandwidth"] = roofs.bandwidth(megabytes)
    return {"platform": device.platform, "kind": device.device_kind, "reached": found}


def _probe_torch() -> dict[str, Any]:
    import torch

    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    kind = torch.cuda.get_device_name() if len(devices) > 1 else None
    return {"version": torch.__version__, "devices": devices, "kind": kind}


# --- both sides ----------------------------------------------------------------------


def jaxgan_side(
    config: Config, case: Case, precision: str, what: str
) -> Callable[[], Any]:
    """A turn of the library: steps of training, or calls of routing.

    Args:
        config: of the command.
        case: which.
        precision: of arithmetic.
        what: the number of seeds, or "forward" or "forward+backward".
    """
    import jax

    from experiments.benchmarks.parts import roofs
    from experiments.benchmarks.parts import steps as steps_

    jax.config.update("jax_default_matmul_precision", roofs.PRECISIONS[precision])
    dtype = roofs.DTYPES[precision]
    if case.name == "routing":
        return _jaxgan_routing(config, case, dtype, "backward" in what)
    subject = steps_.SUBJECTS[case.name](**case.sizes, dtype=dtype)
    if case.name == "mlp":
        return steps_.build_loop(subject, steps=config.scan, seeds=int(what))
    play = steps_.build(subject).play
    return lambda: play(_calls(config, case))


def _routing_config(case: Case, dtype: str):
    from experiments.benchmarks import capsnet

    return capsnet.Config(
        batch_size=case.sizes["batch"],
        below=case.sizes["below"],
        dtype=dtype,  # type: ignore[arg-type]
    )


def _routing_inputs(case: Case, dtype: str) -> list[tuple[Any, Any]]:
    """So many capsules `[B, I, K]` and weights `[I, K, J, D]` that no cache has all."""
    import numpy as np

    c, rng = _routing_config(case, dtype), np.random.default_rng(0)
    shapes = (
        (c.batch_size, c.below, c.below_dim),
        (c.below, c.below_dim, c.above, c.above_dim),
    )
    size = sum(4 * int(np.prod(shape)) for shape in shapes)
    copies = min(32, -(-SPREAD // size))
    return [
        tuple(0.15 * rng.standard_normal(shape, np.float32) for shape in shapes)
        for _ in range(copies)
    ]  # type: ignore[return-value]


def _jaxgan_routing(
    config: Config, case: Case, dtype: str, backward: bool
) -> Callable[[], Any]:
    import jax
    import jax.numpy as jnp

    from jaxgan.capsules import routing

    settings = _routing_config(case, dtype)

    def route(u, weights) -> Any:
        return routing.route(u, weights, iterations=settings.iterations)

    def both(u, weights):
        v, pull = jax.vjp(route, u, weights)
        return v, pull(jnp.ones(v.shape, v.dtype))

    compiled = jax.jit(both if backward else route)
    inputs = [
        tuple(jnp.asarray(x, dtype) for x in pair)
        for pair in _routing_inputs(case, dtype)
    ]

    def play():
        found = None
        for i in range(config.steps):
            found = compiled(*inputs[i % len(inputs)])
        return jax.block_until_ready(found)

    return play


def torch_side(
    config: Config,
    case: Case,
    precision: str,
    what: str,
    compiled: bool,
    lock: pathlib.Path,
) -> Callable[[], Any]:
    """The same turn by PyTorch, warmed up; it compiles before it takes the lock."""
    import torch

    on_cpu = config.device == "cpu"
    build = _torch_routing if case.name == "routing" else _torch_training
    dtype = "bfloat16" if precision == "bfloat16" else "float32"
    play = build(config, case, dtype, what, compiled, "cpu" if on_cpu else "cuda")
    exact = precision == "float32"
    torch.set_float32_matmul_precision("highest" if exact else "high")
    torch.backends.cudnn.allow_tf32 = not exact
    torch.backends.cudnn.benchmark = False
    if compiled:
        play()
    with _alone(lock):
        torch.backends.cudnn.benchmark = not on_cpu  # tries its kernels out once
        play()
        play()
    return play


def _torch_training(
    config: Config, case: Case, dtype: str, what: str, compiled: bool, device: str
) -> Callable[[], Any]:
    from experiments.benchmarks.parts import (
        torch_capsnet,
        torch_dcgan,
        torch_residual,
        torch_small_gan,
    )

    del what
    sizes: dict[str, Any] = dict(case.sizes)
    batch = sizes.pop("batch")
    common: dict[str, Any] = {"device": device, "dtype": dtype, "compiled": compiled}
    threads = config.threads
    match case.name:
        case "dcgan":
            return torch_dcgan.make_step(
                batch_size=batch,
                width=sizes["width"],
                kernel=4,
                threads=threads,
                steps=_calls(config, case),
                **common,
            )
        case "residual":
            return torch_residual.make_step(
                batch_size=batch,
                width=sizes["width"],
                resolution=sizes["resolution"],
                threads=threads,
                steps=_calls(config, case),
                **common,
            )
        case "capsnet":
            return torch_capsnet.make_step(
                torch_capsnet.Sizes(**sizes),
                torch_capsnet.Runtime(threads=threads, **common),
                batch_size=batch,
                steps=_calls(config, case),
            )
        case _:
            import torch

            images = torch.randint(256, (10_000, 784), dtype=torch.uint8)
            return torch_small_gan.make_steps(
                images,
                hidden=sizes["hidden"],
                latent=100,
                batch_size=batch,
                steps=config.scan,
                threads=threads,
                seeds=1,
                **common,
            )


def _torch_routing(
    config: Config, case: Case, dtype: str, what: str, compiled: bool, device: str
) -> Callable[[], Any]:
    import torch

    from experiments.benchmarks.parts import torch_capsnet

    runtime = torch_capsnet.Runtime(device, dtype, config.threads, compiled)
    iterations = _routing_config(case, dtype).iterations
    route = torch_capsnet.router(runtime, iterations)  # compiled once for all
    routes = [
        torch_capsnet.make_routing(
            torch.from_numpy(u),
            torch.from_numpy(weights),
            runtime,
            iterations=iterations,
            backward="backward" in what,
            route=route,
            wait=False,
        )
        for u, weights in _routing_inputs(case, dtype)
    ]

    def play():
        for i in range(config.steps):
            routes[i % len(routes)]()
        runtime.wait()

    return play


# --- tables --------------------------------------------------------------------------


def rows(
    case: Case,
    samples: Mapping[str, Sequence[Sequence[float]]],
    device: Mapping[str, Any],
    peaks: Peaks | None,
) -> list[dict[str, Any]]:
    """What is reported of each process of a case.

    Args:
        case: which.
        samples: `{"jaxgan tf32 1": [[ms, foreign], ...]}`, of a step of one run.
        device: what it reaches.
        peaks: what its vendor says.

    Returns:
        Milliseconds a step, examples a second, the ratio to the faster of PyTorch's
        sides in the same arithmetic (None without one) with its quartiles, and shares
        of what the device reaches and of what the vendor says.
    """
    turns = {
        name: [timing.Sample(*x) for x in found] for name, found in samples.items()
    }
    references = {name: _reference(name, turns) for name in turns}
    found = []
    for row in timing.compare(turns, references):
        side, precision, what = row.name.split()
        compared = references[row.name].split()[0] != "jaxgan"
        work = _work(case, precision, what)
        seconds = row.ms / 1e3
        reached = device["reached"]
        rates = (work.flops / seconds, work.bytes / seconds)
        said = (getattr(peaks, precision), peaks.bandwidth) if peaks else (None, None)
        found.append(
            {
                "side": side,
                "precision": precision,
                "what": what,
                "ms": row.ms,
                "examples": case.sizes["batch"] / seconds,
                "over": references[row.name] if compared else None,
                "ratio": row.ratio if compared else None,
                "quartiles": [row.ratio_low, row.ratio_high] if compared else None,
                "flops": work.flops,
                "bytes": work.bytes,
                "arithmetic": rates[0] / reached[precision],
                "memory": rates[1] / reached["bandwidth"],
                "vendor_arithmetic": said[0] and rates[0] / said[0],
                "vendor_memory": said[1] and rates[1] / said[1],
            }
        )  # fmt: skip
    return found


def _reference(name: str, turns: Mapping[str, Sequence[timing.Sample]]) -> str:
    """The faster of PyTorch's sides in the same arithmetic; the case itself if none.

    PyTorch's one run stands for any number of seeds: it plays them in turn.
    """
    _, precision, what = name.split()
    sides = [
        other
        for other in turns
        for side, same, its in [other.split()]
        if side != "jaxgan" and same == precision and its in (what, "1")
    ]
    if not sides:
        return name
    return min(sides, key=lambda s: statistics.median(turn.ms for turn in turns[s]))


def _work(case: Case, precision: str, what: str) -> roofline.Work:
    """What a step, or a call of routing, does at least; of one run."""
    from experiments.benchmarks import capsnet
    from experiments.benchmarks.parts import roofs
    from experiments.benchmarks.parts import steps as steps_

    dtype = roofs.DTYPES[precision]
    if case.name == "routing":
        settings = _routing_config(case, dtype)
        backward = "backward" in what
        c = settings
        votes = c.below * c.above * c.above_dim * c.batch_size
        macs = votes * (c.below_dim + 2 * c.iterations - 1)
        moved = capsnet.bound(settings, backward=backward)
        return roofline.Work("routing", 2.0 * macs * (3 if backward else 1), moved)
    subject = steps_.SUBJECTS[case.name](**case.sizes, dtype=dtype)
    size = 2 if precision == "bfloat16" else 4
    return roofline.step(subject.nets, subject.size, size)


def tables(
    device: Mapping[str, Any],
    peaks: Peaks | None,
    measured: Sequence[Mapping[str, Any]],
    sides: Sequence[str],
) -> str:
    """All that was measured, as Markdown."""
    torch = device["torch"]
    beside = f"PyTorch {torch['version']}" if len(sides) > 1 else "jaxgan alone"
    names = ("float32", "tf32", "bfloat16", "bandwidth")
    reached = [f"{device['reached'][name] / 1e12:.4g}" for name in names]
    printed = [
        "" if peaks is None or getattr(peaks, name) is None
        else f"{getattr(peaks, name) / 1e12:.4g}"
        for name in names
    ]  # fmt: skip
    lines = [
        f"{device['kind']} ({device['platform']}), {beside}",
        "",
        "| TFLOP/s and TB/s | float32 | TF32 | bfloat16 | memory |",
        "|---|---|---|---|---|",
        f"| reached | {' | '.join(reached)} |",
        f"| the vendor's | {' | '.join(printed)} |",
        "",
        "| model | arithmetic | side | ms a step | images/s | ratio (quartiles)"
        " | of the product reached | of the copy | of the vendor's arithmetic"
        " | of its memory |",
        "|---" * 10 + "|",
    ]
    routing = [
        "| routing | arithmetic | side | what | ms | least, ms | times the least"
        " | ratio (quartiles) |",
        "|---" * 8 + "|",
    ]
    for entry in measured:
        case = Case(**entry["case"])
        for row in entry["rows"]:
            if case.name == "routing":
                routing.append(_routing_line(case, row))
            else:
                lines.append(_line(case, row))
        for side in entry["left_out"]:
            said = f"| {case.title} | | {side} | did not start, left out |"
            (routing if case.name == "routing" else lines).append(
                said + " |" * (4 if case.name == "routing" else 6)
            )
    if len(routing) > 2:
        lines += ["", *routing]
    return "\n".join(lines) + "\n"


def _ratio(row: Mapping[str, Any]) -> str:
    if row["ratio"] is None:
        return ""
    low, high = row["quartiles"]
    return f"{row['ratio']:.2f} ({low:.2f}-{high:.2f}) over {row['over'].split()[0]}"


def _line(case: Case, row: Mapping[str, Any]) -> str:
    side, seeds = row["side"], int(row["what"])
    who = side if len(case.seeds) == 1 else f"{side}, {seeds} seed{'s' * (seeds > 1)}"
    shares = [
        "" if row[name] is None else f"{row[name]:.1%}"
        for name in ("arithmetic", "memory", "vendor_arithmetic", "vendor_memory")
    ]
    cells = [
        case.title,
        row["precision"],
        who,
        f"{row['ms']:.4g}",
        f"{row['examples']:.4g}",
        _ratio(row),
        *shares,
    ]
    return f"| {' | '.join(cells)} |"


def _routing_line(case: Case, row: Mapping[str, Any]) -> str:
    over = 1 / row["memory"]
    cells = [
        case.title,
        row["precision"],
        row["side"],
        row["what"],
        f"{row['ms']:.4g}",
        f"{row['ms'] * row['memory']:.4g}",
        f"{over:.2f}{'' if over <= PATIENCE else f' (above {PATIENCE:g})'}",
        _ratio(row),
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
