"""Every model of the library, at a size for tests: what the conformance suite plays.

A module of this package that defines `game` and is not listed here fails a test.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax

from jaxgan.game import Batch, Game
from jaxgan.models import (
    acgan,
    autoencoder,
    began,
    bgan,
    capsnet,
    capsnet_baseline,
    cdcgan,
    cgan,
    classifier,
    dcgan,
    denoising_autoencoder,
    discriminator_only,
    ebgan,
    factor_regressor,
    fgan,
    gan,
    gogan,
    improved_gan,
    infogan,
    lsgan,
    r3gan,
    transforming_autoencoder,
    vae,
    wgan,
    wgan_gp,
)
from jaxgan.models.toys import bilinear, cyclegan, points_gan, progressive


class Entry(NamedTuple):
    """One model.

    Attributes:
        paper: arXiv id, or authors and year.
        make: `make(**changes) -> Game`; the change it takes is `dtype` ("bfloat16"),
            where the model has it.
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


def _labelled(resolution: int, classes: int, latent: int = 0):
    def batch(key: jax.Array, size: int) -> Batch:
        image_key, label_key = jax.random.split(key)
        made = {
            "image": jax.random.uniform(image_key, (size, resolution, resolution, 1)),
            "label": jax.random.randint(label_key, (size,), 0, classes),
        }
        if latent:
            latent_key = jax.random.fold_in(key, 1)
            made["latent"] = jax.random.normal(latent_key, (size, latent))
        return made

    return batch


def _factors(key: jax.Array, size: int) -> Batch:
    keys = jax.random.split(key, 4)
    return {
        "image": jax.random.uniform(keys[0], (size, 8, 8, 3)),
        "number": jax.random.normal(keys[1], (size, 3)),
        "known": jax.random.bernoulli(keys[2], 0.5, (size, 3)).astype("float32"),
        "binary": jax.random.bernoulli(keys[3], 0.5, (size, 2)).astype("float32"),
    }


def _payoffs(key: jax.Array, size: int) -> Batch:
    return {"payoff": jax.random.uniform(key, (2, size), minval=0.5, maxval=1.5)}


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


def _classifier(**changes) -> Game:
    return classifier.game(
        classifier.Config(
            resolution=8, classes=3, width=2, hidden=5, steps=100, **changes
        )
    )


def _factor_regressor(**changes) -> Game:
    return factor_regressor.game(
        factor_regressor.Config(
            resolution=8, numbers=3, binaries=2, width=2, hidden=5, steps=100, **changes
        )
    )


def _dcgan(**changes) -> Game:
    return dcgan.game(
        dcgan.Config(resolution=16, width=4, kernel=4, latent=6, **changes)
    )


def _cgan(**changes) -> Game:
    return cgan.game(
        cgan.Config(
            latent=3, hidden_latent=4, hidden_class=5, hidden=6, maxout_image=(5, 2),
            maxout_class=(4, 2), maxout=(5, 2), generator_init=0.5,
            discriminator_init=0.5, **changes,
        )
    )  # fmt: skip


def _gan(**changes) -> Game:
    return gan.game(
        gan.Config(
            latent=3, hidden=(6, 5), maxout=(5, 4), pieces=2, discriminator_steps=2,
            generator_init=0.5, discriminator_init=0.5, **changes,
        )
    )  # fmt: skip


def _pairs_of_images(key: jax.Array, size: int) -> Batch:
    return {"image": jax.random.uniform(key, (2, size, 28, 28, 1))}


def _digit_pairs(key: jax.Array, size: int) -> Batch:
    image_key, target_key, offset_key = jax.random.split(key, 3)
    return {
        "image": jax.random.uniform(image_key, (size, 6, 6, 1)),
        "target": jax.random.uniform(target_key, (size, 6, 6, 1)),
        "offset": jax.random.normal(offset_key, (size, 2)),
    }


def _semi_supervised(key: jax.Array, size: int) -> Batch:
    keys = jax.random.split(key, 4)
    return {
        "image": jax.random.uniform(keys[0], (size, 6, 6, 1)),
        "labelled": jax.random.uniform(keys[1], (size, 6, 6, 1)),
        "label": jax.random.randint(keys[2], (size,), 0, 3),
        "latent": jax.random.uniform(keys[3], (size, 4)),
    }


