"""WGAN-GP on vectors: a Wasserstein critic held to gradient norm one.

Gulrajani, Ahmed, Arjovsky, Dumoulin and Courville, "Improved Training of Wasserstein
GANs", arXiv:1704.00028, Algorithm 1, with the networks of its two-dimensional toys:
three hidden layers of 512 ReLU units in both, five critic steps to one of the
generator, Adam at 1e-4 with (0.5, 0.9), penalty weight 0.1 (10 for images), batch 256.
"""

import dataclasses
from typing import Literal

import jax
import jax.numpy as jnp
import optax
from jax import lax

from jaxgan import losses, nn
from jaxgan.game import Game, Move, Player, Variables, pure


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are those of the paper's toy problems."""

    data: int = 2
    """Size of a data vector."""
    latent: int = 2
    """Size of the latent vector, drawn from a standard normal."""
    hidden: tuple[int, ...] = (512, 512, 512)
    """Units of the hidden layers of both nets."""
    critic_steps: int = 5
    """Critic updates to one of the generator."""
    penalty: float = 0.1
    """Weight of the gradient penalty."""
    learning_rate: float = 1e-4
    """Adam's step size."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Arithmetic of the networks."""

    def __post_init__(self):
        if self.critic_steps < 1:
            raise ValueError(
                f"critic_steps is {self.critic_steps}; it must be at least 1"
            )
        if self.penalty < 0:
            raise ValueError(f"penalty is {self.penalty}; it must not be negative")


def game(config: Config) -> Game:
    """Critic k times, then generator. Batches are `{"data": [k, B, N]}`."""
    nets = {
        "generator": nn.MLP(config.hidden, config.data, config.dtype),
        "critic": nn.MLP(config.hidden, 1, config.dtype),
    }
    generator, critic = (pure(module, name) for name, module in nets.items())

    def generate(variables, batch, key):
        size = batch["data"].shape[0]
        return generator(variables, nn.batch_latent(batch, key, size, config.latent))

    def score(variables, x):
        out, variables = critic(variables, x)
        return out[:, 0], variables

    def critic_loss(variables, batch, turn):
        z_key, mix_key = jax.random.split(turn.key)
        real = batch["data"]
        fake = lax.stop_gradient(generate(variables, batch, z_key)[0])
        real_score, variables = score(variables, real)
        fake_score, variables = score(variables, fake)
        distance = losses.wasserstein_discriminator_loss(real_score, fake_score).mean()
        penalty = losses.gradient_penalty(
            lambda x: score(variables, x)[0], real, fake, mix_key
        ).mean()
        metrics = {"distance": -distance, "penalty": penalty}
        return distance + config.penalty * penalty, (variables, metrics)

    def generator_loss(variables, batch, turn):
        fake, variables = generate(variables, batch, turn.key)
        fake_score, variables = score(variables, fake)
        return losses.wasserstein_generator_loss(fake_score).mean(), (variables, {})

    adam = optax.adam(config.learning_rate, 0.5, 0.9)
    return Game(
        nets=nets,
        inputs=lambda batch: {
            "generator": (jnp.zeros((1, config.latent)),),
            "critic": (batch["data"][:1],),
        },
        players={
            "critic": Player(critic_loss, ("critic",), adam),
            "generator": Player(generator_loss, ("generator",), adam),
        },
        moves=(Move("critic", repeat=config.critic_steps), Move("generator")),
    )


def sample(config: Config, variables: Variables, latent: jax.Array) -> jax.Array:
    """Data vectors `[B, N]` from latents `[B, Z]`."""
    generator = pure(nn.MLP(config.hidden, config.data, config.dtype), "generator")
    return generator(variables, latent)[0]
