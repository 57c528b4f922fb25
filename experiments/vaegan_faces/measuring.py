"""Measures both models, and draws them side by side."""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from jaxgan import game
from jaxgan.lab import blocks, codes, figures, pixels
from jaxgan.lab.data import Set
from jaxgan.lab.judges import factors
from jaxgan.models import vaegan
from jaxgan.train import directory
from jaxgan.train.terminal import say

TITLES = {"vae": "VAE", "vaegan": "VAE/GAN"}
SHOWN = 10  # people in the picture
BLOCK = 64  # images whose features are compared together


def compared(
    config: Any, opened: Set, trained: Mapping[str, tuple[vaegan.Config, Any]]
) -> None:
    """Measures, draws and writes.

    Args:
        config: of the command.
        opened: the data.
        trained: the configuration and the last state of each model.
    """
    nets = {n: (model, game.variables(state)) for n, (model, state) in trained.items()}
    coders = {n: coder(*both) for n, both in nets.items()}
    judge = None
    if config.judge and factors.readable(config.data.data):
        judge = factors.trained(config.model.resolution)
    features = functools.partial(_features, *nets["vaegan"])
    found = codes.reconstructed(coders, opened, features, judge)
    say("\n".join(codes.sentences(found)))
    numbers: dict[str, Any] = {"reconstructions": found, "edits": {}}
    vectors: dict[str, Any] = {}
    for name, model in coders.items():
        vectors = codes.attributes(model, config.data, opened.shape, config.people)
        numbers["edits"][name] = {
            attribute: codes.edited(model, one, judge)
            for attribute, one in vectors.items()
        }
    path = config.run.workdir / "rows.png"
    draw(path, config, opened, coders, vectors)
    setting = {"steps": config.run.steps, "batch_size": config.run.batch_size}
    about = {"data": opened.about, "seed": config.run.seed, **setting}
    figures.save_results(
        config.run.workdir / directory.RESULTS,
        {**about, **numbers, "tested": len(opened.test["image"])},
    )


def coder(model: vaegan.Config, variables: Any) -> codes.Coder:
    """A model whose codes are the means of the encoder."""
    return codes.coder(
        lambda image: vaegan.encode(model, variables, image)[0],
        functools.partial(vaegan.decode, model, variables),
    )


def draw(path, config, opened, coders, vectors) -> None:
    """Draws a column for each person: what is made of them, with edits by VAE/GAN."""
    images = opened.test["image"][:SHOWN]
    rows = {"input": images}
    rows |= {TITLES[name]: model.again(images) for name, model in coders.items()}
    rows |= codes.rows(coders["vaegan"], vectors, images)
    key = jax.random.key(config.run.seed + 1)
    latent = np.asarray(vaegan.latent(config.model, key, len(images)))
    for name, model in coders.items():
        rows[f"samples, {TITLES[name]}"] = model.decode(latent)
    names = [name.replace("-", "\N{MINUS SIGN}") for name in rows]
    figures.save_rows(path, np.stack(list(rows.values())), names, "a column a person")


def _features(model, variables, images):
    """What the discriminator compares images by, `[N, F]`."""
    see = jax.jit(
        lambda x: vaegan.features(model, variables, pixels.floats(x, codes.RANGE))
    )
    return blocks.in_blocks(see, images, size=BLOCK)