def _improved_gan(**changes) -> Game:
    return improved_gan.game(
        improved_gan.Config(
            resolution=6, classes=3, latent=4, generator=(5,), discriminator=(7, 5),
            historical=0.1, smoothing=0.1, decay=(1, 9), **changes,
        )
    )  # fmt: skip


def _transforming_autoencoder(**changes) -> Game:
    return transforming_autoencoder.game(
        transforming_autoencoder.Config(
            resolution=6, capsules=3, recognition=4, generation=5, **changes
        )
    )


def _points_gan(**changes) -> Game:
    return points_gan.game(
        points_gan.Config(
            generator=(5,), discriminator=(6,), loss="hinge", penalty="r1r2",
            discriminator_steps=2, dynamics="optimistic", ema=0.9, **changes,
        )
    )  # fmt: skip


def _wgan_gp(**changes) -> Game:
    return wgan_gp.game(wgan_gp.Config(hidden=(8, 8), **changes))


def _fgan() -> Game:
    return fgan.game(fgan.Config(latent=4, hidden=(6, 5), variational=(6, 5)))


def _lsgan(**changes) -> Game:
    return lsgan.game(lsgan.Config(width=2, hidden=6, latent=4, **changes))


def _r3gan(**changes) -> Game:
    return r3gan.game(r3gan.Config(width=2, hidden=6, latent=4, **changes))


def _wgan(**changes) -> Game:
    return wgan.game(
        wgan.Config(width=2, hidden=6, latent=4, critic_steps=2, **changes)
    )


def _digits(latent: int, repeats: int = 1):
    def batch(key: jax.Array, size: int) -> Batch:
        image_key, latent_key = jax.random.split(key)
        leading = (repeats, size) if repeats > 1 else (size,)
        return {
            "image": jax.random.uniform(image_key, (*leading, 28, 28, 1)),
            "latent": jax.random.normal(latent_key, (*leading, latent)),
        }

    return batch


def _progressive() -> Game:
    return progressive.game(
        progressive.Config(resolution=8, width=4, latent=6, fade_from=-1, fade_steps=4)
    )


def _began() -> Game:
    return began.game(began.Config(latent=4, width=2, layers=1, gamma=1.0))


def _bgan(**changes) -> Game:
    return bgan.game(bgan.Config(latent=4, samples=3, width=2, hidden=6, **changes))


def _ebgan() -> Game:
    return ebgan.game(
        ebgan.Config(latent=4, generator=(6,), encoder=(8,), pulling_away=0.1)
    )


def _gogan() -> Game:
    return gogan.game(
        gogan.Config(stage=2, critic_steps=2, latent=4, width=2, hidden=6)
    )


def _discriminator_only() -> Game:
    return discriminator_only.game(
        discriminator_only.Config(
            hidden=(8,), round_steps=1, negatives=8, rounds_kept=2, ascent_steps=3
        )
    )


