"""BGAN: boundary-seeking GANs, for continuous and for discrete images.

Hjelm, Jacob, Che, Trischler, Cho and Bengio, "Boundary-Seeking Generative Adversarial
Networks", arXiv:1702.08431.

Reproduced: the discriminator learns as in a GAN. For continuous images, the generator
minimises half the squared logit, which moves its images to where the discriminator is
undecided. For discrete ones, here binary pixels, no gradient can pass through a sample.
There the generator returns the probabilities of its pixels; several samples are drawn
for each latent, and it raises their log-likelihoods with importance weights exp(logit),
normalised over the samples of a latent. Latents of 64 numbers, Adam at 1e-4 with beta1
0.5, DCGAN-like networks.

Known differences: weights are normalised for each latent (the released code has a
running normaliser as an option); the discriminator sees one sample for each latent;
grey images become binary at a threshold of one half, inside the game.
"""

import dataclasses
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import optax
from flax import linen
from jax import lax

from jaxgan import bounds, losses, nn
from jaxgan.game import Game, Move, Player, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import digit_nets, images
from jaxgan.models.parts.two_players import adversarial


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are the paper's."""

    kind: Literal["discrete", "continuous"] = "discrete"
    """Binary pixels with importance weights, or grey pixels with a squared logit."""
    latent: bounds.Count = 64
    """Size of the latent vector, drawn from a standard normal."""
    samples: Annotated[int, bounds.Within(2)] = 20
    """Images drawn for each latent; for the discrete kind."""
    width: bounds.Count = 64
    """Channels of the wide maps; the narrow ones have twice as many."""
    hidden: bounds.Count = 1024
    """Units of the dense layers."""
    dense: bool = False
    """Whether to use dense networks of two hidden layers instead of convolutions."""
    norm: bool = True
    """Whether nets have batch norm; a dense discriminator never has it."""
    learning_rate: bounds.Rate = 1e-4
    """Adam's step size."""
    beta1: bounds.Decay = 0.5
    """Adam's first momentum."""
    ema: bounds.Decay = 0.0
    """Decay of the moving average of the generator's weights; 0 averages nothing."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the networks; parameters and losses stay float32."""

    def __post_init__(self):
        bounds.check(self)
        if self.samples < 2:
            raise ValueError(
                f"samples is {self.samples}; it must be at least 2: a single sample"
                " always has weight 1, so that nothing is learnt"
            )


class DenseGenerator(linen.Module):
    """Latents `[B, Z]` to logits of pixels, or pixels, `[B, 28, 28, 1]`."""

    hidden: int
    norm: bool
    logits: bool
    dtype: str

    @linen.compact
    def __call__(self, latent: jax.Array) -> jax.Array:
        """Draws one image for each latent, normalised with the batch's statistics."""
        x, dtype = latent, jnp.dtype(self.dtype)
        for _ in range(2):
            x = linen.Dense(self.hidden, use_bias=not self.norm, dtype=dtype)(x)
            if self.norm:
                x = nn.BatchNorm(use_running_average=False, dtype=dtype)(x)
            x = linen.relu(x)
        x = linen.Dense(28 * 28)(x.astype(jnp.float32)).reshape(-1, 28, 28, 1)
        return x if self.logits else linen.sigmoid(x)


