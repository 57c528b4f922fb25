"""Trains the autoencoder, the VAE and the GAN, and encodes and decodes."""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.autoencoder_mnist import edits
from jaxgan import game
from jaxgan.game import Variables
from jaxgan.lab import blocks, feeds, figures, pixels, session
from jaxgan.lab.data import Data, Set
from jaxgan.lab.session import Result
from jaxgan.models import autoencoder, vae
from jaxgan.train import Run

BLOCK = 500  # images in a call
TITLES = {
    "autoencoder": "Autoencoder",
    "vae": "VAE",
    "critic": "GAN, for its discriminator",
}


@dataclasses.dataclass(frozen=True)
class Part:
    """One of the runs."""

    run: Run
    data: Data
    model: Any


class Coder(NamedTuple):
    """A trained autoencoder or VAE.

    Attributes:
        name: which of the two it is.
        model: its configuration.
        variables: the variables of its nets.
    """

    name: str
    model: Any
    variables: Variables

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Encodes images `[N, H, W, C]` in [0, 1] to `[N, 2]`; for a VAE, to means."""
        see = jax.jit(
            lambda image: encode(self.name, self.model, self.variables, image)
        )
        return blocks.in_blocks(see, images, size=BLOCK)

    def decode(self, codes: Any) -> np.ndarray:
        """Decodes codes `[..., 2]` to images `[N, H, W, C]` in [0, 1]."""
        name, model, variables = self
        draw = jax.jit(lambda code: decode(name, model, variables, code))
        codes = np.asarray(codes, np.float32).reshape(-1, 2)
        return blocks.in_blocks(draw, codes, size=BLOCK)


def encode(name: str, model: Any, variables: Variables, image: Any) -> jax.Array:
    """Codes of images; of a VAE, their means."""
    if name == "vae":
        return vae.encode(model, variables, image)[0]
    return autoencoder.encode(model, variables, image)


def decode(name: str, model: Any, variables: Variables, code: Any) -> jax.Array:
    """Images of codes."""
    module = vae if name == "vae" else autoencoder
    return module.decode(model, variables, code)


def fit(name: str, part: Part, opened: Set, held: np.ndarray) -> Variables:
    """Trains one of the three, or resumes its training.

    Args:
        name: "autoencoder", "vae" or "critic".
        part: its configuration.
        opened: the data.
        held: test images in [0, 1].

    Returns:
        The variables of its nets.
    """
    work = session.begin(TITLES[name], part, opened)
    model = part.model
    if name == "critic":
        made = edits.game(model)
        key = jax.random.key(part.run.seed + 1)
        latents = jax.random.normal(key, (100, model.latent))
        drawn = lambda v: edits.sample(model, v, latents)  # noqa: E731
        caption = "Samples"
    else:
        made = (vae if name == "vae" else autoencoder).game(model)
        caption = "Test images, and their reconstructions"

        def drawn(v):
            some = jnp.asarray(held[np.arange(50) % len(held)])
            again = decode(name, model, v, encode(name, model, v, some))
            rows = [x.reshape(5, 10, *x.shape[1:]) for x in (some, again)]
            return jnp.stack(rows, 1).reshape(-1, *some.shape[1:])

    draw = jax.jit(lambda v: pixels.to_bytes(drawn(v)))
    result = session.train(
        work,
        made,
        feeds.feed(opened, part.run, work.mesh, made.repeats),
        show=lambda state: {"sheet": np.asarray(draw(game.variables(state)))},
        measure=lambda state: Result(
            {}, {caption: figures.last_sheet_file(part.run, "sheet")}
        ),
    )
    return game.variables(result.state)
