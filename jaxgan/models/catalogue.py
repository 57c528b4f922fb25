"""Every model of the library, at a size for tests: what the conformance suite plays.

A module of this package that defines `game` and is not listed here fails a test.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax

from jaxgan.game import Batch, Game
from jaxgan.models import (
    autoencoder,
    capsnet,
    capsnet_baseline,
    cyclegan,
    dcgan,
    progressive,
    transforming_autoencoder,
    wgan_gp,
)


class Entry(NamedTuple):
    """One model.

    Attributes:
        paper: arXiv id, or authors and year.
        make: `make(**changes) -> Game`; the changes it takes are `dtype` ("bfloat16")
            and `axis_name`, where the model has them.
        batch: `batch(key, size) -> Batch` of a game that it can play.
        changes: which changes `make` takes.
        still: paths of owned parameters whose gradient is zero by algebra.
        exact: whether all randomness of a step may come in the batch.
    """

    paper: str
    make: Callable[..., Game]
    batch: Callable[[jax.Array, int], Batch]
    changes: tuple[str, ...] = ()
    still: tuple[str, ...] = ()
    exact: bool = False


def _images(resolution: int, channels: int, latent: int):
    def batch(key: jax.Array, size: int) -> Batch:
        image_key, latent_key = jax.random.split(key)
        shape = (size, resolution, resolution, channels)
        return {
            "image": jax.random.uniform(image_key, shape, minval=-1.0, maxval=1.0),
            "latent": jax.random.normal(latent_key, (size, latent)),
        }

    return batch


def _vectors(*names: str, size: int, repeats: int = 1):
    def batch(key: jax.Array, count: int) -> Batch:
        leading = (repeats, count) if repeats > 1 else (count,)
        keys = jax.random.split(key, len(names))
        return {
            name: jax.random.normal(k, (*leading, size))
            for name, k in zip(names, keys, strict=True)
        }

    return batch


def _labelled(resolution: int, classes: int):
    def batch(key: jax.Array, size: int) -> Batch:
        image_key, label_key = jax.random.split(key)
        return {
            "image": jax.random.uniform(image_key, (size, resolution, resolution, 1)),
            "label": jax.random.randint(label_key, (size,), 0, classes),
        }

    return batch


def _capsnet(**changes) -> Game:
    return capsnet.game(
        capsnet.Config(
            resolution=17, classes=3, features=4, types=2, primary_dim=3, class_dim=4,
            iterations=2, decoder=(6,), **changes,
        )
    )  # fmt: skip


def _capsnet_baseline(**changes) -> Game:
    return capsnet_baseline.game(
        capsnet_baseline.Config(
            resolution=8, classes=3, features=(4, 3), kernels=(3, 3), pool=True,
            hidden=(8,), **changes,
        )
    )  # fmt: skip


def _dcgan(**changes) -> Game:
    return dcgan.game(
        dcgan.Config(resolution=16, width=4, kernel=4, latent=6, **changes)
    )


def _digit_pairs(key: jax.Array, size: int) -> Batch:
    image_key, target_key, offset_key = jax.random.split(key, 3)
    return {
        "image": jax.random.uniform(image_key, (size, 6, 6, 1)),
        "target": jax.random.uniform(target_key, (size, 6, 6, 1)),
        "offset": jax.random.normal(offset_key, (size, 2)),
    }


def _transforming_autoencoder(**changes) -> Game:
    return transforming_autoencoder.game(
        transforming_autoencoder.Config(
            resolution=6, capsules=3, recognition=4, generation=5, **changes
        )
    )


def _wgan_gp(**changes) -> Game:
    return wgan_gp.game(wgan_gp.Config(hidden=(8, 8), **changes))


def _progressive() -> Game:
    return progressive.game(
        progressive.Config(resolution=8, width=4, latent=6, fade_from=-1, fade_steps=4)
    )


CATALOGUE = {
    "autoencoder": Entry(
        paper="Rumelhart et al. 1986",
        make=lambda: autoencoder.game(autoencoder.Config(data=6, hidden=(8, 5))),
        batch=_vectors("data", size=6),
        exact=True,
    ),
    "capsnet": Entry(
        paper="1710.09829",
        make=_capsnet,
        batch=_labelled(17, classes=3),
        changes=("dtype",),
        exact=True,
    ),
    "capsnet_baseline": Entry(
        paper="1710.09829",
        make=_capsnet_baseline,
        batch=_labelled(8, classes=3),
        changes=("dtype",),
    ),
    "cyclegan": Entry(
        paper="1703.10593",
        make=lambda: cyclegan.game(cyclegan.Config(hidden=(8,))),
        batch=_vectors("a", "b", size=2),
    ),
    "dcgan": Entry(
        paper="1511.06434",
        make=_dcgan,
        batch=_images(16, 3, latent=6),
        changes=("dtype", "axis_name"),
        exact=True,
    ),
    "progressive": Entry(
        paper="1710.10196", make=_progressive, batch=_images(8, 3, latent=6)
    ),
    "transforming_autoencoder": Entry(
        paper="Hinton et al. 2011",
        make=_transforming_autoencoder,
        batch=_digit_pairs,
        changes=("dtype",),
        exact=True,
    ),
    "wgan_gp": Entry(
        paper="1704.00028",
        make=_wgan_gp,
        batch=_vectors("data", size=2, repeats=5),
        changes=("dtype",),
        # A constant added to every score leaves both losses as they are.
        still=("critic/Dense_2/bias",),
    ),
}
