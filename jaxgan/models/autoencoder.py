"""An autoencoder: the game of one player.

Rumelhart, Hinton and Williams, "Learning internal representations by error propagation"
(1986): a code smaller than the data, and the squared error of what is decoded from it.
"""

import dataclasses

import jax
import jax.numpy as jnp
import optax
from flax import linen

from jaxgan import nn
from jaxgan.game import Game, Move, Player, Variables, pure


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training."""

    data: int = 784
    """Size of a data vector."""
    code: int = 2
    """Size of the code."""
    hidden: tuple[int, ...] = (512, 256)
    """Units of the encoder's hidden layers; the decoder's are the reverse."""
    learning_rate: float = 1e-3
    """Adam's step size."""


def _nets(config: Config) -> dict[str, linen.Module]:
    return {
        "encoder": nn.MLP(config.hidden, config.code),
        "decoder": nn.MLP(config.hidden[::-1], config.data),
    }


def game(config: Config) -> Game:
    """One player that owns both nets. Batches are `{"data": [B, N]}`."""
    nets = _nets(config)
    encoder, decoder = (pure(module, name) for name, module in nets.items())

    def loss(variables, batch, turn):
        del turn
        code, variables = encoder(variables, batch["data"])
        again, variables = decoder(variables, code)
        error = jnp.square(again - batch["data"]).sum(-1).mean()
        return error, (variables, {})

    return Game(
        nets=nets,
        inputs=lambda batch: {
            "encoder": (batch["data"][:1],),
            "decoder": (jnp.zeros((1, config.code)),),
        },
        players={
            "autoencoder": Player(loss, tuple(nets), optax.adam(config.learning_rate))
        },
        moves=(Move("autoencoder"),),
    )


def decode(config: Config, variables: Variables, code: jax.Array) -> jax.Array:
    """Data vectors `[B, N]` from codes `[B, Z]`."""
    return pure(_nets(config)["decoder"], "decoder")(variables, code)[0]
