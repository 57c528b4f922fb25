"""Runs every benchmark against PyTorch in turn, and writes one table of them all.

    python -m experiments.benchmarks.all
    python -m experiments.benchmarks.all --only dcgan capsnet --rounds 5

Each part is a command by itself (`dcgan_step`, `capsnet`, `small_gan`), which
interleaves the two sides in separate processes, with the same threads and the same
settings of the allocator: tuned, and default. Measurements are kept in the work
directory: running the same command again continues with the next part, and --again
repeats all. Stop other programs first. Takes about 20 minutes on two cores at the
defaults. Writes table.md and results.json.
"""

import dataclasses
import json
import pathlib
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple

from tqdm import tqdm

from jaxgan import bounds, report
from jaxgan.lab import cli, figures
from jaxgan.train.terminal import say

HEAD = (
    "| model | case | allocator | PyTorch, ms | jaxgan, ms | ratio (quartiles) |\n"
    "|---|---|---|---|---|---|"
)


class Part(NamedTuple):
    """One command.

    Attributes:
        title: the title of its rows.
        module: its module in this package.
        flags: the flags of the command.
        over: takes a case of jaxgan to the case of PyTorch that it is compared with.
    """

    title: str
    module: str
    flags: tuple[str, ...]
    over: Callable[[str], str]


def _same(case: str) -> str:
    """`jaxgan-fused forward tuned` -> `torch forward tuned`."""
    return f"torch {case.split(maxsplit=1)[1]}"


def _small(case: str) -> str:
    return "torch-in-turn" if case in ("in-turn", "vmap") else "torch"


def _default(part: Part) -> Part:
    flags = (*part.flags, "--allocator", "default")
    return part._replace(title=f"{part.title}, nothing set", flags=flags)


_MLP = Part("MLP GAN, 128 units, batch 64", "small_gan", (), _small)
PARTS: dict[str, tuple[Part, ...]] = {
    "dcgan": (
        Part("DCGAN, width 32, 4x4", "dcgan_step", (), _same),
        Part("DCGAN, width 64, 4x4", "dcgan_step", ("--width", "64"), _same),
        Part("DCGAN, width 32, 5x5", "dcgan_step", ("--kernel", "5"), _same),
    ),
    "capsnet": (
        Part("CapsNet's routing", "capsnet", ("--part", "routing"), _same),
        Part("CapsNet, paper's size", "capsnet", ("--part", "step"), _same),
    ),
    "mlp": (
        _MLP,
        _default(_MLP),
        Part(
            "MLP GAN, 1,200 units, batch 100",
            "small_gan",
            ("--hidden", "1200", "--batch-size", "100", "--steps", "10"),
            _small,
        ),
    ),
}


@dataclasses.dataclass(frozen=True)
class Config:
    """What to measure, and for how long."""

    workdir: pathlib.Path = pathlib.Path("runs/benchmarks")
    """Directory for the JSON of each part, table.md and results.json."""
    only: tuple[Literal["dcgan", "capsnet", "mlp"], ...] = ("dcgan", "capsnet", "mlp")
    """Models to measure."""
    rounds: Annotated[int, bounds.Within(2)] = 10
    """Timed turns of each case."""
    again: bool = False
    """Whether to repeat what was measured before."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def main(config: Config) -> None:
    """Runs the commands and writes the table."""
    parts = [part for name in config.only for part in PARTS[name]]
    measured = {}
    for part in tqdm(parts, unit="part"):
        command, found = _measure(config, part)
        measured[command] = {"title": part.title, **found}
    lines = [
        line
        for part, found in zip(parts, measured.values(), strict=True)
        for line in rows(part, found["config"], found["rows"])
    ]
    commands = "\n".join(f"    {command}" for command in measured)
    text = "\n".join([HEAD, *lines]) + f"\n\n{commands}\n"
    report.write(config.workdir / "table.md", text)
    figures.save_results(config.workdir / "results.json", {"parts": measured})
    say(text)


def rows(
    part: Part, settings: Mapping[str, Any], measured: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Lines of the table: every case of jaxgan beside PyTorch's.

    Times are of a step: a turn of `small_gan` holds `settings["steps"]` of them, for
    each of its seeds where there are several.
    """
    by_name = {row["name"]: row for row in measured}
    lines = []
    for name, row in by_name.items():
        if name.startswith("torch"):
            continue
        case, allocator = name, settings.get("allocator", "")
        steps = 1
        if part.module == "small_gan":
            many = name in ("in-turn", "vmap")
            steps = settings["steps"] * (settings["seeds"] if many else 1)
        else:
            case, _, allocator = name.rpartition(" ")
        spread = f"{row['ratio_low']:.2f}-{row['ratio_high']:.2f}"
        torch = by_name[part.over(name)]
        lines.append(
            f"| {part.title} | {case} | {allocator} | {torch['ms'] / steps:.3g}"
            f" | {row['ms'] / steps:.3g} | {row['ratio']:.2f} ({spread}) |"
        )
    return lines


def _measure(config: Config, part: Part) -> tuple[str, dict[str, Any]]:
    """The command of a part as a user types it, and its results, new or kept."""
    flags = [*part.flags, "--rounds", str(config.rounds)]
    module = f"experiments.benchmarks.{part.module}"
    words = [part.module, *(flag.removeprefix("--") for flag in flags)]
    path = config.workdir / f"{'_'.join(words)}.json"
    command = ["-m", module, *flags]
    if config.again or not path.exists():
        done = subprocess.run([sys.executable, *command, "--output", str(path)])
        if done.returncode:
            raise ValueError(
                f"`{' '.join(['python', *command])}` failed, see above; earlier"
                " measurements are kept, and the same command continues from there"
            )
    return " ".join(["python", *command]), json.loads(path.read_text())


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
