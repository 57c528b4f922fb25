"""GAN-CLS on faces: sentences become portraits (Reed et al., arXiv:1605.05396).

    python -m experiments.text_to_faces
    python -m experiments.text_to_faces --say "an old woman with glasses, smiling"
    python -m experiments.text_to_faces --no-model.matching --no-model.between

Trains on drawn portraits with captions, which state some of what is seen in many words.
The encoder of captions is trained once, for minutes, and then kept (`text_encoder`); no
player of the game owns it. words.png shows captions of people who were not trained on,
and portraits that are drawn for them. results.json has the caption accuracy: the share
of all that captions state that a judge, who knows pictures alone, finds in what was
drawn for them, beside real portraits, and beside portraits of other people (chance).
Captions with a pair of attributes that no training caption has are counted by
themselves.

With `--say` nothing is trained: portraits for these sentences are drawn by the run in
--workdir, into said.png. Without flags: 8,192 portraits of 64x64, narrow networks, six
minutes of one CPU core; the judge takes some minutes more, once (`--no-judge`).
"""

import dataclasses
import functools
from typing import Annotated, Any, Literal

import jax
import numpy as np
import tyro

from jaxgan import bounds, parallel
from jaxgan.compose import ema_variables
from jaxgan.data.synthetic import captions
from jaxgan.lab import (
    blocks,
    captioned,
    cli,
    figures,
    inference,
    pixels,
    runs,
    session,
    variety,
)
from jaxgan.lab.session import Numbers, Result
from jaxgan.models import gan_cls
from jaxgan.train import Run
from jaxgan.train.terminal import say

ROWS, COLUMNS = 8, 8  # of pictures: captions, and portraits for each
BLOCK = 256  # portraits drawn together, by whose statistics they are normalised
WORDS, SAID = "words.png", "said.png"


@dataclasses.dataclass(frozen=True)
class Config:
    """The training of a GAN-CLS, or sentences for one that was trained."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[captioned.Data, tyro.conf.arg(name="")]
    model: gan_cls.Config
    encoder: captioned.Encoder = "characters"
    """What captions are embedded by: a network of characters or of words; or facts, the
    values that a sentence allows, which no encoder can tell more of."""
    tests: bounds.Count = 1024
    """People who are not trained on, whose captions are drawn and judged."""
    judge: bool = True
    """Count how portraits obey their captions, by a judge that is trained once."""
    say: tuple[str, ...] = ()
    """Sentences to draw portraits for, by the finished run in --workdir."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the paper's sizes, for an accelerator."""

    def __post_init__(self):
        bounds.check(self, flags=True)


PRESETS = {
    "laptop": Config(
        run=runs.run("text_to_faces", steps=1500, every=250, batch_size=16),
        data=captioned.Data(),
        model=gan_cls.Config(
            features=64,
            latent=64,
            width=16,
            discriminator_width=16,
            learning_rate=4e-4,
            ema=0.99,
        ),
    ),
    "paper": Config(
        run=runs.run(
            "text_to_faces_paper",
            steps=150_000,
            every=2500,
            batch_size=64,
            log_every=100,
        ),
        data=captioned.Data(people=16_384, sentences=10),
        model=gan_cls.Config(halve_every=25_000),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or goes on training, and measures; or draws sentences."""
    if config.say:
        speak(config)
    else:
        fit(config)


def fit(config: Config) -> Result:
    """Trains, or goes on training, and measures."""
    embed = captioned.embedder(config.encoder)
    model = dataclasses.replace(config.model, text=embed(["a man"]).shape[-1])
    config = dataclasses.replace(config, model=model)
    everyone = captioned.open_people(
        config.data.people, config.data.sentences, model.size
    )
    seen = everyone.chosen(~captions.unseen(everyone.found))
    others = captioned.open_people(config.tests, 1, model.size, "test")
    return train(config, seen, others, embed)


def train(
    config: Config,
    people: captioned.People,
    others: captioned.People,
    embed: captioned.Embed,
) -> Result:
    """Trains on people, with sheets of captions of others and their accuracy."""
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


def drawing(model: gan_cls.Config):
    """`draw(variables, texts, noise)`: portraits as bytes, each on its own.

    Batch norms have the averages of training, as the authors' have.
    """

    @jax.jit
    def draw(variables, texts, noise):
        images = gan_cls.sample(model, variables, texts, noise, "running")
        return pixels.to_bytes(images, captioned.RANGE)

    return draw


def accuracy(
    config: Config, variables: Any, others: captioned.People, embed: captioned.Embed
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

    pictures = {
        "drawn": drawn(embed(others.sentences)),
        "real": others.image,
        "chance": np.roll(others.image, 1, 0),
    }
    return {
        **captioned.judged(pictures, others),
        "variety": variety.measured(drawn, others, embed),
    }


def speak(config: Config) -> None:
    """Draws portraits for sentences, by a run that is only read.

    Raises:
        ValueError: it is no such run, or a sentence cannot be encoded.
    """
    run = inference.open_run(config.run.workdir)
    if run.record is not gan_cls.MODEL:
        raise ValueError(
            f"--workdir {config.run.workdir} is a run of {run.name}; --say takes one"
            " of text_to_faces"
        )
    said = list(config.say)
    texts = np.repeat(captioned.embedder(run.plain["encoder"])(said), COLUMNS, 0)
    noise = gan_cls.latent(run.config, jax.random.key(config.run.seed), len(texts))
    images = np.asarray(drawing(run.config)(run.variables, texts, noise))
    path = config.run.workdir / SAID
    rows = images.reshape(len(said), COLUMNS, *images.shape[1:])
    figures.save_sentences(path, rows, said)
    for sentence in said:
        say(captioned.explained(sentence))


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
