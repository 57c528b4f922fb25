"""What is timed, and with which settings."""

import dataclasses
import pathlib
from typing import Literal, NamedTuple

Name = Literal["dcgan", "residual", "capsnet", "mlp", "routing"]
Precision = Literal["float32", "tf32", "bfloat16"]
PRECISIONS: tuple[Precision, ...] = ("float32", "tf32", "bfloat16")


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


def vendor(config: Config, kind: str) -> Peaks | None:
    """What the vendor says of a device, or the user; None where neither does."""
    if config.vendor:
        return Peaks(*(1e12 * number or None for number in config.vendor))
    return next((peaks for part, peaks in VENDOR.items() if part in kind), None)


def calls(config: Config, case: Case) -> int:
    """Steps, or calls of routing, in a turn."""
    return max(1, config.steps // case.shorter)
