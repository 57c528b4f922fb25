"""Styles of portraits, given to what captions say (Reed et al., arXiv:1605.05396).

    python -m experiments.style_transfer --run runs/text_to_faces

A GAN-CLS draws a caption from noise, which decides what the caption leaves open: the
style. As in section 4.5 of the paper, an encoder of styles learns to find the noise of
what the finished run draws, by squared error; no player is trained. Then it looks at
true portraits of people who were not trained on, and their styles are given to other
captions: styles.png has a row a portrait and a column a caption.

results.json has the share of the variance of the noise that the encoder explains; how
well styles tell pairs of true portraits with the same wall from pairs with other walls
(the area under the ROC curve of their cosines, half by chance; the paper does this with
colours of backgrounds); and how often a drawn portrait has the wall of the portrait
that gave the style, beside chance, for captions that state no wall.
"""

import dataclasses
import functools
import pathlib
import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import bounds, game
from jaxgan.data.synthetic import captions
from jaxgan.lab import blocks, captioned, cli, figures, inference, session, told
from jaxgan.lab.judges import attributes, fitting
from jaxgan.models import factor_regressor, gan_cls
from jaxgan.train.terminal import say

ROWS, COLUMNS = 6, 6  # of the picture: portraits, and captions
BLOCK = 256  # portraits drawn or looked at together
STYLES = "styles.png"


@dataclasses.dataclass(frozen=True)
class Config:
    """The run whose styles are found, and how long to look for them."""

    run: pathlib.Path
    """Directory of a run of text_to_faces; it is only read."""
    workdir: pathlib.Path = pathlib.Path("runs/style_transfer")
    """Directory for the picture and the numbers."""
    steps: bounds.Count = 600
    """Steps of the encoder of styles."""
    batch_size: bounds.Count = 32
    """Portraits drawn for each of them."""
    width: bounds.Count = 16
    """Channels of the encoder's first maps."""
    tests: bounds.Count = 512
    """People who are not trained on, whose styles are found."""
    seed: bounds.Seed = 0
    """Of the noise."""

    def __post_init__(self):
        bounds.check(self, flags=True)


class Encoder(NamedTuple):
    """A trained encoder of styles, as `models.factor_regressor` has it."""

    config: factor_regressor.Config
    variables: game.Variables

    def find(self, images: np.ndarray) -> np.ndarray:
        """The styles `[N, Z]` of bytes `[N, S, S, 3]`."""

        @jax.jit
        def see(images):
            unit = images.astype(jnp.float32) / 255
            return factor_regressor.read(self.config, self.variables, unit).numbers

        return blocks.in_blocks(see, images, size=BLOCK)


def main(config: Config) -> None:
    """Trains the encoder of styles, then measures and draws."""
    run = inference.open_run_of(
        gan_cls.MODEL, "--run", config.run, "give one of text_to_faces"
    )
    embed, data = captioned.embedder(run.plain["encoder"]), run.plain["data"]
    size = run.config.size
    everyone = captioned.open_people(data["people"], data["sentences"], size)
    others = captioned.open_people(config.tests, 1, size, "test")
    encoder = fit(config, run, embed(everyone.sentences))
    draw = functools.partial(told.drawing(run.config), run.variables)
    found = encoder.find(others.image)
    numbers = {
        "explained": explained(config, run, encoder, draw, embed(others.sentences)),
        "same wall": same_style(found, others.found["wall"]),
        **transferred(draw, others, found, embed),
    }
    few = others.chosen(np.arange(min(ROWS, config.tests)))
    picture(config.workdir / STYLES, draw, few, found, others, embed)
    figures.save_results(
        config.workdir / "results.json",
        {
            **{"data": others.about, "steps": config.steps, "seed": config.seed},
            "batch_size": config.batch_size,
            "device": jax.devices()[0].device_kind,
            **numbers,
        },
    )
    say(f"{numbers['explained']:.1%} of the variance of the noise is explained")


