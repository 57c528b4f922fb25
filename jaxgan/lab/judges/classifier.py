"""The classifier of a data set's own classes: trained once, then kept beside the cache.

Scores of generated digits are read off a classifier. It is trained here, on the same
training images as the generator, in a minute or two; it is never downloaded. The result
lies in `jaxgan/classifier` of the user's cache directory (`XDG_CACHE_HOME`), under a
name made from the images and the recipe, so that one file serves all experiments on
them and none on others.
"""

import functools
import pathlib
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxgan import data as jaxgan_data
from jaxgan import game, parallel
from jaxgan.data.synthetic import digits
from jaxgan.lab import kept
from jaxgan.lab.judges import cache, fitting
from jaxgan.models import classifier
from jaxgan.train.terminal import say

BATCH = 128
BLOCK = 500  # images looked at together
EPOCHS = 8
LEAST_STEPS = 1500  # of training, for sets so small that the epochs would be few steps
SHIFT = 2  # pixels by which training images are moved, each way
RECIPE = 1  # to be raised where the training changes in a way no number here says


class Sets(Protocol):
    """What is trained and tested on.

    Attributes:
        train: `{"image": uint8 [N, H, W, C], "label": int [N]}`.
        test: the same, of other images.
    """

    @property
    def train(self) -> dict[str, np.ndarray]: ...  # noqa: D102
    @property
    def test(self) -> dict[str, np.ndarray]: ...  # noqa: D102


class Classifier(NamedTuple):
    """A trained classifier.

    Attributes:
        config: its sizes.
        variables: its weights, as `jaxgan.models.classifier` takes them.
        accuracy: the share of test images it gets right.
        tested: how many test images that were.
    """

    config: classifier.Config
    variables: game.Variables
    accuracy: float
    tested: int

    def logits(self, images: Any) -> np.ndarray:
        """Logits `[N, K]` of images `[N, H, W, C]`, uint8 or floats in [0, 1]."""
        return self.look(images)[1]

    def features(self, images: Any) -> np.ndarray:
        """Features `[N, F]` of images `[N, H, W, C]`, uint8 or floats in [0, 1]."""
        return self.look(images)[0]

    def features_on(self, mesh: Mesh) -> Callable[[Any], np.ndarray]:
        """`features` by all devices of a mesh; its processes must all call them."""
        variables = parallel.resident(mesh, self.variables)
        see = parallel.shared(functools.partial(_see, self.config), mesh)
        return lambda images: self._look(images, functools.partial(see, variables))[0]

    def look(self, images: Any) -> tuple[np.ndarray, np.ndarray]:
        """Features and logits in one go, compiled, block by block.

        Raises:
            ValueError: images of another size or type, or floats outside [0, 1].
        """
        return self._look(images, functools.partial(_see, self.config, self.variables))

    def _look(self, images, see):
        images = _checked(images, self.config)
        count, parts = len(images), []
        for first in range(0, count, BLOCK):  # a short last block is filled up
            index = np.arange(first, first + BLOCK) % count
            parts.append(see(images[index]))
        features, logits = (
            np.concatenate([np.asarray(part[i]) for part in parts])[:count]
            for i in (0, 1)
        )
        return features, logits


def trained(sets: Sets, *, again: bool = False) -> Classifier:
    """The classifier of a data set: from the cache, or trained now and put there.

    The same images, versions and machine give the same classifier.

    Args:
        sets: labelled images; those to test on serve for the accuracy alone.
        again: train even where the cache has one.

    Raises:
        ValueError: images without labels, or of a size that cannot be.
    """
    config = recipe(sets)
    path = file(sets, config)
    if not again and (found := _load(path, config)) is not None:
        return found
    count = len(sets.train["label"])
    say(f"training the classifier that scores are read off ({count:,} images, once)")
    began = time.perf_counter()
    made = Classifier(config, _train(sets.train, config), 0.0, 0)
    labels = sets.test["label"]
    right = made.logits(sets.test["image"]).argmax(1) == labels
    made = made._replace(accuracy=float(right.mean()), tested=len(labels))
    say(
        f"the classifier gets {made.accuracy:.2%} of {made.tested:,} test images right"
        f" ({time.perf_counter() - began:.0f} s)"
    )
    facts = {"accuracy": made.accuracy, "tested": made.tested}
    cache.save(path, made.variables, facts)
    return made


