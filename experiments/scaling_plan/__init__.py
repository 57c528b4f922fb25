"""Plans on paper what a training step would take on a slice of TPU v5e.

    python -m experiments.scaling_plan
    python -m experiments.scaling_plan --chips 8 --batch-per-chip 64
    python -m experiments.scaling_plan --compile     # also asks the TPU's compiler

Nothing here runs on a TPU. A step is divided into arithmetic, memory traffic and
messages between chips, each at the rate that the chip's documentation gives. For the
library's models the arithmetic is that of their own step, lowered for a TPU; BigGAN,
which the library does not have, is counted from its paper. With --compile the TPU's
compiler (`pip install "jaxgan[tpu]"`; it needs no TPU) compiles some of the steps, and
its counts are shown beside those made by hand; that takes some minutes.
docs/notes/scaling.md explains the plan.

Writes results.json and scaling_plan.png. Takes half a minute on a CPU.
"""

import dataclasses
import pathlib
from typing import Annotated

from experiments.scaling_plan import compiler
from experiments.scaling_plan.pictures import draw, table
from experiments.scaling_plan.planning import SPARE, STORAGE, by_hand, filling, plan
from experiments.scaling_plan.subjects import biggan, counted, library
from jaxgan import bounds
from jaxgan.lab import figures
from jaxgan.lab.counting import costs
from jaxgan.lab.counting.costs import Chip
from jaxgan.train.terminal import say

# Model, chips, chips that share the state, images per chip.
COMPILED = (
    ("dcgan 64", 1, 1, 32),
    ("dcgan 64", 256, 1, 8),
    ("dcgan 64", 256, 16, 8),
    ("capsnet", 256, 1, 8),
)


@dataclasses.dataclass(frozen=True)
class Config:
    """The slices to plan for."""

    chips: tuple[bounds.Count, ...] = (8, 64, 256)
    """Sizes of slices, in chips."""
    batch_per_chip: tuple[bounds.Count, ...] = (8, 32)
    """Images of a batch on one chip."""
    mxu: Annotated[float, bounds.Within(0, 1, above=True)] = 0.4
    """Share of the chip's peak that convolutions are assumed to reach."""
    compile: bool = False
    """Whether to compile steps with the TPU's compiler too."""
    workdir: pathlib.Path = pathlib.Path("runs/scaling_plan")
    """Directory for the picture and the numbers."""

    def __post_init__(self):
        for name in ("chips", "batch_per_chip"):
            if not getattr(self, name):
                flag = name.replace("_", "-")
                raise ValueError(f"--{flag} is empty; give one number or more")
        bounds.check(self, flags=True)
        for n in self.chips:
            costs.shape(n)


def main(config: Config) -> None:
    """Counts, tabulates, draws."""
    chip = Chip(mxu=config.mxu)
    subjects = library()
    if config.compile:  # a missing compiler is reported before anything is counted
        compiler.devices((1, 1))
    models = {name: counted(subject) for name, subject in subjects.items()}
    seeds = {n: models.pop(n) for n in list(models) if n.startswith("gan")}
    models["biggan 128"] = biggan()
    found = {}
    for name, model in models.items():
        found[name] = plan(model, config.chips, config.batch_per_chip, chip)
        say("\n".join((f"{name}", *table(found[name]), "")))
    seeds |= {name: models[name] for name in ("capsnet", "dcgan 64")}
    results = {
        "chip": chip._asdict(),
        "assumed": {"spare": SPARE, "storage": STORAGE},
        "models": found,
        "seeds": {name: filling(model, chip) for name, model in seeds.items()},
        "compiled": [],
    }
    if config.compile:
        for name, count, fsdp, batch in COMPILED:
            subject, model = subjects[name], models[name]
            counts = compiler.compiled(
                subject.game, subject.batch(batch * count), costs.shape(count), fsdp
            )
            say(
                f"{name} on {count} chips, --fsdp {fsdp}, {batch} images each: {counts}"
            )
            results["compiled"].append(
                {
                    **{"model": name, "chips": count, "fsdp": fsdp, "batch": batch},
                    **counts,
                    "by_hand": by_hand(model, fsdp, batch),
                }
            )
    figure = draw(models, max(config.chips), chip)
    path = config.workdir / "scaling_plan.png"
    figures.save(path, figure, "the bounds of a step, by the batch")
    figures.save_results(config.workdir / "results.json", results)