def fit(config: Config, run: inference.Trained, texts: np.ndarray) -> Encoder:
    """Trains an encoder on what the run draws for captions `[N, T]`."""
    latent = run.config.latent
    recipe = factor_regressor.Config(
        resolution=run.config.size,
        numbers=latent,
        binaries=0,
        width=config.width,
        steps=config.steps,
    )

    def batch(arrays, step):
        keys = jax.random.split(jax.random.fold_in(jax.random.key(config.seed), step))
        count = config.batch_size
        index = jax.random.randint(keys[0], (count,), 0, len(texts))
        noise = gan_cls.latent(run.config, keys[1], count)
        drawn = gan_cls.sample(
            run.config, arrays["nets"], arrays["texts"][index], noise, "running"
        )
        return {
            "image": (drawn + 1) / 2,
            "number": noise,
            "known": jnp.ones_like(noise),
            "binary": jnp.zeros((count, 0)),
        }

    played = game.algorithm(factor_regressor.game(recipe))
    arrays = jax.device_put({"nets": run.variables, "texts": texts})
    shown = ("error", "regressor/squared")
    variables = fitting.fit(
        played, arrays, batch, lambda step: (np.uint32(step),), config.steps, shown
    )
    return Encoder(recipe, variables)


def explained(
    config: Config, run: inference.Trained, encoder: Encoder, draw: Any, texts: Any
) -> float:
    """The share of the variance of new noise that the encoder explains."""
    key = jax.random.key(config.seed + 1)
    noise = np.asarray(gan_cls.latent(run.config, key, len(texts)))
    found = encoder.find(blocks.in_blocks(draw, texts, noise, size=BLOCK))
    return float(1 - np.square(found - noise).mean() / np.square(noise).mean())


def same_style(styles: np.ndarray, kind: np.ndarray) -> float:
    """The area under the ROC curve of cosines, as a sign that kinds are the same.

    Args:
        styles: `[N, Z]`.
        kind: integers `[N]`, at least two of them the same and two not.
    """
    unit = styles / np.linalg.norm(styles, axis=1, keepdims=True)
    one, other = np.triu_indices(len(unit), 1)
    cosine, same = (unit @ unit.T)[one, other], (kind[one] == kind[other])
    rank = np.empty(len(cosine))
    rank[np.argsort(cosine)] = np.arange(len(cosine))
    yes, no = same.sum(), (~same).sum()
    return float((rank[same].sum() - yes * (yes - 1) / 2) / (yes * no))


def transferred(
    draw: Any, others: captioned.People, styles: np.ndarray, embed: captioned.Embed
) -> session.Numbers:
    """How often captions of the next person have the wall of who gave the style."""
    said = [*others.sentences[1:], others.sentences[0]]
    silent = np.array(["wall" not in captions.read(sentence) for sentence in said])
    if not silent.any():
        return {}
    drawn = blocks.in_blocks(draw, embed(said), styles, size=BLOCK)
    judge = attributes.trained()
    seen = judge.read(captioned.resized(drawn, attributes.SIDE))["wall"][silent]
    own = others.found["wall"][silent]
    kinds = len(captions.ATTRIBUTES["wall"])
    shares = [np.bincount(x, minlength=kinds) / len(x) for x in (seen, own)]
    return {
        "wall kept": float((seen == own).mean()),
        "wall kept by chance": float(shares[0] @ shares[1]),
    }


def picture(
    path: pathlib.Path,
    draw: Any,
    few: captioned.People,
    styles: np.ndarray,
    others: captioned.People,
    embed: captioned.Embed,
) -> None:
    """Writes portraits, and behind each captions that are drawn in its style."""
    rows = len(few.image)
    said: Sequence[str] = others.sentences[rows : rows + COLUMNS] or few.sentences
    texts = np.tile(embed(said), (rows, 1))
    noise = np.repeat(styles[:rows], len(said), 0)
    drawn = np.asarray(draw(texts, noise)).reshape(rows, -1, *few.image.shape[1:])
    tiles = np.concatenate([few.image[:, None], drawn], 1)
    side = max(1, 128 // tiles.shape[2])
    tiles = tiles.repeat(side, 2).repeat(side, 3) / np.float32(255)
    count, columns, height = tiles.shape[:3]
    above = ["style of", *(textwrap.fill(text, 16) for text in said)]
    lines = 1 + max(text.count("\n") for text in above)
    size = 0.5 + columns * height / 95, 0.6 + 0.2 * lines + count * height / 95
    figure = figures.new(*size)
    figures.tiles(figure.subplots(), tiles, [""] * count, above)
    figures.save(path, figure, "a row a portrait, a column a caption in its style")


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
