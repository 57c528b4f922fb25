"""Matrix capsules with EM routing: a convolution, two grids of capsules, and classes.

Hinton, Sabour and Frosst, "Matrix capsules with EM routing" (ICLR 2018): a capsule has
a 4 × 4 pose and an activation. Those below vote for the poses above, EM clusters the
votes, and the class whose capsule is most active is the one that is seen. Training is
by the spread loss, whose margin rises from 0.2 to 0.9.

`Config()` is the network of the paper's figure 1 for MNIST. Differences: the amount of
data in a capsule's cost is relative to its mean (`share`; "sum" is printed), and 1 is
added to variances (`variance`), without which small networks hardly began to learn in
our trials. The paper does not give Adam's step size, nor the steps in which the margin
rises.
"""

import dataclasses
import functools
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
from flax import linen

from jaxgan import bounds, capsules, losses, nn
from jaxgan.capsules.em import annealed
from jaxgan.game import Game, Move, Player, Variables, pure
from jaxgan.models import capsnet
from jaxgan.models.capsnet import check_image, optimizer
from jaxgan.models.model import Model
from jaxgan.models.parts.classes import Classes, known


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the sizes are the paper's."""

    objects: ClassVar[int] = 1
    """Objects in an image."""
    resolution: bounds.Count = 28
    """Height and width of the images."""
    channels: bounds.Count = 1
    """Channels of the images."""
    classes: Classes = 10
    """Class capsules; None for as many as the data has."""
    features: bounds.Count = 32
    """Channels of the convolution: A of the paper."""
    types: tuple[bounds.Count, bounds.Count, bounds.Count] = (32, 32, 32)
    """Capsules at every position of the three grids: B, C and D of the paper."""
    iterations: bounds.Depth = 3
    """Of routing."""
    inverse_temperature: bounds.Rate = 4.0
    """What λ tends to in the iterations of routing; the authors took 0.01 with sum."""
    share: Literal["mean", "sum"] = "mean"
    """The amount of data in a capsule's cost: relative to its mean, or the sum."""
    variance: bounds.Rate = 1.0
    """What is added to the variances of votes; the authors' released code: 0.0005."""
    coordinates: bool = True
    """Whether class capsules are told of the positions of those below."""
    margin_steps: bounds.Count = 20_000
    """Steps in which the margin of the spread loss rises from 0.2 to 0.9."""
    learning_rate: bounds.Rate = 1e-2
    """Adam's first step size."""
    decay_steps: bounds.Count = 2000
    """Steps in which the step size falls to 0.96 of its value."""

    def __post_init__(self):
        bounds.check(self)
        if self.resolution < 17:
            raise ValueError(
                f"resolution is {self.resolution}; the windows of the convolution and"
                " of two grids of capsules need at least 17: enlarge the images"
            )


STRIDES = (2, 1)
"""Distances between the windows of the second and of the third grid."""

SMALL_NORB = Config(resolution=32, channels=2, classes=5)
"""32x32 crops of stereo pairs; the two views are channels."""


class Encoder(linen.Module):
    """Images `[B, H, W, C]` in [0, 1] to class capsules."""

    config: Config

    @linen.compact
    def __call__(self, image: jax.Array, *, return_coupling: bool = False):
        """Encodes a batch.

        Returns:
            Poses `[B, J, 4, 4]` and activations `[B, J]`; with the coupling, a pair of
            those and a list of `(activations below, R)` for the three layers that
            route, as `matrix.conv_em` and `matrix.class_em` return R.
        """
        c = self.config
        check_image(image, c.resolution, c.channels)
        routing = capsules.Routing(
            c.iterations,
            functools.partial(annealed, final=c.inverse_temperature),
            c.share,
            c.variance,
        )
        x = nn.Conv(
            c.features,
            5,
            2,
            padding="VALID",
            kernel_init=linen.initializers.he_normal(),
        )(image)
        first, second, third = c.types
        grid: Any = capsules.MatrixPrimaryCaps(first)(linen.relu(x))
        layers = (
            capsules.ConvCaps(second, stride=STRIDES[0], routing=routing),
            capsules.ConvCaps(third, stride=STRIDES[1], routing=routing),
            capsules.MatrixClassCaps(known(c.classes), routing, c.coordinates),
        )
        seen = []
        for layer in layers:
            below = grid.activations
            grid = layer(grid, return_coupling=return_coupling)
            if return_coupling:
                grid, r = grid
                seen.append((below, r))
        return (grid, seen) if return_coupling else grid


def game(config: Config) -> Game:
    """One player. Batches are `{"image": [B, H, W, C] in [0, 1], "label": int [B]}`."""
    encoder = pure(Encoder(config), "encoder")
    adam = optimizer(config.learning_rate, config.decay_steps)

    def loss(variables, batch, turn):
        labels = batch["label"]
        seen, variables = encoder(variables, batch["image"])
        margin = margin_at(config, turn.step)
        spread = losses.spread_loss(seen.activations, labels, margin=margin).mean()
        error = (seen.activations.argmax(1) != labels).mean(dtype=jnp.float32)
        return spread, (variables, {"error": error, "margin": margin})

    return Game(
        nets={"encoder": Encoder(config)},
        inputs=lambda batch: {"encoder": (batch["image"][:1],)},
        players={"capsules": Player(loss, ("encoder",), adam)},
        moves=(Move("capsules"),),
    )


def margin_at(config: Config, step: jax.Array) -> jax.Array:
    """The margin of the spread loss: from 0.2, linearly to 0.9, then 0.9."""
    return 0.2 + 0.7 * jnp.minimum(step / config.margin_steps, 1.0)


def encode(
    config: Config,
    variables: Variables,
    image: jax.Array,
    *,
    return_coupling: bool = False,
):
    """Class capsules of images `[B, H, W, C]` in [0, 1], as `Encoder` returns them."""
    encoder = pure(Encoder(config), "encoder")
    return encoder(variables, image, return_coupling=return_coupling)[0]


def predict(config: Config, variables: Variables, image: jax.Array) -> jax.Array:
    """The class seen in each of the images `[B, H, W, C]`: int32 `[B, 1]`."""
    return jax.lax.top_k(encode(config, variables, image).activations, 1)[1]


MODEL = Model(
    paper="Hinton, Sabour and Frosst 2018",
    config=Config,
    game=game,
    batch=capsnet.batch,
    show=None,
    tiny=Config(
        resolution=17, classes=3, features=3, types=(2, 2, 2), iterations=2,
        margin_steps=10,
    ),
    exact=True,
)  # fmt: skip
