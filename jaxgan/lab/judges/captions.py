"""The encoder that turns captions of drawn faces into vectors, trained once and kept.

It is frozen in every game: a game sees arrays of embeddings, and no player owns it.

    encoder = caption_encoder("characters")
    encoder.encode(["a bald man with glasses"])  # float32 [1, 128]

It learns to put captions near the portraits that they are true of, and is trained on
combinations of attributes that captions of training people have; the pairs in
`jaxgan.data.synthetic.captions.UNSEEN` never meet. It takes a few minutes on two cores;
the result lies in `jaxgan/caption_encoder` of the user's cache directory.
"""

import functools
import inspect
import pathlib
import re
import time
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import data as jaxgan_data
from jaxgan import game
from jaxgan.data.synthetic import captions, faces
from jaxgan.data.synthetic.captions import attributes, grammar
from jaxgan.lab import blocks, drawn, kept
from jaxgan.lab.judges import cache, fitting
from jaxgan.models import text_encoder
from jaxgan.train.terminal import say

Level = Literal["characters", "words"]

SIDE = 32  # pixels of the portraits that captions are learned from
COUNT = 8192  # people to train on, without those of unseen combinations
TESTED = 4096  # others to test on
GALLERY = 256  # of them, at most, that a caption is looked for in at once
SEEDS = (111, 112)
SENTENCES = 5  # of each person
STEPS = 2000
BATCH = 64
BLOCK = 256  # sentences encoded together
RECIPE = 1  # to be raised where the training changes in a way no number here says
ALPHABET = " ,-abcdefghijklmnopqrstuvwxyz"
FACTS = (
    *("seen", "unseen", "chance_seen", "chance_unseen"),
    *("images_seen", "images_unseen"),
)
_WORDS = re.compile(r"[a-z-]+|,")


class Encoder(NamedTuple):
    """A trained encoder.

    Attributes:
        config: its sizes; `config.embedding` is that of an embedding.
        variables: its weights, as `jaxgan.models.text_encoder` takes them.
        scale: the mean `[T]` and the spread (of all numbers) of embeddings in training.
        quality: retrieval among 256 people whom it has not seen. `seen` and `unseen`:
            of captions of people with seen and with unseen combinations, the share
            that is true of the portrait nearest to it; `chance_`: of any portrait;
            `images_`: the share of portraits whose nearest caption is true of them.
    """

    config: text_encoder.Config
    variables: game.Variables
    scale: tuple[Any, Any]
    quality: dict[str, float]

    def encode(self, sentences: Sequence[str]) -> np.ndarray:
        """Encodes sentences, one by one the same as together.

        Args:
            sentences: a list of them; capitals and a stop at the end do not matter.

        Returns:
            Float32 `[N, T]`, of mean 0 and standard deviation 1 over training captions.

        Raises:
            ValueError: a sentence is empty, too long, or has words or characters that
                are unknown.
        """
        symbols = tokens(self.config, sentences)
        encode = functools.partial(_encode, self.config, self.variables)
        raw = blocks.in_blocks(encode, symbols, size=BLOCK, full=True)
        return ((raw - self.scale[0]) / self.scale[1]).astype(np.float32)


def caption_encoder(level: Level = "characters", *, again: bool = False) -> Encoder:
    """The encoder of captions: from the cache, or trained now and put there.

    Args:
        level: what sentences are made of. That of characters takes any word, that of
            words only those of the grammar.
        again: train even where the cache has one.
    """
    config = recipe(level)
    path = file(config)
    if not again and (found := _load(path, config)) is not None:
        return found
    say(f"training the encoder of captions ({level}, {COUNT:,} faces, once)")
    began = time.perf_counter()
    people = [_people(*x) for x in zip(SEEDS, (COUNT, TESTED), strict=True)]
    train, test = (_prepared(config, each) for each in people)
    variables = _train(train, config)
    quality, text = retrieval(config, variables, test), {"text": variables["text"]}
    made = Encoder(config, text, _scale(config, text, train), quality)
    cache.save(path, (made.variables, made.scale), quality)
    say(
        f"the nearest of {GALLERY} portraits fits {quality['seen']:.0%} of captions of"
        f" seen and {quality['unseen']:.0%} of unseen combinations, where"
        f" {quality['chance_seen']:.0%} and {quality['chance_unseen']:.0%} of all"
        f" portraits do ({time.perf_counter() - began:.0f} s)"
    )
    return made


