"""The segmenter of drawn faces, trained once and then kept: the "FCN-score".

Isola et al. (arXiv:1611.07004, section 4.1) score images made from maps of labels by
whether a segmenter that was trained on real images finds the labels in them. Theirs was
trained on photographs that people labelled; the labels of drawn faces are exact, for as
many as wanted. The segmenter is trained in a few minutes on two cores, on faces that
are mirrored, blurred and noisy as samples are, and lies in `jaxgan/segmenter` of the
user's cache directory (`XDG_CACHE_HOME`).
"""

import functools
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import data as jaxgan_data
from jaxgan import game
from jaxgan.data.synthetic import faces
from jaxgan.lab import blocks, drawn, kept
from jaxgan.lab.judges import augmentation, cache, checks, fitting
from jaxgan.models import segmenter
from jaxgan.train.terminal import say

COUNT, TESTED = 4096, 512  # faces to train and to test on
SEEDS = (201, 202)  # of the two
STEPS = 1000
BATCH = 16
BLOCK = 64  # images looked at together
RECIPE = 2  # to be raised where the training changes in a way no number here says


class Score(NamedTuple):
    """How well labels are found, as the papers have it.

    Attributes:
        pixel: the share of pixels that are right.
        class_: the mean over classes of the share of their pixels that are right.
        iou: the mean over classes of intersection over union.
    """

    pixel: float
    class_: float
    iou: float


class Segmenter(NamedTuple):
    """A trained segmenter.

    Attributes:
        config: its sizes.
        variables: its weights.
        quality: its score on drawn faces that it has not seen: the ceiling.
    """

    config: segmenter.Config
    variables: game.Variables
    quality: Score

    def labels(self, images: np.ndarray) -> np.ndarray:
        """Finds the labels `[N, H, W]` of bytes `[N, H, W, 3]`.

        Raises:
            ValueError: there are no images, or of another size or type.
        """
        checks.pictures(images, self.config.shape)
        see = functools.partial(_see, self.config, self.variables)
        return blocks.in_blocks(see, images, size=BLOCK, full=True)


def score(truth: np.ndarray, found: np.ndarray, classes: int) -> Score:
    """Compares labels `[N, H, W]` with the true ones.

    Classes that are neither there nor found do not count.
    """
    pairs = classes * truth.astype(np.int64).ravel() + found.ravel()
    table = np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    right, there = np.diagonal(table), table.sum(1)
    either = there + table.sum(0) - right
    return Score(
        float(right.sum() / table.sum()),
        float(np.mean(right[there > 0] / there[there > 0])),
        float(np.mean(right[either > 0] / either[either > 0])),
    )


def nearest(pictures: np.ndarray) -> np.ndarray:
    """The labels `[N, H, W]` whose colours are nearest to those of bytes."""
    flat = pictures.reshape(-1, 3).astype(np.int32)
    colours = faces.COLOURS.astype(np.int32)
    away = np.stack([np.square(flat - colour).sum(1) for colour in colours])
    return away.argmin(0).astype(np.uint8).reshape(pictures.shape[:-1])


def trained(size: int, *, again: bool = False) -> Segmenter:
    """The segmenter of drawn faces: from the cache, or trained now and put there.

    Args:
        size: height and width of the images in pixels.
        again: train even where the cache has one.

    Raises:
        ValueError: faces are not drawn at this size, or it cannot be halved.
    """
    config = recipe(size)
    numbers = (COUNT, TESTED, SEEDS, BATCH, *augmentation.STRENGTHS, RECIPE)
    path = kept.place("segmenter", repr((drawn.code(), config, numbers)))
    if not again and (found := _load(path, config)) is not None:
        return found
    say(f"training the segmenter that labels are read with ({COUNT:,} faces, once)")
    began = time.perf_counter()
    train, test = (
        _people(seed, count, size)
        for seed, count in zip(SEEDS, (COUNT, TESTED), strict=True)
    )
    made = Segmenter(config, _train(train, config), Score(0.0, 0.0, 0.0))
    found = made.labels(test["image"])
    made = made._replace(quality=score(test["label"], found, config.classes))
    cache.save(path, made.variables, made.quality._asdict())
    say(
        f"it names {made.quality.pixel:.1%} of the pixels of {TESTED:,} unseen faces"
        f" rightly ({time.perf_counter() - began:.0f} s)"
    )
    return made


def recipe(size: int) -> segmenter.Config:
    """The sizes of the segmenter of faces of a size, and how long it is trained."""
    return segmenter.Config(f"{size}x{size}", classes=len(faces.LABELS), steps=STEPS)


def _people(seed: int, count: int, size: int) -> dict[str, np.ndarray]:
    """Drawn people and their labels: one half as faces, the other as portraits."""
    halves = (False, count - count // 2), (True, count // 2)
    image, labels = (
        np.concatenate(
            [
                faces.dataset(seed, some, size, view=view, aligned=aligned)["image"]
                for aligned, some in halves
            ]
        )
        for view in ("portrait", "labels")
    )
    return {"image": image, "label": nearest(labels)}


def _train(train: dict[str, np.ndarray], config: segmenter.Config) -> game.Variables:
    played = game.algorithm(segmenter.game(config))
    arrays = jax.device_put(train)

    def example(image, label, flip, key):
        image = jnp.where(flip, image[:, ::-1], image).astype(jnp.float32) / 255
        return {
            "image": 2 * augmentation.worn(key, image) - 1,
            "label": jnp.where(flip, label[:, ::-1], label).astype(jnp.int32),
        }

    def batch(arrays, step, plan):
        keys = jax.random.split(jax.random.fold_in(jax.random.key(0), step), BATCH)
        image, label = (arrays[name][plan["index"]] for name in ("image", "label"))
        return jax.vmap(example)(image, label, plan["flip"], keys)

    def items(step):
        count = len(train["image"])
        plan = jaxgan_data.plan(0, step, count=count, batch_size=BATCH, flip=True)
        return np.uint32(step), plan

    shown = ("right", "segmenter/accuracy")
    return fitting.fit(played, arrays, batch, items, config.steps, shown)


def _load(path: Any, config: segmenter.Config) -> Segmenter | None:
    """A segmenter from the cache, or None."""
    run = game.algorithm(segmenter.game(config))
    like = jax.eval_shape(
        lambda key: game.variables(run.init(key, segmenter.batch(config, key, 1))),
        jax.random.key(0),
    )
    found = cache.load(path, like, Score._fields)
    if found is None:
        return None
    variables, quality = found
    return Segmenter(config, variables, Score(**quality))


@functools.partial(jax.jit, static_argnums=0)
def _see(config, variables, images):
    image = images.astype(jnp.float32) / 127.5 - 1
    return segmenter.predict(config, variables, image).astype(jnp.uint8)
