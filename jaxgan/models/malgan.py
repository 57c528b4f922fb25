"""MalGAN: binary features are added until a detector says "negative".

Hu and Tan, "Generating adversarial malware examples for black-box attacks based on
GAN", arXiv:1702.05983. Here it is a study of how far a classifier of sparse binary
vectors can be trusted, and of whether training it again helps. The vectors are drawn
from a distribution (`experiments.malgan_study`); no vector is, or can become, a
program.

A generator turns a positive vector and noise into a vector with more ones. The
detector is a black box that only answers yes or no, so a substitute learns its answers,
and the generator learns from the substitute.

Reproduced: both networks' sizes, Adam at 1e-3, only additions (an element-wise maximum
with the input), the loss of the generator on the vector before the threshold, and the
substitute on the answers of the detector rather than on the true classes.

Known differences: hidden units are leaky ReLU (the paper does not say; public code
differs); both means of the substitute's loss are over what the detector answered in a
minibatch.
"""

import dataclasses

import chex
import jax
import jax.numpy as jnp
import optax
from flax import linen

from jaxgan import bounds
from jaxgan.game import Batch, Game, Move, Player, Variables, pure
from jaxgan.models.model import Model


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are the paper's."""

    features: bounds.Count = 160
    """Length of a vector."""
    latent: bounds.Count = 10
    """Numbers of noise, uniform on [0, 1), given to the generator beside a vector."""
    hidden: bounds.Count = 256
    """Units of the hidden layer of each net."""
    learning_rate: bounds.Rate = 1e-3
    """Adam's step size for both players."""

    def __post_init__(self):
        bounds.check(self)


class Generator(linen.Module):
    """Vectors `[B, F]` and noise `[B, Z]` to the shares `[B, F]` of ones to add."""

    features: int
    hidden: int

    @linen.compact
    def __call__(self, vector: jax.Array, latent: jax.Array) -> jax.Array:
        """Says how much it would like each feature to be there, in [0, 1]."""
        x = jnp.concatenate([vector, latent], axis=-1)
        x = linen.leaky_relu(linen.Dense(self.hidden)(x))
        return linen.sigmoid(linen.Dense(self.features)(x))


class Substitute(linen.Module):
    """Vectors `[B, F]` in [0, 1] to logits `[B]` that the detector says "positive"."""

    hidden: int

    @linen.compact
    def __call__(self, vector: jax.Array) -> jax.Array:
        """Imitates the detector."""
        x = linen.leaky_relu(linen.Dense(self.hidden)(vector))
        return linen.Dense(1)(x)[:, 0]


def _nets(config: Config) -> dict[str, linen.Module]:
    return {
        "generator": Generator(config.features, config.hidden),
        "substitute": Substitute(config.hidden),
    }


def softened(
    config: Config, variables: Variables, vector: jax.Array, latent: jax.Array
) -> jax.Array:
    """The larger of a vector and what the generator adds: `[B, F]` in [0, 1]."""
    chex.assert_rank([vector, latent], 2)
    generator = pure(_nets(config)["generator"], "generator")
    return jnp.maximum(vector, generator(variables, vector, latent)[0])


def perturbed(
    config: Config, variables: Variables, vector: jax.Array, latent: jax.Array
) -> jax.Array:
    """Binary vectors `[B, F]` with ones added; no one becomes a zero.

    It has no gradient: the generator learns from `softened`.

    Args:
        config: of the model.
        variables: of the game.
        vector: binary vectors `[B, F]`.
        latent: noise `[B, Z]`.
    """
    soft = softened(config, variables, vector, latent)
    return (soft > 0.5).astype(vector.dtype)


def substitute_loss(logits: jax.Array, answers: jax.Array) -> jax.Array:
    """-mean log(1 - D) where the detector said no, less mean log D where it said yes.

    Args:
        logits: of the substitute `[N]`.
        answers: of the detector `[N]`, 0 or 1.
    """
    chex.assert_rank([logits, answers], 1)
    yes, no = answers, 1 - answers
    said_yes = (yes * jax.nn.softplus(-logits)).sum() / jnp.maximum(yes.sum(), 1)
    said_no = (no * jax.nn.softplus(logits)).sum() / jnp.maximum(no.sum(), 1)
    return said_yes + said_no


def game(config: Config) -> Game:
    """The substitute moves, then the generator.

    Batches have B examples of each of `positive [B, F]`, which the generator changes;
    `generated [B, F]` and `negative [B, F]`, which the detector was asked about; and
    its answers `generated_answer [B]` and `negative_answer [B]`, 0 or 1.
    """
    nets = _nets(config)
    substitute = pure(nets["substitute"], "substitute")

    def learn(variables, batch, turn):
        del turn
        asked = jnp.concatenate([batch["generated"], batch["negative"]])
        answers = [batch["generated_answer"], batch["negative_answer"]]
        logits, variables = substitute(variables, asked)
        loss = substitute_loss(logits, jnp.concatenate(answers))
        return loss, (variables, {})

    def evade(variables, batch, turn):
        noise = latent(config, turn.key, len(batch["positive"]))
        soft = softened(config, variables, batch["positive"], noise)
        logits, variables = substitute(variables, soft)
        loss = -jax.nn.softplus(-logits).mean()  # log D
        added = (soft - batch["positive"]).sum(-1).mean()
        return loss, (variables, {"added": added})

    adam = optax.adam(config.learning_rate)
    return Game(
        nets=nets,
        inputs=lambda batch: {
            "generator": (batch["positive"][:1], jnp.zeros((1, config.latent))),
            "substitute": (batch["positive"][:1],),
        },
        players={
            "substitute": Player(learn, ("substitute",), adam),
            "generator": Player(evade, ("generator",), adam),
        },
        moves=(Move("substitute"), Move("generator")),
    )


def latent(config: Config, key: jax.Array, count: int) -> jax.Array:
    """Draws noise `[count, Z]`."""
    return jax.random.uniform(key, (count, config.latent))


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes random vectors and answers, half of them ones."""
    shape = (count, config.features)
    names = ("positive", "generated", "negative")
    keys = jax.random.split(key, 5)
    made = {
        name: jax.random.bernoulli(k, 0.5, shape).astype(jnp.float32)
        for name, k in zip(names, keys[:3], strict=True)
    }
    for name, k in zip(names[1:], keys[3:], strict=True):
        answers = jax.random.bernoulli(k, 0.5, (count,))
        made[f"{name}_answer"] = answers.astype(jnp.float32)
    return made


MODEL = Model(
    paper="1702.05983",
    config=Config,
    game=game,
    batch=batch,
    show=None,
    tiny=Config(features=6, latent=2, hidden=5),
)
