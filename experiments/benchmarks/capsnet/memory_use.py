"""The memory of a case, and the table of all."""

from typing import Any

from experiments.benchmarks.capsnet.cases import make, sizes_of
from experiments.benchmarks.parts import memory, routing
from jaxgan import report

MIB = 2.0**20


def inspect(config: Any, name: str) -> dict[str, Any]:
    """Takes a few steps of a case, and reports the memory of one."""
    case = make(config, name)
    case.step()  # compiles first, so that its garbage is not measured
    case.step()
    on_gpu = _gpu(name)
    if on_gpu and name.startswith("torch"):
        import torch

        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        case.step()
        growth = torch.cuda.max_memory_allocated() - before
    elif on_gpu:
        growth = None  # a device's peak cannot be reset, and compiling raises it
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


def memory_table(config: Any, found: list[dict[str, Any]]) -> str:
    """The memory of all cases, in MiB, beside what must be moved at least."""
    head = (
        "case", "peak growth, MiB", "XLA's temporaries", "XLA's bytes accessed",
        "bound", "device",
    )  # fmt: skip
    rows = []
    for one in found:
        least = None
        if config.part == "routing":
            backward = "backward" in one["case"]
            least = routing.bound(sizes_of(config), config.dtype, backward=backward)
        numbers = [one["growth"], one["temporary"], one["accessed"], least]
        shown = ["" if n is None else f"{n / MIB:.1f}" for n in numbers]
        rows.append([one["case"], *shown, one["device"]])
    return report.table(head, rows)
