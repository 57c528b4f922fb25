"""Makes the feature networks of metrics from flags, and applies them to many images."""

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

import jax
import numpy as np
from jax.sharding import Mesh

from jaxgan import parallel
from jaxgan.lab.judges import classifier as lab_classifier
from jaxgan.metrics import features
from jaxgan.models import classifier

WEIGHTS = "JAXGAN_INCEPTION"  # environment variable that names a file of weights


@dataclasses.dataclass(frozen=True)
class Extraction:
    """Which network looks at the images."""

    extractor: Literal["auto", "inception", "digits", "random"] = "auto"
    """inception: that of the FID, needs --weights; digits: a classifier trained on the
    real images and their labels; random: fixed random weights, for comparisons among
    themselves. auto: inception if there are weights, else digits for 28x28 images with
    labels, else random."""
    weights: pathlib.Path | None = None
    """Published weights of Inception, .pth or .npz; or name them in the environment
    variable JAXGAN_INCEPTION."""

    @property
    def file(self) -> pathlib.Path | None:
        """The weights' file, from the flag or the environment."""
        named = os.environ.get(WEIGHTS)
        return self.weights or (pathlib.Path(named) if named else None)


def extractor(
    config: Extraction,
    shape: tuple[int, ...],
    sets: Callable[[], lab_classifier.Sets] | None = None,
) -> features.Extractor:
    """The network that flags ask for.

    Args:
        config: the flags.
        shape: of an image, `(H, W, C)`.
        sets: opens the labelled real images that a classifier is trained on; None
            where they have no labels.

    Raises:
        ValueError: it cannot be had: no weights, or no labels.
    """
    kind = config.extractor
    if kind == "auto":
        small = shape == (28, 28, 1) and sets is not None
        kind = "inception" if config.file else "digits" if small else "random"
    if kind == "inception":
        return _inception(config.file)
    if kind == "random":
        return features.random_network(shape[-1])
    if sets is None:
        raise ValueError(
            "--extractor digits is a classifier of the real images, which have no"
            " labels; use --extractor random, or real images with labels"
        )
    return digits(lab_classifier.trained(sets()))


def digits(trained: lab_classifier.Classifier) -> features.Extractor:
    """A trained classifier as an extractor."""
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(trained.variables):
        digest.update(np.asarray(leaf).tobytes())

    def apply(variables, images):
        images = features.check_bytes(images).astype(np.float32) / 255
        return features.Extracted(
            classifier.features(trained.config, variables, images),
            classifier.predict(trained.config, variables, images),
        )

    about = {
        "weights": "a classifier trained on the real training images",
        "checksum": digest.hexdigest()[:16],
        "test_accuracy": trained.accuracy,
        "tested_on": trained.tested,
        "features": trained.config.hidden,
        "classes": trained.config.classes,
        "sees_labels": True,
        "note": "features of this classifier: not an FID. They tell the classes apart"
        " and little else: samples that it is sure of may still be badly drawn",
    }
    return features.Extractor("digit classifier", apply, trained.variables, about)


def looker(
    extractor: features.Extractor, mesh: Mesh, batch_size: int
) -> Callable[[np.ndarray], features.Extracted]:
    """`look(images) -> Extracted` of numpy arrays, compiled for one size of batch.

    The images, uint8 `[N, H, W, C]` with N up to `batch_size`, are divided over the
    devices; fewer are filled up. Of several processes all must call it, with the same
    images, and each gets all features.
    """
    whole = parallel.replicated(mesh)
    size = -(-batch_size // mesh.size) * mesh.size
    variables = parallel.resident(mesh, extractor.variables)
    see = jax.jit(
        extractor.apply, in_shardings=(whole, parallel.split(mesh)), out_shardings=whole
    )

    def look(images):
        count = len(images)
        if not 1 <= count <= size:
            raise ValueError(f"{count} images were given, expected 1 to {size}")
        filled = parallel.assemble(mesh, images[np.arange(size) % count], size)
        found = jax.device_get(see(variables, filled))
        return jax.tree.map(lambda x: x[:count], found)

    return look


def in_order(
    look: Callable[[np.ndarray], features.Extracted], blocks: Iterable[Any]
) -> Iterator[tuple[Any, features.Extracted]]:
    """Blocks, which have `images`, and what is seen in them.

    Raises:
        ValueError: a feature or logit is NaN or infinite, naming the block's first
            image.
    """
    seen = 0
    for block in blocks:
        found = look(block.images)
        if not all(np.isfinite(x).all() for x in found if x is not None):
            raise ValueError(
                f"features of images {seen} to {seen + len(block.images) - 1} are not"
                " finite: check the weights of the extractor"
            )
        seen += len(block.images)
        yield block, found


def _inception(path: pathlib.Path | None) -> features.Extractor:
    from jaxgan.metrics import inception

    if path is None:
        raise ValueError(
            "--extractor inception needs the published weights: give --weights FILE, or"
            f" name the file in {WEIGHTS}; it is pt_inception-2015-12-05-6726825d.pth"
            " of the pytorch-fid releases on GitHub"
        )
    loaded = inception.load(path)
    about = {
        "weights": path.name,
        "checksum": loaded.checksum,
        "checksum_of_source": loaded.source,
        "published": loaded.published,
        "resize": "bilinear to 299x299 as TensorFlow 1 has it",
        "features": 2048,
        "classes": 1008,
    }
    if not loaded.published:
        about["note"] = "not the published weights: not an FID"

    def apply(variables, images):
        return features.Extracted(*inception.features(variables, images))

    return features.Extractor("Inception-v3", apply, loaded.variables, about)
