"""Makes the batches of a training run from an opened set."""

import itertools
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxgan import data as jaxgan_data
from jaxgan import parallel
from jaxgan.data.synthetic import digits
from jaxgan.lab import data, pixels
from jaxgan.train import Feed, Run, directory


def feed(
    opened: data.Set,
    run: Run,
    mesh: Mesh,
    repeats: int = 1,
    between: pixels.Range | None = (0.0, 1.0),
    derive: Callable[[jax.Array], jax.Array] | None = None,
) -> Feed:
    """Batches of a set, made on the devices where it fits there.

    They are the same either way: which examples, which of them mirrored, and how far
    each is shifted, are functions of the seed and the step.

    Args:
        opened: what they are made from.
        run: the seed and the size of a batch.
        mesh: the devices.
        repeats: minibatches a step; above one, batches are `[k, B, ...]`.
        between: the numbers between which pixels shall be; None leaves them bytes.
        derive: makes `"input"` of the bytes of `"image"`, inside the compiled step.

    Returns:
        Batches of all that the set has: `"image"`, float32 `[B, H, W, C]`, and
        `"label"`, int32 `[B]`, where there are classes, and `"input"` of pairs.
    """
    flip, shift = opened.data.flip, opened.data.shift
    arrays, axis = opened.arrays, int(repeats > 1)
    count = len(opened.train if arrays is None else next(iter(arrays.values())))
    order = _order(run, count)
    # Runs older than the choice have no record of it, and the one that was.
    record = {} if order == "sort" else {"order": order}

    def prepare(batch, item):
        batch = {name: x for name, x in batch.items() if name != "position"}
        if shift:
            position = item["position"]
            batch |= {
                name: shifted(run.seed, position, x, shift)
                for name, x in batch.items()
                if x.ndim == position.ndim + 3  # every picture of a pair alike
            }
        if derive is not None:
            batch["input"] = derive(batch["image"])
        if between is None:
            return batch
        return {name: pixels.floats(x, between) for name, x in batch.items()}

    def placed(start, items):
        """Adds the place of each example in the endless stream of them."""
        size = repeats * run.batch_size
        shape = (repeats, run.batch_size) if axis else (run.batch_size,)
        for step, item in zip(itertools.count(start), items, strict=False):
            place = np.arange(step * size, (step + 1) * size).astype(np.uint32)
            yield item | {"position": place.reshape(shape)}

    def from_step(items):
        return (lambda start: placed(start, items(start))) if shift else items

    if arrays is not None and _bytes(arrays) <= data.RESIDENT_BYTES:

        def plans(start):
            for step in itertools.count(start):
                plan = jaxgan_data.plan_many(
                    run.seed, step, repeats, count=count, batch_size=run.batch_size,
                    flip=flip, order=order,
                )  # fmt: skip
                yield plan if axis else {name: x[0] for name, x in plan.items()}

        return Feed(
            arrays=parallel.resident(mesh, arrays),
            items=from_step(plans),
            prepare=lambda held, item: prepare(
                jaxgan_data.take(held, item, xp=jnp), item
            ),
            axis=axis,
            record=record,
        )

    def stream(start):
        return jaxgan_data.stream(
            opened.train,
            run.seed,
            run.batch_size,
            start=start,
            flip=flip,
            order=order,
            repeats=repeats,
            skip_corrupt=opened.data.skip_corrupt,
            processes=opened.data.data_processes,
            rows=parallel.rows(mesh, run.batch_size),
        )

    return Feed(
        arrays=(),
        items=from_step(stream),
        prepare=lambda _, item: prepare(item, item),
        axis=axis,
        record=record,
    )


def both(a: Feed, b: Feed) -> Feed:
    """Two feeds as one whose batches have the images of each: `{"a": ..., "b": ...}`.

    Each goes through its own set in its own order; give them runs of other seeds.
    """

    def items(start):
        for one, other in zip(a.items(start), b.items(start), strict=False):
            yield {"a": one, "b": other}

    def prepare(arrays, item):
        return {
            name: feed.prepare(arrays[name], item[name])["image"]
            for name, feed in (("a", a), ("b", b))
        }

    arrays = {"a": a.arrays, "b": b.arrays}
    return Feed(arrays, items, prepare, a.axis, {**a.record, **b.record})


def _order(run: Run, count: int) -> jaxgan_data.Order:
    """How a run shuffles its set: as it did when it began."""
    begun = directory.begun(run.workdir)
    if begun is None:
        return jaxgan_data.order_of(count)
    return begun.get("order", "sort")


def positions(run: Run, count: int) -> Callable[[int], Iterator[dict[str, np.ndarray]]]:
    """The host's part of batches: which examples, and their places in the stream.

    Args:
        run: with the seed and the size of a batch.
        count: examples in the set.

    Returns:
        `items(start)`, as `train.Feed` wants it, of `{"index", "position"}`, `[B]`
        each. A position never comes again; what is random about an example follows
        from it.
    """

    def items(start: int) -> Iterator[dict[str, np.ndarray]]:
        size = run.batch_size
        for step in itertools.count(start):
            index = jaxgan_data.plan(run.seed, step, count=count, batch_size=size)
            position = np.arange(step * size, (step + 1) * size).astype(np.uint32)
            yield {"index": index["index"], "position": position}

    return items


def shifted(seed: int, position: jax.Array, image: jax.Array, most: int) -> jax.Array:
    """Shifts each image by up to `most` pixels each way; what comes in is black.

    Args:
        seed: of the run.
        position: places in the stream of examples, `[..., B]`; the shifts follow from
            them.
        image: bytes `[..., B, H, W, C]`.
        most: the largest shift.
    """

    def one(position, image):
        key = digits.example_key(seed, position)
        return digits.shift(image, digits.random_offset(key, most))

    flat = image.reshape(-1, *image.shape[-3:])
    return jax.vmap(one)(position.reshape(-1), flat).reshape(image.shape)


def _bytes(arrays) -> int:
    return sum(array.nbytes for array in arrays.values())
