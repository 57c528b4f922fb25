"""Context encoders: a network draws what is missing in an image from what is around it.

Pathak, Krähenbühl, Donahue, Darrell and Efros, "Context Encoders: Feature Learning by
Inpainting", arXiv:1604.07379.

Reproduced: an encoder-decoder through 4,000 units, without a skip; 0.999 times the
squared error and 0.001 times the adversarial loss; Adam with beta1 0.5, at 2e-3 for the
generator and 2e-4 for the discriminator; missing pixels have the mean colour of
ImageNet. A hole in the centre has half of each side: the network draws all of it, but
is shown the outer band of 4 pixels, which weighs ten times as much; the discriminator
sees the hole alone, and no context. Random regions cover 20 to 30 % of the image, one
mask for a batch: then the network draws the whole image, the error is that of all
pixels, and the discriminator sees all of it.

*Quirks*: this is the authors' code. In the paper the band has 7 pixels, and the error
is that of the missing pixels alone.

Known differences: the authors' generator learns from the discriminator's judgement
before that learned from the same batch; here the generator moves second and is judged
anew. The AlexNet variant for features, with a layer that connects each channel with
itself, is left out.
"""

import dataclasses
from collections.abc import Mapping
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from jaxgan import bounds, losses, nn
from jaxgan.game import Batch, Game, Move, Player, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import bottleneck_nets, images
from jaxgan.models.parts.rates import falling

MEAN = (117 / 127.5 - 1, 104 / 127.5 - 1, 123 / 127.5 - 1)  # red, green, blue


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are those of the authors' code."""

    resolution: bounds.Count = 128
    """Height and width of images in pixels: a power of two, at least 16."""
    channels: bounds.Count = 3
    """Image channels: 3 for colour, 1 for grey."""
    hole: Literal["centre", "random"] = "centre"
    """What is missing: the square in the middle, or random regions."""
    overlap: bounds.Natural = 4
    """Width in pixels of the band of a hole in the centre that is known."""
    overlap_weight: bounds.Weight = 10.0
    """Weight of the error in this band; 1 elsewhere."""
    width: bounds.Count = 64
    """Channels of the largest maps; they double at each halving, up to 8 times."""
    bottleneck: bounds.Count = 4000
    """Units between encoder and decoder."""
    reconstruction: bounds.Share = 0.999
    """Weight of the squared error; the adversarial loss has the rest."""
    learning_rate: bounds.Rate = 2e-3
    """Adam's step size for the generator."""
    discriminator_learning_rate: bounds.Rate = 2e-4
    """Adam's step size for the discriminator."""
    beta1: bounds.Decay = 0.5
    """Adam's first momentum."""
    decay: bounds.Natural = 0
    """Steps in which the generator's step size falls to 0 along a straight line; 0
    leaves it as it is, as the authors do."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the networks; parameters, statistics and losses stay float32."""

    def __post_init__(self):
        bounds.check(self)
        bottleneck_nets.check_resolution("resolution", self.resolution, 16)
        if 4 * self.overlap >= self.resolution:
            raise ValueError(
                f"overlap {self.overlap} leaves nothing of a hole of"
                f" {self.resolution // 2} pixels a side; give less than a quarter of"
                f" that, such as {self.resolution // 32}"
            )

    @property
    def drawn(self) -> int:
        """Height and width of what the network draws."""
        return self.resolution // (2 if self.hole == "centre" else 1)


def game(config: Config) -> Game:
    """Discriminator, then generator. Batches: `{"image": [B, R, R, C] in [-1, 1]}`."""
    nets = _nets(config)
    generator, discriminator = (pure(module, name) for name, module in nets.items())
    central = config.hole == "centre"
    weights = jnp.ones((1, 1, 1, 1))
    if central:
        weights = losses.overlap_weights(
            config.drawn,
            config.drawn,
            overlap=config.overlap,
            weight=config.overlap_weight,
        )

    def drawn(variables, batch, turn):
        """What is there and what the network draws in its place, `[B, D, D, C]`."""
        image = batch["image"]
        damaged = damage(image, missing(config, turn.key))
        made, variables = generator(variables, damaged)
        return _middle(image, config.drawn), made, variables

    def discriminator_loss(variables, batch, turn):
        real, fake, _ = drawn(variables, batch, turn)
        real_logits, variables = discriminator(variables, real)
        fake_logits, variables = discriminator(variables, lax.stop_gradient(fake))
        loss = losses.non_saturating_discriminator_loss(real_logits, fake_logits)
        seen = {"real": real_logits.mean(), "fake": fake_logits.mean()}
        return loss.mean(), (variables, seen)

    def generator_loss(variables, batch, turn):
        real, fake, variables = drawn(variables, batch, turn)
        logits, variables = discriminator(variables, fake)
        error = losses.masked_reconstruction_loss(real, fake, weights).mean()
        fooled = losses.non_saturating_generator_loss(logits).mean()
        share = config.reconstruction
        loss = share * error + (1 - share) * fooled
        return loss, (variables, {"error": error, "adversarial": fooled})

    rate = falling(config.learning_rate, config.decay)
    adam = optax.adam(rate, config.beta1)
    slow = optax.adam(config.discriminator_learning_rate, config.beta1)
    return Game(
        nets=nets,
        inputs=lambda batch: {
            "generator": (batch["image"][:1],),
            "discriminator": (_middle(batch["image"][:1], config.drawn),),
        },
        players={
            "discriminator": Player(discriminator_loss, ("discriminator",), slow),
            "generator": Player(generator_loss, ("generator",), adam),
        },
        moves=(Move("discriminator"), Move("generator")),
    )


