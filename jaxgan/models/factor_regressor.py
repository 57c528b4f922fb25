"""A small convolutional regressor that reads the factors of an image and their places.

The convolutional network of LeCun, Bottou, Bengio and Haffner, "Gradient-based learning
applied to document recognition" (1998), with today's components: strided convolutions
down to 4x4 maps, a dense layer, ReLU, Adam. It learns three kinds of factors at once:
real numbers by squared error, binary ones by cross-entropy, and numbers that only some
images have, such as the box around an object, by squared error on those images. Where
the factors of the data are known, it measures what a generator draws.
"""

import dataclasses
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import linen

from jaxgan import bounds, nn
from jaxgan.game import Batch, Game, Move, Player, Variables, pure
from jaxgan.models.capsnet import check_image
from jaxgan.models.model import Model
from jaxgan.models.parts import images


@dataclasses.dataclass(frozen=True)
class Config:
    """Network and training."""

    resolution: bounds.Count = 64
    """Height and width of the images in pixels: a power of two, at least 8."""
    channels: bounds.Count = 3
    """Channels of the images."""
    numbers: bounds.Natural = 1
    """Number of real factors to read."""
    binaries: bounds.Natural = 1
    """Number of binary factors to read."""
    width: bounds.Count = 16
    """Channels of the first maps; they double at each halving, up to eight times."""
    hidden: bounds.Count = 128
    """Units of the dense layer."""
    learning_rate: bounds.Rate = 2e-3
    """Adam's first step size."""
    steps: bounds.Count = 1500
    """Steps over which the step size falls to zero along a cosine."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the hidden layers."""

    def __post_init__(self):
        bounds.check(self)
        if self.resolution < 8 or self.resolution & (self.resolution - 1):
            raise ValueError(
                f"resolution is {self.resolution}, expected a power of two of at least"
                " 8: resize the images"
            )

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the maps at resolution / 2, / 4, ... 4."""
        levels = self.resolution.bit_length() - 3
        return tuple(self.width * min(2**i, 8) for i in range(levels))


class Network(linen.Module):
    """Images `[B, R, R, C]` in [0, 1] to numbers `[B, N]` and logits `[B, J]`."""

    config: Config

    @linen.compact
    def __call__(self, image: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Reads a batch."""
        c, init = self.config, linen.initializers.he_normal()
        check_image(image, c.resolution, c.channels)
        x, dtype = 2 * image - 1, jnp.dtype(c.dtype)
        for width in c.widths:
            x = linen.relu(nn.Conv(width, 4, 2, dtype=dtype, kernel_init=init)(x))
        x = linen.Dense(c.hidden, dtype=dtype, kernel_init=init)(x.reshape(len(x), -1))
        x = linen.relu(x).astype(jnp.float32)
        out = linen.Dense(c.numbers + c.binaries)(x)
        return out[:, : c.numbers], out[:, c.numbers :]


def shapes(config: Config) -> Variables:
    """The shapes of the variables, to restore them by."""
    image = jnp.zeros((1, config.resolution, config.resolution, config.channels))
    init = Network(config).init
    return {"network": jax.eval_shape(init, jax.random.key(0), image)}


class Read(NamedTuple):
    """The factors that are read off images.

    Attributes:
        numbers: the real factors, `[B, N]`, in the units of training.
        logits: the logits of the binary factors, `[B, J]`; above 0 means present.
    """

    numbers: jax.Array
    logits: jax.Array


def game(config: Config) -> Game:
    """One player. Batches have `image`, `number`, `known` and `binary`.

    Images are `[B, R, R, C]` in [0, 1]. Numbers `[B, N]` have the weights `known` `[B,
    N]`, which are 0 where an image has no such number. Scale numbers to a standard
    deviation of 1, so that all have equal weight. Binary factors `[B, J]` are 0 or 1.
    """
    module = Network(config)
    network = pure(module, "network")

    def loss(variables, batch, turn):
        del turn
        (numbers, logits), variables = network(variables, batch["image"])
        # Means over all images, known or not: an image's share does not depend on
        # others.
        errors = batch["known"] * jnp.square(numbers - batch["number"])
        crosses = optax.sigmoid_binary_cross_entropy(logits, batch["binary"])
        squared, cross = errors.sum(1).mean(), crosses.sum(1).mean()
        right = ((logits > 0) == (batch["binary"] > 0.5)).mean(dtype=jnp.float32)
        metrics = {"squared": squared, "cross_entropy": cross, "accuracy": right}
        return squared + cross, (variables, metrics)

    adam = optax.adam(optax.cosine_decay_schedule(config.learning_rate, config.steps))
    return Game(
        nets={"network": module},
        inputs=lambda batch: {"network": (batch["image"][:1],)},
        players={"regressor": Player(loss, ("network",), adam)},
        moves=(Move("regressor"),),
    )


def read(config: Config, variables: Variables, image: jax.Array) -> Read:
    """Reads the factors off images `[B, R, R, C]` in [0, 1]."""
    return Read(*pure(Network(config), "network")(variables, image)[0])


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    image_key, number_key, known_key, binary_key = jax.random.split(key, 4)
    shape = (config.resolution, config.resolution, config.channels)
    numbers, binaries = (count, config.numbers), (count, config.binaries)
    return {
        **images.batch(image_key, count, shape),
        "number": jax.random.normal(number_key, numbers),
        "known": jax.random.bernoulli(known_key, 0.5, numbers).astype("float32"),
        "binary": jax.random.bernoulli(binary_key, 0.5, binaries).astype("float32"),
    }


MODEL = Model(
    paper="LeCun et al. 1998",
    config=Config,
    game=game,
    batch=batch,
    show=None,
    tiny=Config(resolution=8, numbers=3, binaries=2, width=2, hidden=5, steps=100),
    exact=True,
)
