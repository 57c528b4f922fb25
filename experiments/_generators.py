"""What the generator of a trained run draws, as a set of images."""

import importlib
import inspect
import pathlib
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments import _run
from experiments._image_sets import Block, ImageSet, size_of
from jaxgan import game, nn
from jaxgan.compose import ema_variables


class Generator(NamedTuple):
    """A trained generator of a run.

    Attributes:
        module: the model's.
        config: the model's.
        variables: of all nets.
        step: of training.
        plain: the whole configuration of the run, as it was saved.
    """

    module: Any
    config: Any
    variables: game.Variables
    step: int
    plain: dict[str, Any]


def open_run(run: pathlib.Path, *, ema: bool = True, best: bool = False) -> Generator:
    """The generator of a run, which is only read.

    Args:
        run: its directory.
        ema: whether to take the moving average of the weights.
        best: whether to take the state that scored best, not the latest.

    Raises:
        ValueError: it is no run, has no checkpoint, or its model draws no images.
    """
    plain = _run.configuration(run)
    kind = str(plain.get("game", "")).rpartition(".")[0]
    if not kind.startswith("jaxgan.models."):
        raise ValueError(
            f"{run / 'config.json'} does not say which model it is of; give a run of an"
            " experiment that trains a generator"
        )
    module = importlib.import_module(kind)
    if not hasattr(module, "sample") or not hasattr(module, "latent"):
        raise ValueError(
            f"{run} is a run of {kind.rpartition('.')[2]}, which draws no images from"
            " latents; give the run of a generator"
        )
    batch_size = plain["run"]["batch_size"]
    found = _run.restore(
        run, module, lambda config: batch_for(module, config, batch_size), best=best
    )
    variables = ema_variables(found.state) if ema else game.variables(found.state)
    return Generator(module, found.model, variables, int(found.state.step), plain)


def drawn(
    generator: Generator,
    count: int,
    seed: int,
    *,
    truncation: float = 0.0,
    block: int = 0,
) -> ImageSet:
    """What a generator draws.

    Under batch normalisation an image depends on its company, so images are drawn in
    full blocks of one size, whatever the size of the blocks they are handed on in.

    Args:
        generator: of `open_run`.
        count: how many images.
        seed: of the latents.
        truncation: if positive, Gaussian latents are drawn from what lies within so
            many standard deviations.
        block: images drawn together; 0 takes the batch size of the training.

    Raises:
        ValueError: truncation of latents that are not Gaussian, or below zero.
    """
    module, config = generator.module, generator.config
    together = block or generator.plain["run"]["batch_size"]
    takes_labels = "label" in inspect.signature(module.sample).parameters
    classes = getattr(config, "classes", 10) if takes_labels else 0
    conditional = classes > 0
    if truncation < 0:
        raise ValueError(f"--truncation is {truncation}; it must be at least 0")
    if truncation and getattr(config, "latent_distribution", None) != "normal":
        raise ValueError(
            f"--truncation {truncation} is for Gaussian latents, and this model's are"
            " not declared so (--model.latent-distribution normal)"
        )

    @jax.jit
    def draw(variables, key, labels):
        latent = module.latent(config, key, together)
        if truncation:
            latent = jax.tree.map(lambda z: truncated(z, truncation), latent)
        given = (labels,) if conditional else ()
        image = module.sample(config, variables, latent, *given)
        low, high = getattr(module, "RANGE", (0, 1))
        return nn.to_uint8(2 * (image - low) / (high - low) - 1)

    def parts():
        key = jax.random.key(seed)
        for i in range(-(-count // together)):
            first = i * together
            labels = np.arange(first, first + together) % max(1, classes)
            image = draw(generator.variables, jax.random.fold_in(key, i), labels)
            keep = min(together, count - first)
            yield np.asarray(image)[:keep], labels[:keep]

    def blocks(size):
        held, named = [], []
        there = 0
        for image, labels in parts():
            held.append(image)
            named.append(labels)
            there += len(image)
            while there >= size:
                image, labels = np.concatenate(held), np.concatenate(named)
                yield Block(image[:size], labels[:size] if conditional else None)
                held, named = [image[size:]], [labels[size:]]
                there -= size
        if there:
            labels = np.concatenate(named) if conditional else None
            yield Block(np.concatenate(held), labels)

    shape = jax.eval_shape(
        draw, generator.variables, jax.random.key(0), np.zeros(together, int)
    ).shape[1:]
    name = module.__name__.rpartition(".")[2]
    if len(shape) != 3:
        raise ValueError(f"this {name} draws vectors of {shape}, not images")
    return ImageSet(
        about=f"{name} of step {generator.step:,}: {count:,} samples, {size_of(shape)}",
        protocol={
            "model": name,
            "step": generator.step,
            "trained": generator.plain["run"],
            "images": count,
            "seed": seed,
            "drawn_together": together,
            "truncation": truncation or None,
        },
        count=count,
        shape=shape,
        labelled=conditional,
        blocks=blocks,
    )


def truncated(latent: jax.Array, bound: float) -> jax.Array:
    """Standard normal numbers to truncated ones, each by itself and in order.

    x -> F^-1(F(x)), with the distribution functions of both: what comes out is a normal
    distribution cut off at ±bound, as by drawing again what lies outside.
    """
    cdf = jax.scipy.stats.norm.cdf
    inside = cdf(-bound) + cdf(latent) * (cdf(bound) - cdf(-bound))
    return jnp.clip(jax.scipy.special.ndtri(inside), -bound, bound)


def batch_for(module: Any, config: Any, size: int) -> game.Batch:
    """A batch for the shapes of a state: every key that a game of images may ask for.

    Args:
        module: the model's.
        config: the model's.
        size: examples in it.
    """
    side, channels = getattr(config, "resolution", 28), getattr(config, "channels", 1)
    images, labels = (size, side, side, channels), (size,)
    batch = {
        "image": jnp.zeros(images),
        "labelled": jnp.zeros(images),
        "label": jnp.zeros(labels, jnp.int32),
    }
    repeats = module.game(config).repeats
    if repeats == 1:
        return batch
    return jax.tree.map(lambda x: jnp.broadcast_to(x, (repeats, *x.shape)), batch)
