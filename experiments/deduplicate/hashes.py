"""Computes codes to hash, by an autoencoder trained on a set at 32x32."""

import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import data as jaxgan_data
from jaxgan import game, nn, train
from jaxgan.lab import blocks, feeds, figures, inference, runs, session
from jaxgan.lab.data import of_arrays
from jaxgan.lab.sets import Reading
from jaxgan.models import denoising_autoencoder as autoencoder

SIDE = 32  # pixels, as in the paper
BLOCK = 500  # images encoded together
FAINT = 0.05  # added to the standard deviation of an image in [-1, 1]
SHEET = 50  # images and their reconstructions on a sheet


class Opened(NamedTuple):
    """A set, both at the size that is hashed and as it is stored.

    Attributes:
        spec: its name, as in --data.
        images: uint8 `[N, 32, 32, C]`.
        source: the set as it is stored.
        shape: keywords of `transforms.fit`.
    """

    spec: str
    images: np.ndarray
    source: jaxgan_data.Source
    shape: dict[str, Any]


def open_set(
    spec: str | None, run: pathlib.Path | None, split: str, download: bool
) -> Opened:
    """Reads the set to search.

    Args:
        spec: the set, as in `--data`; that of the run if None.
        run: a run whose set and crop are used.
        split: part to take of a set that has parts.
        download: whether tfds may download it.

    Raises:
        ValueError: there is no such set or run, or the set has fewer than two images.
    """
    reading, size = Reading(split=split), 64
    if run is not None:
        trained = inference.open_run(run)
        shape = inference.image_shape(trained)
        theirs, read = inference.trained_on(trained, shape, reading)
        if spec in (None, theirs):
            spec, reading, size = theirs, read, shape[0]
    assert spec is not None
    source = jaxgan_data.open_source(
        spec, split=reading.split, download=download, size=size
    )
    if len(source) < 2:
        raise ValueError(f"{spec} has {len(source)} images; copies take at least 2")
    shape = {
        "size": SIDE,
        "channels": reading.channels or source[0]["image"].shape[-1],
        "crop": reading.crop or "centre",
        "upscale": True,
    }
    return Opened(spec, jaxgan_data.load(source, **shape)["image"], source, shape)


def encoder(opened: Opened, run: train.Run, bits: int) -> Callable[[np.ndarray], Any]:
    """Makes a function from images, uint8 `[N, 32, 32, C]`, to codes `[N, bits]`.

    It first trains the autoencoder, or resumes its training, unless it is trained.

    Args:
        opened: the set to train it on.
        run: of the autoencoder.
        bits: size of the code.
    """
    model = autoencoder.Config(
        resolution=SIDE, channels=opened.images.shape[-1], code=bits
    )
    images = of_arrays(
        {"image": opened.images},
        about=f"{opened.spec}: {len(opened.images):,} images of {SIDE}x{SIDE}",
    )
    part = runs.Part(run, {"data": opened.spec}, model)
    work = session.begin("Denoising autoencoder", part, images)
    mean = jnp.asarray(_mean(opened.images))

    def centred(image):
        return normalised(image) - mean[None]

    shown = jnp.asarray(opened.images[np.arange(SHEET) % len(opened.images)])
    encode = jax.jit(lambda v, x: autoencoder.encode(model, v, centred(x)))

    @jax.jit
    def again(variables):
        code = autoencoder.encode(model, variables, centred(shown))
        drawn = autoencoder.decode(model, variables, code) + mean[None]
        rows = [x.reshape(5, -1, *x.shape[1:]) for x in (normalised(shown), drawn)]
        # From black to white are four standard deviations, the range of most images.
        return nn.to_uint8(jnp.stack(rows, 1).reshape(-1, *shown.shape[1:]) / 2)

    bytes_of = feeds.feed(images, run, work.mesh, between=None)
    batches = bytes_of._replace(
        prepare=lambda held, item: {
            "image": centred(bytes_of.prepare(held, item)["image"])
        }
    )
    caption = "Images, and their reconstructions"
    result = session.train(
        work,
        autoencoder.game(model),
        batches,
        show=lambda state: {"sheet": np.asarray(again(game.variables(state)))},
        measure=lambda state: session.Result(
            {}, {caption: figures.last_sheet_file(run, "sheet")}
        ),
    )
    variables = game.variables(result.state)
    return lambda x: blocks.in_blocks(lambda b: encode(variables, b), x, size=BLOCK)


def normalised(image: jax.Array) -> jax.Array:
    """Normalises bytes `[B, H, W, C]` to images of mean 0 and deviation about 1.

    Copies differ in brightness and contrast, on which codes should not depend. Images
    of nearly one colour stay near 0.
    """
    x = nn.from_uint8(image)
    x -= x.mean((1, 2, 3), keepdims=True)
    return x / (x.std((1, 2, 3), keepdims=True) + FAINT)


def _mean(images: np.ndarray) -> np.ndarray:
    """The mean of normalised images."""
    see = jax.jit(lambda x: normalised(x).sum(0))
    blocks = [jnp.asarray(images[i : i + BLOCK]) for i in range(0, len(images), BLOCK)]
    return np.sum([np.asarray(see(block)) for block in blocks], 0) / len(images)
