"""Measures how fast batches come from disk, and how long a training loop waits.

    python -m experiments.benchmarks.input
    python -m experiments.benchmarks.input --images 200000 --rounds 20 --seconds 0.5
    python -m experiments.benchmarks.input --images 1000 --processes 2

Writes random images as shards (`experiments.make_shards` makes shards of real images),
as an ArrayRecord, and as two folders of JPEG files, one of the same size and one of
CelebA's 178x218. For each source it then measures, in turns and with mirroring:

- rate: images per second when nothing else is done, and processor seconds for 10,000
  images; JPEG files are decoded in threads and, with --processes, also in processes;
- paced: a consumer that takes --rate images a second. A sleep until the end of the step
  stands in for the device, since the host is free while an accelerator works; one batch
  is placed while the last is played, as in the training loop. "Next" is the share of
  time in which the loop waits for a batch, "placing" that of `jax.device_put`, and
  "starved" that in which the device would have had nothing to do. The same is measured
  with one fixed batch, where nothing is read: after a sleep, `device_put` alone takes
  ten times as long as in a busy loop.

Then it times a real step, a linear classifier of the pixels that is compiled for the
same cores, on batches from the shards and on one fixed batch, in the same turns. "Cold"
shards were dropped from the system's cache before every turn. Takes two minutes and 2.5
GB of disk. Other work on the machine disturbs it; the table shows how much.
"""

import dataclasses
import functools
import itertools
import json
import os
import pathlib
import tempfile
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import jax
import jax.numpy as jnp
from tqdm import tqdm

from experiments.benchmarks.input import files
from experiments.benchmarks.input.consumers import highest_rate, paced, stepped, timed
from experiments.benchmarks.input.files import drop, make_jpegs, make_shards, warm
from experiments.benchmarks.input.tables import summary, table
from experiments.benchmarks.parts import kept, timing
from jaxgan import bounds, nn
from jaxgan import data as jaxgan_data

SETTLE = 12  # batches before the clock starts, more than are read ahead
CELEBA = (218, 178)  # height and width


