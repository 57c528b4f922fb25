"""The models of the ladder."""

import dataclasses
from typing import Any, Literal, NamedTuple

from jaxgan.models import biggan, dcgan, progan, r3gan_images, sngan
from jaxgan.models.model import Model

Name = Literal[
    "dcgan", "lsgan", "spectral", "wgan_gp", "sngan", "san", "r3gan", "progan", "biggan"
]


class Rung(NamedTuple):
    """A model of the ladder, and its settings."""

    record: Model
    model: Any


def rungs_for(resolution: Literal[32, 64], steps: int) -> dict[str, Rung]:
    """All models, for images of a size.

    Args:
        resolution: height and width of the images.
        steps: of a model with one update a step, over which R3GAN's settings change.
    """
    plain = dcgan.Config(
        resolution=resolution,
        width=32,
        kernel=4,
        latent_distribution="normal",
        learning_rate=3e-4,
        ema=0.99,
    )
    residual = sngan.Config(
        resolution=resolution,
        width=512 // resolution,
        critic_steps=1,
        learning_rate=1e-3,
        decay=0,
        ema=0.99,
    )
    changed = dataclasses.replace
    return {
        "dcgan": Rung(dcgan.MODEL, plain),
        "lsgan": Rung(dcgan.MODEL, changed(plain, loss="least_squares")),
        "spectral": Rung(dcgan.MODEL, changed(plain, loss="hinge", norm="spectral")),
        "wgan_gp": Rung(
            sngan.MODEL,
            changed(
                residual,
                loss="wasserstein",
                spectral=False,
                penalty=10.0,
                critic_steps=5,
            ),
        ),
        "sngan": Rung(sngan.MODEL, residual),
        "san": Rung(sngan.MODEL, changed(residual, san=True)),
        "r3gan": Rung(
            r3gan_images.MODEL,
            r3gan_images.Config(
                classes=0,
                resolution=resolution,
                width=resolution // 2,
                annealing=steps,
                gamma=resolution**2 / 2048,
                last_gamma=resolution**2 / 20_480,
                learning_rate=2e-3,
                last_learning_rate=5e-4,
                ema=0.99,
            ),
        ),
        "progan": Rung(
            progan.MODEL,
            progan.Config(
                resolution=resolution,
                base=256,
                width=32,
                latent=64,
                learning_rate=2e-3,
                ema=0.99,
            ),
        ),
        "biggan": Rung(
            biggan.MODEL,
            biggan.Config(
                classes=None,
                resolution=resolution,
                width=8,
                latent=64,
                init="orthogonal",
                critic_steps=1,
                learning_rate=4e-4,
                critic_rate=8e-4,
                ema=0.98,
            ),
        ),
    }