def missing(config: Config, key: jax.Array) -> jax.Array:
    """A mask of what is missing, `[R, R]`, true there; random regions need the key."""
    side = config.resolution
    if config.hole == "random":
        return nn.random_regions(key, side, side)
    hole = np.ones((config.drawn - 2 * config.overlap,) * 2, bool)
    return jnp.asarray(np.pad(hole, side // 4 + config.overlap))


def damage(image: jax.Array, missing: jax.Array) -> jax.Array:
    """Gives missing pixels the mean colour.

    Args:
        image: `[B, R, R, C]` in [-1, 1].
        missing: `[R, R]` or `[B, R, R]`, true where missing.
    """
    colour = MEAN if image.shape[-1] == len(MEAN) else sum(MEAN) / len(MEAN)
    return jnp.where(missing[..., None], jnp.asarray(colour, image.dtype), image)


def fill(
    config: Config, variables: Variables, image: jax.Array, missing: jax.Array
) -> jax.Array:
    """Draws what is missing, with the running averages of batch norms.

    Args:
        config: of the model.
        variables: of its nets.
        image: `[B, R, R, C]` in [-1, 1]; what it has where pixels are missing is never
            seen.
        missing: `[R, R]` or `[B, R, R]`, true where missing; only the central hole of
            `missing` where the network was trained on that.

    Returns:
        `[B, R, R, C]` in [-1, 1], equal to `image` elsewhere.

    Raises:
        ValueError: the images or the mask are of another size, or the mask covers all
            or nothing.
    """
    side = config.resolution
    expected = (side, side, config.channels)
    if image.shape[1:] != expected or missing.shape[-2:] != expected[:2]:
        raise ValueError(
            f"images are {image.shape[1:]} and the mask {missing.shape}, but the"
            f" network takes {expected}: bring both to that size"
        )
    nn.check_mask(missing)
    generator = pure(_nets(config)["generator"], "generator")
    made, _ = generator(variables, damage(image, missing), "running")
    around = (side - config.drawn) // 2
    made = jnp.pad(made, ((0, 0), (around, around), (around, around), (0, 0)))
    return jnp.where(missing[..., None], made, image)


def _middle(image, side):
    """The square in the middle, `[B, side, side, C]`."""
    first = (image.shape[1] - side) // 2
    return image[:, first : first + side, first : first + side]


def _nets(config: Config):
    of_half = bottleneck_nets.widths(config.width, config.resolution // 2)
    down = (config.width, *of_half)
    drawn = of_half if config.hole == "centre" else down
    return {
        "generator": bottleneck_nets.EncoderDecoder(
            down, config.bottleneck, drawn[::-1], config.channels, dtype=config.dtype
        ),
        "discriminator": bottleneck_nets.Critic(drawn, config.dtype),
    }


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    shape = (config.resolution, config.resolution, config.channels)
    return images.batch(key, count, shape, low=-1.0)


def show(
    config: Config, variables: Variables, key: jax.Array, batch: Batch
) -> Mapping[str, jax.Array]:
    """Shows images with holes, and how they are filled."""
    hole = missing(config, key)
    return {
        "damaged": damage(batch["image"], hole),
        "filled": fill(config, variables, batch["image"], hole),
    }


MODEL = Model(
    paper="1604.07379",
    config=Config,
    game=game,
    batch=batch,
    show=show,
    tiny=Config(resolution=16, overlap=1, width=2, bottleneck=4),
    range=(-1.0, 1.0),
    exact=True,
)
