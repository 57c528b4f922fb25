"""Measures how the capsules of digits follow shifts, and shows pooling."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen

from jaxgan import capsules
from jaxgan.data.synthetic import digits
from jaxgan.lab import blocks, capsnets
from jaxgan.models import capsnet

INPUTS = np.array([[0, 3, 2, 0, 0], [0, 0, 3, 2, 0]])
# A filter as wide as the thing to detect, and a threshold that only the whole passes: 3
# + 2 - 4 = 1, while 3 - 4 and 2 - 4 are cut off by the ReLU.
FILTER, BIAS = np.array([1, 1]), -4
POOL = 3  # neighbours that are pooled


def of_classes(model, variables, sets, index, offsets):
    """Shifts some test digits of every class, and measures how capsules follow.

    Args:
        model: the model's config.
        variables: the variables of its nets.
        sets: the sets of digits.
        index: the numbers of test digits, `[digits]` for each class.
        offsets: the shifts `[shifts, 2]`.

    Returns:
        The shifts read off the poses, and numbers, for each class.
    """

    @jax.jit
    def look(variables, image, offset):
        return capsnet.encode(model, variables, jax.vmap(digits.shift)(image, offset))

    read, classes = [], []
    for c, chosen in enumerate(index):
        image = capsnets.images(sets, chosen).repeat(len(offsets), 0)
        every = np.tile(offsets, (len(chosen), 1))
        v = blocks.in_blocks(lambda *x: look(variables, *x), image, every)
        v = v.reshape(len(chosen), len(offsets), *v.shape[1:])
        predicted, found = of_class(v, c, offsets)
        read.append(predicted)
        classes.append({"class": c, "digits": len(chosen), **found})
    return read, classes


def of_class(v: np.ndarray, c: int, offsets: np.ndarray):
    """Measures how the capsules of digits of one class follow shifts.

    Args:
        v: class capsules `[digits, shifts, J, D]`.
        c: the class.
        offsets: the shifts `[shifts, 2]`.

    Returns:
        The shifts read off the poses of the digits that the fit did not use, see `fit`,
        and numbers: how good they are, how good those from lengths alone are, and, by
        the size of the shift, the length and how often it is the largest.
    """
    length, half = np.asarray(capsules.lengths(jnp.asarray(v))), len(v) // 2
    read, r2 = fit(v[:, :, c], offsets, half)
    size = np.abs(offsets).max(1)
    right = length.argmax(2) == c
    return read, {
        "r2_pose": r2.tolist(),
        "r2_lengths": fit(length, offsets, half)[1].tolist(),
        "length": [float(length[:, size == d, c].mean()) for d in np.unique(size)],
        "found": [float(right[:, size == d].mean()) for d in np.unique(size)],
    }


def detect(inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Computes a convolution with a ReLU, and its pooled values: two maps `[N, *]`."""
    x = jnp.asarray(inputs, jnp.float32)
    matched = jax.vmap(lambda row: jnp.correlate(row, jnp.asarray(FILTER * 1.0)))(x)
    maps = linen.relu(matched + BIAS)
    pooled = linen.max_pool(maps[..., None], (POOL,))[..., 0]
    return np.asarray(maps).astype(int), np.asarray(pooled).astype(int)


def fit(x: np.ndarray, offsets: np.ndarray, half: int) -> tuple[np.ndarray, np.ndarray]:
    """Reads shifts off vectors by least squares.

    Args:
        x: vectors `[digits, shifts, D]`.
        offsets: the shifts to read, `[shifts, 2]`.
        half: the number of digits that the fit uses.

    Returns:
        The shifts read off the other digits, `[digits - half, shifts, 2]`, and the
        share of the variance of the shifts that they explain, `[2]`, at best 1.
    """
    x = np.concatenate([x, np.ones_like(x[..., :1])], -1).astype(np.float64)
    target = np.broadcast_to(offsets, (*x.shape[:2], 2)).astype(np.float64)
    known, new = x[:half].reshape(-1, x.shape[-1]), x[half:]
    weights = np.linalg.lstsq(known, target[:half].reshape(-1, 2), rcond=1e-6)[0]
    read = new @ weights
    left = np.square(read - target[half:]).mean((0, 1))
    return read, 1 - left / np.square(target[half:]).mean((0, 1))


def shifted_strip(model, variables, sets, index, steps):
    """Shifts one digit to the right, and draws its capsule: `[2, S, ...]`."""
    c = min(3, len(index) - 1)
    image = jnp.asarray(capsnets.images(sets, index[c][-1]))
    moved = jnp.stack([digits.shift(image, np.array([0, x])) for x in steps])
    v = capsnets.encode(model, variables, moved)
    v = capsules.mask(v, jnp.full(len(steps), c))
    return np.stack([moved, capsnets.decode(model, variables, v)])
