"""BEGAN: boundary equilibrium between the losses of an auto-encoder.

Berthelot, Schumm and Metz, "BEGAN: Boundary Equilibrium Generative Adversarial
Networks", arXiv:1703.10717.

Reproduced: the discriminator is an auto-encoder with a mean absolute error L; it lowers
L(x) - k L(G(z)) while the generator lowers L(G(z')), at the same time and on other
latents; proportional control of k keeps L(G(z)) at gamma L(x), with k in [0, 1]. The
measure of convergence M is one of the metrics. The networks of the paper have 3x3
convolutions and ELU only: no norm, no dropout, no transposed convolution; upsampling
repeats pixels, and the discriminator's decoder has the generator's architecture, with
weights of its own.

The paper has faces only, and its networks draw strokes instead of digits. With
`nets="digits"` both players are batch-normalised, as in public versions for MNIST: the
generator is that of `digit_nets`, and the discriminator squeezes an image through a
small code between one convolution and one transposed convolution.

Known differences: pixels are in [0, 1] outside of the networks, and for digits inside
too, so that errors are half as large, and the first images of a generator, near 0, look
like their background (from grey images it did not find the digits); with `centred`, as
for faces, networks and errors are those of the paper, on [-1, 1]. The paper's vanishing
residuals are left out, and its skip connections have to be asked for; the step size is
halved at fixed steps, as in unofficial code, instead of when M stalls.
"""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import optax
from flax import linen
from jax import lax

from jaxgan import bounds, losses, nn
from jaxgan.game import Batch, Game, Move, Player, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import began_nets, digit_nets, images

_SIDES = [base << i for i in range(1, 8) for base in (7, 8)]


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are the paper's."""

    nets: Literal["paper", "digits"] = "paper"
    """The paper's networks, or batch-normalised ones that draw digits."""
    resolution: bounds.Count = 28
    """Height and width of the images: 7 or 8, doubled some times. The paper's networks
    have a scale for each size: three of 28 and 32, four of 64, five of 128."""
    channels: bounds.Count = 1
    """Channels of the images: 1 grey, 3 colour."""
    centred: bool = False
    """Whether the networks see and draw pixels in [-1, 1], as for the paper's faces,
    and errors are of these."""
    skip: bool = False
    """Whether decoders see their first map again after every upsampling (the paper's
    optional skip connections)."""
    latent: bounds.Count = 64
    """Size of the latent vector, uniform on [-1, 1], and of the auto-encoder's code."""
    width: bounds.Count = 64
    """Channels of the decoder and of the encoder's first scale (n in the paper)."""
    layers: bounds.Depth = 2
    """Convolutions at every scale, of the paper's networks."""
    hidden: bounds.Count = 1024
    """Units of the generator's first layer, of the networks for digits."""
    gamma: Annotated[float, bounds.Within(0, 1, above=True)] = 0.5
    """Target ratio of L(G(z)) to L(x): low for sharp samples, high for diverse ones."""
    gain: bounds.Rate = 0.001
    """Gain of the control of k (lambda in the paper)."""
    learning_rate: bounds.Rate = 1e-4
    """Adam's first step size."""
    halve_every: bounds.Count = 100_000
    """The step size is halved every time this many steps have passed."""
    beta1: bounds.Decay = 0.5
    """Adam's first momentum."""
    ema: bounds.Decay = 0.0
    """Decay of the moving average of the generator's weights; 0 averages nothing."""

    def __post_init__(self):
        bounds.check(self)
        nearest = min(_SIDES, key=lambda side: abs(side - self.resolution))
        if nearest != self.resolution:
            raise ValueError(
                f"resolution is {self.resolution}; it must be 7 or 8 times a power of"
                f" two, at least 14: use {nearest}"
            )
        digit = (self.resolution, self.channels, self.centred, self.skip)
        if self.nets == "digits" and digit != (28, 1, False, False):
            raise ValueError(
                "nets is digits, which draw grey images of 28 pixels in [0, 1] without"
                " skip connections; use the nets of the paper for others"
            )


class Balance(linen.Module):
    """A memory that holds k, which starts at 0."""

    gamma: float
    gain: float

    @linen.compact
    def __call__(
        self, real: jax.Array | None = None, fake: jax.Array | None = None
    ) -> jax.Array:
        """Returns k, `[]`; given L(x) and L(G(z)), `[B]` each, the next step's k."""
        k = self.variable("memory", "k", jnp.zeros, ())
        if real is not None and fake is not None and not self.is_initializing():
            k.value = losses.update_balance(
                k.value, real, fake, gamma=self.gamma, rate=self.gain
            )
        return k.value


