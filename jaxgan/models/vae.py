"""The variational autoencoder: an autoencoder whose codes follow a known distribution.

Kingma and Welling, "Auto-Encoding Variational Bayes", arXiv:1312.6114. Reproduced: the
encoder gives the mean and log-variance of a Gaussian; a code is drawn from it as mean +
deviation * noise; the decoder gives Bernoulli pixels; training maximises the lower
bound of log p(x), with its divergence in closed form and one draw for each example;
minibatches have 100 examples (the batch's size is the caller's).

Known differences: two hidden layers of ReLU units and Adam, where the paper has one of
500 tanh units and Adagrad, and no prior over the weights. Grey pixels enter the
Bernoulli likelihood as they are. The result is the mean of the bound over images whose
pixels are drawn black or white with these probabilities, for codes of the grey image.
"""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import optax
from flax import linen

from jaxgan import bounds, losses
from jaxgan.game import Batch, Game, Move, Player, Variables, pure
from jaxgan.models.autoencoder import Decoder, Encoder
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


def _nets(config: Config) -> dict[str, linen.Module]:
    return {
        "encoder": Encoder(config.hidden, 2 * config.code),
        "decoder": Decoder(config.hidden[::-1], config.resolution),
    }


def game(config: Config) -> Game:
    """One player that owns both nets. Batches: `{"image": [B, R, R, 1] in [0, 1]}`."""
    nets = _nets(config)

    def loss(variables, batch, turn):
        likelihood, divergence = _terms(config, variables, batch["image"], turn.key)
        metrics = {"likelihood": likelihood.mean(), "divergence": divergence.mean()}
        return (divergence - likelihood).mean(), (variables, metrics)

    return Game(
        nets=nets,
        inputs=lambda batch: {
            "encoder": (batch["image"][:1],),
            "decoder": (jnp.zeros((1, config.code)),),
        },
        players={"vae": Player(loss, tuple(nets), optax.adam(config.learning_rate))},
        moves=(Move("vae"),),
    )


def encode(
    config: Config, variables: Variables, image: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Mean and log-variance of the codes, `[B, Z]` each, of images `[B, R, R, 1]`."""
    out, _ = pure(_nets(config)["encoder"], "encoder")(variables, image)
    mean, log_variance = jnp.split(out, 2, axis=-1)
    return mean, log_variance


def decode(config: Config, variables: Variables, code: jax.Array) -> jax.Array:
    """Images `[B, R, R, 1]` in [0, 1], the means of pixels, from codes `[B, Z]`."""
    return linen.sigmoid(_logits(config, variables, code))


def latent(config: Config, key: jax.Array, count: int) -> jax.Array:
    """Codes `[count, Z]` from the prior, a standard normal."""
    return jax.random.normal(key, (count, config.code))


def sample(config: Config, variables: Variables, latent: jax.Array) -> jax.Array:
    """Images `[B, R, R, 1]` in [0, 1] from codes `[B, Z]`, as `decode`."""
    return decode(config, variables, latent)


def log_likelihood_bound(
    config: Config,
    variables: Variables,
    image: jax.Array,
    key: jax.Array,
    draws: int = 1,
) -> jax.Array:
    """The lower bound of log p(x) in nats, for each image: `[B]`.

    Args:
        config: the model's config.
        variables: the variables of its nets.
        image: `[B, R, R, 1]` in [0, 1].
        key: a random key.
        draws: the number of codes drawn for each image, over which the likelihood is
            averaged.

    Raises:
        ValueError: `draws` is below 1.
    """
    if draws < 1:
        raise ValueError(f"draws is {draws}; it must be at least 1")
    terms = [_terms(config, variables, image, k) for k in jax.random.split(key, draws)]
    return sum(likelihood for likelihood, _ in terms) / draws - terms[0][1]


def _terms(config, variables, image, key):
    """Log p(x|z) of one z drawn for each image, and KL(q(z|x) || p(z)), each `[B]`."""
    mean, log_variance = encode(config, variables, image)
    code = losses.reparameterise(mean, log_variance, key)
    logits = _logits(config, variables, code)
    likelihood = losses.bernoulli_log_likelihood(image, logits)
    return likelihood, losses.gaussian_kl(mean, log_variance)


def _logits(config, variables, code):
    return pure(_nets(config)["decoder"], "decoder")(variables, code)[0]


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    return images.batch(key, count, (config.resolution, config.resolution, 1))


def show(
    config: Config, variables: Variables, key: jax.Array, batch: Batch
) -> Mapping[str, jax.Array]:
    """Draws samples, and decodes the mean codes of the images of a batch."""
    image = batch["image"]
    return {
        "samples": sample(config, variables, latent(config, key, len(image))),
        "reconstructions": decode(
            config, variables, encode(config, variables, image)[0]
        ),
    }


MODEL = Model(
    paper="1312.6114",
    config=Config,
    game=game,
    batch=batch,
    show=show,
    tiny=Config(resolution=3, hidden=(8, 5)),
    latent=latent,
    sample=sample,
)
