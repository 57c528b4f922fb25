"""Portraits with captions: whom to train on, texts that are not true of them, batches.

    people = captioned.open_people(count=8192, each=5, size=64)
    batches = captioned.feed(people, captioned.facts, run, mesh)

Pairs of attributes of `captions.UNSEEN` are kept out of training, though each attribute
is in it: what is drawn for them was never seen.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxgan import bounds, parallel
from jaxgan import data as jaxgan_data
from jaxgan.data.synthetic import captions, faces
from jaxgan.lab import drawn, pixels
from jaxgan.lab.judges import attributes
from jaxgan.lab.judges.captions import caption_encoder, check_words
from jaxgan.train import Feed, Run

RANGE = (-1.0, 1.0)  # of pixels in batches
TRIES = 100  # draws of a text that is not true of a face
SEEDS = {"train": 0, "test": 1}  # of people and their captions

Embed = Callable[[Sequence[str]], np.ndarray]  # sentences to float32 [M, T]
Encoder = Literal["characters", "words", "facts"]


@dataclasses.dataclass(frozen=True)
class Data:
    """Portraits with captions."""

    people: bounds.Count = 8192
    """Drawn portraits; those with a pair of attributes that is kept out of training are
    left out."""
    sentences: bounds.Count = 5
    """Captions of each of them."""

    def __post_init__(self):
        bounds.check(self, flags=True)


@dataclasses.dataclass(frozen=True)
class People:
    """Portraits with captions, all in memory.

    Attributes:
        about: a line that describes them.
        image: uint8 `[N, S, S, 3]`.
        found: their attributes, as `captions.values` has them.
        sentences: `[N * K]`, K of each face after the other.
    """

    about: str
    image: np.ndarray
    found: dict[str, np.ndarray]
    sentences: list[str]

    @property
    def fingerprint(self) -> str:
        """A word that changes when the images or the captions do."""
        text = "\n".join(self.sentences).encode()
        arrays = {"image": self.image, "text": np.frombuffer(text, np.uint8)}
        return jaxgan_data.fingerprint(arrays)

    @property
    def each(self) -> int:
        """K, the captions of each face."""
        return len(self.sentences) // len(self.image)

    def chosen(self, among: np.ndarray) -> "People":
        """Some of them, by a mask or by their places."""
        places = np.arange(len(self.image))[among]
        k = self.each
        return dataclasses.replace(
            self,
            image=self.image[places],
            found={name: value[places] for name, value in self.found.items()},
            sentences=[self.sentences[i * k + j] for i in places for j in range(k)],
        )


def open_people(count: int, each: int, size: int, split: str = "train") -> People:
    """Draws portraits and writes their captions.

    Args:
        count: of people.
        each: captions a face.
        size: height and width of the portraits in pixels.
        split: "train" or "test": other people.
    """
    seed = SEEDS[split]

    def draw():
        made = faces.dataset(seed, count, size, aligned=True)
        return {"image": made["image"], **made["factors"]}

    arrays = drawn.once(("captioned portraits", count, seed, size), draw)
    found = captions.values(arrays)
    written = captions.captions(found, seed, each)
    return People(
        f"{count:,} portraits with {each} captions each",
        arrays["image"],
        found,
        list(itertools.chain.from_iterable(written)),
    )


def mismatched(people: People) -> Callable[[np.random.Generator, Any], np.ndarray]:
    """Makes `draw(rng, index)`: for each face `[B]`, a caption that is not true of it.

    Most captions of others are not true of a face, but some are, and a discriminator
    that is told they are wrong would learn nonsense. Each is drawn at random until one
    is not true; the result are places in `people.sentences`, `[B]`.
    """
    allowed = captions.allowed(people.sentences).astype(bool)
    shown = captions.one_hot(people.found).astype(bool)

    def draw(rng, index):
        rows = np.zeros(len(index), np.int64)
        true = np.ones(len(index), bool)
        for _ in range(TRIES):
            rows[true] = rng.integers(len(allowed), size=true.sum())
            true = ~(shown[index] & ~allowed[rows]).any(-1)
            if not true.any():
                return rows
        raise ValueError(
            f"none of {TRIES} captions drawn at random is wrong for face"
            f" {int(np.asarray(index)[true][0])}: give more people"
        )

    return draw


def plans(
    people: People, run: Run, start: int
) -> Iterator[tuple[np.random.Generator, dict[str, np.ndarray]]]:
    """What is in each minibatch: faces, which are mirrored, and a caption of each.

    Args:
        people: to train on.
        run: the seed and the size of a batch.
        start: the first step.

    Yields:
        A generator of the step, for all else that is drawn for it; and the plan of
        `data.plan` with `text` `[B]`, places in `people.sentences`.
    """
    for step in itertools.count(start):
        plan = jaxgan_data.plan(
            run.seed,
            step,
            count=len(people.image),
            batch_size=run.batch_size,
            flip=True,
        )
        rng = np.random.default_rng((run.seed, step))
        own = rng.integers(people.each, size=run.batch_size)
        text = plan["index"] * people.each + own
        yield rng, plan | {"text": text.astype(np.int32)}


def feed(people: People, embed: Embed, run: Run, mesh: Mesh) -> Feed:
    """Batches of portraits, a caption of each, and one that is not true of it.

    Args:
        people: to train on.
        embed: embeds sentences.
        run: the seed and the size of a batch.
        mesh: the devices.

    Returns:
        Batches of `image` `[B, S, S, 3]` in [-1, 1], half of them mirrored, and `text`
        and `wrong`, embeddings `[B, T]`.
    """
    arrays = {"image": people.image, "embedding": embed(people.sentences)}
    wrong = mismatched(people)

    def items(start):
        for rng, item in plans(people, run, start):
            yield item | {"wrong": wrong(rng, item["index"]).astype(np.int32)}

    def prepare(held, item):
        pictures = {"image": held["image"]}
        image = jaxgan_data.take(pictures, item, xp=jnp)["image"]
        texts = {
            name: jnp.take(held["embedding"], item[name], axis=0, mode="clip")
            for name in ("text", "wrong")
        }
        return {"image": pixels.floats(image, RANGE), **texts}

    return Feed(parallel.resident(mesh, arrays), items, prepare, 0, {})


def judged(pictures: Mapping[str, np.ndarray], people: People) -> dict[str, Any]:
    """Counts how pictures obey the captions of people, by the judge of attributes.

    People with a pair of attributes that is kept out of training are counted by
    themselves, under names that end in `_unseen`.

    Args:
        pictures: name -> uint8 `[N, S, S, 3]`, a picture for each person; `real` ones,
            which must be among them, are the limit of what the judge can find.
        people: N of them, with a caption each.

    Returns:
        `captions`, how many there are; and under each name, and under `chance` for real
        pictures of others, what `judges.attributes.obeyed` counts.
    """
    judge = attributes.trained()
    unseen = captions.unseen(people.found)
    parts = {"": ~unseen, "_unseen": unseen}
    numbers: dict[str, Any] = {
        "captions": {k[1:] or "seen": int(x.sum()) for k, x in parts.items()}
    }
    chance = np.roll(pictures["real"], 1, 0)
    for name, image in {**pictures, "chance": chance}.items():
        found = judge.read(resized(image, attributes.SIDE))
        for suffix, among in parts.items():
            if among.any():
                places = np.flatnonzero(among)
                said = [people.sentences[i] for i in places]
                seen = {key: value[places] for key, value in found.items()}
                numbers[name + suffix] = attributes.obeyed(said, seen)._asdict()
    return numbers


def embedder(encoder: Encoder) -> Embed:
    """What embeds sentences: `facts`, or a network that is trained if it is to be."""
    return facts if encoder == "facts" else caption_encoder(encoder).encode


def sized(model: Any, embed: Embed) -> Any:
    """The configuration of a model with `text`, set to the size of embeddings."""
    return dataclasses.replace(model, text=embed(["a man"]).shape[-1])


def facts(sentences: Sequence[str]) -> np.ndarray:
    """What sentences state, instead of an embedding: the limit of every encoder.

    Returns:
        Float32 `[M, V]`, a number for each value of each attribute: 1 where a sentence
        allows it, -1 where it rules it out, 0 for attributes that it does not mention.

    Raises:
        ValueError: a sentence has no words.
    """
    for sentence in sentences:
        check_words(sentence)
    allowed, first = captions.allowed(sentences), 0
    told = 2 * allowed - 1
    for values in captions.ATTRIBUTES.values():
        part = slice(first, first + len(values))
        told[:, part] *= (allowed[:, part].min(-1) == 0)[:, None]
        first += len(values)
    return told.astype(np.float32)


def explained(sentence: str) -> str:
    """A sentence and what the grammar of captions reads in it, for the terminal."""
    stated = captions.read(sentence).items()
    facts = ", ".join(f"{n}: {' or '.join(sorted(x))}" for n, x in stated)
    return f"{sentence}: {facts or 'nothing that the grammar of captions knows'}"


def resized(images: Any, side: int) -> np.ndarray:
    """Bytes `[N, S, S, 3]` brought to another side, by linear interpolation."""
    shape = (len(images), side, side, images.shape[-1])
    if images.shape == shape:
        return np.asarray(images)
    floats = jax.image.resize(jnp.asarray(images, jnp.float32), shape, "linear")
    return np.asarray(jnp.round(floats).clip(0, 255).astype(jnp.uint8))
