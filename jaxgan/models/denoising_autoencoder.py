"""A denoising autoencoder, a game of one player, whose codes give hashes.

Vincent, Larochelle, Bengio and Manzagol, "Extracting and composing robust features with
denoising autoencoders" (2008): some pixels are blanked, and the network restores the
whole image. Radford, Metz and Chintala, arXiv:1511.06434, section 4.1, train one of
3072-128-3072 units with dropout and ReLU on 32x32 images, threshold its codes, and take
images with the same code for copies; `jaxgan.analysis.hashing` does that part.
`Config()` has their sizes.

Images must be centred, which means that the mean image of the set is subtracted.
Without that, the first steps of Adam move all weights of a unit in one direction, and
most units are never active again.

Known differences: the paper does not say how inputs are corrupted, how much is dropped,
or how it is trained; here half of the pixels are blanked, half of the code dropped,
and Adam minimises the squared error.
"""

import dataclasses
from collections.abc import Mapping
from typing import Annotated

import jax
import jax.numpy as jnp
import optax
from flax import linen

from jaxgan import bounds
from jaxgan.game import Batch, Game, Move, Player, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import images


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training."""

    resolution: bounds.Count = 32
    """Height and width of images in pixels."""
    channels: bounds.Count = 3
    """Image channels: 3 for colour, 1 for grey."""
    code: bounds.Count = 128
    """Size of the code, which is the number of bits of a hash."""
    corruption: Annotated[float, bounds.Within(0, 1, below=True)] = 0.5
    """Share of the pixels that is blanked, at random for every image and step."""
    dropout: Annotated[float, bounds.Within(0, 1, below=True)] = 0.5
    """Share of the code that is dropped while training."""
    learning_rate: bounds.Rate = 1e-3
    """Adam's step size."""

    def __post_init__(self):
        bounds.check(self)


class Encoder(linen.Module):
    """Centred images `[B, R, R, C]` to codes `[B, Z]`, none below 0."""

    config: Config

    @linen.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Encodes images."""
        c = self.config
        expected = (c.resolution, c.resolution, c.channels)
        if image.shape[1:] != expected:
            raise ValueError(
                f"images are {image.shape[1:]}, but the model takes {expected}: set"
                " resolution and channels, or bring the images to that shape"
            )
        init = linen.initializers.he_normal()
        return linen.relu(
            linen.Dense(c.code, kernel_init=init)(image.reshape(len(image), -1))
        )


class Decoder(linen.Module):
    """Codes `[B, Z]` to centred images `[B, R, R, C]`."""

    config: Config

    @linen.compact
    def __call__(self, code: jax.Array) -> jax.Array:
        """Draws images."""
        c = self.config
        shape = (-1, c.resolution, c.resolution, c.channels)
        return linen.Dense(c.resolution**2 * c.channels)(code).reshape(shape)


def game(config: Config) -> Game:
    """One player that owns both nets. Batches: `{"image": [B, R, R, C]}`, centred."""
    nets = _nets(config)
    encoder, decoder = (pure(module, name) for name, module in nets.items())

    def loss(variables, batch, turn):
        image = batch["image"]
        blank_key, drop_key = jax.random.split(turn.key)
        # A pixel is blanked in all channels: one that remained would reveal the others.
        left = jax.random.bernoulli(
            blank_key, 1 - config.corruption, (*image.shape[:-1], 1)
        )
        code, variables = encoder(variables, image * left)
        kept = jax.random.bernoulli(drop_key, 1 - config.dropout, code.shape)
        again, variables = decoder(variables, code * kept / (1 - config.dropout))
        error = jnp.square(again - image).mean()
        active = (code > 0).mean(dtype=jnp.float32)
        return error, (variables, {"active": active})

    return Game(
        nets=nets,
        inputs=lambda batch: {
            "encoder": (batch["image"][:1],),
            "decoder": (jnp.zeros((1, config.code)),),
        },
        players={
            "autoencoder": Player(loss, tuple(nets), optax.adam(config.learning_rate))
        },
        moves=(Move("autoencoder"),),
    )


def encode(config: Config, variables: Variables, image: jax.Array) -> jax.Array:
    """Codes `[B, Z]`, none below 0, of centred images `[B, R, R, C]` without blanks."""
    return pure(Encoder(config), "encoder")(variables, image)[0]


def decode(config: Config, variables: Variables, code: jax.Array) -> jax.Array:
    """Centred images `[B, R, R, C]` from codes `[B, Z]`."""
    return pure(Decoder(config), "decoder")(variables, code)[0]


def _nets(config: Config) -> dict[str, linen.Module]:
    return {"encoder": Encoder(config), "decoder": Decoder(config)}


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    shape = (config.resolution, config.resolution, config.channels)
    return images.batch(key, count, shape, low=-1.0)


def show(
    config: Config, variables: Variables, key: jax.Array, batch: Batch
) -> Mapping[str, jax.Array]:
    """Reconstructs the images of a batch, without blanks and centred."""
    del key
    code = encode(config, variables, batch["image"])
    return {"reconstructions": decode(config, variables, code)}


MODEL = Model(
    paper="1511.06434",
    config=Config,
    game=game,
    batch=batch,
    show=show,
    tiny=Config(resolution=4, code=6),
    range=(-1.0, 1.0),
)
