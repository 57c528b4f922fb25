"""The models to plan for, counted by hand and as lowered for a TPU."""

import functools
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.game import Game, algorithm
from jaxgan.lab.counting import costs, networks
from jaxgan.lab.counting.costs import Model
from jaxgan.lab.counting.networks import Net, Play
from jaxgan.models import capsnet, dcgan, gan

ADVERSARIAL = {
    "generator": Play(forward=1, train=1, average=True),
    "discriminator": Play(through=1, train=2, beside=2),
}
BIGGAN = {  # two updates of the discriminator to one of the generator
    "generator": Play(forward=2, train=1, average=True),
    "discriminator": Play(through=1, train=4, beside=2, updates=2),
}


class Subject(NamedTuple):
    """A model of the library, to lower and to count by hand.

    Attributes:
        game: the game whose step it is.
        batch: `batch(B)` returns the shapes of a batch.
        nets: the counts of each net by hand, and how a step uses it.
        image: the bytes of an example.
        size: the batch size of the paper.
    """

    game: Game
    batch: Callable[[int], Any]
    nets: dict[str, tuple[Net, Play]]
    image: int
    size: int


def library() -> dict[str, Subject]:
    """Makes the models of the library to plan for."""

    def photos(side: int, count: int):
        return {"image": jax.ShapeDtypeStruct((count, side, side, 3), jnp.float32)}

    def digits(count: int):
        return {
            "image": jax.ShapeDtypeStruct((count, 28, 28, 1), jnp.float32),
            "label": jax.ShapeDtypeStruct((count,), jnp.int32),
        }

    found = {}
    for side in (64, 128):
        config = dcgan.Config(resolution=side, dtype="bfloat16")
        nets = networks.dcgan(side, config.width, config.latent, config.kernel)
        found[f"dcgan {side}"] = Subject(
            dcgan.game(config),
            functools.partial(photos, side),
            {name: (net, ADVERSARIAL[name]) for name, net in nets.items()},
            side * side * 3,
            128,
        )
    found["capsnet"] = Subject(
        capsnet.game(capsnet.Config(dtype="bfloat16")),
        digits,
        {name: (net, Play()) for name, net in networks.capsnet().items()},
        28 * 28,
        128,
    )
    narrow = gan.Config(hidden=(128, 128), maxout=(32, 32))
    for name, config in (("gan", gan.Config()), ("gan, 128 units", narrow)):
        game = gan.game(config)
        found[name] = Subject(game, digits, _dense(game, digits(2)), 28 * 28, 100)
    return found


def counted(subject: Subject) -> Model:
    """Makes a model with the operations of its step, as lowered for a TPU.

    Two batch sizes show which operations grow with the batch.
    """
    small, large = 8, 16
    own = algorithm(subject.game)
    state = jax.eval_shape(
        own.init, jax.random.key(0), subject.batch(small)
    )  # the sizes of parameters do not depend on the batch
    flops, text = [], ""
    for size in (small, large):
        traced = jax.jit(own.step).trace(state, subject.batch(size))
        lowered = traced.lower(lowering_platforms=("tpu",))
        flops.append(float((lowered.cost_analysis() or {})["flops"]))
        text = lowered.as_text()
    slope = (flops[1] - flops[0]) / (large - small)
    launches = len(re.findall(r"stablehlo\.(?:convolution|dot_general|reduce)\b", text))
    fixed = flops[0] - small * slope
    return Model(subject.nets, slope, fixed, subject.image, 1, subject.size, launches)


def biggan() -> Model:
    """BigGAN at 128 pixels, counted by hand; the batch of the paper is 2048."""
    nets = {name: (net, BIGGAN[name]) for name, net in networks.biggan().items()}
    flops, image = costs.operations(nets), 128 * 128 * 3
    return Model(nets, flops, 0.0, image, 2, 2048, 0)


def _dense(game: Game, batch: Any) -> dict[str, tuple[Net, Play]]:
    """Nets of dense layers, counted from their parameters."""
    state = jax.eval_shape(algorithm(game).init, jax.random.key(0), batch)
    nets = {}
    for name, params in state.params.items():
        leaves = jax.tree.leaves(params)
        products = [leaf for leaf in leaves if leaf.ndim > 1]
        nets[name] = (
            Net(
                sum(leaf.size for leaf in leaves),
                sum(leaf.size for leaf in products),
                sum(leaf.size // leaf.shape[0] for leaf in products),
                arrays=len(products),
            ),
            ADVERSARIAL[name],
        )
    return nets