def recipe(level: Level) -> text_encoder.Config:
    """The sizes of the encoder, and how long it is trained."""
    characters = level == "characters"
    return text_encoder.Config(
        level=level,
        symbols=len(ALPHABET) if characters else len(vocabulary()),
        length=160 if characters else 32,
        widths=(64, 96, 128),
        hidden=128,
        embedding=128,
        resolution=SIDE,
        learning_rate=2e-3,
        steps=STEPS,
    )


def file(config: text_encoder.Config) -> pathlib.Path | None:
    """Where the cache has it: the name changes with the recipe, faces and captions."""
    numbers = (SIDE, COUNT, TESTED, GALLERY, SEEDS, SENTENCES, BATCH, ALPHABET, RECIPE)
    about = (drawn.code(), captions_code(), config, numbers)
    return kept.place("caption_encoder", repr(about))


def captions_code() -> list[str]:
    """The code that says what captions are."""
    modules = captions, attributes, grammar
    return [inspect.getsource(module) for module in modules]


@functools.cache
def vocabulary() -> tuple[str, ...]:
    """The words of the grammar, in order, and the comma."""
    return tuple(sorted({x for text in grammar.SAID for x in split(text)}))


def split(sentence: str) -> list[str]:
    """Words and commas."""
    return _WORDS.findall(sentence.lower())


def check_words(sentence: str) -> None:
    """Refuses a sentence without words.

    Raises:
        ValueError: it has no letter.
    """
    if not any(map(str.isalpha, sentence)):
        raise ValueError(
            f"the caption {sentence!r} has no words; describe a face, as in 'an old man"
            " with glasses'"
        )


def tokens(
    config: text_encoder.Config,
    sentences: Sequence[str],
    known: Sequence[str] | None = None,
) -> np.ndarray:
    """Sentences as numbers from 1, padded by 0, int32 `[N, L]`.

    Args:
        config: of the encoder.
        sentences: a list of them.
        known: the symbols; those of captions of drawn faces by default.

    Raises:
        ValueError: see `Encoder.encode`.
    """
    if isinstance(sentences, str) or not len(sentences):
        raise ValueError(
            f"sentences are {sentences!r}; give a list of one sentence or more"
        )
    if known is None:
        known = ALPHABET if config.level == "characters" else vocabulary()
    number = {symbol: i for i, symbol in enumerate(known, 1)}
    rows = np.zeros((len(sentences), config.length), np.int32)
    for row, sentence in zip(rows, sentences, strict=True):
        text = " ".join(sentence.lower().split()).rstrip(".")
        parts = list(text) if config.level == "characters" else split(text)
        check_words(sentence)
        if len(parts) > config.length:
            raise ValueError(
                f"the caption {sentence[:40]!r}... has {len(parts)} {config.level}, and"
                f" the encoder reads {config.length}: shorten it, or make two of it"
            )
        if unknown := [part for part in parts if part not in number]:
            few = ", ".join(map(repr, dict.fromkeys(unknown)))
            raise ValueError(
                f"the caption {sentence[:40]!r} has {few}, which the encoder of"
                f" {config.level} never saw; write it with {' '.join(known)}"
            )
        row[: len(parts)] = [number[part] for part in parts]
    return rows


class _People(NamedTuple):
    """Portraits, sentences about them, and what is seen."""

    image: np.ndarray
    sentences: list[list[str]]
    has: np.ndarray
    unseen: np.ndarray