def _nets(config: Config) -> dict[str, linen.Module]:
    c = config
    if c.nets == "digits":
        generator = digit_nets.Generator(c.width, c.hidden)
        discriminator = began_nets.DigitAutoEncoder(c.latent, c.width)
    else:
        generator = began_nets.Decoder(
            c.width, c.layers, c.resolution, c.channels, c.skip
        )
        discriminator = began_nets.AutoEncoder(c.latent, c.width, c.layers, c.skip)
    return {
        "generator": generator,
        "discriminator": discriminator,
        "balance": Balance(c.gamma, c.gain),
    }


def game(config: Config) -> Game:
    """Both players move at once; the generator also updates k.

    Batches are `{"image": [B, S, S, C] in [0, 1]}`. If a batch has a `latent`, it is
    `[B, 2, Z]`: the discriminator's and the generator's.
    """
    nets: dict[str, Any] = _nets(config)
    generator, discriminator, balance = (
        pure(module, name) for name, module in nets.items()
    )

    def fakes(variables, batch, turn, player):
        if "latent" in batch:
            drawn = batch["latent"][:, player]
        else:  # players of one move share a key, but need other latents
            key = jax.random.fold_in(turn.key, player)
            drawn = latent(config, key, len(batch["image"]))
        return generator(variables, drawn)

    def error(variables, image):
        drawn, variables = discriminator(variables, image)
        return losses.l1_loss(image, drawn), variables

    def discriminator_loss(variables, batch, turn):
        fake = lax.stop_gradient(fakes(variables, batch, turn, 0)[0])
        k, _ = balance(variables)
        real_error, variables = error(variables, _seen(config, batch["image"]))
        fake_error, variables = error(variables, fake)
        loss = losses.boundary_equilibrium_discriminator_loss(real_error, fake_error, k)
        metrics = {"real": real_error.mean(), "fake": fake_error.mean()}
        return loss.mean(), (variables, metrics)

    def generator_loss(variables, batch, turn):
        fake, variables = fakes(variables, batch, turn, 1)
        fake_error, variables = error(variables, fake)
        # The discriminator computes this too; the compiler merges the two.
        real_error, variables = error(variables, _seen(config, batch["image"]))
        k, variables = balance(variables, real_error, fake_error)
        measure = losses.convergence_measure(real_error, fake_error, gamma=config.gamma)
        loss = losses.boundary_equilibrium_generator_loss(fake_error)
        return loss.mean(), (variables, {"k": k, "measure": measure})

    rate = optax.exponential_decay(
        config.learning_rate, config.halve_every, 0.5, staircase=True
    )
    adam = optax.adam(rate, config.beta1)
    return Game(
        nets=nets,
        inputs=lambda batch: {
            "generator": (jnp.zeros((1, config.latent)),),
            "discriminator": (batch["image"][:1],),
            "balance": (jnp.zeros(1), jnp.zeros(1)),
        },
        players={
            "discriminator": Player(discriminator_loss, ("discriminator",), adam),
            "generator": Player(generator_loss, ("generator", "balance"), adam),
        },
        moves=(Move("discriminator", "generator"),),
        ema={"generator": config.ema},
    )


def latent(config: Config, key: jax.Array, count: int) -> jax.Array:
    """Draws latents `[count, Z]`, uniform on [-1, 1]."""
    return nn.sample_latent(key, count, config.latent, "uniform")


def _seen(config: Config, image: jax.Array) -> jax.Array:
    """Images in [0, 1] as the networks see them."""
    return 2 * image - 1 if config.centred else image


def _drawn(config: Config, image: jax.Array) -> jax.Array:
    """What a network drew, in [0, 1]."""
    return jnp.clip((image + 1) / 2 if config.centred else image, 0, 1)


def sample(config: Config, variables: Variables, latent: jax.Array) -> jax.Array:
    """Images `[N, S, S, C]` in [0, 1] from latents `[N, Z]`."""
    drawn, _ = pure(_nets(config)["generator"], "generator")(variables, latent)
    return _drawn(config, drawn)


def reconstruct(config: Config, variables: Variables, image: jax.Array) -> jax.Array:
    """The discriminator's reconstructions of images `[N, S, S, C]` in [0, 1]."""
    net = pure(_nets(config)["discriminator"], "discriminator")
    return _drawn(config, net(variables, _seen(config, image))[0])


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch of images."""
    shape = (config.resolution, config.resolution, config.channels)
    return images.batch(key, count, shape)


def show(
    config: Config, variables: Variables, key: jax.Array, batch: Batch
) -> Mapping[str, jax.Array]:
    """Draws samples, and reconstructs the images of a batch."""
    image = batch["image"]
    return {
        "samples": sample(config, variables, latent(config, key, len(image))),
        "reconstructions": reconstruct(config, variables, image),
    }


MODEL = Model(
    paper="1703.10717",
    config=Config,
    game=game,
    batch=batch,
    show=show,
    tiny=Config(latent=4, width=2, layers=1, gamma=1.0),
    latent=latent,
    sample=sample,
)
