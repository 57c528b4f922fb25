"""The judge of what captions state: it reads attributes off portraits, and is kept.

A caption of a drawn face states some of `jaxgan.data.synthetic.captions.ATTRIBUTES`. A
network that was trained on other faces, and on no caption, says which values a picture
shows, so that whether the picture obeys its caption is counted (`obeyed`). Training
takes a few minutes on two cores; the result lies in `jaxgan/attributes` of the user's
cache directory (`XDG_CACHE_HOME`).
"""

import functools
import inspect
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import data as jaxgan_data
from jaxgan import game
from jaxgan.data.synthetic import captions, faces
from jaxgan.data.synthetic.captions import attributes
from jaxgan.lab import blocks, drawn, kept
from jaxgan.lab.judges import augmentation, cache, checks, fitting
from jaxgan.models import factor_regressor
from jaxgan.train.terminal import say

SIDE = 64  # of the pictures that are judged, in pixels
COUNT, TESTED = 16384, 2048  # portraits to train and to test on
SEEDS = (301, 302)  # of the two
STEPS = 4000
BATCH = 64
BLOCK = 256  # pictures looked at together
RECIPE = 1  # to be raised where the training changes in a way no number here says


class Judge(NamedTuple):
    """A trained judge.

    Attributes:
        variables: its weights, as `jaxgan.models.factor_regressor` takes them.
        quality: attribute -> the share of unseen portraits that it is right on.
    """

    variables: game.Variables
    quality: dict[str, float]

    def read(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Finds the attributes of pictures.

        Args:
            images: uint8 `[N, 64, 64, 3]`.

        Returns:
            Attribute -> indices into its values, integers `[N]`.

        Raises:
            ValueError: there are no pictures, or of another size or type.
        """
        checks.pictures(images, (SIDE, SIDE, 3))
        see = functools.partial(_see, self.variables)
        logits = blocks.in_blocks(see, images, size=BLOCK)
        ends = np.cumsum([len(values) for values in captions.ATTRIBUTES.values()])
        columns = np.split(logits, ends[:-1], -1)
        return {
            name: x.argmax(-1).astype(np.int32)
            for name, x in zip(captions.ATTRIBUTES, columns, strict=True)
        }


class Obeyed(NamedTuple):
    """How pictures obey sentences.

    Attributes:
        share: of all attributes that the sentences state, those found in the pictures.
        attributes: the same of each attribute that is stated at all.
        whole: the share of pictures that obey all of their sentence.
        stated: how many attributes were stated altogether.
    """

    share: float
    attributes: dict[str, float]
    whole: float
    stated: int


def obeyed(sentences: Sequence[str], found: Mapping[str, np.ndarray]) -> Obeyed:
    """Counts what is stated by sentences and found in their pictures.

    Args:
        sentences: N of them, which state something.
        found: attributes of N pictures, of `Judge.read` or `captions.values`.
    """
    allowed = captions.allowed(sentences).astype(bool)
    shown = captions.one_hot(found).astype(bool)
    stated, right, first = {}, {}, 0
    for name, values in captions.ATTRIBUTES.items():
        part = slice(first, first + len(values))
        stated[name] = ~allowed[:, part].all(1)
        right[name] = (allowed & shown)[:, part].any(1)
        first += len(values)
    said, done = (np.stack([*x.values()], -1) for x in (stated, right))
    return Obeyed(
        share=float(done[said].mean()),
        attributes={
            name: float(right[name][there].mean())
            for name, there in stated.items()
            if there.any()
        },
        whole=float((done | ~said).all(-1).mean()),
        stated=int(said.sum()),
    )


def trained(*, again: bool = False) -> Judge:
    """The judge: from the cache, or trained now and put there.

    Args:
        again: train even where the cache has one.
    """
    numbers = (COUNT, TESTED, SEEDS, BATCH, *augmentation.STRENGTHS, RECIPE)
    about = drawn.code(), inspect.getsource(attributes), _recipe(), numbers
    path = kept.place("attributes", repr(about))
    shapes = factor_regressor.shapes(_recipe())
    found = cache.load(path, shapes, captions.ATTRIBUTES)
    if found is not None and not again:
        return Judge(*found)
    say(f"training the judge of captions ({COUNT:,} portraits, once)")
    began = time.perf_counter()
    train, test = (
        faces.dataset(seed, count, SIDE, aligned=True)
        for seed, count in zip(SEEDS, (COUNT, TESTED), strict=True)
    )
    made = Judge(_train(train), {})
    read, truth = made.read(test["image"]), captions.values(test["factors"])
    quality = {name: float((read[name] == truth[name]).mean()) for name in truth}
    cache.save(path, made.variables, quality)
    mean = np.mean([*quality.values()])
    say(
        f"it is right about {mean:.1%} of the attributes of {TESTED:,} unseen portraits"
        f" ({time.perf_counter() - began:.0f} s)"
    )
    return made._replace(quality=quality)


def _recipe() -> factor_regressor.Config:
    """The sizes of the judge, and how long it is trained."""
    count = sum(map(len, captions.ATTRIBUTES.values()))
    return factor_regressor.Config(
        resolution=SIDE, numbers=0, binaries=count, steps=STEPS
    )


def _train(people: dict[str, Any]) -> game.Variables:
    played = game.algorithm(factor_regressor.game(_recipe()))
    values = captions.one_hot(captions.values(people["factors"]))
    arrays = jax.device_put({"image": people["image"], "binary": values})
    nothing = jnp.zeros((BATCH, 0))

    def example(image, flip, key):
        image = jnp.where(flip, image[:, ::-1], image).astype(jnp.float32) / 255
        return augmentation.augmented(key, image, jnp.zeros(4))[0]

    def batch(arrays, step, plan):
        keys = jax.random.split(jax.random.fold_in(jax.random.key(0), step), BATCH)
        image, binary = (arrays[name][plan["index"]] for name in ("image", "binary"))
        return {
            "image": jax.vmap(example)(image, plan["flip"], keys),
            **{"binary": binary, "number": nothing, "known": nothing},
        }

    def items(step):
        count = len(people["image"])
        plan = jaxgan_data.plan(0, step, count=count, batch_size=BATCH, flip=True)
        return np.uint32(step), plan

    shown = ("right", "regressor/accuracy")
    return fitting.fit(played, arrays, batch, items, STEPS, shown)


@jax.jit
def _see(variables, images):
    image = images.astype(jnp.float32) / 255
    return factor_regressor.read(_recipe(), variables, image).logits
