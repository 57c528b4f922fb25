"""A generator whose latents are the pixels, and a regressor that reads them exactly.

What walks and arithmetic find in it is known by construction.
"""

import types

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.lab import inference
from jaxgan.models.model import Model

SIDE = 8  # of an image; a row holds a number of the latent
NAMES = ("yaw", "smile", "masculinity", "skin_tone", "long_hair", "glasses", "age")
SLOPE = 0.06  # of a pixel from 0 to 1 for a number of the latent
# factor = middle + slope * number; numbers of all but yaw are -1 or 1.
FACTORS = {
    "yaw": (0.0, 0.3),
    "smile": (0.4, 0.6),
    "masculinity": (0.5, 0.4),
    "skin_tone": (0.5, 0.01),
    "long_hair": (0.5, 0.45),
    "glasses": (0.5, 0.45),
    "age": (0.43, 0.25),
}


def generator(data="faces:10", *, classes=0, latent=None, draw=None):
    """A `inference.Trained` of a linear generator.

    Args:
        data: what it says it was trained on.
        classes: of a conditional one, whose label brightens the last row.
        latent: `latent(key, count)`; a normal yaw and signs, if left out.
        draw: `draw(z)` to pixels; linear if left out.
    """

    def signs(key, count):
        z = jax.random.normal(key, (count, SIDE))
        return jnp.where(jnp.arange(SIDE)[None] > 0, jnp.sign(z), z)

    def rows(z):
        pixels = (0.5 + SLOPE * z)[:, :, None, None]
        return jnp.broadcast_to(pixels, (len(z), SIDE, SIDE, 3))

    def sample(config, variables, latent):
        return (draw or rows)(latent)

    def conditional(config, variables, latent, label):
        brighter = jnp.broadcast_to((label / 10)[:, None, None], (len(label), SIDE, 3))
        return (draw or rows)(latent).at[:, -1].set(brighter)

    record = Model(
        paper="",
        config=types.SimpleNamespace,
        game=lambda config: types.SimpleNamespace(nets={}),
        batch=lambda config, key, n: {"image": jnp.zeros((n, SIDE, SIDE, 3))},
        show=None,
        tiny=None,
        latent=lambda config, key, count: (latent or signs)(key, count),
        sample=conditional if classes else sample,
        labels=bool(classes),
    )
    config = types.SimpleNamespace(resolution=SIDE, channels=3, classes=classes)
    return inference.Trained("linear", record, config, {}, 7, {"data": {"data": data}})


class Regressor:
    """Stands for `jaxgan.lab.judges.factors.Factors`."""

    quality = types.MappingProxyType({"exact": 1.0})

    def read(self, images):
        assert images.dtype == np.uint8
        z = (images[:, :, 0, 0] / 255.0 - 0.5) / SLOPE
        read = {
            name: FACTORS[name][0] + FACTORS[name][1] * z[:, i]
            for i, name in enumerate(NAMES)
        }
        for name in ("glasses", "long_hair"):
            read[name] = read[name].clip(0, 1)
        return read | {"glasses_box": np.zeros((len(images), 4))}
