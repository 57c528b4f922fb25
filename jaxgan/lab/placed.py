"""Portraits with captions, anywhere in the picture, with boxes and key-points.

    everyone = placed.open_people(count=8192, each=5, size=64)
    batches = placed.feed(everyone, captioned.facts, run, mesh)

Drawn portraits have the face in the middle. Here each is put into a *frame*: a box in
heights and widths of the picture, which may reach beyond it. So faces are large or
small, wide or tall, and left or right of where they were drawn, and the box around the
head and the key-points go with them. Where a portrait ends, its border goes on.
"""

import dataclasses
import functools
import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxgan import data as jaxgan_data
from jaxgan import parallel
from jaxgan.data.synthetic import captions, faces, landmarks, people
from jaxgan.lab import blocks, captioned, drawn
from jaxgan.train import Feed, Run

SIZES = (0.6, 1.25)  # of frames, where the whole head fits
STRETCH = 0.3  # the log of the width over the height of frames is at most half of it
RECIPE = (*SIZES, STRETCH, 1)  # the last is raised where frames change in another way
POINTS = len(landmarks.POINTS)


@dataclasses.dataclass(frozen=True)
class Placed:
    """Portraits with captions, and where things are in them before they are moved.

    Attributes:
        people: their portraits and captions.
        head: boxes around face and hair, `[N, 4]`: top, left, bottom, right.
        points: key-points `[N, P, 3]`: row, column, visibility.
        close: frames `[N, 4]` of the portrait in the closer picture of the same face
            that `faces.render` draws when `aligned`; judges of faces know that one.
    """

    people: captioned.People
    head: np.ndarray
    points: np.ndarray
    close: np.ndarray

    def chosen(self, among: np.ndarray) -> "Placed":
        """Some of them, by a mask or by their places."""
        return Placed(
            self.people.chosen(among),
            self.head[among],
            self.points[among],
            self.close[among],
        )


def open_people(count: int, each: int, size: int, split: str = "train") -> Placed:
    """Draws portraits of heads that are seen whole, and writes their captions.

    Args:
        count: of people, who are those of `captioned.open_people` and look more or less
            at the camera, as they do there.
        each: captions a face.
        size: height and width of the portraits in pixels.
        split: "train" or "test": other people.
    """
    return people_of(captioned.SEEDS[split], count, each, size)


def people_of(seed: int, count: int, each: int, size: int) -> Placed:
    """The same of people of any seed."""
    everyone: dict[str, Any] = people.people(seed, count)
    them = faces.Factors(**everyone)
    factors = jax.device_get(jax.jit(jax.vmap(faces.level))(them))

    def draw():
        one = functools.partial(faces.render, size=size)
        tile = jax.jit(lambda some: jax.lax.map(one, some, batch_size=32))
        return {"image": blocks.in_blocks(tile, factors, size=256)}

    image = drawn.once(("whole heads", count, seed, size), draw)["image"]
    values = captions.values(factors._asdict())
    said = captions.captions(values, seed, each)
    shown = captioned.People(
        f"{count:,} portraits with {each} captions each, moved in the picture",
        image,
        values,
        list(itertools.chain.from_iterable(said)),
    )
    return Placed(shown, *jax.device_get(found(factors)))


