"""Makes a set of images from the generator of a trained run."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import nn
from jaxgan.lab import inference
from jaxgan.lab.sets import Block, ImageSet, size_of


def drawn(
    generator: inference.Trained,
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
        generator: of `inference.open_run`.
        count: how many images.
        seed: of the latents.
        truncation: the number of standard deviations within which Gaussian latents
            are drawn; 0 for all of them.
        block: images drawn together; 0 takes the batch size of the training.

    Raises:
        ValueError: a model that draws no images, truncation of latents that are not
            Gaussian, or below zero.
    """
    inference.check_draws(generator)
    together = block or generator.plain["run"]["batch_size"]
    classes = generator.classes
    conditional = classes > 0
    if truncation < 0:
        raise ValueError(f"--truncation is {truncation}; it must be at least 0")
    if truncation and not inference.are_gaussian(generator):
        raise ValueError(
            f"--truncation {truncation} is for Gaussian latents, and those of this"
            f" {generator.name} are not: leave it out"
        )

    @jax.jit
    def draw(variables, key, labels):
        latent = inference.latents(generator, key, together)
        if truncation:
            latent = jax.tree.map(lambda z: nn.truncated(z, truncation), latent)
        given = generator._replace(variables=variables)
        images = inference.sampled(given, latent, labels)
        return inference.to_uint8(generator, images), jnp.isfinite(images).all()

    def parts():
        key = jax.random.key(seed)
        for i in range(-(-count // together)):
            first = i * together
            labels = np.arange(first, first + together) % max(1, classes)
            image, good = draw(generator.variables, jax.random.fold_in(key, i), labels)
            if not good:  # as bytes they would be black, and measured as such
                raise ValueError(
                    f"the {generator.name} of step {generator.step:,} draws NaN or"
                    " infinite pixels: it has diverged; measure an earlier state"
                )
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
    )[0].shape[1:]
    name = generator.name
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
        classes=tuple(generator.plain.get("class_names", ())) if conditional else (),
    )
