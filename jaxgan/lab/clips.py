"""Clips to predict: moving digits, made as they are needed, or fruits that turn."""

import functools
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxgan import parallel
from jaxgan.data.synthetic import digits, moving_digits
from jaxgan.lab import feeds, pixels
from jaxgan.lab.capsules import TEST_SEED
from jaxgan.lab.data import Data, open_set
from jaxgan.train import Feed, Run

World = Literal["turning", "one", "two", "turntable"]
TURN = 64  # frames of a turntable
RANGE = (-1.0, 1.0)
# Grounds and digits of moving digits, in bytes: dark and light grey. A black ground is
# -1, where tanh has no slope left at any scale: networks then drew nothing but ground.
GREY = (26, 229)


class Clips(NamedTuple):
    """A world of clips, opened.

    Attributes:
        about: a line that describes it.
        fingerprint: changes when the data does.
        train: what clips are made from, bytes `[N, ...]`.
        test: the same of others.
        make: `make(arrays, seed, item) -> {"clip", "other"}`, bytes `[B, T, S, S, C]`
            each, of an item of `feeds.positions`: what happened, and what might have
            happened as well, which is the same where there is one future.
    """

    about: str
    fingerprint: str
    train: np.ndarray
    test: np.ndarray
    make: Callable[[Any, int, Any], dict[str, jax.Array]]


def open_clips(
    data: Data, world: World, shape: tuple[int, int, int], frames: int, past: int
) -> Clips:
    """Opens a world.

    Args:
        data: the digits; or for `turntable` a set whose images are clips of 64 frames,
            one behind the other, such as npz:FRUITS.npz.
        world: what moves, and how.
        shape: height, width and channels of frames.
        frames: T, of a clip.
        past: frames until a digit turns.

    Raises:
        ValueError: the data does not fit the world.
    """
    if world == "turntable":
        return _turntables(data, shape, frames)
    side = shape[0] // 2 - 2  # 14 pixels of 32, half of a digit
    if shape[2] != 1:
        raise ValueError(
            f"--model.channels is {shape[2]}, but moving digits are grey: give 1"
        )
    opened = open_set(data, (side, side, 1), test=True)
    if opened.arrays is None or not opened.test:
        raise ValueError(
            f"{data.data} is too large to make clips from: give digits, or MNIST as"
            " idx:PATH"
        )
    place = {"frames": frames, "size": shape[0]}
    making = {
        "turning": lambda images, key, index: _turning(images, key, index, past, place),
        "one": lambda images, key, index: _bouncing(images, key, index, 1, place),
        "two": lambda images, key, index: _bouncing(images, key, index, 2, place),
    }[world]
    return Clips(
        about=f"{world}: clips of {opened.about}",
        fingerprint=opened.fingerprint,
        train=opened.arrays["image"],
        test=opened.test["image"],
        make=functools.partial(_each, making),
    )


def feed(clips: Clips, run: Run, mesh: Mesh) -> Feed:
    """Batches `{"clip": [B, T, S, S, C] in [-1, 1]}`, made on the devices.

    Every clip is a function of the seed and its position in the endless stream.
    """

    def prepare(held, item):
        made = clips.make(held, run.seed, item)
        return {"clip": pixels.floats(made["clip"], RANGE)}

    return Feed(
        arrays=parallel.resident(mesh, clips.train),
        items=feeds.positions(run, len(clips.train)),
        prepare=prepare,
    )


def unseen(clips: Clips, count: int) -> dict[str, np.ndarray]:
    """Clips made from what is not trained on, `{"clip", "other"}` in [-1, 1]."""
    position = np.arange(count).astype(np.uint32)
    item = {"index": position % len(clips.test), "position": position}
    made = jax.jit(clips.make, static_argnums=1)(clips.test, TEST_SEED, item)
    return {name: np.asarray(pixels.floats(x, RANGE)) for name, x in made.items()}


def _each(making, held, seed, item) -> dict[str, jax.Array]:
    held = jnp.asarray(held)

    def one(position, index):
        clip, other = making(held, digits.example_key(seed, position), index)
        return {"clip": clip, "other": other}

    return jax.vmap(one)(jnp.asarray(item["position"]), jnp.asarray(item["index"]))


def _turning(images, key, index, past, place):
    for_clip, for_turn = jax.random.split(key)
    futures = moving_digits.turning(for_clip, images[index], past=past, **place)
    turn = jax.random.bernoulli(for_turn).astype(int)
    return _greyed(futures[turn]), _greyed(futures[1 - turn])


def _bouncing(images, key, index, count, place):
    for_clip, for_others = jax.random.split(key)
    others = jax.random.randint(for_others, (count - 1,), 0, len(images))
    index = jnp.concatenate([index[None].astype(others.dtype), others])
    clip = _greyed(moving_digits.bouncing(for_clip, images[index], **place))
    return clip, clip


def _greyed(clip: jax.Array) -> jax.Array:
    """Bytes between the two greys."""
    low, high = GREY
    share = clip.astype(jnp.float32) / 255
    return jnp.round(low + (high - low) * share).astype(jnp.uint8)


def _turntables(data, shape, frames):
    opened = open_set(data, shape)
    images = None if opened.arrays is None else opened.arrays["image"]
    if images is None or len(images) % TURN or len(images) < 2 * TURN:
        raise ValueError(
            f"{data.data} is not a set of clips of {TURN} frames: for --world turntable"
            " give the turntables of Fruits-360 as npz:PATH"
        )
    clips = images.reshape(-1, TURN, *images.shape[1:])
    tests = max(1, len(clips) // 6)

    def making(images, key, index):
        start = jax.random.randint(key, (), 0, TURN - frames + 1)
        clip = jax.lax.dynamic_slice_in_dim(images[index], start, frames)
        return clip, clip

    return Clips(
        about=f"turntables: {opened.about}, the last {tests} of {len(clips)} to test",
        fingerprint=opened.fingerprint,
        train=clips[:-tests],
        test=clips[-tests:],
        make=functools.partial(_each, making),
    )