def _people(seed: int, count: int) -> _People:
    made = faces.dataset(seed, count, SIDE, aligned=True)
    found = captions.values(made["factors"])
    said = captions.captions(found, seed, SENTENCES)
    away = captions.unseen(found)
    return _People(made["image"], said, captions.one_hot(found), away)


def _prepared(config, people: _People) -> dict[str, np.ndarray]:
    """Arrays, with axes of people and sentences: `text` and `allows` `[N, K, ...]`."""
    flat = [text for row in people.sentences for text in row]
    shape = (len(people.sentences), SENTENCES, -1)
    return {
        "image": people.image,
        "text": tokens(config, flat).reshape(shape),
        "allows": captions.allowed(flat).reshape(shape),
        "has": people.has,
        "unseen": people.unseen,
    }


def _train(train: dict[str, np.ndarray], config: text_encoder.Config):
    played = game.algorithm(text_encoder.game(config))
    train = {name: x[~train["unseen"]] for name, x in train.items() if name != "unseen"}
    arrays = jax.device_put(train)

    def batch(arrays, step, plan):
        key = jax.random.fold_in(jax.random.key(0), step)
        which = jax.random.randint(key, (BATCH,), 0, SENTENCES)
        index, flip = plan["index"], plan["flip"][:, None, None, None]
        image = arrays["image"][index]
        image = jnp.where(flip, image[:, :, ::-1], image).astype(jnp.float32) / 255
        said = {name: arrays[name][index, which] for name in ("text", "allows")}
        return {"image": image, "has": arrays["has"][index], **said}

    def items(step):
        count = len(train["image"])
        plan = jaxgan_data.plan(0, step, count=count, batch_size=BATCH, flip=True)
        return np.uint32(step), plan

    shown = ("retrieved", "encoder/retrieved")
    return fitting.fit(played, arrays, batch, items, config.steps, shown)


def _scale(config, variables, train) -> tuple[Any, Any]:
    text = train["text"][~train["unseen"]][:2048, 0]
    raw = np.asarray(_encode(config, variables, text))
    return raw.mean(0), np.float32((raw - raw.mean(0)).std())


def retrieval(config, variables, test: dict[str, np.ndarray]) -> dict[str, float]:
    """How well captions find portraits: see `Encoder.quality`."""
    found, most = {}, len(captions.ATTRIBUTES)
    for name, chosen in (("seen", ~test["unseen"]), ("unseen", test["unseen"])):
        some = np.flatnonzero(chosen)[:GALLERY]
        text = np.asarray(_encode(config, variables, test["text"][some, 0]))
        image = np.asarray(_look(config, variables, test["image"][some]))
        true = test["has"][some] @ test["allows"][some, 0].T > most - 0.5
        scores, every = image @ text.T, np.arange(len(some))
        found[name] = float(true[scores.argmax(0), every].mean())
        found[f"images_{name}"] = float(true[every, scores.argmax(1)].mean())
        found[f"chance_{name}"] = float(true.mean())
    return found


def _load(path: pathlib.Path | None, config: text_encoder.Config) -> Encoder | None:
    """An encoder from the cache, or None."""
    like = jax.eval_shape(
        text_encoder.TextNetwork(config).init,
        jax.random.key(0),
        jnp.ones((1, config.length), jnp.int32),
    )
    vector = jax.ShapeDtypeStruct((config.embedding,), jnp.float32)
    number = jax.ShapeDtypeStruct((), jnp.float32)
    found = cache.load(path, ({"text": like}, (vector, number)), FACTS)
    if found is None:
        return None
    (variables, scale), quality = found
    return Encoder(config, variables, jax.device_get(scale), quality)


@functools.partial(jax.jit, static_argnums=0)
def _encode(config: text_encoder.Config, variables: Any, text: Any) -> jax.Array:
    return text_encoder.embed_texts(config, variables, text)


@functools.partial(jax.jit, static_argnums=0)
def _look(config: text_encoder.Config, variables: Any, image: Any) -> jax.Array:
    image = image.astype(jnp.float32) / 255
    return text_encoder.embed_images(config, variables, image)