@jax.jit
def found(factors: faces.Factors) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Where things are in portraits of factors `[N]`, as `Placed` has it.

    Returns:
        `head` `[N, 4]`, `points` `[N, P, 3]` and `close` `[N, 4]`.
    """

    def one(factors):
        boxes, near = faces.boxes(factors), landmarks.landmarks(factors, aligned=True)
        points = landmarks.landmarks(factors)
        face, hair = boxes["face"], boxes["hair"]
        bald = (hair == 0).all()
        first = jnp.minimum(face[:2], jnp.where(bald, face[:2], hair[:2]))
        last = jnp.maximum(face[2:], jnp.where(bald, face[2:], hair[2:]))
        here, there = points[:, :2], near[:, :2]
        span = there.std() / here.std()
        start = (there - span * here).mean(0)
        close = jnp.concatenate([start, start + span])
        return jnp.concatenate([first, last]), points, close

    return jax.vmap(one)(factors)


def frames(chance: Any, head: Any) -> jax.Array:
    """Makes frames in which the whole head is in the picture.

    Heads that reach the upper or the lower border stay at it.

    Args:
        chance: `[B, 4]` from 0 to 1: for the size, the proportions, the row and the
            column.
        head: boxes in the portraits, `[B, 4]`.

    Returns:
        Frames `[B, 4]`: top, left, bottom, right.
    """
    low, high = SIZES
    size = low + (high - low) * chance[:, :1]
    wide = jnp.exp(STRETCH * (chance[:, 1:2] - 0.5))
    span = jnp.concatenate([size / wide, size * wide], 1)
    span = jnp.minimum(span, 1 / (head[:, 2:] - head[:, :2]))
    row = jnp.where(head[:, 2:3] > 0.99, 1, chance[:, 2:3])
    row = jnp.where(head[:, :1] < 0.01, 0, row)
    share = jnp.concatenate([row, chance[:, 3:]], 1)
    least, most = -span * head[:, :2], 1 - span * head[:, 2:]
    start = least + share * (most - least)
    return jnp.concatenate([start, start + span], 1)


def framed(head: Any, box: Any) -> jax.Array:
    """The frames `[B, 4]` that bring boxes in portraits `[B, 4]` to boxes."""
    span = (box[:, 2:] - box[:, :2]) / (head[:, 2:] - head[:, :2])
    start = box[:, :2] - span * head[:, :2]
    return jnp.concatenate([start, start + span], 1)


def inverse(frame: Any) -> jax.Array:
    """The frames `[B, 4]` that bring moved pictures back."""
    start, span = frame[:, :2], frame[:, 2:] - frame[:, :2]
    return jnp.concatenate([-start / span, (1 - start) / span], 1)


def within(frame: Any, inner: Any) -> jax.Array:
    """Frames `[B, 4]` of what is put into `inner` and then, with it, into `frame`."""
    span = frame[:, 2:] - frame[:, :2]
    return jnp.tile(frame[:, :2], 2) + jnp.tile(span, 2) * inner


def places(frame: Any, head: Any, points: Any) -> dict[str, jax.Array]:
    """Boxes and key-points of portraits in frames.

    Args:
        frame: `[B, 4]`.
        head: boxes in the portraits, `[B, 4]`.
        points: key-points of the portraits, `[B, P, 3]`.

    Returns:
        `box` `[B, 4]`, inside the picture, and `points` `[B, P, 3]`.
    """
    start, span = frame[:, None, :2], frame[:, None, 2:] - frame[:, None, :2]
    at = start + span * points[..., :2]
    inside = ((at >= 0) & (at < 1)).all(-1, keepdims=True) * points[..., 2:]
    return {
        "box": jnp.clip(within(frame, head), 0, 1),
        "points": jnp.concatenate([at, inside], -1),
    }


def moved(image: jax.Array, frame: jax.Array) -> jax.Array:
    """Puts pictures `[B, S, S, C]`, floats, into frames `[B, 4]`; the same shape.

    Sampled bilinearly; pictures that shrink are smoothed first, with a filter as wide
    as a new pixel. Beyond a picture's borders they are repeated.
    """
    size = image.shape[1]
    pixel = jnp.arange(size)[None]

    def weights(first, last):
        span = (last - first)[:, None]
        at = ((pixel + 0.5) / size - first[:, None]) / span * size - 0.5
        away = jnp.abs(at.clip(0, size - 1)[..., None] - pixel[None])
        weight = jnp.maximum(0, jnp.maximum(1, 1 / span)[..., None] - away)
        return weight / weight.sum(-1, keepdims=True)

    rows, columns = (weights(frame[:, i], frame[:, i + 2]) for i in (0, 1))
    return jnp.einsum("bij,bjkc,blk->bilc", rows, image, columns)


def placed(many: Placed, seed: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Puts each portrait into one frame, at random.

    Args:
        many: N portraits.
        seed: of the frames.

    Returns:
        Pictures, bytes `[N, S, S, 3]`, and `frame` `[N, 4]`, `box` and `points`.
    """
    chance = np.random.default_rng(seed).random((len(many.head), 4), np.float32)

    @jax.jit
    def move(image, chance, head, points):
        frame = frames(chance, head)
        return as_bytes(image, frame), {
            "frame": frame,
            **places(frame, head, points),
        }

    arrays = many.people.image, chance, many.head, many.points
    return blocks.in_blocks(move, *arrays, size=256)


