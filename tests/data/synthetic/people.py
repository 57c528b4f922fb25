"""Drawn people for tests, by few compilations."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.synthetic import faces

SIZE = 32


@functools.partial(jax.jit, static_argnames="size")
def draw(batch, size=SIZE):
    """All pictures of a test file come from one compiled function per batch size."""
    return jax.vmap(lambda factors: faces.render(factors, size))(batch)


@jax.jit
def find(batch):
    return jax.vmap(faces.boxes)(batch)


sample = jax.jit(jax.vmap(faces.sample_factors))


def stack(*people):
    """Eight faces, so that every test shares one compilation."""
    people = people + (people[-1],) * (8 - len(people))
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *people)


def pictures(*people):
    return np.asarray(draw(stack(*people)))[: len(people)].astype(np.int32)


def parts(person):
    found = find(stack(person))
    return {name: np.asarray(box[0]) for name, box in found.items()}


def changed(before, after):
    """Per pixel, the largest change of a channel, in levels."""
    return np.abs(after - before).max(-1)


def inside(box, margin=0.0):
    """A mask of the pixels in a box, widened by a margin in image units."""
    middle = (np.arange(SIZE) + 0.5) / SIZE
    rows = (middle > box[0] - margin) & (middle < box[2] + margin)
    columns = (middle > box[1] - margin) & (middle < box[3] + margin)
    return rows[:, None] & columns[None]
