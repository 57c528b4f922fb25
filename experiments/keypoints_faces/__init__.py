"""Key-points of faces, made up around a few given ones (Reed et al., arXiv:1610.02454).

    python -m experiments.keypoints_faces
    python -m experiments.keypoints_faces --gawwn runs/gawwn_points
    python -m experiments.keypoints_faces --say "a man" --at left_eye 0.4 0.3

GAWWN draws what a sentence says at key-points (`gawwn_faces --model.where points`), but
nobody wants to give all nine. This trains the paper's small generator of the others: of
eyes, brows, nose, mouth and chin it leaves the given ones where they are, and puts the
rest around them, in another way for each noise. keypoints.png has captions of people
who were not trained on: their true points, then those made up with none, one, two or
four of them given, in red.

results.json says how far the points that were put are from the true ones: one draw, the
nearest of sixteen, and, beside them, those of a linear model of the given points, which
has the least squared error and no variety. Also how alike whole sets are to true ones.

With `--gawwn RUN`, faces.png has the faces that this run draws there. With `--say`
nothing is trained: the run in --workdir puts what is not given `--at` a row and a
column, in heights of the picture from 0 to 1. Without flags: one minute of a CPU core,
after 9,216 portraits were drawn once.
"""

import dataclasses
import pathlib
from typing import Annotated, Literal

import numpy as np
import tyro

from experiments.keypoints_faces import drawing, measuring
from jaxgan import bounds, parallel
from jaxgan.compose import ema_variables
from jaxgan.data.synthetic import captions, landmarks
from jaxgan.lab import captioned, inference, placed, runs, session
from jaxgan.lab.session import Result
from jaxgan.models import keypoint_gan
from jaxgan.train import Run
from jaxgan.train.terminal import say

SIDE = 64  # of the portraits whose captions are read, in pixels
ROWS = 5  # captions in pictures
SPOKEN = 8  # sets of points for each sentence that is said
At = tuple[str, bounds.Finite, bounds.Finite]


@dataclasses.dataclass(frozen=True)
class Config:
    """The training of a generator of key-points, or points for one that was trained."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[captioned.Data, tyro.conf.arg(name="")]
    model: keypoint_gan.Config
    encoder: captioned.Encoder = "facts"
    """What captions are embedded by: facts, the values that a sentence allows, which no
    encoder can tell more of; or a network of characters or of words."""
    tests: bounds.Count = 1024
    """People who are not trained on, whose key-points are made up."""
    gawwn: pathlib.Path | None = None
    """A finished run of gawwn_faces --model.where points, which draws the faces."""
    say: tuple[str, ...] = ()
    """Sentences to put key-points for, by the finished run in --workdir."""
    at: tuple[At, ...] = ()
    """Points that are given with --say: a name, a row and a column for each."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: a minute on two cores; paper: the paper's 200 epochs."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        for name, row, column in self.at:
            if name not in landmarks.POINTS:
                raise ValueError(
                    f"--at has {name}; give names among {', '.join(landmarks.POINTS)}"
                )
            if not (0 <= row < 1 and 0 <= column < 1):
                raise ValueError(
                    f"--at has {name} {row:g} {column:g}, which is not in the picture;"
                    " give a row and a column from 0 to less than 1"
                )
        if self.at and not self.say:
            raise ValueError("--at gives points of what is said: give --say as well")


PRESETS = {
    "laptop": Config(
        run=runs.run("keypoints_faces", steps=8000, every=1000, batch_size=64),
        data=captioned.Data(),
        model=keypoint_gan.Config(
            points=placed.POINTS,
            latent=16,
            drop=(0.3, 1.0),
            seeking=0.03,
            learning_rate=1e-3,
            ema=0.999,
        ),
    ),
    "paper": Config(
        run=runs.run(
            "keypoints_faces_paper",
            steps=25_000,  # 200 epochs
            every=2500,
            batch_size=64,
            log_every=100,
        ),
        data=captioned.Data(),
        model=keypoint_gan.Config(points=placed.POINTS),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or goes on training, and measures; or puts points for sentences."""
    faces = drawing.faces(config.gawwn, config.encoder) if config.gawwn else None
    if config.say:
        return speak(config, faces)
    embed = captioned.embedder(config.encoder)
    model = captioned.sized(config.model, embed)
    # What draws the faces is no part of the run, which goes on with it and without.
    config = dataclasses.replace(config, model=model, gawwn=None)
    data = config.data
    everyone = placed.open_people(data.people, data.sentences, SIDE)
    seen = everyone.chosen(~captions.unseen(everyone.people.found))
    others = placed.open_people(config.tests, 1, SIDE, "test")
    train(config, seen, others, embed, faces)


def train(
    config: Config,
    many: placed.Placed,
    others: placed.Placed,
    embed: captioned.Embed,
    faces: drawing.Faces | None,
) -> Result:
    """Trains on the points of many people, with sheets of those of others."""
    work = session.begin("Key-points of GAWWN", config, many.people)
    few = others.chosen(np.arange(min(ROWS, config.tests)))
    true = measuring.truth(few, config.run.seed + 1)
    texts = embed(few.people.sentences)
    sketch = drawing.completed(config.model, texts, true, config.run.seed + 1)
    made = parallel.shared(sketch, work.mesh)

    def show(points):
        return {"points": drawing.sheet(true, np.asarray(points))}

    def measure(state):
        nets, folder = ema_variables(state), config.run.workdir
        points = np.asarray(sketch(nets))
        pictures = {"Points that were put, around red ones": folder / "keypoints.png"}
        said = few.people.sentences
        drawing.save(folder / "keypoints.png", drawing.sheet(true, points), said)
        if faces is not None:
            pictures["Faces that were drawn there"] = folder / "faces.png"
            drawing.save(
                folder / "faces.png", drawing.drawn(faces, texts, true, points), said
            )
        numbers = measuring.measured(config, nets, many, others, embed)
        return Result(numbers, pictures)

    return session.train(
        work,
        keypoint_gan.game(config.model),
        placed.points_feed(many, embed, work.run, work.mesh),
        show=show,
        measure=measure,
        look=lambda state: made(ema_variables(state)),
    )


def speak(config: Config, faces: drawing.Faces | None) -> None:
    """Puts the points that are not given, for sentences, by a run that is only read.

    Raises:
        ValueError: it is no such run, or a sentence cannot be encoded.
    """
    run = inference.open_run_of(
        keypoint_gan.MODEL,
        "--workdir",
        config.run.workdir,
        "--say takes one of keypoints_faces",
    )
    texts = captioned.embedder(run.plain["encoder"])(config.say)
    path = config.run.workdir / "said.png"
    drawing.speak(path, run, config.say, texts, config.at, SPOKEN, faces)
    for sentence in config.say:
        say(captioned.explained(sentence))