class DenseDiscriminator(linen.Module):
    """Images `[B, 28, 28, 1]` to logits `[B]`."""

    hidden: int
    dtype: str

    @linen.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Judges images."""
        net = nn.MLP((self.hidden, self.hidden // 2), 1, self.dtype)
        return net(image.reshape(len(image), -1))[:, 0]


def _nets(config: Config) -> dict[str, Any]:
    if config.dense:
        logits = config.kind == "discrete"
        return {
            "generator": DenseGenerator(
                config.hidden, config.norm, logits, config.dtype
            ),
            "discriminator": DenseDiscriminator(config.hidden, config.dtype),
        }
    sizes = {"width": config.width, "hidden": config.hidden, "norm": config.norm}
    discrete = config.kind == "discrete"
    return {
        "generator": digit_nets.Generator(**sizes, logits=discrete, dtype=config.dtype),
        "discriminator": digit_nets.Discriminator(**sizes, dtype=config.dtype),
    }


def game(config: Config) -> Game:
    """Discriminator, then generator. Batches: `{"image": [B, 28, 28, 1] in [0, 1]}`."""
    nets = _nets(config)
    adam = optax.adam(config.learning_rate, config.beta1)
    if config.kind == "continuous":
        return adversarial(
            **nets,
            latent=lambda key, count: latent(config, key, count),
            losses=(
                losses.boundary_seeking_discriminator_loss,
                losses.boundary_seeking_generator_loss,
            ),
            optimizer=adam,
            ema=config.ema,
        )
    generator, discriminator = (pure(module, name) for name, module in nets.items())

    def pixels(variables, batch, key):
        """The logits of each pixel being white, `[B, 28, 28, 1]`."""
        size = len(batch["image"])
        return generator(variables, nn.batch_latent(batch, key, size, config.latent))

    def discriminator_loss(variables, batch, turn):
        latent_key, sample_key = jax.random.split(turn.key)
        logits, _ = pixels(variables, batch, latent_key)
        fake = lax.stop_gradient(draw_pixels(sample_key, logits))
        real_logits, variables = discriminator(variables, binarise(batch["image"]))
        fake_logits, variables = discriminator(variables, fake)
        loss = losses.boundary_seeking_discriminator_loss(real_logits, fake_logits)
        metrics = {"real": real_logits.mean(), "fake": fake_logits.mean()}
        return loss.mean(), (variables, metrics)

    def generator_loss(variables, batch, turn):
        latent_key, sample_key = jax.random.split(turn.key)
        logits, variables = pixels(variables, batch, latent_key)
        # Every sample of a latent shares its logits: `[B, M, 28, 28, 1]`.
        shape = (len(logits), config.samples)
        fake = draw_pixels(
            sample_key, jnp.broadcast_to(logits[:, None], (*shape, *logits.shape[1:]))
        )
        flat = fake.reshape(-1, *logits.shape[1:])
        fake_logits, variables = discriminator(variables, flat)
        fake_logits = fake_logits.reshape(shape)
        loss = losses.boundary_seeking_discrete_generator_loss(
            fake_logits, log_likelihoods(fake, logits)
        )
        weights = losses.boundary_seeking_weights(fake_logits)
        # The effective number of samples: M if all have equal weight, 1 if one has it
        # all.
        effective = 1 / jnp.square(weights).sum(1).mean()
        return loss.mean(), (variables, {"effective_samples": effective})

    return Game(
        nets=nets,
        inputs=lambda batch: {
            "generator": (jnp.zeros((1, config.latent)),),
            "discriminator": (batch["image"][:1],),
        },
        players={
            "discriminator": Player(discriminator_loss, ("discriminator",), adam),
            "generator": Player(generator_loss, ("generator",), adam),
        },
        moves=(Move("discriminator"), Move("generator")),
        ema={"generator": config.ema},
    )


def binarise(image: jax.Array) -> jax.Array:
    """Turns grey images in [0, 1] to 0 and 1, by a threshold of one half."""
    return (image > 0.5).astype(jnp.float32)


def draw_pixels(key: jax.Array, logits: jax.Array) -> jax.Array:
    """Draws binary images from logits: float32, the same shape, without gradient."""
    return jax.random.bernoulli(key, jax.nn.sigmoid(logits)).astype(jnp.float32)


def log_likelihoods(samples: jax.Array, logits: jax.Array) -> jax.Array:
    """The log-likelihoods `[B, M]` of binary images `[B, M, ...]`, logits `[B, ...]`.

    log g(x) = x·l + log g(0), where the second term, with all the exponentials, is the
    same for every sample of a latent.
    """
    count, many = samples.shape[:2]
    black = losses.bernoulli_log_likelihood(jnp.zeros_like(logits), logits)
    white = jnp.einsum(
        "bmp,bp->bm",
        samples.reshape(count, many, -1),
        logits.reshape(count, -1),
        precision="highest",
    )
    return white + black[:, None]


def latent(config: Config, key: jax.Array, count: int) -> jax.Array:
    """Draws latents `[count, Z]`."""
    return nn.sample_latent(key, count, config.latent)


def sample(config: Config, variables: Variables, latent: jax.Array) -> jax.Array:
    """Images `[N, 28, 28, 1]` in [0, 1] from latents `[N, Z]`, normalised together.

    For the discrete kind these are the probabilities of white pixels; `draw` samples.
    """
    drawn, _ = pure(_nets(config)["generator"], "generator")(variables, latent)
    return jax.nn.sigmoid(drawn) if config.kind == "discrete" else drawn


def draw(
    config: Config, variables: Variables, latent: jax.Array, key: jax.Array
) -> jax.Array:
    """Binary images `[N, 28, 28, 1]` of a discrete model from latents `[N, Z]`.

    Raises:
        ValueError: the model is continuous, and has no pixels to sample.
    """
    if config.kind != "discrete":
        raise ValueError(
            f"kind is {config.kind!r}, expected 'discrete'; for a continuous model,"
            " the images of `sample` are the samples"
        )
    logits, _ = pure(_nets(config)["generator"], "generator")(variables, latent)
    return draw_pixels(key, logits)


MODEL = Model(
    paper="1702.08431",
    config=Config,
    game=game,
    batch=images.digits,
    show=images.samples(latent, sample),
    tiny=Config(latent=4, samples=3, width=2, hidden=6),
    latent=latent,
    sample=sample,
)
