"""PPGN: a generator of an encoder's codes, as a prior for whatever is to be shown.

Nguyen, Clune, Bengio, Dosovitskiy and Yosinski, "Plug & Play Generative Networks:
Conditional Iterative Generation of Images in Latent Space", arXiv:1612.00005: the
noiseless joint PPGN-h. Images are made by chains of codes, `analysis.plug_and_play`.

Reproduced: the generator of the released network, three dense layers and nine
transposed convolutions, with leaky rectifiers of 0.3; its errors of pixels, of the
encoder's maps and of its code, and an adversarial loss; codes come out of a rectifier,
so they are not negative. `stage` says what is trained: the encoder, which is a
classifier whose hidden layer is the code and at rest afterwards, or the generator and
its discriminator.

Known differences: the encoder is a small one of the data's classes, where the authors
have CaffeNet trained on ImageNet, and its classes are the condition network; the paper
does not say how the errors are weighted, so `maps`, `again` and `adversarial` are our
choice; the discriminator is ours, and sees the code as well; convolutions at stride 1
are convolutions, which have the same weights; all biases are learned.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import linen
from jax import lax

from jaxgan import bounds, losses, nn
from jaxgan.game import Batch, Game, Move, Player, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import images
from jaxgan.models.parts.classes import check_labelled
from jaxgan.models.parts.holding import held

LAYERS = (
    *((2, 1.0), (1, 2.0), (2, 1.0), (1, 1.0), (2, 0.5), (1, 0.5)),
    *((2, 0.25), (2, 0.125)),
)
"""Hidden layers of the generator: by how much they enlarge maps, and their channels as
a part of the width."""
_he = linen.initializers.he_normal()


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the sizes of the generator are those of the release."""

    classes: bounds.Count = 1000
    """Number of classes."""
    stage: Literal["encoder", "generator"] = "generator"
    """What is trained: the encoder, or the generator and its discriminator."""
    resolution: bounds.Count = 227
    """Height and width of images in pixels."""
    channels: bounds.Count = 3
    """Image channels: 3 for colour, 1 for grey."""
    code: bounds.Count = 4096
    """Size of the code."""
    hidden: bounds.Count = 4096
    """Units of the generator's first two dense layers."""
    width: bounds.Count = 256
    """Channels of the generator's smallest maps, a multiple of 8."""
    encoder_width: bounds.Count = 64
    """Channels of the largest maps of the encoder and of the discriminator; they double
    at each halving, up to eight times."""
    maps: bounds.Weight = 1.0
    """Weight of the error of the encoder's maps."""
    again: bounds.Weight = 1.0
    """Weight of the error of the code of the generated image."""
    adversarial: bounds.Weight = 0.01
    """Weight of the adversarial loss."""
    learning_rate: bounds.Rate = 2e-4
    """Adam's step size, of all players."""
    beta1: bounds.Decay = 0.9
    """Adam's first momentum."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the networks; parameters and losses stay float32."""

    def __post_init__(self):
        bounds.check(self)
        if not 8 <= self.resolution <= 256:
            raise ValueError(
                f"resolution is {self.resolution}; expected 8 to 256: resize the images"
            )
        if self.width % 8:
            raise ValueError(
                f"width {self.width} is no multiple of 8, but some maps have an eighth"
                f" of it; use {self.width // 8 * 8 + 8}"
            )

    @property
    def doublings(self) -> int:
        """How often maps of 4x4 are doubled, until they are at least an image."""
        return (self.resolution - 1).bit_length() - 2


class Seen(NamedTuple):
    """What the encoder makes of images.

    Attributes:
        maps: of the last convolution, `[B, h, w, F]`.
        code: `[B, Z]`, not negative.
        logits: of the classes, `[B, K]`.
    """

    maps: jax.Array
    code: jax.Array
    logits: jax.Array


class Encoder(linen.Module):
    """Images `[B, R, R, C]` in [-1, 1] to what is `Seen`: a classifier."""

    config: Config

    @linen.compact
    def __call__(self, image: jax.Array) -> Seen:
        """Looks at a batch."""
        c = self.config
        maps = _halved(c, image, linen.relu)
        dense = linen.Dense(c.code, dtype=c.dtype, kernel_init=_he, name="to_code")
        code = linen.relu(dense(maps.reshape(len(maps), -1))).astype(jnp.float32)
        logits = linen.Dense(c.classes, name="to_logits")(code)
        return Seen(maps.astype(jnp.float32), code, logits)


class Generator(linen.Module):
    """Codes `[B, Z]` to images `[B, R, R, C]`, around [-1, 1] but not within it."""

    config: Config

    @linen.compact
    def __call__(self, code: jax.Array) -> jax.Array:
        """Draws the image of each code, and cuts the middle out."""
        c, x = self.config, code
        for units in (c.hidden, c.hidden, 16 * c.width):
            x = linen.Dense(units, dtype=c.dtype, kernel_init=_he)(x)
            x = linen.leaky_relu(x, 0.3)
        x, left = x.reshape(-1, 4, 4, c.width), c.doublings - 1
        for times, share in LAYERS:
            left -= times - 1
            if left < 0:
                break
            layer = nn.ConvTranspose if times == 2 else nn.Conv
            size = 4 if times == 2 else 3
            features = int(share * c.width)
            x = layer(features, size, dtype=c.dtype, kernel_init=_he)(x)
            x = linen.leaky_relu(x, 0.3)
        x = nn.ConvTranspose(c.channels, dtype=c.dtype, name="to_image")(x)
        first = (x.shape[1] - c.resolution) // 2
        part = slice(first, first + c.resolution)
        return x[:, part, part].astype(jnp.float32)


