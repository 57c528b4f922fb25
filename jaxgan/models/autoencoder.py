"""An autoencoder, as a game of one player.

Rumelhart, Hinton and Williams, "Learning internal representations by error propagation"
(1986): a code that is smaller than the data, and the squared error of the image decoded
from it. Nothing constrains where codes lie, so a random code may decode to an image
that looks like nothing; `jaxgan.models.vae` solves that.

The networks are today's (ReLU, Adam), not those of 1986.
"""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import optax
from flax import linen

from jaxgan import bounds, nn
from jaxgan.game import Batch, Game, Move, Player, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import images


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training."""

    resolution: bounds.Count = 28
    """Height and width of the grey images."""
    code: bounds.Count = 2
    """Size of the code."""
    hidden: tuple[bounds.Count, ...] = (512, 256)
    """Units of the encoder's hidden layers; the decoder has them in reverse order."""
    learning_rate: bounds.Rate = 1e-3
    """Adam's step size."""

    def __post_init__(self):
        bounds.check(self)


class Encoder(linen.Module):
    """Images `[B, R, R, 1]` to `[B, out]`.

    Attributes:
        hidden: units of the hidden layers.
        out: the number of outputs for each image.
    """

    hidden: tuple[int, ...]
    out: int

    @linen.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Encodes images."""
        return nn.MLP(self.hidden, self.out)(image.reshape(image.shape[0], -1))


class Decoder(linen.Module):
    """Codes `[B, Z]` to the logits of pixels, `[B, R, R, 1]`.

    Attributes:
        hidden: units of the hidden layers.
        resolution: R.
    """

    hidden: tuple[int, ...]
    resolution: int

    @linen.compact
    def __call__(self, code: jax.Array) -> jax.Array:
        """Draws images."""
        r = self.resolution
        return nn.MLP(self.hidden, r * r)(code).reshape(-1, r, r, 1)


def _nets(config: Config) -> dict[str, linen.Module]:
    return {
        "encoder": Encoder(config.hidden, config.code),
        "decoder": Decoder(config.hidden[::-1], config.resolution),
    }


def game(config: Config) -> Game:
    """One player that owns both nets. Batches: `{"image": [B, R, R, 1] in [0, 1]}`."""
    nets = _nets(config)
    encoder, decoder = (pure(module, name) for name, module in nets.items())

    def loss(variables, batch, turn):
        del turn
        code, variables = encoder(variables, batch["image"])
        logits, variables = decoder(variables, code)
        # Summed over pixels, like the loss of the VAE, beside which it is shown.
        error = jnp.square(linen.sigmoid(logits) - batch["image"]).sum((1, 2, 3))
        return error.mean(), (variables, {})

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
    """Codes `[B, Z]` of images `[B, R, R, 1]` in [0, 1]."""
    return pure(_nets(config)["encoder"], "encoder")(variables, image)[0]


def decode(config: Config, variables: Variables, code: jax.Array) -> jax.Array:
    """Images `[B, R, R, 1]` in [0, 1] from codes `[B, Z]`."""
    return linen.sigmoid(pure(_nets(config)["decoder"], "decoder")(variables, code)[0])


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    return images.batch(key, count, (config.resolution, config.resolution, 1))


def show(
    config: Config, variables: Variables, key: jax.Array, batch: Batch
) -> Mapping[str, jax.Array]:
    """Reconstructs the images of a batch."""
    del key
    code = encode(config, variables, batch["image"])
    return {"reconstructions": decode(config, variables, code)}


MODEL = Model(
    paper="Rumelhart et al. 1986",
    config=Config,
    game=game,
    batch=batch,
    show=show,
    tiny=Config(resolution=3, hidden=(8, 5)),
    exact=True,
)
