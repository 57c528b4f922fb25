"""The child processes: each probes the device, or runs one case."""

import importlib.util
import json
import os
import pathlib
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.benchmarks.accelerator.cases import (
    CASES,
    PRECISIONS,
    SMALL,
    Case,
    Config,
    calls,
)
from experiments.benchmarks.accelerator.frameworks import (
    alone,
    jaxgan_side,
    torch_side,
)
from experiments.benchmarks.parts import kept, timing


def _child(words: str) -> list[str]:
    module = "experiments.benchmarks.accelerator"
    return [sys.executable, "-m", module, *sys.argv[1:], "--serve", words]


def probe(config: Config) -> dict[str, Any]:
    """Describes the device as JAX and PyTorch see it, and measures its rates.

    Raises:
        ValueError: there is only a CPU, and --device does not ask for it.
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


def sides_of(config: Config, device: Mapping[str, Any]) -> list[str]:
    """The sides that are timed: jaxgan always."""
    torch = device["torch"]
    on = {"cpu": "cpu", "gpu": "cuda", "cuda": "cuda", "rocm": "cuda"}
    if not config.torch or torch is None:
        return ["jaxgan"]
    if on.get(device["platform"]) not in torch["devices"]:
        return ["jaxgan"]
    return ["jaxgan", "torch", *(["torch-compiled"] if config.compile else [])]


def _names(config: Config, case: Case, sides: Sequence[str]) -> list[str]:
    """The child processes of a case: side, arithmetic, and what is timed.

    PyTorch trains seeds one after the other, so only one seed is timed.
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


def measure(
    config: Config, case: Case, sides: Sequence[str], platform: str
) -> dict[str, Any]:
    """Times a case, in milliseconds per step of one run.

    A TPU belongs to one process at a time, so there the cases run one after another.

    If a side of PyTorch cannot be started (its compiler or its memory may fail), it is
    left out and the others are started again.

    Raises:
        ValueError: jaxgan's side cannot be started.
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
                    f"{case.title}: {error}; earlier measurements are kept, and the"
                    " same command continues from there"
                ) from error
            left_out.append(found[1])
            names = [name for name in names if name.split()[0] != found[1]]
    return {
        "samples": {
            name: [
                sample._replace(ms=sample.ms / steps_of(config, case, name))
                for sample in turns
            ]
            for name, turns in samples.items()
        },
        "left_out": left_out,
    }


def steps_of(config: Config, case: Case, name: str) -> int:
    """Steps of one run in a turn."""
    if case.name == "mlp":
        return config.scan * int(name.split()[2])
    return calls(config, case)


def path(config: Config, case: Case, sides: Sequence[str]) -> pathlib.Path:
    """The file for the samples of a case, named by everything they depend on."""
    sizes = [f"{name}_{n}" for name, n in case.sizes.items()]
    words = [config.device, case.name, *sizes, *config.precisions]
    words += [f"rounds_{config.rounds}", f"steps_{config.steps}", f"scan_{config.scan}"]
    words += sides
    return config.workdir / "points" / f"{'_'.join(words)}.json"


def serve(config: Config, words: str) -> None:
    """Runs the child process: probes, or builds its case, warms up and steps."""
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
        with alone(lock):
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
