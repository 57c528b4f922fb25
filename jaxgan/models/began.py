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

Known differences: pixels are in [0, 1] instead of [-1, 1], so that errors are half as
large, and the first images of a generator, near 0, look like the background of the
digits (from grey images it did not find the digits); three scales for 28x28 images (7,
14, 28) instead of four or more for faces; the paper's optional skip connections and
vanishing residuals are left out; the step size is halved at fixed steps, as in
unofficial code, instead of when M stalls.
"""

import dataclasses
import math
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
from jaxgan.models.parts import digit_nets, images

SIZE, SCALES = 28, 3


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are the paper's."""

    nets: Literal["paper", "digits"] = "paper"
    """The paper's networks, or batch-normalised ones that draw digits."""
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


def _convolutions(x: jax.Array, width: int, count: int) -> jax.Array:
    for _ in range(count):
        x = linen.elu(_conv(width)(x))
    return x


def _conv(width: int, strides: int = 1) -> nn.Conv:
    # There is no norm, so initial weights must keep the scale of signals.
    init = linen.initializers.xavier_uniform()
    return nn.Conv(width, 3, strides, kernel_init=init)


class Decoder(linen.Module):
    """Codes `[B, Z]` to images `[B, 28, 28, 1]`, meant for [0, 1] but not clipped."""

    width: int
    layers: int

    @linen.compact
    def __call__(self, code: jax.Array) -> jax.Array:
        """Draws images from 7x7 upwards; upsampling repeats pixels."""
        side = SIZE >> (SCALES - 1)
        x = linen.Dense(side * side * self.width)(code)
        x = x.reshape(-1, side, side, self.width)
        for scale in range(SCALES):
            if scale:
                x = x.repeat(2, axis=1).repeat(2, axis=2)
            x = _convolutions(x, self.width, self.layers)
        return _conv(1)(x)


class AutoEncoder(linen.Module):
    """Images `[B, 28, 28, 1]` to their reconstructions."""

    latent: int
    width: int
    layers: int

    @linen.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Encodes to `[B, Z]`, and decodes with the architecture of the generator."""
        x = linen.elu(_conv(self.width)(image))
        for scale in range(1, SCALES + 1):
            x = _convolutions(x, scale * self.width, self.layers)
            if scale < SCALES:
                x = linen.elu(_conv((scale + 1) * self.width, strides=2)(x))
        code = linen.Dense(self.latent)(x.reshape(len(x), -1))
        return Decoder(self.width, self.layers)(code)


class DigitAutoEncoder(linen.Module):
    """Images `[B, 28, 28, 1]` in [0, 1] to their reconstructions, through a small code.

    The code and the layer after it are batch-normalised, with the statistics of the
    batch, and rectified linear.
    """

    latent: int
    width: int

    @linen.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Encodes to `[B, Z]`, and decodes."""
        x = linen.relu(nn.Conv(self.width, 4, 2)(image))
        shape = x.shape
        for units in (self.latent, math.prod(shape[1:])):
            x = linen.Dense(units, use_bias=False)(x.reshape(len(x), -1))
            x = linen.relu(nn.BatchNorm(use_running_average=False)(x))
        return linen.sigmoid(nn.ConvTranspose(1, 4)(x.reshape(shape)))


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
        discriminator = DigitAutoEncoder(c.latent, c.width)
    else:
        generator = Decoder(c.width, c.layers)
        discriminator = AutoEncoder(c.latent, c.width, c.layers)
    return {
        "generator": generator,
        "discriminator": discriminator,
        "balance": Balance(c.gamma, c.gain),
    }


def game(config: Config) -> Game:
    """Both players move at once; the generator also updates k.

    Batches are `{"image": [B, 28, 28, 1] in [0, 1]}`. If a batch has a `latent`, it is
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
        real_error, variables = error(variables, batch["image"])
        fake_error, variables = error(variables, fake)
        loss = losses.boundary_equilibrium_discriminator_loss(real_error, fake_error, k)
        metrics = {"real": real_error.mean(), "fake": fake_error.mean()}
        return loss.mean(), (variables, metrics)

    def generator_loss(variables, batch, turn):
        fake, variables = fakes(variables, batch, turn, 1)
        fake_error, variables = error(variables, fake)
        # The discriminator computes this too; the compiler merges the two.
        real_error, variables = error(variables, batch["image"])
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


def sample(config: Config, variables: Variables, latent: jax.Array) -> jax.Array:
    """Images `[N, 28, 28, 1]` in [0, 1] from latents `[N, Z]`."""
    drawn, _ = pure(_nets(config)["generator"], "generator")(variables, latent)
    return jnp.clip(drawn, 0, 1)


def reconstruct(config: Config, variables: Variables, image: jax.Array) -> jax.Array:
    """The discriminator's reconstructions of images `[N, 28, 28, 1]` in [0, 1]."""
    net = pure(_nets(config)["discriminator"], "discriminator")
    return jnp.clip(net(variables, image)[0], 0, 1)


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
    batch=images.digits,
    show=show,
    tiny=Config(latent=4, width=2, layers=1, gamma=1.0),
    latent=latent,
    sample=sample,
)
