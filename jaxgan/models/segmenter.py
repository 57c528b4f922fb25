"""A small fully convolutional segmenter: the class of every pixel of an image.

Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic Segmentation",
arXiv:1411.4038, in the form of a U-Net (Ronneberger, Fischer and Brox,
arXiv:1505.04597). pix2pix and CycleGAN score generated images by what such a network,
trained on real ones, recognises in them: the "FCN-score".
"""

import dataclasses
from typing import Annotated, Literal

import jax
import jax.numpy as jnp
import optax

from jaxgan import bounds
from jaxgan.game import Batch, Game, Move, Player, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import translation
from jaxgan.models.parts.unet import UNet


@dataclasses.dataclass(frozen=True)
class Config:
    """Network and training."""

    resolution: str = "64x64"
    """Height and width of the images in pixels, such as 64x128."""
    channels: bounds.Count = 3
    """Channels of the images."""
    classes: Annotated[int, bounds.Within(2)] = 10
    """Number of classes of a pixel."""
    width: bounds.Count = 12
    """Channels of the largest maps; they double at each halving, up to eight times."""
    depth: Annotated[int, bounds.Within(2, 8)] = 4
    """How often images are halved."""
    learning_rate: bounds.Rate = 2e-3
    """Adam's first step size."""
    steps: bounds.Count = 1000
    """Steps over which the step size falls to zero along a cosine."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the hidden layers."""

    def __post_init__(self):
        bounds.check(self)
        multiple = 2**self.depth
        translation.check_sides(self.resolution, multiple, multiple, "the segmenter")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        return (*translation.sides(self.resolution), self.channels)


def game(config: Config) -> Game:
    """One player. Batches are `{"image": [B, H, W, C] in [-1, 1], "label": [B, H, W]}`.

    Labels are whole numbers below `classes`.
    """
    module = _network(config)
    network = pure(module, "network")

    def loss(variables, batch, turn):
        del turn
        logits, variables = network(variables, batch["image"])
        label = batch["label"]
        cross = optax.softmax_cross_entropy_with_integer_labels(logits, label).mean()
        right = (logits.argmax(-1) == label).mean(dtype=jnp.float32)
        return cross, (variables, {"accuracy": right})

    def inputs(batch):
        image = batch["image"]
        if image.shape[1:] != config.shape:
            raise ValueError(
                f"images are {image.shape[1:]}, expected {config.shape}: resize them,"
                " or change resolution and channels"
            )
        return {"network": (image[:1],)}

    adam = optax.adam(optax.cosine_decay_schedule(config.learning_rate, config.steps))
    return Game(
        nets={"network": module},
        inputs=inputs,
        players={"segmenter": Player(loss, ("network",), adam)},
        moves=(Move("segmenter"),),
    )


def predict(config: Config, variables: Variables, image: jax.Array) -> jax.Array:
    """Labels `[B, H, W]` of images `[B, H, W, C]` in [-1, 1]."""
    return logits(config, variables, image).argmax(-1)


def logits(config: Config, variables: Variables, image: jax.Array) -> jax.Array:
    """Logits `[B, H, W, K]` of images `[B, H, W, C]` in [-1, 1]."""
    return pure(_network(config), "network")(variables, image)[0]


def _network(config):
    dtype = jnp.dtype(config.dtype)
    return UNet(config.classes, config.depth, config.width, dropout=0.0, dtype=dtype)


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    image_key, label_key = jax.random.split(key)
    shape = (count, *config.shape)
    return {
        "image": jax.random.uniform(image_key, shape, minval=-1.0),
        "label": jax.random.randint(label_key, shape[:-1], 0, config.classes),
    }


MODEL = Model(
    paper="1411.4038",
    config=Config,
    game=game,
    batch=batch,
    show=None,
    tiny=Config(resolution="4x8", classes=3, width=2, depth=2, steps=100),
    range=(-1.0, 1.0),
    exact=True,
)
