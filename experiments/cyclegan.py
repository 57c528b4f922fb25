r"""CycleGAN: translates between two domains without pairs (arXiv:1703.10593).

    python -m experiments.cyclegan
    python -m experiments.cyclegan --data portraits:4096#bare \
        --other portraits:4096#glasses --workdir runs/glasses
    python -m experiments.cyclegan --data zip:FLOWERS.zip#daisy \
        --other zip:FLOWERS.zip#sunflower --resolution 128x128
    python -m experiments.cyclegan --preset paper --data folder:X#A --other folder:X#B

Without flags: young and old drawn people, 64x64, 4,000 steps on a CPU. Any two sets can
be domains; `#PART` takes one folder of a folder or an archive, or one view of drawn
people, see `jaxgan.data.synthetic.faces.VIEWS`.

The run directory gets sheets of unseen images both ways (x, its translation, and that
translated back) and results.json: the error of the way there and back and, between
views of the same people, whose training parts have nobody in common, the error to the
true counterpart beside that of the image itself; with `--judge` also the share of
translations that have the other domain's attribute, and how much of the rest changed,
by a network that reads the factors of faces, which is trained once, for minutes.
"""

import dataclasses
from typing import Annotated, Literal

import jax
import numpy as np
import tyro

from jaxgan.compose import ema_variables
from jaxgan.lab import cli, domains, feeds, pairs, pixels, rates, runs, session
from jaxgan.lab.data import Data
from jaxgan.lab.judges import factors
from jaxgan.lab.session import Result
from jaxgan.models import cyclegan
from jaxgan.train import Run, directory

ALIASES = {"--resolution": "--model.resolution"}
COLUMNS = 12  # images on a sheet, of each domain
TESTED = 512  # images of each domain, at most


@dataclasses.dataclass(frozen=True)
class Config:
    """Training a CycleGAN."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[Data, tyro.conf.arg(name="")]
    model: cyclegan.Config
    other: str = "portraits:4096#old"
    """The set that is the other domain, written as --data."""
    judge: bool = False
    """Read the factors of translated faces."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the paper's networks, for an accelerator."""


PRESETS = {
    "laptop": Config(
        run=runs.run("cyclegan", steps=4000, every=500, batch_size=1),
        data=Data("portraits:4096#young", upscale="auto"),
        # Generators of whole images take most of this time to learn what stays. The
        # identity loss, which the paper has for paintings alone, keeps those of changes
        # at the identity; discriminators of patches of 16 see too little of a face.
        model=cyclegan.Config(
            resolution="64x64",
            width=16,
            blocks=3,
            residual=True,
            identity=0.0,
            constant=2000,
            decay=2000,
            learning_rate=5e-4,
        ),
    ),
    "paper": Config(
        run=runs.run(
            "cyclegan_paper", steps=200_000, every=5000, batch_size=1, log_every=100
        ),
        data=Data("portraits:4096#young", flip=True, upscale="auto"),
        model=cyclegan.Config(),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or goes on training, and measures."""
    model, run = config.model, config.run
    rates.check(run.steps, model.decay, constant=model.constant)
    found = domains.open_domains(config.data, config.other, model.shape)
    tests = {"a": found.a.test["image"][:TESTED], "b": found.b.test["image"][:TESTED]}
    work = session.begin("CycleGAN", config, found)

    @jax.jit
    def shown(variables, a, b):
        batch = {"a": pixels.floats(a, (-1.0, 1.0)), "b": pixels.floats(b, (-1.0, 1.0))}
        drawn = cyclegan.show(model, variables, jax.random.key(0), batch)
        return {name: pixels.to_bytes(x, (-1.0, 1.0)) for name, x in drawn.items()}

    def show(state):
        count = min(COLUMNS, *map(len, tests.values()))
        some = {name: images[:count] for name, images in tests.items()}
        drawn = jax.device_get(shown(ema_variables(state), **some))
        rows = (
            *(some["a"], drawn["a_to_b"], drawn["a_again"]),
            *(some["b"], drawn["b_to_a"], drawn["b_again"]),
        )
        return {"both_ways": np.stack(rows)}

    def measure(state):
        nets = ema_variables(state)
        count = min(map(len, tests.values()))
        parts = []
        for first in range(0, count, pairs.BLOCK):  # a short last block is filled up
            index = np.arange(first, first + pairs.BLOCK) % count
            made = shown(nets, tests["a"][index], tests["b"][index])
            parts.append(jax.device_get(made))
        drawn = jax.tree.map(lambda *x: np.concatenate(x)[:count], *parts)
        some = {name: images[:count] for name, images in tests.items()}
        return results(config, found, some, drawn)

    game = cyclegan.game(model)
    between = (-1.0, 1.0)
    one = feeds.feed(found.a, run, work.mesh, between=between)
    # Another seed, so that the two orders have nothing to do with each other.
    apart = dataclasses.replace(run, seed=(run.seed + 2**31) % 2**32)
    other = feeds.feed(found.b, apart, work.mesh, between=between)
    session.train(work, game, feeds.both(one, other), show=show, measure=measure)


def results(
    config: Config,
    found: domains.Domains,
    tests: dict[str, np.ndarray],
    drawn: dict[str, np.ndarray],
) -> Result:
    """What the translations of the test images came to, and the last sheet."""
    ways = {
        f"{end}_to_{far}": domains.Drawn(
            tests[end],
            drawn[f"{end}_to_{far}"],
            drawn[f"{end}_again"],
            tests[far] if found.paired else None,
        )
        for end, far in ("ab", "ba")
    }
    numbers = {name: domains.measured(way) for name, way in ways.items()}
    if config.judge and found.factor is not None:
        judge = factors.trained(config.model.shape[0])
        for name, way in ways.items():
            numbers[name]["read"] = domains.attributes(judge, found.factor, way)
    sheets = directory.sheets(config.run.workdir, "both_ways")
    caption = (
        "Images not trained on, their translations, and those translated back:"
        f" {config.data.data} above, {config.other} below"
    )
    about = {**numbers, "tested": len(tests["a"])}
    return Result(about, {caption: sheets[max(sheets)]})


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__, aliases=ALIASES)