def as_bytes(image: Any, frame: Any) -> jax.Array:
    """`moved` of bytes."""
    return jnp.round(moved(image.astype(jnp.float32), frame)).astype(jnp.uint8)


def close(image: np.ndarray, frame: np.ndarray, many: Placed) -> np.ndarray:
    """Cuts faces out of pictures where they should be, as closer pictures have them.

    Args:
        image: bytes `[N, S, S, 3]`.
        frame: of each portrait, `[N, 4]`.
        many: the portraits.

    Returns:
        Bytes `[N, S, S, 3]`, which judges of closer portraits can read.
    """
    back = jax.jit(lambda x, *f: as_bytes(x, within(f[1], inverse(f[0]))))
    return blocks.in_blocks(back, image, frame, many.close, size=256)


def feed(many: Placed, embed: captioned.Embed, run: Run, mesh: Mesh) -> Feed:
    """Batches as `captioned.feed` has them, each portrait in a new frame.

    Returns:
        Batches with `box` `[B, 4]` and `points` `[B, P, 3]` too, as `gawwn.game` takes
        them; those of mirrored portraits are mirrored.
    """
    inner = captioned.feed(many.people, embed, run, mesh)
    where = parallel.resident(mesh, {"head": many.head, "points": many.points})

    def items(start):
        for step, item in enumerate(inner.items(start), start):
            rng = np.random.default_rng((run.seed, step, 1))
            yield item | {"chance": rng.random((run.batch_size, 4), np.float32)}

    def prepare(held, item):
        batch = inner.prepare(held["people"], item)
        own = turned(jaxgan_data.take(held["where"], item, xp=jnp), item["flip"])
        frame = frames(item["chance"], own["head"])
        image = moved(batch["image"], frame)
        return batch | {"image": image, **places(frame, **own)}

    return Feed({"people": inner.arrays, "where": where}, items, prepare, 0, {})


def points_feed(many: Placed, embed: captioned.Embed, run: Run, mesh: Mesh) -> Feed:
    """Batches of key-points and a caption of each, without pictures.

    Returns:
        Batches of `points` `[B, P, 3]`, each set in a new frame and half of them
        mirrored, and `text`, embeddings `[B, T]`.
    """
    arrays = {"head": many.head, "points": many.points}
    texts = {"text": embed(many.people.sentences)}

    def items(start):
        for rng, item in captioned.plans(many.people, run, start):
            yield item | {"chance": rng.random((run.batch_size, 4), np.float32)}

    def prepare(held, item):
        chosen = {name: held[name] for name in arrays}
        own = turned(jaxgan_data.take(chosen, item, xp=jnp), item["flip"])
        found = places(frames(item["chance"], own["head"]), **own)
        text = jnp.take(held["text"], item["text"], axis=0, mode="clip")
        return {"points": found["points"], "text": text}

    return Feed(parallel.resident(mesh, arrays | texts), items, prepare, 0, {})


def turned(own: dict[str, Any], flip: jax.Array) -> dict[str, Any]:
    """Mirrors `head` `[B, 4]` and `points` `[B, P, 3]` where `flip` `[B]` is true."""
    top, left, bottom, right = jnp.moveaxis(own["head"], -1, 0)
    head = jnp.stack([top, 1 - right, bottom, 1 - left], -1)
    points = landmarks.mirrored(own["points"])
    return own | {
        "head": jnp.where(flip[:, None], head, own["head"]),
        "points": jnp.where(flip[:, None, None], points, own["points"]),
    }
