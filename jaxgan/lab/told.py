"""Trains a GAN-CLS on portraits with captions, and judges what it draws for others."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxgan import parallel
from jaxgan.compose import ema_variables
from jaxgan.data.synthetic import captions
from jaxgan.lab import blocks, captioned, figures, pixels, session, variety
from jaxgan.lab.session import Numbers, Result
from jaxgan.models import gan_cls

ROWS, COLUMNS = 8, 8  # of pictures: captions, and portraits for each
BLOCK = 256  # portraits drawn together
WORDS = "words.png"


def train(config: Any) -> Result:
    """Trains, or goes on training, with sheets of captions of people set aside.

    Args:
        config: of the command: `run`, `data`, `encoder`; `model`, which is
            `captioned.sized`; `tests`, the number of people whose captions are drawn;
            and `judge`, whether to count how portraits obey them.
    """
    size, data = config.model.size, config.data
    embed = captioned.embedder(config.encoder)
    everyone = captioned.open_people(data.people, data.sentences, size)
    people = everyone.chosen(~captions.unseen(everyone.found))
    others = captioned.open_people(config.tests, 1, size, "test")
    work = session.begin("GAN-CLS", config, people)
    draw = drawing(config.model)
    said = others.sentences[:ROWS]
    texts, key = np.repeat(embed(said), COLUMNS, 0), jax.random.key(config.run.seed + 1)
    noise = gan_cls.latent(config.model, key, len(texts))
    tiles = parallel.shared(lambda nets: draw(nets, texts, noise), work.mesh)

    def show(images):
        return {
            "captions": np.asarray(images).reshape(len(said), -1, *images.shape[1:])
        }

    def measure(state):
        nets, path = ema_variables(state), config.run.workdir / WORDS
        figures.save_sentences(path, show(draw(nets, texts, noise))["captions"], said)
        numbers = accuracy(config, nets, others, embed) if config.judge else {}
        return Result(numbers, {"Captions, and portraits drawn for them": path})

    return session.train(
        work,
        gan_cls.game(config.model),
        captioned.feed(people, embed, work.run, work.mesh),
        show=show,
        measure=measure,
        look=lambda state: tiles(ema_variables(state)),
    )


def drawing(model: gan_cls.Config) -> Callable[..., jax.Array]:
    """`draw(variables, texts, noise)`: portraits as bytes, each on its own.

    Batch norms have the averages of training, as the authors' have.
    """

    @jax.jit
    def draw(variables, texts, noise):
        images = gan_cls.sample(model, variables, texts, noise, "running")
        return pixels.to_bytes(images, captioned.RANGE)

    return draw


def accuracy(
    config: Any, variables: Any, others: captioned.People, embed: captioned.Embed
) -> Numbers:
    """Judges what is drawn for the captions of others, real portraits, and chance.

    Returns:
        What `captioned.judged` counts, and `variety`, of `lab.variety`.
    """
    draw = functools.partial(drawing(config.model), variables)
    key = jax.random.key(config.run.seed + 2)

    def drawn(texts):
        noise = gan_cls.latent(config.model, key, len(texts))
        return blocks.in_blocks(draw, texts, noise, size=BLOCK)

    pictures = {"drawn": drawn(embed(others.sentences)), "real": others.image}
    return {
        **captioned.judged(pictures, others),
        "variety": variety.measured(drawn, others, embed),
    }
