"""Sentences for the page: models that draw what captions say."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.synthetic import captions
from jaxgan.lab import captioned, inference
from jaxgan.models import gan_cls

FIRST = "an old woman with grey hair and glasses, smiling"
ABOUT = "drawn portraits with captions"

Tell = Callable[[str], Callable[..., jax.Array]]


def takes(trained: inference.Trained) -> bool:
    """Whether a model draws from captions."""
    return trained.record is gan_cls.MODEL


def told(trained: inference.Trained) -> tuple[inference.Trained, Tell]:
    """A model of captions as one that draws from noise, and a way to tell it more.

    Returns:
        The same model, which draws as for no caption; and `tell(sentence)`, which gives
        its `render(latent, label)` for a sentence, and raises a ValueError for one that
        cannot be encoded.
    """
    embed = captioned.embedder(trained.plain["encoder"])

    def sample(config, variables, latent, text=None):
        text = jnp.zeros((1, config.text)) if text is None else text
        texts = jnp.broadcast_to(text, (len(latent), config.text))
        return gan_cls.sample(config, variables, texts, latent, "running")

    @jax.jit
    def paint(text, latent):
        images = sample(trained.config, trained.variables, latent, text)
        return inference.to_uint8(trained, images)

    def tell(sentence):
        if not captions.read(sentence):
            raise ValueError(
                f"nothing is known of {sentence!r}; describe a face, as in {FIRST!r}"
            )
        text = embed([sentence])
        return lambda latent, label: paint(text, latent)

    record = trained.record._replace(latent=gan_cls.latent, sample=sample)
    return trained._replace(record=record), tell


def training(trained: inference.Trained, count: int) -> np.ndarray:
    """Some of the portraits that a model of captions was trained on."""
    people = trained.plain["data"]["people"]
    seen = captioned.open_people(people, 1, trained.config.size)
    return seen.image[~captions.unseen(seen.found)][:count]
