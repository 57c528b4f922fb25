"""A small convolutional classifier, a game of one player, that judges other models.

LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document
recognition" (1998), with today's components: two strided convolutions, a dense layer,
ReLU, cross-entropy, Adam. Generators of digits are measured by the classes that it
finds in their images, and by the features before its last layer. Figures from different
classifiers cannot be compared.
"""

import dataclasses
from typing import Annotated, Literal

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

    resolution: bounds.Count = 28
    """Height and width of the images."""
    channels: bounds.Count = 1
    """Channels of the images."""
    classes: Annotated[int, bounds.Within(2)] = 10
    """Classes to tell apart."""
    width: bounds.Count = 32
    """Channels of the first maps; the second have twice as many."""
    hidden: bounds.Count = 128
    """Units of the dense layer, which are the features."""
    learning_rate: bounds.Rate = 2e-3
    """Adam's first step size."""
    steps: bounds.Count = 4000
    """Steps over which the step size falls to zero along a cosine."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the hidden layers."""

    def __post_init__(self):
        bounds.check(self)
        if self.resolution < 4 or self.resolution % 4:
            raise ValueError(
                f"resolution is {self.resolution}, expected a multiple of 4: pad the"
                " images"
            )


class Network(linen.Module):
    """Images `[B, H, W, C]` in [0, 1] to features `[B, F]` and logits `[B, K]`."""

    config: Config

    @linen.compact
    def __call__(self, image: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Classifies a batch."""
        c, init = self.config, linen.initializers.he_normal()
        check_image(image, c.resolution, c.channels)
        x, dtype = image, jnp.dtype(c.dtype)
        for width in (c.width, 2 * c.width):
            x = nn.Conv(width, 4, 2, dtype=dtype, kernel_init=init)(x)
            x = linen.relu(x)
        x = linen.Dense(c.hidden, dtype=dtype, kernel_init=init)(x.reshape(len(x), -1))
        features = linen.relu(x).astype(jnp.float32)
        return features, linen.Dense(c.classes)(features)


def game(config: Config) -> Game:
    """One player. Batches are `{"image": [B, H, W, C] in [0, 1], "label": [B]}`."""
    module = Network(config)
    network = pure(module, "network")

    def loss(variables, batch, turn):
        del turn
        labels = batch["label"]
        (_, logits), variables = network(variables, batch["image"])
        each = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        accuracy = (logits.argmax(1) == labels).mean(dtype=jnp.float32)
        return each.mean(), (variables, {"accuracy": accuracy})

    adam = optax.adam(optax.cosine_decay_schedule(config.learning_rate, config.steps))
    return Game(
        nets={"network": module},
        inputs=lambda batch: {"network": (batch["image"][:1],)},
        players={"classifier": Player(loss, ("network",), adam)},
        moves=(Move("classifier"),),
    )


def predict(config: Config, variables: Variables, image: jax.Array) -> jax.Array:
    """Logits `[B, K]` of images `[B, H, W, C]` in [0, 1]."""
    return pure(Network(config), "network")(variables, image)[0][1]


def features(config: Config, variables: Variables, image: jax.Array) -> jax.Array:
    """Features `[B, F]`, none negative, of images `[B, H, W, C]` in [0, 1]."""
    return pure(Network(config), "network")(variables, image)[0][0]


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    shape = (config.resolution, config.resolution, config.channels)
    return images.batch(key, count, shape, classes=config.classes)


MODEL = Model(
    paper="LeCun et al. 1998",
    config=Config,
    game=game,
    batch=batch,
    show=None,
    tiny=Config(resolution=8, classes=3, width=2, hidden=5, steps=100),
    exact=True,
)
