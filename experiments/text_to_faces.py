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
from typing import Annotated, Literal

import jax
import numpy as np
import tyro

from jaxgan import bounds
from jaxgan.lab import captioned, cli, figures, inference, runs, told
from jaxgan.models import gan_cls
from jaxgan.train import Run
from jaxgan.train.terminal import say

SPOKEN = 8  # portraits for each sentence that is said
SAID = "said.png"


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
            seeking=0.1,  # without it all portraits of a caption are alike
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
        return speak(config)
    model = captioned.sized(config.model, captioned.embedder(config.encoder))
    told.train(dataclasses.replace(config, model=model))


def speak(config: Config) -> None:
    """Draws portraits for sentences, by a run that is only read.

    Raises:
        ValueError: it is no such run, or a sentence cannot be encoded.
    """
    run = inference.open_run_of(
        gan_cls.MODEL,
        "--workdir",
        config.run.workdir,
        "--say takes one of text_to_faces",
    )
    said = list(config.say)
    texts = np.repeat(captioned.embedder(run.plain["encoder"])(said), SPOKEN, 0)
    noise = gan_cls.latent(run.config, jax.random.key(config.run.seed), len(texts))
    images = np.asarray(told.drawing(run.config)(run.variables, texts, noise))
    path = config.run.workdir / SAID
    rows = images.reshape(len(said), SPOKEN, *images.shape[1:])
    figures.save_sentences(path, rows, said)
    for sentence in said:
        say(captioned.explained(sentence))


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
