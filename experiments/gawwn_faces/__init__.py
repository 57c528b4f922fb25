"""GAWWN on faces: sentences say what to draw, boxes or key-points say where.

    python -m experiments.gawwn_faces
    python -m experiments.gawwn_faces --model.where points
    python -m experiments.gawwn_faces --say "an old man with glasses" --box 0 0 0.5 0.5

Trains on drawn portraits with captions, after Reed et al. (arXiv:1610.02454). They are
moved and scaled in the picture, and the box around the head and the key-points of the
face with them (`lab.placed`). words.png has captions of people who were not trained on,
each drawn from one noise while the box moves, shrinks and stretches, and the key-points
with it. results.json says how far what was drawn is from where it was asked for, by a
judge that knows pictures alone, and how often the face obeys its caption, when it is
cut out there; both beside real portraits (the limit) and chance.

With `--say` nothing is trained: sentences are drawn in `--box` (top, left, bottom and
right, from 0 to 1) by the run in --workdir, into said.png. Without other flags: 8,192
portraits of 64x64, narrow networks whose discriminator's vectors have no batch norms,
some minutes of one CPU core; the judges take some more, once (`--no-judge`).
"""

import dataclasses
from typing import Annotated, Literal

import numpy as np
import tyro

from experiments.gawwn_faces import drawing
from jaxgan import bounds, parallel
from jaxgan.compose import ema_variables
from jaxgan.data.synthetic import captions
from jaxgan.lab import captioned, inference, placed, runs, session
from jaxgan.lab.session import Result
from jaxgan.models import gawwn
from jaxgan.train import Run
from jaxgan.train.terminal import say

ROWS = 6  # captions in pictures
SPOKEN = 8  # portraits for each sentence that is said
WORDS, SAID = "words.png", "said.png"


@dataclasses.dataclass(frozen=True)
class Config:
    """The training of a GAWWN, or sentences for one that was trained."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[captioned.Data, tyro.conf.arg(name="")]
    model: gawwn.Config
    encoder: captioned.Encoder = "facts"
    """What captions are embedded by: facts, the values that a sentence allows, which no
    encoder can tell more of; or a network of characters or of words."""
    tests: bounds.Count = 1024
    """People who are not trained on, whose captions are drawn and judged."""
    judge: bool = True
    """Measure where and what is drawn, by judges that are trained once."""
    say: tuple[str, ...] = ()
    """Sentences to draw portraits for, by the finished run in --workdir."""
    box: tuple[bounds.Finite, bounds.Finite, bounds.Finite, bounds.Finite] = (
        *(0.2, 0.27),
        *(0.76, 0.73),
    )
    """Where: top, left, bottom and right of the head, in image heights."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the paper's sizes, for an accelerator."""

    def __post_init__(self):
        bounds.check(self, flags=True)


PRESETS = {
    "laptop": Config(
        run=runs.run("gawwn_faces", steps=3000, every=500, batch_size=16),
        data=captioned.Data(),
        model=gawwn.Config(
            resolution=64,
            points=placed.POINTS,
            latent=64,
            width=16,
            vector_norms=False,
            learning_rate=4e-4,
            ema=0.99,
        ),
    ),
    "paper": Config(
        run=runs.run(
            "gawwn_faces_paper",
            steps=270_000,  # 600 epochs
            every=4500,
            batch_size=16,
            log_every=100,
        ),
        data=captioned.Data(),
        model=gawwn.Config(points=placed.POINTS, halve_every=45_000),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or goes on training, and measures; or draws sentences."""
    if config.say:
        return speak(config)
    embed = captioned.embedder(config.encoder)
    model = captioned.sized(config.model, embed)
    config = dataclasses.replace(config, model=model)
    size, data = model.resolution, config.data
    everyone = placed.open_people(data.people, data.sentences, size)
    seen = everyone.chosen(~captions.unseen(everyone.people.found))
    others = placed.open_people(config.tests, 1, size, "test")
    train(config, seen, others, embed)


def train(
    config: Config,
    many: placed.Placed,
    others: placed.Placed,
    embed: captioned.Embed,
) -> Result:
    """Trains on people, with sheets of captions of others at several places."""
    work = session.begin("GAWWN", config, many.people)
    few = others.chosen(np.arange(min(ROWS, config.tests)))
    sketch = drawing.moves(config.model, few, embed, config.run.seed + 1)
    tiles = parallel.shared(sketch, work.mesh)

    def show(images):
        rows = np.asarray(images).reshape(len(few.head), -1, *images.shape[1:])
        return {"moved": rows}

    def measure(state):
        nets, path = ema_variables(state), config.run.workdir / WORDS
        drawing.picture(path, config.model, few, show(sketch(nets))["moved"])
        numbers = drawing.measured(config, nets, others, embed) if config.judge else {}
        return Result(numbers, {"Captions, drawn where the marks are": path})

    return session.train(
        work,
        gawwn.game(config.model),
        placed.feed(many, embed, work.run, work.mesh),
        show=show,
        measure=measure,
        look=lambda state: tiles(ema_variables(state)),
    )


def speak(config: Config) -> None:
    """Draws portraits for sentences in a box, by a run that is only read.

    Raises:
        ValueError: it is no such run, a sentence cannot be encoded, or the box is not
            in the picture.
    """
    run = inference.open_run_of(
        gawwn.MODEL, "--workdir", config.run.workdir, "--say takes one of gawwn_faces"
    )
    texts = captioned.embedder(run.plain["encoder"])(config.say)
    drawing.speak(config.run.workdir / SAID, run, config.say, texts, config.box, SPOKEN)
    for sentence in config.say:
        say(captioned.explained(sentence))
