"""From `--data` to the batches of a training run."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxgan import data as jaxgan_data
from jaxgan import nn, parallel
from jaxgan.train import Feed, Run, terminal
from jaxgan.train.terminal import say as say

RESIDENT_BYTES = 1 << 30


@dataclasses.dataclass(frozen=True)
class Data:
    """What to train on."""

    data: str = "faces:8192"
    """Images: faces[:COUNT] (drawn), digits (5,000 of MNIST), folder:PATH, zip:PATH,
    npz:PATH, idx:PATH, shards:PATH, tfds:NAME, or a bare path."""
    split: str = "train"
    """Which part of a set that has parts."""
    flip: bool = True
    """Mirror half of the images, drawn anew every epoch."""
    crop: tuple[int, int, int, int] | None = None
    """Box to keep, as top, left, height, width; the central square if left out."""
    upscale: Literal["auto", "yes", "no"] = "auto"
    """Enlarge images smaller than the resolution; auto does so for digits and idx,
    which are 28x28 as a rule, and refuses others."""
    skip_corrupt: bool = False
    """Pass over images that cannot be read, and count them."""
    download: bool = False
    """Let tfds fetch and prepare a set that is not there."""
    leave_out: tuple[int, ...] = ()
    """Classes not to train on, by their numbers, as anomaly detection wants it."""
    data_processes: int = 0
    """Processes that decode a set too large for memory, faster than threads; 0 takes
    threads. Batches are the same."""

    def __post_init__(self):
        if self.data_processes < 0:
            raise ValueError(
                f"--data-processes is {self.data_processes}; give 0 for threads, or"
                " how many"
            )


@dataclasses.dataclass(frozen=True)
class Images:
    """An opened set, at one resolution.

    Attributes:
        about: a line on what it is.
        fingerprint: changes when the data does.
        held: arrays in memory, or the source of a set that is larger.
        flip: whether batches are mirrored at random.
        skip_corrupt: whether unreadable images are passed over.
        processes: those that decode a source; 0 for threads.
    """

    about: str
    fingerprint: str
    held: Any
    flip: bool
    skip_corrupt: bool
    processes: int = 0

    @property
    def arrays(self) -> dict[str, np.ndarray] | None:
        """The set in memory, or None where it is too large for that."""
        return self.held if isinstance(self.held, dict) else None


def open_images(data: Data, resolution: int, channels: int) -> Images:
    """Opens what `--data` names, at a resolution.

    Raises:
        ValueError: there is no such set, or its images do not fit.
    """
    terminal.doing(f"opening the data {data.data}")
    source = jaxgan_data.open_source(
        data.data, split=data.split, download=data.download, size=resolution
    )
    digits = data.data.startswith("idx:") or data.data == "digits"
    upscale = data.upscale == "yes" or (data.upscale == "auto" and digits)
    shape = {
        "size": resolution,
        "channels": channels,
        "crop": data.crop or "centre",
        "upscale": upscale,
    }
    fits = functools.partial(
        jaxgan_data.fits, source, size=resolution, channels=channels
    )
    # Shards of this shape stay on disk unless they go to the devices: they read fast.
    ready = jaxgan_data.fitted(source, **shape) is source and not data.leave_out
    if fits(limit_bytes=RESIDENT_BYTES) or (fits() and not ready):
        held = jaxgan_data.load(source, skip_corrupt=data.skip_corrupt, **shape)
        held = _without(held, data.leave_out, data.data)
        where = "in memory"
    elif data.leave_out:
        raise ValueError(
            f"--leave-out {data.leave_out} is for sets that fit in memory, and"
            f" {data.data} does not: give a set without those classes"
        )
    else:
        held = jaxgan_data.fitted(source, **shape)
        # A source that cannot be sent to processes is refused now, not in the run.
        jaxgan_data.stream(held, 0, 1, processes=data.data_processes)
        where = "streamed"
    count = len(held["image"] if isinstance(held, dict) else source)
    about = f"{data.data}: {count:,} images, {resolution}x{resolution}x{channels}"
    return Images(
        about=f"{about}, {where}",
        fingerprint=jaxgan_data.fingerprint(held),
        held=held,
        flip=data.flip,
        skip_corrupt=data.skip_corrupt,
        processes=data.data_processes,
    )


def _without(held: dict, leave_out: tuple[int, ...], name: str) -> dict:
    """The images of a set in memory, but for some classes."""
    if not leave_out:
        return {"image": held["image"]}
    if "label" not in held:
        raise ValueError(
            f"--leave-out {leave_out} needs the class of every image, and {name} has no"
            " labels"
        )
    label = held["label"]
    if missing := sorted(set(leave_out) - set(np.unique(label).tolist())):
        raise ValueError(
            f"--leave-out names the classes {missing}, of which {name} has no image; it"
            f" has {label.min()} to {label.max()}"
        )
    kept = ~np.isin(label, leave_out)
    if not kept.any():
        raise ValueError(
            f"--leave-out {leave_out} leaves nothing of {name} to train on"
        )
    return {"image": held["image"][kept]}


def normalised(batch: dict) -> dict:
    """Images as float32 in [-1, 1]."""
    return {**batch, "image": nn.from_uint8(batch["image"])}


def feed(
    images: Images,
    run: Run,
    mesh: Mesh,
    repeats: int = 1,
    prepare: Callable[[dict], dict] = normalised,
) -> Feed:
    """Batches made on the devices where the set fits there.

    They are the same either way: which examples, and which of them mirrored, is a
    function of the seed and the step.

    Args:
        images: what they are made from.
        run: the seed and the size of a batch.
        mesh: the devices.
        repeats: minibatches a step; above one, batches are `[k, B, ...]`.
        prepare: what becomes of the bytes, inside the compiled step.
    """
    options = {"flip": images.flip, "repeats": repeats}
    arrays = images.arrays
    if arrays is not None and _bytes(arrays) <= RESIDENT_BYTES:

        def plans(start):
            step, k = start, max(1, repeats)
            count = len(arrays["image"])
            while True:
                plan = jaxgan_data.plan_many(
                    run.seed, step, k, count=count, batch_size=run.batch_size,
                    flip=images.flip,
                )  # fmt: skip
                yield plan if repeats > 1 else {n: x[0] for n, x in plan.items()}
                step += 1

        return Feed(
            arrays=parallel.resident(mesh, arrays),
            items=plans,
            prepare=lambda held, plan: prepare(jaxgan_data.take(held, plan, xp=jnp)),
            axis=int(repeats > 1),
        )
    return Feed(
        arrays=(),
        items=lambda start: jaxgan_data.stream(
            images.held,
            run.seed,
            run.batch_size,
            start=start,
            skip_corrupt=images.skip_corrupt,
            processes=images.processes,
            rows=parallel.rows(mesh, run.batch_size),
            **options,
        ),
        prepare=lambda _, batch: prepare(batch),
        axis=int(repeats > 1),
    )


def _bytes(arrays):
    return sum(array.nbytes for array in arrays.values())
