"""Age-cGAN: a conditional GAN over ages, and an encoder of faces to its latents.

Antipov, Baccouche and Dugelay, "Face Aging with Conditional Generative Adversarial
Networks", arXiv:1702.01983.

Reproduced: a GAN told the class of ages, one-hot beside the noise in the generator and
as maps after the first convolution of the discriminator; then an encoder trained on
generated pairs (z, G(z, y)) by the squared error of z, with the generator at rest; then
a search for the z whose picture a network that recognises faces takes for the same
person (`jaxgan.analysis.search`). A face is aged by another class with the same z.
`stage` says which of the two is trained.

Known differences: the paper does not specify its networks and there is no released
code, so all of them are a choice: those of DCGAN at 64x64, and an encoder of four
convolutions and two dense layers. Classes of ages are those of the data.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import optax
from flax import linen
from jax import lax

from jaxgan import bounds, losses, nn
from jaxgan.game import Batch, Game, Move, Player, Variables, pure
from jaxgan.models import dcgan
from jaxgan.models.model import Model
from jaxgan.models.parts import images
from jaxgan.models.parts.bottleneck_nets import check_resolution
from jaxgan.models.parts.classes import Classes, check_labelled, known, one_hot
from jaxgan.models.parts.holding import held
from jaxgan.models.parts.rates import falling
from jaxgan.models.parts.two_players import adversarial

_init = linen.initializers.normal(0.02)


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training."""

    classes: Classes = 6
    """Number of classes of ages; None for as many as the data has."""
    stage: Literal["gan", "encoder"] = "gan"
    """What is trained: both players of the GAN, or the encoder."""
    resolution: bounds.Count = 64
    """Height and width of images in pixels: a power of two, at least 16."""
    channels: bounds.Count = 3
    """Image channels: 3 for colour, 1 for grey."""
    width: bounds.Count = 128
    """Channels of the GAN's largest maps; they double at each halving."""
    kernel: Annotated[int, bounds.Within(3, 5)] = 5
    """Side of the GAN's kernels."""
    latent: bounds.Count = 100
    """Size of the latent vector z, drawn from a standard normal."""
    encoder_width: bounds.Count = 32
    """Channels of the encoder's largest maps; they double at each halving."""
    encoder_hidden: bounds.Count = 1024
    """Units of the encoder's first dense layer."""
    learning_rate: bounds.Rate = 2e-4
    """Adam's step size, of all players."""
    beta1: bounds.Decay = 0.5
    """Adam's first momentum."""
    decay: bounds.Natural = 0
    """Steps in which the encoder's step size falls to 0 along a straight line; 0 leaves
    it as it is."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the networks; parameters, statistics and losses stay float32."""

    def __post_init__(self):
        bounds.check(self)
        check_resolution("resolution", self.resolution, 16)

    @property
    def plain(self) -> dcgan.Config:
        """The DCGAN whose networks are told classes."""
        return dcgan.Config(
            resolution=self.resolution,
            channels=self.channels,
            width=self.width,
            kernel=self.kernel,
            latent=self.latent,
            dtype=self.dtype,
        )


class Generator(linen.Module):
    """Latents `[B, Z]` and classes `[B]` to images `[B, R, R, C]` in [-1, 1]."""

    config: Config

    @linen.compact
    def __call__(
        self,
        latent: jax.Array,
        label: jax.Array,
        statistics: dcgan.Statistics = "batch",
    ) -> jax.Array:
        """Draws an image for each latent, of the age of its label."""
        y = one_hot(label, known(self.config.classes), latent.shape[0])
        draw = dcgan.Generator(self.config.plain)
        return draw(jnp.concatenate([latent, y], 1), statistics)


class Discriminator(linen.Module):
    """Images `[B, R, R, C]` in [-1, 1] and classes `[B]` to logits `[B]`."""

    config: Config

    @linen.compact
    def __call__(self, image: jax.Array, label: jax.Array) -> jax.Array:
        """Judges images together with the ages that they should show."""
        c, dtype = self.config, jnp.dtype(self.config.dtype)
        y = one_hot(label, known(c.classes), len(image))[:, None, None]
        first, *rest = c.plain.widths
        x = linen.leaky_relu(nn.Conv(first, c.kernel, 2, dtype=dtype)(image), 0.2)
        maps = jnp.broadcast_to(y, (*x.shape[:3], y.shape[-1])).astype(x.dtype)
        x = jnp.concatenate([x, maps], -1)
        for width in rest:
            x = nn.Conv(width, c.kernel, 2, use_bias=False, dtype=dtype)(x)
            x = nn.BatchNorm(use_running_average=False, dtype=dtype)(x)
            x = linen.leaky_relu(x, 0.2)
        x = x.reshape(len(x), -1).astype(jnp.float32)
        return linen.Dense(1, kernel_init=_init, name="to_logit")(x)[:, 0]


