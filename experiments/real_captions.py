"""A reality check of the text encoder: captions that people wrote (arXiv:1605.05395).

    python -m experiments.real_captions --data nlvr.zip
    python -m experiments.real_captions --data photos --steps 1000 --length 300

Trains the encoder of characters against a small network that looks at the pictures, by
the structured joint embedding, on four fifths of the pictures of a folder or archive
with captions.json (`data.captions`). Then it looks up captions: how often the picture
that a caption was written for is the nearest, or among the nearest five, of pictures
that were trained on, of others, and by chance. Where the list says that some sentences
are not true of their picture, results.json also has the share of pairs of a true and a
false sentence in which the true one has the higher score (half by chance).

A few hundred pictures are learned by heart: what was trained on is found again, which
tests the pipeline, and what was not shows how little that says of language.
"""

import dataclasses
import functools
import pathlib
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import bounds, game
from jaxgan import data as jaxgan_data
from jaxgan.data import transforms
from jaxgan.data.captions import Caption, open_captions
from jaxgan.lab import blocks, cli, session
from jaxgan.lab.judges import captions as judge
from jaxgan.lab.judges import fitting
from jaxgan.models import text_encoder
from jaxgan.train.terminal import say

# The 70 characters of the paper, as those of Zhang et al., arXiv:1509.01626.
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789-,;.!?:'\"/\\|_@#$%^&*~`+=<>()[]{} \n"
NEAR = 5  # pictures that are near
TESTED = 0.2  # of the pictures, which are set aside


@dataclasses.dataclass(frozen=True)
class Config:
    """What to read, and how long to train."""

    data: pathlib.Path
    """A folder or a zip archive of images with captions.json or sentences.json."""
    workdir: pathlib.Path = pathlib.Path("runs/real_captions")
    """Directory for results.json."""
    steps: bounds.Count = 600
    """Steps of training."""
    batch_size: Annotated[int, bounds.Within(2)] = 32
    """Pictures and captions of a step."""
    resolution: bounds.Count = 32
    """Height and width that pictures are brought to, whatever their proportions."""
    length: bounds.Count = 201
    """Characters of the longest caption that is read."""
    width: bounds.Count = 64
    """Channels of the text's convolutions."""
    embedding: bounds.Count = 128
    """Numbers of an embedding."""
    seed: bounds.Seed = 0
    """Of the pictures that are set aside, and of the order of the others."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def main(config: Config) -> None:
    """Trains, looks captions up, and reports."""
    found = open_captions(config.data)
    image = np.stack(
        [
            transforms.resize(
                transforms.to_channels(found.source[i]["image"], 3),
                config.resolution,
                config.resolution,
            )
            for i in range(len(found.source))
        ]
    )
    recipe = text_encoder.Config(
        symbols=len(ALPHABET),
        length=config.length,
        widths=(config.width,) * 3,
        hidden=config.width,
        embedding=config.embedding,
        resolution=config.resolution,
        steps=config.steps,
    )
    order = np.random.default_rng(config.seed).permutation(len(image))
    aside = set(order[: round(TESTED * len(image))].tolist())
    true = [x for x in found.captions if x.true]
    train = [x for x in true if x.place not in aside]
    test = [x for x in true if x.place in aside]
    if len(train) < 2 or len(test) < 2:
        raise ValueError(
            f"{config.data} has {len(true)} true captions of {len(image)} images, too"
            " few to train and to test on; give captions of 10 images or more"
        )
    variables = fit(config, recipe, image, train)
    embed = functools.partial(embedded, recipe, variables, image)
    results: dict[str, Any] = {
        "data": f"{len(image)} images, {sum(len(x.sentences) for x in true)} captions",
        "steps": config.steps,
        "batch_size": config.batch_size,
        "seed": config.seed,
        "device": jax.devices()[0].device_kind,
        "trained on": looked_up(*embed(train[: len(test)])),
        "set aside": looked_up(*embed(test)),
    }
    false = [x for x in found.captions if not x.true and x.place in aside]
    if false:
        right, wrong = (_scores(*embed(x)) for x in (test, false))
        above = right[:, None] > wrong[None]
        results["true above false"] = float(above.mean())
        results["false sentences set aside"] = len(false)
    session.save_json(config.workdir / "results.json", results)
    for name in ("trained on", "set aside"):
        row = results[name]
        say(
            f"{name}: {row['nearest']:.1%} of captions find their picture among"
            f" {row['pictures']} ({row['chance']:.1%} by chance), {row['near']:.1%}"
            f" among the nearest {NEAR}"
        )
    if false:
        share = results["true above false"]
        say(f"a true sentence scores above a false one in {share:.1%} of pairs")
    say(f"done: {config.workdir / 'results.json'}")


def fit(
    config: Config,
    recipe: text_encoder.Config,
    image: np.ndarray,
    train: list[Caption],
) -> game.Variables:
    """Trains both networks; a caption is true of the pictures it was written for."""
    pairs = [(x.place, text) for x in train for text in x.sentences]
    places = np.array([index for index, _ in pairs], np.int32)
    text = judge.tokens(recipe, [text for _, text in pairs], ALPHABET)
    arrays = jax.device_put({"image": image, "place": places, "text": text})

    def batch(arrays, index):
        place = arrays["place"][index]
        same = (place[:, None] == place[None]).astype(jnp.float32)
        return {
            "image": arrays["image"][place].astype(jnp.float32) / 255,
            "text": arrays["text"][index],
            "has": jnp.eye(len(same)),
            "allows": same,
        }

    def items(step):
        plan = jaxgan_data.plan(
            config.seed, step, count=len(pairs), batch_size=config.batch_size
        )
        return (plan["index"],)

    played = game.algorithm(text_encoder.game(recipe))
    shown = ("retrieved", "encoder/retrieved")
    return fitting.fit(played, arrays, batch, items, config.steps, shown)


def embedded(
    recipe: text_encoder.Config,
    variables: game.Variables,
    image: np.ndarray,
    said: list[Caption],
) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings `[N, T]` of pictures, and of the first caption of each."""
    text = judge.tokens(recipe, [x.sentences[0] for x in said], ALPHABET)
    shown = image[[x.place for x in said]].astype(np.float32) / 255
    look = jax.jit(lambda x: text_encoder.embed_images(recipe, variables, x))
    read = jax.jit(lambda x: text_encoder.embed_texts(recipe, variables, x))
    return blocks.in_blocks(look, shown, size=64), blocks.in_blocks(read, text, size=64)


def looked_up(image: np.ndarray, text: np.ndarray) -> dict[str, float]:
    """How often caption i `[N, T]` finds picture i `[N, T]`, first or among a few."""
    scores = text @ image.T
    own = np.diagonal(scores)[:, None]
    rank = (scores > own).sum(1)
    return {
        "pictures": len(image),
        "nearest": float((rank < 1).mean()),
        "near": float((rank < NEAR).mean()),
        "chance": 1 / len(image),
        "near by chance": min(1.0, NEAR / len(image)),
    }


def _scores(image: np.ndarray, text: np.ndarray) -> np.ndarray:
    """How well each caption fits its own picture, beside all of these pictures."""
    scores = text @ image.T
    return np.diagonal(scores) - scores.mean(1)


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
