"""The cases that are timed, the peaks of devices, and the flags of the command."""

import dataclasses
import pathlib
from typing import Annotated, Literal, NamedTuple

from jaxgan import bounds

Name = Literal["dcgan", "residual", "capsnet", "mlp", "routing"]
Precision = Literal["float32", "tf32", "bfloat16"]
PRECISIONS: tuple[Precision, ...] = ("float32", "tf32", "bfloat16")


class Case(NamedTuple):
    """A model of given sizes, whose processes are timed together.

    Attributes:
        title: the title of its rows in the table.
        name: the part of the benchmark that it belongs to.
        sizes: arguments of its subject in `steps`, or of `routing.Sizes`.
        seeds: numbers of seeds, for the small GAN.
        shorter: a divisor of the number of steps in a turn, where steps take long.
    """

    title: str
    name: Name
    sizes: dict[str, int]
    seeds: tuple[int, ...] = (1,)
    shorter: int = 1


class Peaks(NamedTuple):
    """Peaks of a device: operations and bytes a second; None where unknown."""

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
# Peaks of dense products on one chip, by a part of the name that JAX gives the chip.
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
    """Directory for measurements, table.md and results.json."""
    device: Literal["auto", "cpu", "gpu", "tpu"] = "auto"
    """Where both sides run; auto takes the accelerator that JAX sees."""
    only: tuple[Name, ...] = ("dcgan", "residual", "capsnet", "mlp", "routing")
    """Which models to time."""
    precisions: tuple[Precision, ...] = PRECISIONS
    """Arithmetic of both sides."""
    torch: bool = True
    """Whether to time PyTorch too, where it is installed and sees the device."""
    compile: bool = True
    """Whether to time PyTorch with `torch.compile` too (needs a C++ compiler)."""
    small: bool = False
    """Whether to use tiny sizes, to try the command on any machine."""
    rounds: Annotated[int, bounds.Within(2)] = 8
    """Timed turns of each case."""
    steps: bounds.Count = 20
    """Steps in a turn, of which only the last is waited for; a quarter of them for the
    residual pair at its full size."""
    scan: bounds.Count = 100
    """Steps of the small GAN in a turn, all in one dispatch."""
    vendor: tuple[bounds.Weight, bounds.Weight, bounds.Weight, bounds.Weight] | None = (
        None
    )
    """Peaks of a device that is not in the table: TFLOP/s in float32, TF32 and
    bfloat16, and TB/s of its memory; 0 where unknown."""
    threads: bounds.Count = 16
    """Cores that a process may use."""
    again: bool = False
    """Whether to repeat what was measured before."""
    serve: str | None = None
    """Internal: be the child process of this case."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        for name in ("only", "precisions"):
            if not getattr(self, name):
                raise ValueError(f"--{name} is empty; name one or more")


def vendor(config: Config, kind: str) -> Peaks | None:
    """Finds the peaks that the vendor or the user states; None if neither does."""
    if config.vendor:
        return Peaks(*(1e12 * number or None for number in config.vendor))
    return next((peaks for part, peaks in VENDOR.items() if part in kind), None)


def calls(config: Config, case: Case) -> int:
    """Steps, or calls of routing, in a turn."""
    return max(1, config.steps // case.shorter)