class Discriminator(linen.Module):
    """Images `[B, R, R, C]` and their codes `[B, Z]` to logits `[B]`."""

    config: Config

    @linen.compact
    def __call__(self, image: jax.Array, code: jax.Array) -> jax.Array:
        """Judges images together with the codes that they should have."""
        x = _halved(self.config, image, lambda x: linen.leaky_relu(x, 0.2))
        x = x.astype(jnp.float32).reshape(len(x), -1)
        return linen.Dense(1, name="to_logit")(jnp.concatenate([x, code], 1))[:, 0]


def _halved(config, image, rectified):
    """Maps of 4x4 to 7x7 by convolutions at stride 2, padded where sides are odd."""
    x, width = image, config.encoder_width
    while x.shape[1] >= 8:
        odd = x.shape[1] % 2
        x = jnp.pad(x, [(0, 0), (0, odd), (0, odd), (0, 0)])
        x = rectified(nn.Conv(width, 4, 2, dtype=config.dtype, kernel_init=_he)(x))
        width = min(2 * width, 8 * config.encoder_width)
    return x


def game(config: Config) -> Game:
    """The encoder alone, or the discriminator and then the generator.

    Batches are `{"image": [B, R, R, C] in [-1, 1], "label": [B]}`; labels are for the
    encoder alone.
    """
    nets = _nets(config)
    encoder, generator, discriminator = (pure(nets[name], name) for name in nets)

    def encoder_loss(variables, batch, turn):
        del turn
        check_labelled(batch)
        seen, variables = encoder(variables, batch["image"])
        cross = optax.softmax_cross_entropy_with_integer_labels(
            seen.logits, batch["label"]
        )
        right = (seen.logits.argmax(-1) == batch["label"]).mean(dtype=jnp.float32)
        return cross.mean(), (variables, {"accuracy": right})

    def generator_loss(variables, batch, turn):
        del turn
        others = held(variables, "encoder", "discriminator")
        real = encoder(others, batch["image"])[0]
        fake, variables = generator(variables, real.code)
        made = encoder(others, fake)[0]
        logits = discriminator(others, fake, real.code)[0]
        terms = {
            "pixels": losses.l2_loss(batch["image"], fake).mean(),
            "maps": config.maps * losses.l2_loss(real.maps, made.maps).mean(),
            "again": config.again * losses.l2_loss(real.code, made.code).mean(),
            "adversarial": config.adversarial
            * losses.non_saturating_generator_loss(logits).mean(),
        }
        return sum(terms.values()), (variables, terms)

    def discriminator_loss(variables, batch, turn):
        del turn
        others = held(variables, "encoder", "generator")
        code = encoder(others, batch["image"])[0].code
        fake = lax.stop_gradient(generator(others, code)[0])
        real_logits, variables = discriminator(variables, batch["image"], code)
        fake_logits, variables = discriminator(variables, fake, code)
        loss = losses.non_saturating_discriminator_loss(real_logits, fake_logits)
        seen = {"real": real_logits.mean(), "fake": fake_logits.mean()}
        return loss.mean(), (variables, seen)

    stages = {
        "encoder": {"encoder": encoder_loss},
        "generator": {"discriminator": discriminator_loss, "generator": generator_loss},
    }
    adam = optax.adam(config.learning_rate, config.beta1)
    players = {
        name: Player(loss, (name,), adam) for name, loss in stages[config.stage].items()
    }

    def inputs(batch):
        image, code = batch["image"][:1], jnp.zeros((1, config.code))
        return {
            "encoder": (image,),
            "generator": (code,),
            "discriminator": (image, code),
        }

    return Game(nets, inputs, players, tuple(map(Move, players)))


def _nets(config: Config) -> dict[str, Any]:
    return {
        "encoder": Encoder(config),
        "generator": Generator(config),
        "discriminator": Discriminator(config),
    }


def see(config: Config, variables: Variables, image: jax.Array) -> Seen:
    """What the encoder makes of images `[B, R, R, C]` in [-1, 1]."""
    return pure(Encoder(config), "encoder")(variables, image)[0]


def draw(config: Config, variables: Variables, code: jax.Array) -> jax.Array:
    """Images `[B, R, R, C]`, around [-1, 1], of codes `[B, Z]`."""
    return pure(Generator(config), "generator")(variables, code)[0]


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    shape = (config.resolution, config.resolution, config.channels)
    return images.batch(key, count, shape, classes=config.classes, low=-1.0)


def show(
    config: Config, variables: Variables, key: jax.Array, batch: Batch
) -> Mapping[str, jax.Array]:
    """Shows images drawn again from their codes."""
    del key
    code = see(config, variables, batch["image"]).code
    return {"again": draw(config, variables, code)}


MODEL = Model(
    paper="1612.00005",
    config=Config,
    game=game,
    batch=batch,
    show=show,
    tiny=Config(
        classes=3, resolution=14, channels=1, code=6, hidden=7, width=8,
        encoder_width=3,
    ),
    range=(-1.0, 1.0),
    exact=True,
)  # fmt: skip
