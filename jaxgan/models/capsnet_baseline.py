"""The convolutional network with which CapsNet is compared.

Sabour, Frosst and Hinton, "Dynamic routing between capsules" (arXiv:1710.09829),
section 5: three 5x5 convolutions of 256, 256 and 128 channels, dense layers of 328 and
192 units, dropout, cross-entropy. Without pooling and with zero padding, that makes the
published 35.4 million parameters. For two digits in an image, `MULTI_MNIST` has the
published 24.56 million: the size of its layers, and its cross-entropy of a sigmoid for
each class with targets that sum to one (a half for each of two), are those of the
released code.
"""

import dataclasses
from typing import Annotated, Literal

import jax
import jax.numpy as jnp
import optax
from flax import linen

from jaxgan import bounds, nn
from jaxgan.game import Game, Move, Player, Variables, pure
from jaxgan.models import capsnet
from jaxgan.models.capsnet import check_image, optimizer
from jaxgan.models.model import Model
from jaxgan.models.parts.classes import Classes, known


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are the paper's for MNIST."""

    resolution: bounds.Count = 28
    """Height and width of the images."""
    channels: bounds.Count = 1
    """Channels of the images."""
    classes: Classes = 10
    """Classes to tell apart; None for as many as the data has."""
    objects: bounds.Count = 1
    """Objects in an image, each of a different class."""
    features: tuple[bounds.Count, ...] = (256, 256, 128)
    """Channels of the convolutions."""
    kernels: tuple[bounds.Count, ...] = (5, 5, 5)
    """Sides of the convolutions' kernels."""
    pool: bool = False
    """Whether 2x2 max pooling follows each convolution."""
    hidden: tuple[bounds.Count, ...] = (328, 192)
    """Units of the dense layers."""
    dropout: Annotated[float, bounds.Within(0, 1, below=True)] = 0.5
    """Share of the last hidden layer's units that is dropped in training."""
    learning_rate: bounds.Rate = 1e-3
    """Adam's first step size."""
    decay_steps: bounds.Count = 2000
    """Steps in which the step size falls to 0.96 of its value."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the hidden layers."""

    def __post_init__(self):
        bounds.check(self)
        if len(self.features) != len(self.kernels):
            raise ValueError(
                f"features {self.features} and kernels {self.kernels} differ in number;"
                " give one kernel for each convolution"
            )
        if self.classes is not None and self.objects >= self.classes:
            raise ValueError(
                f"objects is {self.objects}, expected 1 to {self.classes - 1}, one less"
                " than the classes"
            )


MULTI_MNIST = Config(
    resolution=36, objects=2, features=(512, 256), kernels=(9, 5), pool=True,
    hidden=(1024,), dropout=0.0, decay_steps=20_000,
)  # fmt: skip
"""Two overlapping digits on 36x36."""


class Network(linen.Module):
    """Images `[B, H, W, C]` in [0, 1] to logits `[B, K]`."""

    config: Config

    @linen.compact
    def __call__(self, image: jax.Array, *, train: bool = False) -> jax.Array:
        """Classifies a batch; in training, units are dropped at random."""
        c = self.config
        check_image(image, c.resolution, c.channels)
        x, init = image, linen.initializers.he_normal()
        for features, kernel in zip(c.features, c.kernels, strict=True):
            x = nn.Conv(features, kernel, dtype=c.dtype, kernel_init=init)(x)
            x = linen.relu(x)
            if c.pool:
                x = linen.max_pool(x, (2, 2), (2, 2))
        x = x.reshape(len(x), -1)
        for units in c.hidden:
            x = linen.relu(linen.Dense(units, dtype=c.dtype, kernel_init=init)(x))
        x = linen.Dropout(c.dropout, deterministic=not train)(x)
        return linen.Dense(known(c.classes))(x.astype(jnp.float32))


def game(config: Config) -> Game:
    """One player. Batches are `{"image", "label"}` as `capsnet.game` takes them."""
    module = Network(config)
    network = pure(module, "network")

    def loss(variables, batch, turn):
        labels = batch["label"]
        logits, variables = network(
            variables, batch["image"], train=True, rngs={"dropout": turn.key}
        )
        if config.objects == 1:
            each = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        else:
            shares = jax.nn.one_hot(labels, known(config.classes)).mean(1)
            each = optax.sigmoid_binary_cross_entropy(logits, shares).sum(1)
        return each.mean(), (variables, {})

    adam = optimizer(config.learning_rate, config.decay_steps)
    return Game(
        nets={"network": module},
        inputs=lambda batch: {"network": (batch["image"][:1],)},
        players={"classifier": Player(loss, ("network",), adam)},
        moves=(Move("classifier"),),
    )


def predict(config: Config, variables: Variables, image: jax.Array) -> jax.Array:
    """The classes seen in images `[B, H, W, C]`: int32 `[B, objects]`."""
    logits = pure(Network(config), "network")(variables, image)[0]
    return jax.lax.top_k(logits, config.objects)[1]


MODEL = Model(
    paper="1710.09829",
    config=Config,
    game=game,
    batch=capsnet.batch,
    show=None,
    tiny=Config(
        resolution=8, classes=3, features=(4, 3), kernels=(3, 3), pool=True,
        hidden=(8,),
    ),
)  # fmt: skip