def everywhere(sets: Sets) -> Classifier:
    """`trained`, of several processes by the main one; all processes must call this.

    The others get its weights, and need neither the time nor a cache. They wait, as
    training takes a minute or two, once.
    """
    if jax.process_count() == 1:
        return trained(sets)
    config = recipe(sets)

    def made():
        found = trained(sets)
        return found.variables, np.float32(found.accuracy), np.int32(found.tested)

    like = _form(config), np.float32(0), np.int32(0)
    variables, accuracy, tested = parallel.from_main(made, like)
    return Classifier(config, variables, float(accuracy), int(tested))


def recipe(sets: Sets) -> classifier.Config:
    """The sizes of a data set's classifier, and how long it is trained.

    Raises:
        ValueError: as `trained`.
    """
    for part in (sets.train, sets.test):
        if part.get("label") is None:
            raise ValueError(
                "the set has no labels: a classifier needs the class of every image"
            )
    images, labels = sets.train["image"], sets.train["label"]
    if images.ndim != 4 or images.shape[1] != images.shape[2]:
        raise ValueError(f"images are {images.shape}, expected [N, H, H, C]: crop them")
    if labels.min() < 0:
        raise ValueError(f"labels has {labels.min()}: leave out unlabelled examples")
    return classifier.Config(
        resolution=images.shape[1],
        channels=images.shape[3],
        classes=max(2, int(labels.max()) + 1),
        steps=max(LEAST_STEPS, EPOCHS * len(labels) // BATCH),
    )


def file(sets: Sets, config: classifier.Config) -> pathlib.Path | None:
    """Where the cache has the classifier of a set: the name changes with either."""
    parts = [jaxgan_data.fingerprint(part) for part in (sets.train, sets.test)]
    about = repr((*parts, config, BATCH, SHIFT, RECIPE))
    return kept.place("classifier", about)


def _train(train: dict[str, np.ndarray], config: classifier.Config) -> game.Variables:
    played = game.algorithm(classifier.game(config))
    arrays = jax.device_put({name: train[name] for name in ("image", "label")})
    count = len(train["label"])

    def batch(arrays, position, index):
        def one(position, image):
            key = digits.example_key(0, position)
            return digits.shift(image, digits.random_offset(key, SHIFT))

        image = jax.vmap(one)(position, arrays["image"][index])
        label = arrays["label"][index].astype(jnp.int32)
        return {"image": _floats(image), "label": label}

    def items(step):
        position = np.arange(step * BATCH, (step + 1) * BATCH).astype(np.uint32)
        plan = jaxgan_data.plan(0, step, count=count, batch_size=BATCH)
        return position, plan["index"]

    shown = ("right", "classifier/accuracy")
    return fitting.fit(played, arrays, batch, items, config.steps, shown)


def _load(path: pathlib.Path | None, config: classifier.Config) -> Classifier | None:
    """A classifier from the cache, or None."""
    found = cache.load(path, _form(config), ("accuracy", "tested"))
    if found is None:
        return None
    variables, facts = found
    return Classifier(config, variables, facts["accuracy"], int(facts["tested"]))


def _form(config: classifier.Config) -> game.Variables:
    """The shapes of the weights."""
    side = config.resolution
    image = jnp.zeros((1, side, side, config.channels))
    init = classifier.Network(config).init
    return {"network": jax.eval_shape(init, jax.random.key(0), image)}


@functools.partial(jax.jit, static_argnums=0)
def _see(config, variables, images):
    """Features `[B, F]` and logits `[B, K]`; the compiler makes one pass of the two."""
    images = _floats(images)
    return (
        classifier.features(config, variables, images),
        classifier.predict(config, variables, images),
    )


def _checked(images: Any, config: classifier.Config) -> np.ndarray:
    images = np.asarray(images)
    side, channels = config.resolution, config.channels
    if (
        images.ndim != 4
        or images.shape[1:] != (side, side, channels)
        or not len(images)
    ):
        raise ValueError(
            f"images are {images.shape}, expected [N, {side}, {side}, {channels}] with"
            " N of 1 or more"
        )
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind != "f":
        raise ValueError(f"images are {images.dtype}, expected uint8, or floats in 0-1")
    if not -1e-3 <= images.min() <= images.max() <= 1 + 1e-3:
        raise ValueError(
            f"images are from {images.min():.3g} to {images.max():.3g}, expected floats"
            " in [0, 1]: rescale them"
        )
    return images.astype(np.float32)


def _floats(image):
    """Bytes to float32 in [0, 1]; floats as they are."""
    return image.astype(jnp.float32) / 255 if image.dtype == jnp.uint8 else image
