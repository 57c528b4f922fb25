"""StackGAN on faces: a caption becomes a sketch, and the sketch a portrait.

    python -m experiments.stackgan_faces
    python -m experiments.stackgan_faces --encoder characters
    python -m experiments.stackgan_faces --preset paper

Trains `stage1` and then `stage2` on drawn portraits with captions, after Zhang et al.
(arXiv:1612.03242). Captions state some of what is seen, in many words; networks are
told of what the grammar reads in them, or of `--encoder`'s embedding. A discriminator
learns to tell portraits with their captions from portraits with captions that are not
true of them, and from what is drawn. words.png shows captions of people who were not
trained on, and under each other what both stages draw for the same noise. results.json
has the caption accuracy: the share of all that captions state that a judge, who knows
pictures alone, finds in what was drawn for them, beside real portraits, and beside
portraits of other people (chance). Captions with a pair of attributes that no training
caption has are counted by themselves. How different two portraits of one caption are is
measured too: `--model.seeking` keeps them apart in stage I.

Without flags: 8,192 portraits, 32x32 and then 64x64, narrow networks, ten minutes of
one CPU core; the judge is trained once, in some minutes.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Callable
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
from jaxgan.models import stackgan
from jaxgan.train import Run

CAPTIONS, DRAWN = 6, 7  # of the picture: captions, and portraits for each
BLOCK = 256  # portraits drawn together, by whose statistics they are normalised
WORDS = "words.png"


@dataclasses.dataclass(frozen=True)
class Config:
    """The training of both stages of a StackGAN."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[captioned.Data, tyro.conf.arg(name="")]
    model: stackgan.Config
    stage2_steps: bounds.Count = 1500
    """Steps of stage II."""
    stage2_batch: bounds.Count = 16
    """Portraits in a minibatch of stage II, which are larger."""
    encoder: captioned.Encoder = "facts"
    """What captions are embedded by: facts, the values that a sentence allows, which no
    encoder can tell more of; or a network of characters or of words."""
    tests: bounds.Count = 1024
    """People who are not trained on, whose captions are drawn and judged."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the paper's sizes, for an accelerator."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if self.model.stage != 1:
            raise ValueError(
                f"--model.stage is {self.model.stage}; leave it out, as both stages are"
                " trained in turn"
            )


@dataclasses.dataclass(frozen=True)
class Part(runs.Part):
    """The run of one stage."""

    encoder: captioned.Encoder = "facts"


PRESETS = {
    "laptop": Config(
        run=runs.run("stackgan_faces", steps=800, every=200, batch_size=32),
        data=captioned.Data(),
        model=stackgan.Config(
            low=32,
            high=64,
            condition=64,
            latent=64,
            width=24,
            blocks=2,
            discriminator_width=24,
            seeking=0.1,
            learning_rate=4e-4,
            ema=0.99,
        ),
    ),
    "paper": Config(
        run=runs.run(
            "stackgan_faces_paper",
            steps=120_000,
            every=2000,
            batch_size=64,
            log_every=100,
        ),
        data=captioned.Data(people=16_384),
        model=stackgan.Config(halve_every=10_000),
        stage2_steps=120_000,
        stage2_batch=64,
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains the missing stages, then draws captions."""
    embed = captioned.embedder(config.encoder)
    model = captioned.sized(config.model, embed)
    second = {"steps": config.stage2_steps, "batch_size": config.stage2_batch}
    stages = {}
    for stage, changes in (1, {}), (2, second):
        own = dataclasses.replace(model, stage=stage)
        part = runs.part(config, f"stage{stage}", own, **changes)
        stages[f"stage{stage}"] = Part(**vars(part), encoder=config.encoder)

    @functools.cache
    def people(split, number):
        each = config.data.sentences if split == "train" else 1
        return captioned.open_people(number, each, model.high, split)

    def fit(name, part, start):
        everyone = people("train", config.data.people)
        seen = everyone.chosen(~captions.unseen(everyone.found))
        others = people("test", config.tests)
        return train(name, part, seen, others, embed, start)

    results = runs.in_stages(stages, fit, stackgan.next_stage)
    session.only_main()
    path = config.run.workdir / WORDS
    draw(path, stages["stage2"], people("test", config.tests), embed)
    numbers = {name: result.numbers for name, result in results.items()}
    caption = "Captions, and what is drawn for them: stage I above stage II"
    figures.write("StackGAN", config.run.workdir, numbers, {caption: path})


