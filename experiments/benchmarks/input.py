"""How fast batches come from disk, and how long a training loop waits for them.

    python -m experiments.benchmarks.input
    python -m experiments.benchmarks.input --images 200000 --rounds 20 --seconds 0.5
    python -m experiments.benchmarks.input --images 1000 --processes 2

Random images are written as shards (`experiments.make_shards` makes them of real ones)
and as two folders of JPEG files, of that size and of CelebA's 178x218. Of each source
are measured, with mirroring, in turns:

- rate: images a second when nothing else is done, and processor seconds for 10,000; of
  JPEG files in threads and, with --processes, in processes of their own;
- paced: a consumer that takes --rate images a second. The device is stood in for by a
  sleep until the step's end, as the host is free while an accelerator works; one batch
  is placed while the last is played, as the training loop does it. "Next" is the share
  of time in which the loop waits for a batch, "placing" that of `jax.device_put`, and
  "starved" that in which the device would have had nothing to do. The same is done with
  one batch that stays, where nothing is read: after a sleep, `device_put` alone takes
  ten times as long as in a busy loop.

Then a real step, a linear classifier of the pixels that is compiled for the same cores,
on batches from the shards and on one batch that stays, in the same turns. "Cold" shards
were dropped from the system's cache before every turn. Takes two minutes and 1.5 GB of
disk; other work on the machine disturbs it, and is told.
"""

import dataclasses
import functools
import itertools
import json
import multiprocessing
import os
import pathlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image
from tqdm import tqdm

from experiments.benchmarks.parts import timing
from jaxgan import data as jaxgan_data
from jaxgan import nn
from jaxgan.data import shard_writing, shards
from jaxgan.lab import cli

SETTLE = 12  # batches before the clock starts: more than are kept ready
CELEBA = (218, 178)  # height and width
SHARD = 1 << 28  # bytes
AHEAD = 20  # steps the training loop plays before it looks at their metrics


