"""EBGAN: the discriminator is an energy, which is the error of an auto-encoder.

Zhao, Mathieu and LeCun, "Energy-based Generative Adversarial Network",
arXiv:1609.03126.

Reproduced: the discriminator lowers the energy of data and raises that of generated
images up to a margin; the generator lowers it. The pulling-away term (section 2.4,
"EBGAN-PT"), which is only in the generator's loss, keeps the codes of a generated batch
apart. The networks are the dense ones of the MNIST experiments: batch norm and ReLU in
the generator, an encoder of a few layers and a decoder of one.

The energy here is the squared error *summed* over pixels, and the margin of 10 is meant
for that; for a mean it would be 10 / 784.

Known differences: images are in [0, 1] behind a sigmoid, not in [-1, 1] behind tanh, so
energies are a quarter of the paper's; the encoder has no batch norm. The paper leaves
it out of a discriminator's first layer, and the last of our two layers is the code.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp
import optax
from flax import linen
from jax import lax

from jaxgan import bounds, losses, nn
from jaxgan.game import Game, Move, Player, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import images

SHAPE = (28, 28, 1)
PIXELS = math.prod(SHAPE)


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are the paper's for MNIST."""

    latent: bounds.Count = 100
    """Size of the latent vector, drawn from a standard normal."""
    generator: bounds.Layers = (1600, 1600, 1600, 1600)
    """Units of the generator's hidden layers."""
    encoder: bounds.Layers = (1024,)
    """Units of the encoder's layers; the last layer is the code."""
    margin: bounds.Rate = 10.0
    """Energy up to which that of fakes is raised: a squared error summed over
    pixels."""
    pulling_away: bounds.Weight = 0.0
    """Weight of the pulling-away term in the generator's loss; 0.1 in EBGAN-PT."""
    learning_rate: bounds.Rate = 1e-3
    """Adam's step size."""
    beta1: bounds.Decay = 0.5
    """Adam's first momentum."""
    ema: bounds.Decay = 0.0
    """Decay of the moving average of the generator's weights; 0 averages nothing."""

    def __post_init__(self):
        bounds.check(self)


class Generator(linen.Module):
    """Latents `[B, Z]` to images `[B, 28, 28, 1]` in [0, 1]."""

    hidden: tuple[int, ...]

    @linen.compact
    def __call__(self, latent: jax.Array) -> jax.Array:
        """Draws one image for each latent, normalised with the batch's statistics."""
        x, init = latent, linen.initializers.normal(0.02)
        for units in self.hidden:
            x = linen.Dense(units, use_bias=False, kernel_init=init)(x)
            x = linen.relu(nn.BatchNorm(use_running_average=False)(x))
        x = linen.Dense(PIXELS, kernel_init=init)(x)
        return linen.sigmoid(x).reshape(-1, *SHAPE)


class AutoEncoder(linen.Module):
    """Images `[B, 28, 28, 1]` to reconstructions of the same shape, and codes."""

    hidden: tuple[int, ...]

    @linen.compact
    def __call__(self, image: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Encodes with ReLU layers, and decodes with one layer and a sigmoid."""
        code = image.reshape(len(image), -1)
        for units in self.hidden:
            code = linen.relu(linen.Dense(units)(code))
        drawn = linen.sigmoid(linen.Dense(PIXELS)(code))
        return drawn.reshape(image.shape), code


def energy(image: jax.Array, reconstruction: jax.Array) -> jax.Array:
    """The squared errors, summed over pixels: `[B]`."""
    return PIXELS * losses.l2_loss(image, reconstruction)


def game(config: Config) -> Game:
    """Discriminator, then generator. Batches: `{"image": [B, 28, 28, 1] in [0, 1]}`."""
    nets = {
        "generator": Generator(config.generator),
        "discriminator": AutoEncoder(config.encoder),
    }
    generator, discriminator = (pure(module, name) for name, module in nets.items())

    def fakes(variables, batch, key):
        size = len(batch["image"])
        return generator(variables, nn.batch_latent(batch, key, size, config.latent))

    def judge(variables, image):
        (drawn, code), variables = discriminator(variables, image)
        return energy(image, drawn), code, variables

    def discriminator_loss(variables, batch, turn):
        fake = lax.stop_gradient(fakes(variables, batch, turn.key)[0])
        real_energy, _, variables = judge(variables, batch["image"])
        fake_energy, _, variables = judge(variables, fake)
        loss = losses.energy_based_discriminator_loss(
            real_energy, fake_energy, margin=config.margin
        )
        pushed = (fake_energy < config.margin).astype(jnp.float32)
        metrics = {
            "real": real_energy.mean(),
            "fake": fake_energy.mean(),
            "pushed": pushed.mean(),
        }
        return loss.mean(), (variables, metrics)

    def generator_loss(variables, batch, turn):
        fake, variables = fakes(variables, batch, turn.key)
        fake_energy, code, variables = judge(variables, fake)
        loss = losses.energy_based_generator_loss(fake_energy).mean()
        # Computed even at weight 0, since it shows whether samples are alike.
        apart = losses.pulling_away_term(code).mean()
        loss += config.pulling_away * apart
        return loss, (variables, {"pulling_away": apart})

    adam = optax.adam(config.learning_rate, config.beta1)
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


def latent(config: Config, key: jax.Array, count: int) -> jax.Array:
    """Draws latents `[count, Z]`."""
    return nn.sample_latent(key, count, config.latent)


def sample(config: Config, variables: Variables, latent: jax.Array) -> jax.Array:
    """Images `[N, 28, 28, 1]` in [0, 1] from latents `[N, Z]`, normalised together."""
    return pure(Generator(config.generator), "generator")(variables, latent)[0]


MODEL = Model(
    paper="1609.03126",
    config=Config,
    game=game,
    batch=images.digits,
    show=images.samples(latent, sample),
    tiny=Config(latent=4, generator=(6,), encoder=(8,), pulling_away=0.1),
    latent=latent,
    sample=sample,
)