def train(
    name: str,
    part: Part,
    people: captioned.People,
    others: captioned.People,
    embed: captioned.Embed,
    start: Callable[[Any], Any] | None,
) -> Result:
    """Trains a stage, with sheets of captions of others and their accuracy at the end.

    Args:
        name: of the stage.
        part: its run.
        people: to train on.
        others: to test on.
        embed: embeds sentences.
        start: makes the first state, as in `session.train`.
    """
    work = session.begin(f"StackGAN, {name}", part, people)
    few = others.chosen(np.arange(min(8, len(others.image))))
    sketch = drawing(part.model, jax.random.key(part.run.seed + 1))
    texts = embed(few.sentences)
    tiles = parallel.shared(
        lambda nets: sketch(nets, np.repeat(texts, 8, 0))[-1], work.mesh
    )

    def show(images):
        return {"captions": np.asarray(images).reshape(-1, 8, *images.shape[1:])}

    def measure(state):
        numbers = accuracy(part, ema_variables(state), others, embed)
        last = figures.last_sheet_file(part.run, "captions")
        lines = "; ".join(few.sentences)
        return Result(numbers, {f"A row a caption: {lines}": last})

    return session.train(
        work,
        stackgan.game(part.model),
        captioned.feed(people, embed, work.run, work.mesh),
        show=show,
        measure=measure,
        start=start,
        look=lambda state: tiles(ema_variables(state)),
    )


def drawing(model: stackgan.Config, key: jax.Array) -> Callable[..., list[jax.Array]]:
    """`draw(variables, text)` of a stage: bytes of its images, and of sketches first.

    Batch norms have the statistics of the whole batch, so give many captions.
    """

    @jax.jit
    def draw(variables, text):
        latent = stackgan.latent(model, key, len(text))
        images = stackgan.stages(model, variables, text, latent)
        return [pixels.to_bytes(image, captioned.RANGE) for image in images]

    return draw


def accuracy(
    part: Part, variables: Any, others: captioned.People, embed: captioned.Embed
) -> Numbers:
    """Judges what is drawn for the captions of others, real portraits, and chance.

    It also says how different two portraits of one caption are.
    """
    stage = functools.partial(
        drawing(part.model, jax.random.key(part.run.seed + 2)), variables
    )

    def draw(texts):
        return blocks.in_blocks(stage, texts, size=BLOCK)

    made = draw(embed(others.sentences))
    pictures = {f"stage{i}": image for i, image in enumerate(made, 1)}
    pictures |= {
        "real": others.image,
        "real_small": captioned.resized(others.image, part.model.low),
    }
    sized = captioned.resized(others.image, part.model.size)
    alike = variety.measured(
        lambda texts: draw(texts)[-1], dataclasses.replace(others, image=sized), embed
    )
    return {**captioned.judged(pictures, others), "variety": alike}


def draw(
    path: pathlib.Path,
    part: Part,
    others: captioned.People,
    embed: captioned.Embed,
) -> None:
    """Draws captions of others several times, stage I above stage II.

    The rest of a block is drawn with them, for the statistics of batch norms.
    """
    run = inference.open_run(part.run.workdir)
    said = others.sentences[:CAPTIONS]
    rest = others.sentences[CAPTIONS : CAPTIONS + BLOCK]
    texts = embed([*np.repeat(said, DRAWN), *rest])
    made = drawing(run.config, jax.random.key(part.run.seed + 3))(run.variables, texts)
    side = run.config.high
    larger = [np.asarray(x).repeat(side // x.shape[1], 1) for x in made]
    rows = [x.repeat(side // x.shape[2], 2) for x in larger]
    pairs = np.stack(rows, 1)[: len(said) * DRAWN]
    pairs = pairs.reshape(len(said), DRAWN, 2, side, side, 3).swapaxes(1, 2)
    pairs = pairs.reshape(2 * len(said), DRAWN, side, side, 3)
    labels = [label for sentence in said for label in (sentence, "")]
    figures.save_sentences(path, pairs, labels)


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