@dataclasses.dataclass(frozen=True)
class Config:
    """What is measured, and for how long."""

    images: int = 100_000
    """Images in the shards."""
    jpegs: int = 2000
    """Files in each folder of JPEGs; 0 leaves these cases out."""
    size: int = 64
    """Height and width of the images."""
    batch_size: int = 64
    """Images in a batch."""
    rate: float = 10_000
    """Images a second that the paced consumer takes."""
    seconds: float = 1.0
    """Time of a turn."""
    rounds: int = 10
    """Turns of each case."""
    workers: int = 2
    """Threads that decode JPEGs."""
    processes: int = 0
    """Processes that decode JPEGs, as cases beside those of threads; 0 leaves them
    out."""
    folder: pathlib.Path | None = None
    """Where to write the images, and leave them; a temporary folder if left out."""
    output: pathlib.Path | None = None
    """Where to write the result as JSON."""

    def __post_init__(self):
        least_of = {"images": 1, "jpegs": 0, "size": 1, "rounds": 2, "processes": 0}
        for name, least in least_of.items():
            if getattr(self, name) < least:
                raise ValueError(
                    f"--{name} is {getattr(self, name)}; it must be at least {least}"
                )
        for name in ("rate", "seconds"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(
                    f"--{name} is {getattr(self, name)}; it must be above 0"
                )


def make_shards(folder: pathlib.Path, count: int, size: int) -> None:
    """Writes random images, unless they are there."""
    if (folder / shards.INDEX).exists():
        return
    rng = np.random.default_rng(0)
    shape, per_shard = (size, size, 3), max(1, SHARD // (3 * size**2))
    counts = [min(per_shard, count - i) for i in range(0, count, per_shard)]
    like = {"image": np.zeros(shape, np.uint8)}
    for number, n in enumerate(tqdm(counts, desc="writing", unit="shard")):
        content = np.frombuffer(rng.bytes(n * like["image"].size), np.uint8)
        shard_writing.write_shard(folder, number, {"image": content.reshape(n, *shape)})
    shard_writing.finish(folder, counts, like)


def make_jpegs(folder: pathlib.Path, count: int, shape: tuple[int, int]) -> None:
    """Writes smooth patches with some noise, of about the size of photographs."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    height, width = shape
    for i in range(count):
        coarse = rng.integers(
            0, 256, (-(-height // 8), -(-width // 8), 3), dtype=np.uint8
        )
        smooth = Image.fromarray(coarse).resize(
            (width, height), Image.Resampling.BICUBIC
        )
        noisy = np.asarray(smooth) + rng.integers(-12, 13, (height, width, 3))
        pixels = Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
        pixels.save(folder / f"{i:06d}.jpg", quality=90)


def warm(folder: pathlib.Path) -> None:
    """Reads files through, so that the system has their content in memory."""
    for path in folder.iterdir():
        with path.open("rb", buffering=0) as file:
            while file.read(1 << 24):
                pass


def drop(folder: pathlib.Path) -> None:
    """Asks the system to forget the content of files, so that the disk is read."""
    for path in folder.iterdir():
        file = os.open(path, os.O_RDONLY)
        try:
            os.fsync(file)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(file)


def highest_rate(batches: Iterator[Any], batch_size: int, seconds: float) -> dict:
    """Takes batches as fast as they come."""
    began, taken = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        next(batches)
        taken += batch_size
    return {"images / s": taken / (time.perf_counter() - began), "images": taken}


def paced(
    batches: Iterator[Any],
    place: Callable[[Any], Any],
    batch_size: int,
    seconds: float,
    rate: float,
) -> dict:
    """Takes `rate` images a second, or as many as come.

    While the device plays one batch, the next is taken and put on its way; then the
    loop sleeps until the device is done, and starts it on that batch.
    """
    step = batch_size / rate
    began = free = time.perf_counter()  # the device has nothing to do from `free` on
    steps, waited, placing, starved = 0, 0.0, 0.0, 0.0
    while steps < 2 or free - began < seconds:
        asked = time.perf_counter()
        batch = next(batches)
        got = time.perf_counter()
        placed = place(batch)
        came = time.perf_counter()
        waited, placing = waited + got - asked, placing + came - got
        time.sleep(max(0.0, free - came))
        late = max(0.0, came - free)
        if not all(x.is_ready() for x in jax.tree.leaves(placed)):
            asked = time.perf_counter()
            jax.block_until_ready(placed)
            late += time.perf_counter() - asked
        starved += late
        free, steps = free + late + step, steps + 1
    spent = free - began
    return {
        "images / s": steps * batch_size / spent,
        "next": waited / spent,
        "placing": placing / spent,
        "starved": starved / spent,
        "images": steps * batch_size,
    }


def stepped(
    batches: Iterator[Any], step: Callable, state: Any, batch_size: int, seconds: float
) -> dict:
    """Plays a compiled step as the training loop does: metrics every `AHEAD` steps."""
    began, steps, waited = time.perf_counter(), 0, 0.0
    while time.perf_counter() - began < seconds:
        for _ in range(AHEAD):
            asked = time.perf_counter()
            batch = next(batches)
            waited += time.perf_counter() - asked
            state = step(state, batch["image"])
        jax.block_until_ready(state)
        steps += AHEAD
    spent = time.perf_counter() - began
    return {
        "images / s": steps * batch_size / spent,
        "next": waited / spent,
        "images": steps * batch_size,
    }


def own_seconds() -> float:
    """Processor time of this process, and of those it started (0 where unknown)."""
    spent = time.process_time()
    for child in multiprocessing.active_children():
        try:
            line = pathlib.Path(f"/proc/{child.pid}/stat").read_text()
        except OSError:
            continue
        fields = line.rpartition(")")[2].split()  # a name may hold spaces
        spent += sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
    return spent


def timed(turn: Callable[..., dict], batch_size: int, seconds: float) -> dict:
    """What a turn finds, its processor time, and how busy the machine was beside it."""
    busy, own = timing._busy_seconds(), own_seconds()
    began = time.perf_counter()
    found = turn(batch_size=batch_size, seconds=seconds)
    spent = time.perf_counter() - began
    own = own_seconds() - own
    busy = timing._busy_seconds() - busy
    images = found.pop("images")
    return found | {
        "cpu s / 10,000": 1e4 * own / images,
        "foreign": max(0.0, busy - own) / spent,
    }


def turns(config: Config, folder: pathlib.Path) -> Iterator[tuple[str, dict]]:
    """One turn of each case: its name and what was found."""
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
    """A compiled step of gradient descent on 16 scores of the pixels, and its state."""

    def loss(weights: jax.Array, image: jax.Array) -> jax.Array:
        pixels = nn.from_uint8(image).reshape(len(image), -1)
        return jax.nn.logsumexp(pixels @ weights, axis=-1).mean()

    def step(weights: jax.Array, image: jax.Array) -> jax.Array:
        return weights - 1e-3 * jax.grad(loss)(weights, image)

    return jax.jit(step), jnp.zeros((3 * config.size**2, 16))


def summary(samples: list[dict]) -> dict[str, dict[str, float]]:
    """Median and quartiles of everything that was measured."""
    out = {}
    for key in samples[0]:
        values = [sample[key] for sample in samples]
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
        out[key] = {"median": statistics.median(values), "low": low, "high": high}
    return out


def table(rows: dict[str, dict[str, dict[str, float]]]) -> str:
    """The rows as Markdown."""

    def cell(row: dict, key: str, form: Callable[[float], str]) -> str:
        if key not in row:
            return ""
        x = row[key]
        return f"{form(x['median'])} ({form(x['low'])}-{form(x['high'])})"

    def share(x: float) -> str:
        return f"{100 * x:.2f}"

    lines = [
        "| case | images / s (quartiles) | CPU s / 10,000 | next, % | placing, % "
        "| starved, % | other CPUs |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        cells = (
            name,
            cell(row, "images / s", lambda x: f"{x:.0f}"),
            cell(row, "cpu s / 10,000", lambda x: f"{x:.3f}"),
            cell(row, "next", share),
            cell(row, "placing", share),
            cell(row, "starved", share),
            f"{row['foreign']['median']:.2f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main(config: Config) -> None:
    """Writes the images, measures every case, prints the table."""
    with tempfile.TemporaryDirectory(prefix="jaxgan-input-") as temporary:
        folder = config.folder or pathlib.Path(temporary)
        make_shards(folder / "shards", config.images, config.size)
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
    if config.output:
        plain = dataclasses.asdict(config) | {"output": None, "folder": None}
        result = {
            "config": plain,
            "machine": machine,
            "rows": rows,
            "samples": samples,
        }
        config.output.parent.mkdir(parents=True, exist_ok=True)
        config.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