CATALOGUE = {
    "acgan": Entry(
        paper="1610.09585",
        make=lambda **changes: acgan.game(
            acgan.Config(classes=3, noise=4, width=2, hidden=6, **changes)
        ),
        batch=_labelled(28, classes=3),
        changes=("dtype",),
    ),
    "autoencoder": Entry(
        paper="Rumelhart et al. 1986",
        make=lambda: autoencoder.game(autoencoder.Config(resolution=3, hidden=(8, 5))),
        batch=_labelled(3, classes=10),
        exact=True,
    ),
    "began": Entry(paper="1703.10717", make=_began, batch=_labelled(28, classes=3)),
    "bgan": Entry(paper="1702.08431", make=_bgan, batch=_digits(4), changes=("dtype",)),
    "bilinear": Entry(
        paper="1802.10551",
        make=lambda: bilinear.game(bilinear.Config(play="extragradient")),
        batch=_payoffs,
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
    "cdcgan": Entry(
        paper="1411.1784",
        make=lambda **changes: cdcgan.game(
            cdcgan.Config(
                classes=3, latent=4, width=2, discriminator=(2, 2), hidden=6, **changes
            )
        ),
        batch=_labelled(28, classes=3, latent=4),
        changes=("dtype",),
        exact=True,
    ),
    "classifier": Entry(
        paper="LeCun et al. 1998",
        make=_classifier,
        batch=_labelled(8, classes=3),
        changes=("dtype",),
        exact=True,
    ),
    "cgan": Entry(
        paper="1411.1784",
        make=_cgan,
        batch=_labelled(28, classes=10),
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
        changes=("dtype",),
        exact=True,
    ),
    "denoising_autoencoder": Entry(
        paper="1511.06434",
        make=lambda: denoising_autoencoder.game(
            denoising_autoencoder.Config(resolution=4, code=6)
        ),
        batch=_images(4, 3, latent=1),
    ),
    "discriminator_only": Entry(
        paper="Lee 2018",
        make=_discriminator_only,
        batch=_vectors("data", size=2),
    ),
    "ebgan": Entry(paper="1609.03126", make=_ebgan, batch=_digits(4)),
    "factor_regressor": Entry(
        paper="LeCun et al. 1998",
        make=_factor_regressor,
        batch=_factors,
        changes=("dtype",),
        exact=True,
    ),
    "fgan": Entry(
        paper="1606.00709",
        make=_fgan,
        batch=_digits(4),
    ),
    "gan": Entry(
        paper="1406.2661",
        make=_gan,
        batch=_pairs_of_images,
        changes=("dtype",),
    ),
    "gogan": Entry(
        paper="1704.04865",
        make=_gogan,
        batch=_digits(4, repeats=2),
        # A constant added to every score leaves all hinges as they are.
        still=("critic/Dense_0/bias",),
    ),
    "infogan": Entry(
        paper="1606.03657",
        make=lambda **changes: infogan.game(
            infogan.Config(
                noise=4,
                categories=3,
                width=2,
                hidden=6,
                recogniser=5,
                # Normalising two examples a device, as `pmap` does, is ill-conditioned.
                category_weight=0.1,
                continuous_weight=0.1,
                # Adam turns rounding noise into whole steps: smaller ones.
                generator_rate=2e-4,
                **changes,
            )
        ),
        batch=_labelled(28, classes=3),
        changes=("dtype",),
    ),
    "lsgan": Entry(
        paper="1611.04076",
        make=_lsgan,
        batch=_digits(4),
        changes=("dtype",),
    ),
    "points_gan": Entry(
        paper="1704.00028",
        make=_points_gan,
        batch=_vectors("data", size=2, repeats=2),
        changes=("dtype",),
    ),
    "improved_gan": Entry(
        paper="1606.03498",
        make=_improved_gan,
        batch=_semi_supervised,
        changes=("dtype",),
    ),
    "progressive": Entry(
        paper="1710.10196", make=_progressive, batch=_images(8, 3, latent=6)
    ),
    "r3gan": Entry(
        paper="2501.05441",
        make=_r3gan,
        batch=_digits(4),
        changes=("dtype",),
        # A constant added to every logit leaves both losses as they are.
        still=("discriminator/Dense_0/bias",),
        exact=True,
    ),
    "transforming_autoencoder": Entry(
        paper="Hinton et al. 2011",
        make=_transforming_autoencoder,
        batch=_digit_pairs,
        changes=("dtype",),
        exact=True,
    ),
    "vae": Entry(
        paper="1312.6114",
        make=lambda: vae.game(vae.Config(resolution=3, hidden=(8, 5))),
        batch=_labelled(3, classes=10),
    ),
    "wgan": Entry(
        paper="1701.07875",
        make=_wgan,
        batch=_digits(4, repeats=2),
        changes=("dtype",),
        still=("discriminator/Dense_0/bias",),
    ),
    "wgan_gp": Entry(
        paper="1704.00028",
        make=_wgan_gp,
        batch=_vectors("data", size=2, repeats=5),
        changes=("dtype",),
        # A constant added to every score leaves both losses as they are.
        still=("discriminator/Dense_2/bias",),
    ),
}