@dataclasses.dataclass(frozen=True)
class Config:
    """What to measure, and for how long."""

    images: bounds.Count = 100_000
    """Images in the shards."""
    jpegs: bounds.Natural = 2000
    """Files in each folder of JPEGs; 0 leaves these cases out."""
    size: bounds.Count = 64
    """Height and width of the images."""
    batch_size: bounds.Count = 64
    """Images in a batch."""
    rate: bounds.Rate = 10_000
    """Images per second that the paced consumer takes."""
    seconds: bounds.Rate = 1.0
    """Length of a turn."""
    rounds: Annotated[int, bounds.Within(2)] = 10
    """Turns of each case."""
    workers: bounds.Count = 2
    """Threads that decode JPEGs."""
    processes: bounds.Natural = 0
    """Processes that decode JPEGs, in additional cases; 0 leaves these out."""
    folder: pathlib.Path | None = None
    """Folder for the images, which are kept there; by default a temporary one."""
    workdir: pathlib.Path = pathlib.Path("runs/benchmarks/input")
    """Directory for results.json."""
    output: pathlib.Path | None = None
    """Internal: the file to write, instead of results.json."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def turns(config: Config, folder: pathlib.Path) -> Iterator[tuple[str, dict]]:
    """Yields one turn of each case: its name and its measurements."""
    c = config
    device = jax.devices()[0]

    def stream(spec: str, processes: int = 0) -> Iterator[Any]:
        source = jaxgan_data.fitted(
            jaxgan_data.open_source(spec), size=c.size, channels=3
        )
        batches = jaxgan_data.stream(
            source,
            0,
            c.batch_size,
            flip=True,
            workers=c.workers,
            processes=processes,
        )
        for _ in range(SETTLE):
            next(batches)
        return batches

    def place(batch: Any) -> Any:
        return jax.device_put(batch, device)

    cases = {"shards": f"shards:{folder / 'shards'}"}
    if hasattr(os, "posix_fadvise"):
        cases["shards, cold"] = cases["shards"]
    if c.jpegs:
        cases[f"JPEG {c.size}x{c.size}"] = f"folder:{folder / 'small'}"
        cases[f"JPEG {CELEBA[1]}x{CELEBA[0]}"] = f"folder:{folder / 'large'}"
    for name, spec in cases.items():
        for kind in ("rate", "paced"):
            if name.endswith("cold"):
                drop(folder / "shards")
            elif kind == "rate":
                warm(pathlib.Path(spec.partition(":")[2]))
            batches = stream(spec)
            if kind == "rate":
                turn = functools.partial(highest_rate, batches)
            else:
                turn = functools.partial(paced, batches, place, rate=c.rate)
            yield f"{name}: {kind}", timed(turn, c.batch_size, c.seconds)
            batches.close()  # type: ignore[attr-defined]
        if c.processes and name.startswith("JPEG"):
            batches = stream(spec, c.processes)
            turn = functools.partial(highest_rate, batches)
            found = timed(turn, c.batch_size, c.seconds)
            yield f"{name}, in processes: rate", found
            batches.close()  # type: ignore[attr-defined]
    warm(folder / "records")
    batches = files.records(folder / "records", (c.size, c.size, 3), c.batch_size)
    for _ in range(SETTLE):
        next(batches)
    turn = functools.partial(highest_rate, batches)
    yield "ArrayRecord: rate", timed(turn, c.batch_size, c.seconds)
    batches.close()  # type: ignore[attr-defined]
    step, weights = classifier(c)
    warm(folder / "shards")
    batches = stream(cases["shards"])
    stays = next(batches)
    turn = functools.partial(paced, itertools.repeat(stays), place, rate=c.rate)
    yield "a batch that stays: paced", timed(turn, c.batch_size, c.seconds)
    stays = place(stays)
    jax.block_until_ready(step(weights, stays["image"]))  # compiled
    for name, some in (("stays", itertools.repeat(stays)), ("shards", batches)):
        turn = functools.partial(stepped, some, step, weights)
        yield f"real step, {name}", timed(turn, c.batch_size, c.seconds)
    batches.close()  # type: ignore[attr-defined]


def classifier(config: Config) -> tuple[Callable, Any]:
    """Compiles a step of gradient descent on 16 scores of pixels; makes its state."""

    def loss(weights: jax.Array, image: jax.Array) -> jax.Array:
        pixels = nn.from_uint8(image).reshape(len(image), -1)
        return jax.nn.logsumexp(pixels @ weights, axis=-1).mean()

    def step(weights: jax.Array, image: jax.Array) -> jax.Array:
        return weights - 1e-3 * jax.grad(loss)(weights, image)

    return jax.jit(step), jnp.zeros((3 * config.size**2, 16))


def main(config: Config) -> None:
    """Writes the images, measures every case, prints the table."""
    with tempfile.TemporaryDirectory(prefix="jaxgan-input-") as temporary:
        folder = config.folder or pathlib.Path(temporary)
        make_shards(folder / "shards", config.images, config.size)
        files.make_records(folder / "records", folder / "shards")
        for name, shape in (
            ("small", (config.size, config.size)),
            ("large", CELEBA),
        ):
            if config.jpegs and not (folder / name).exists():
                make_jpegs(folder / name, config.jpegs, shape)
        samples: dict[str, list[dict]] = {}
        for _ in tqdm(range(config.rounds), unit="round"):
            for name, found in turns(config, folder):
                samples.setdefault(name, []).append(found)
    rows = {name: summary(found) for name, found in samples.items()}
    machine = timing.machine()
    print(json.dumps(machine))
    print(table(rows))
    kept.save(config, {"machine": machine, "rows": rows, "samples": samples})