class Encoder(linen.Module):
    """Images `[B, R, R, C]` in [-1, 1] to latents `[B, Z]`."""

    config: Config

    @linen.compact
    def __call__(
        self, image: jax.Array, statistics: dcgan.Statistics = "batch"
    ) -> jax.Array:
        """Normalises with the statistics of the batch, or with the running averages."""
        c, dtype, x = self.config, jnp.dtype(self.config.dtype), image
        norm = functools.partial(
            nn.BatchNorm, use_running_average=nn.use_running(statistics), dtype=dtype
        )
        for i in range(4):
            conv = nn.Conv(c.encoder_width * 2**i, 5, 2, use_bias=False, dtype=dtype)
            x = linen.relu(norm()(conv(x)))
        x = x.reshape(len(x), -1)
        x = linen.Dense(c.encoder_hidden, use_bias=False, dtype=dtype)(x)
        x = linen.relu(norm()(x)).astype(jnp.float32)
        return linen.Dense(c.latent, name="to_latent")(x)


def _nets(config: Config) -> dict[str, linen.Module]:
    return {
        "generator": Generator(config),
        "discriminator": Discriminator(config),
        "encoder": Encoder(config),
    }


def game(config: Config) -> Game:
    """The GAN's two players, or the encoder; the nets are the same in both stages.

    Batches are `{"image": [B, R, R, C] in [-1, 1], "label": [B] in 0..classes-1}`.
    """
    nets = _nets(config)
    plain = adversarial(
        nets["generator"],
        nets["discriminator"],
        latent=functools.partial(latent, config),
        losses=(
            losses.non_saturating_discriminator_loss,
            losses.non_saturating_generator_loss,
        ),
        optimizer=optax.adam(config.learning_rate, config.beta1),
        condition="label",
    )
    generate, encode = (pure(nets[name], name) for name in ("generator", "encoder"))

    def inputs(batch: Batch) -> Any:
        check_labelled(batch)
        return {**plain.inputs(batch), "encoder": (batch["image"][:1],)}

    def encoder_loss(variables, batch, turn):
        """Of generated pairs; of the data only the ages are taken."""
        label = batch["label"]
        z = batch.get("latent")
        if z is None:
            z = latent(config, turn.key, len(label))
        image, _ = generate(held(variables, "generator"), z, label, "running")
        found, variables = encode(variables, lax.stop_gradient(image))
        # A guess of 0 costs 1, the variance of z.
        return jnp.square(found - z).mean(), (variables, {})

    if config.stage == "gan":
        return dataclasses.replace(plain, nets=nets, inputs=inputs)
    adam = optax.adam(falling(config.learning_rate, config.decay), config.beta1)
    return Game(
        nets=nets,
        inputs=inputs,
        players={"encoder": Player(encoder_loss, ("encoder",), adam)},
        moves=(Move("encoder"),),
    )


def latent(config: Config, key: jax.Array, count: int) -> jax.Array:
    """Draws latents `[count, Z]`."""
    return nn.sample_latent(key, count, config.latent)


def sample(
    config: Config, variables: Variables, latent: jax.Array, label: jax.Array
) -> jax.Array:
    """Images `[B, R, R, C]` in [-1, 1] from latents `[B, Z]` and classes `[B]`.

    Norms use their running averages, so that an image depends on its latent alone.
    """
    draw = pure(Generator(config), "generator")
    return draw(variables, latent, label, "running")[0]


def encode(config: Config, variables: Variables, image: jax.Array) -> jax.Array:
    """A first guess of the latents `[B, Z]` of images `[B, R, R, C]`."""
    return pure(Encoder(config), "encoder")(variables, image, "running")[0]


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    shape = (config.resolution, config.resolution, config.channels)
    return images.batch(key, count, shape, classes=config.classes, low=-1.0)


def show(
    config: Config, variables: Variables, key: jax.Array, batch: Batch
) -> Mapping[str, jax.Array]:
    """Draws samples of the batch's ages, and its images by the encoder's guess."""
    image, label = batch["image"], batch["label"]
    return {
        "samples": sample(config, variables, latent(config, key, len(image)), label),
        "encoded": sample(config, variables, encode(config, variables, image), label),
    }


MODEL = Model(
    paper="1702.01983",
    config=Config,
    game=game,
    batch=batch,
    show=show,
    tiny=Config(
        classes=3, resolution=16, width=4, kernel=4, latent=5, encoder_width=2,
        encoder_hidden=6,
    ),
    latent=latent,
    sample=sample,
    labels=True,
    range=(-1.0, 1.0),
    exact=True,
)  # fmt: skip
