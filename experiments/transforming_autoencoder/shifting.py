"""Makes pairs of shifted digits to train on, and looks at shifted test digits."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxgan import data, game, parallel
from jaxgan.data.synthetic import digits
from jaxgan.lab import blocks, feeds
from jaxgan.lab.capsules import TEST_SEED
from jaxgan.lab.data import Set
from jaxgan.models import transforming_autoencoder as tae
from jaxgan.train import Feed, Run

SHOWN = 12  # digits on a sheet


def pairs(image, seed, position, most: int):
    """Makes a batch from bytes `[B, H, W, C]`: each digit shifted twice, the offset.

    An example is a function of the seed and its position `[B]` in the stream.
    """

    def one(image, position):
        keys = jax.random.split(digits.example_key(seed, position))
        first, second = (digits.random_offset(key, most) for key in keys)
        image = image.astype(jnp.float32) / 255
        return {
            "image": digits.shift(image, first),
            "target": digits.shift(image, second),
            "offset": (second - first).astype(jnp.float32),
        }

    return jax.vmap(one)(jnp.asarray(image), position)


def feed(opened: Set, run: Run, mesh: Mesh) -> Feed:
    """Makes batches of `pairs` on the devices."""
    held = parallel.resident(mesh, opened.train["image"])
    most = opened.data.shift
    return Feed(
        arrays=held,
        items=feeds.positions(run, len(held)),
        prepare=lambda held, item: pairs(
            held[item["index"]], run.seed, item["position"], most
        ),
    )


class Unseen(NamedTuple):
    """Functions that look at test digits with a state of training.

    Attributes:
        number: N, the number of digits.
        errors: `errors(state)`, the mean squared errors of the network's outputs, of
            its inputs, and of the mean digit.
        drawn: `drawn(state)`, input, target and output of some: `[S, 3, H, W, C]`.
        poses: `poses(state, offset [N, 2]) -> (p [N, n], pose [N, n, 2])`, of the
            digits after a shift.
    """

    number: int
    errors: Callable[[Any], dict[str, float]]
    drawn: Callable[[Any], jax.Array]
    poses: Callable[[Any, np.ndarray], Any]


def unseen(config: Any, opened: Set) -> Unseen:
    """Makes compiled looks at the test digits of a set."""
    model, most = config.model, config.data.shift
    images = opened.test["image"]
    mean = jnp.asarray(opened.train["image"].mean(0) / 255)[None]

    @jax.jit
    def shifted(variables, image, position):
        batch = pairs(image, TEST_SEED, position, most)
        out = tae.reconstruct(model, variables, batch["image"], batch["offset"])
        guesses = {"network": out, "input": batch["image"], "mean digit": mean}
        errors = {
            name: jnp.square(guess - batch["target"]).sum((1, 2, 3))
            for name, guess in guesses.items()
        }
        return errors, jnp.stack([batch["image"], batch["target"], out], 1)

    @jax.jit
    def poses(variables, image, offset):
        image = jax.vmap(digits.shift)(image, offset).astype(jnp.float32) / 255
        return tae.poses(model, variables, image)

    def errors(state):
        see = lambda *x: shifted(game.variables(state), *x)[0]  # noqa: E731
        found = blocks.in_blocks(see, images, np.arange(len(images)))
        return {name: float(each.mean()) for name, each in found.items()}

    def drawn(state):
        some = images[data.some(len(images), SHOWN)]
        return shifted(game.variables(state), some, np.arange(len(some)))[1]

    def poses_after(state, offset):
        see = lambda *x: poses(game.variables(state), *x)  # noqa: E731
        return blocks.in_blocks(see, images, np.asarray(offset, np.int32))

    return Unseen(len(images), errors, drawn, poses_after)
