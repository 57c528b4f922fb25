"""Batches as a pure function of `(seed, i)`: the same from memory, disk and device.

The examples of a run form one endless stream: epoch after epoch, each a permutation of
the set. Batch `i` is positions `i * batch_size` to `(i + 1) * batch_size` of it, so
every example comes once an epoch and the order does not depend on the batch size. The
only state is the number of the batch.
"""

import functools
import operator
from typing import Any, Literal, get_args

import numpy as np

Plan = dict[str, np.ndarray]
"""`{"index": int32 [B], "flip": bool [B]}`: which examples, and which are mirrored."""

Order = Literal["sort", "index_shuffle"]
"""How an epoch is shuffled. `sort` sorts random bits, one for each example of the set.
`index_shuffle` is grain's permutation, which gives each place by itself: a batch takes
no time or memory for the rest of the set."""

LARGE = 2**20  # examples from which new runs take `index_shuffle`
_ROUNDS = 4  # of grain's cipher; it uses as many itself
_FLIPS = 2**64 - 1  # stands for an epoch in the key of the mirror bits
_BITS = 256  # bits that Philox gives for one value of its counter


def plan(
    seed: int,
    i: int,
    *,
    count: int,
    batch_size: int,
    flip: bool = False,
    order: Order = "sort",
) -> Plan:
    """Which examples make up batch `i`.

    Args:
        seed: from 0 to 2^64 - 1.
        i: number of the batch, from 0.
        count: examples in the set; may be smaller than the batch.
        batch_size: `B`.
        flip: mirror each example with probability one half, drawn anew every epoch.
        order: how epochs are shuffled; `order_of(count)` for large sets.

    Returns:
        `{"index": int32 [B], "flip": bool [B]}`.

    Raises:
        ValueError: if an argument is out of range.
    """
    i, seed = operator.index(i), operator.index(seed)
    if not 0 <= seed < 2**64:
        raise ValueError(f"seed is {seed}: give a whole number from 0 to 2^64 - 1")
    if i < 0:
        raise ValueError(f"batch number is {i}: batches are counted from 0")
    if batch_size < 1:
        raise ValueError(f"batch size is {batch_size}: give at least 1")
    if not 0 < count < 2**31:
        raise ValueError(f"a set of {count} examples cannot be sampled: give 1 to 2^31")
    if order not in get_args(Order):
        raise ValueError(f"order is {order!r}: give one of {get_args(Order)}")
    shuffled = _sorted if order == "sort" else _index_shuffled
    start = i * batch_size
    epoch, offset = divmod(start, count)
    parts, missing = [], batch_size
    while missing:
        end = min(count, offset + missing)
        part = shuffled(seed, epoch, count, offset, end)
        parts.append(part)
        epoch, offset, missing = epoch + 1, 0, missing - len(part)
    mirrored = _flips(seed, start, batch_size) if flip else np.zeros(batch_size, bool)
    return {"index": np.concatenate(parts), "flip": mirrored}


def order_of(count: int) -> Order:
    """How new runs shuffle a set of `count` examples."""
    return "index_shuffle" if count > LARGE else "sort"


def plan_many(
    seed: int,
    i: int,
    k: int,
    *,
    count: int,
    batch_size: int,
    flip: bool = False,
    order: Order = "sort",
) -> Plan:
    """The plans of batches `i * k` to `i * k + k - 1`, stacked.

    For games whose moves repeat `k` times: step `i` takes the `i`-th such stack.

    Returns:
        `{"index": int32 [k, B], "flip": bool [k, B]}`.
    """
    if k < 1:
        raise ValueError(f"repeats is {k}: give at least 1")
    size = k * batch_size
    flat = plan(seed, i, count=count, batch_size=size, flip=flip, order=order)
    return {key: value.reshape(k, batch_size) for key, value in flat.items()}


def take(arrays: dict[str, Any], plan: dict[str, Any], xp: Any = np) -> dict[str, Any]:
    """Gathers the examples of a plan and mirrors some of them, as it says.

    The same code serves the host (`xp=numpy`) and a compiled step (`xp=jax.numpy`),
    and gives the same bits.

    Args:
        arrays: `{"image": uint8 [N, H, W, C], ...}`; every array of this rank holds
            pictures and is mirrored with the image, others are only gathered.
        plan: `{"index": int32 [..., B], "flip": bool [..., B]}`.
        xp: `numpy` or `jax.numpy`.

    Returns:
        `{"image": uint8 [..., B, H, W, C], ...}`, with the keys and types of `arrays`.
    """
    index, flip = plan["index"], plan["flip"]
    batch = {}
    for key, value in arrays.items():
        # The indices are in range; "clip" spares both libraries the check.
        rows = xp.take(value, index, axis=0, mode="clip")
        if value.ndim == 4 and xp is np:
            mirror(rows, flip)
        elif value.ndim == 4:
            mask = flip[..., None, None, None]
            rows = xp.where(mask, rows[..., ::-1, :], rows)
        batch[key] = rows
    return batch


def mirror(rows: np.ndarray, flip: np.ndarray) -> None:
    """Mirrors some pictures of a contiguous `[..., B, H, W, C]` in place.

    A gather along whole lines takes a third of the time of a slice with step -1, which
    numpy copies pixel by pixel.
    """
    width, channels = rows.shape[-2:]
    order = np.arange(width * channels).reshape(width, channels)[::-1].reshape(-1)
    lines = rows.reshape(*rows.shape[:-2], width * channels)
    lines[flip] = np.take(lines[flip], order, axis=-1)


def _sorted(seed: int, epoch: int, count: int, start: int, end: int) -> np.ndarray:
    """Places `start` to `end` of an epoch: int32 `[end - start]`."""
    return _permutation(seed, epoch, count)[start:end]


def _index_shuffled(
    seed: int, epoch: int, count: int, start: int, end: int
) -> np.ndarray:
    """The same in the other order, in time and memory of `end - start`."""
    from grain.experimental import index_shuffle  # it imports JAX: only where needed

    # Grain's seeds have 32 bits; hashed, epochs of neighbouring seeds differ.
    key = _philox(seed, epoch).random_raw() >> 32
    last = count - 1
    places = (index_shuffle(i, last, key, _ROUNDS) for i in range(start, end))
    return np.fromiter(places, np.int32, end - start)


def _philox(seed: int, epoch: int) -> np.random.Philox:
    return np.random.Philox(key=np.array([seed, epoch], np.uint64))


@functools.lru_cache(maxsize=8)
def _permutation(seed: int, epoch: int, count: int) -> np.ndarray:
    """The order of one epoch: int32 `[count]`.

    Raw bits are sorted because numpy promises that those of Philox never change. It
    promises no such thing for `Generator.permutation`, and a run must resume under a
    later numpy.
    """
    bits = _philox(seed, epoch).random_raw(count)
    order = np.argsort(bits, kind="stable").astype(np.int32)
    order.flags.writeable = False  # it is shared by every caller
    return order


def _flips(seed: int, start: int, count: int) -> np.ndarray:
    """The mirror bits of positions `start` to `start + count`: bool `[count]`."""
    block, offset = divmod(start, _BITS)
    philox = np.random.Philox(
        key=np.array([seed, _FLIPS], np.uint64),
        counter=np.array([block, 0, 0, 0], np.uint64),
    )
    words = philox.random_raw(4 * -(-(offset + count) // _BITS))
    bits = np.unpackbits(words.astype("<u8").view(np.uint8), bitorder="little")
    return bits[offset : offset + count].astype(bool)
