"""pix2pix: one network for every paired translation of images.

Isola, Zhu, Zhou and Efros, "Image-to-Image Translation with Conditional Adversarial
Networks", arXiv:1611.07004.

Reproduced: the U-Net whose only noise is dropout, in tests too; the discriminator of
70x70 patches, with those of 1, 16 and 286, which sees input and output together; the
conditional loss plus 100 times the mean absolute error, and each part without the
other; half of the discriminator's loss; Adam at 2e-4 with beta1 0.5 and batches of one
image; weights from N(0, 0.02). Numbers of weights equal those of the released code.

Known differences: convolutions before a norm have no bias, whose gradient would be
zero; the generator's loss is that of the updated discriminator.

Quirks: the paper normalises by batches of one image, in tests too, and calls it
instance norm. So does `norm="instance"`, whatever the size of the batch, and an
output depends on its own input alone. With `norm="batch"`, larger batches share their
statistics, and `translate` takes those of the images it is given.
"""

import dataclasses
import functools
from typing import Any, Literal

import jax
import jax.numpy as jnp
import optax
from jax import lax

from jaxgan import bounds, losses
from jaxgan.game import Batch, Game, Move, Player, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import patches, translation, unet
from jaxgan.models.parts.patches import Patch, PatchDiscriminator
from jaxgan.models.parts.rates import falling
from jaxgan.models.parts.unet import UNet

LEAST = 3  # times that images are halved

Loss = Literal["l1+cgan", "l1+gan", "l1", "cgan", "gan"]


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are the paper's."""

    resolution: str = "256x256"
    """Height and width of the images in pixels, such as 64x128."""
    input_channels: bounds.Count = 3
    """Channels of the inputs: 3 for colour, 1 for grey."""
    channels: bounds.Count = 3
    """Channels of the outputs."""
    width: bounds.Count = 64
    """Channels of the largest maps; they double at each halving, up to eight times."""
    skips: bool = True
    """Whether the decoder sees the maps of the encoder, which makes it a U-Net."""
    norm: Literal["instance", "batch"] = "instance"
    """Norm of each image by itself, or of the batch, in tests too."""
    patch: Patch = 70
    """Side of the patches that the discriminator judges: 1, 16, 70 or 286."""
    loss: Loss = "l1+cgan"
    """The absolute error (l1), the adversarial loss of a discriminator that sees the
    input too (cgan) or that does not (gan), or both."""
    l1: bounds.Weight = 100.0
    """Weight of the absolute error beside the adversarial loss."""
    dropout: bounds.Decay = 0.5
    """Share of values that the first layers of the decoder lose, in tests too."""
    learning_rate: bounds.Rate = 2e-4
    """Adam's step size for both players."""
    constant: bounds.Natural = 0
    """Steps at the full rate, where it falls at all."""
    decay: bounds.Natural = 0
    """Steps over which the rate then falls to zero; 0 keeps it, as the first release
    does, while the second lets it fall in the second half."""
    beta1: bounds.Decay = 0.5
    """Adam's first momentum."""
    ema: bounds.Decay = 0.0
    """Decay of the moving average of the generator's weights; 0 averages nothing."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the networks; parameters, statistics and losses stay float32."""

    def __post_init__(self):
        bounds.check(self)
        translation.check_sides(self.resolution, 2**LEAST, 2**LEAST, "the U-Net")
        if self.adversarial:
            who = f"a discriminator of patches of {self.patch}"
            least = patches.smallest_side(self.patch)
            translation.check_sides(self.resolution, 2**LEAST, least, who)

    @property
    def adversarial(self) -> bool:
        """Whether there is a discriminator."""
        return self.loss != "l1"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an output."""
        return (*translation.sides(self.resolution), self.channels)


def game(config: Config) -> Game:
    """Two players, one move each; the generator alone with the loss "l1".

    Batches are `{"image": [B, H, W, C], "input": [B, H, W, D]}` in [-1, 1].
    """
    judge = PatchDiscriminator(
        config.patch, config.width, config.norm, jnp.dtype(config.dtype)
    )
    nets: dict[str, Any] = {"generator": _generator(config), "discriminator": judge}
    draw = functools.partial(_draw, pure(nets["generator"], "generator"))
    discriminator = pure(judge, "discriminator")
    conditional = config.loss.endswith("cgan")

    def seen(batch, image):
        both = [batch["input"], image] if conditional else [image]
        return jnp.concatenate(both, -1)

    def generator_loss(variables, batch, turn):
        fake, variables = draw(variables, batch["input"], turn.key)
        error = losses.l1_loss(batch["image"], fake).mean()
        loss, metrics = jnp.zeros(()), {"l1": error}
        if config.adversarial:
            logits, variables = discriminator(variables, seen(batch, fake))
            adversarial = losses.non_saturating_generator_loss(logits).mean()
            loss, metrics = adversarial, metrics | {"adversarial": adversarial}
        if config.loss.startswith("l1"):
            loss += config.l1 * error
        return loss, (variables, metrics)

    def discriminator_loss(variables, batch, turn):
        fake = lax.stop_gradient(draw(variables, batch["input"], turn.key)[0])
        real, variables = discriminator(variables, seen(batch, batch["image"]))
        made, variables = discriminator(variables, seen(batch, fake))
        loss = losses.non_saturating_discriminator_loss(real, made).mean() / 2
        return loss, (variables, {"real": real.mean(), "fake": made.mean()})

    def inputs(batch):
        _check(config, batch)
        some = {name: x[:1] for name, x in batch.items()}
        judged = seen(some, some["image"])
        return {"generator": (some["input"],), "discriminator": (judged,)}

    rate = falling(config.learning_rate, config.decay, after=config.constant)
    adam = optax.adam(rate, config.beta1)
    players = {
        "discriminator": Player(discriminator_loss, ("discriminator",), adam),
        "generator": Player(generator_loss, ("generator",), adam),
    }
    if not config.adversarial:
        del players["discriminator"], nets["discriminator"]
    return Game(
        nets=nets,
        inputs=inputs,
        players=players,
        moves=tuple(Move(name) for name in players),
        ema={"generator": config.ema} if config.ema else {},
    )


def translate(
    config: Config, variables: Variables, image: jax.Array, key: jax.Array | None
) -> jax.Array:
    """Translates inputs `[B, H, W, D]` in [-1, 1] to outputs `[B, H, W, C]`.

    Args:
        config: of the model.
        variables: of the nets.
        image: the inputs.
        key: of the dropout; None leaves it out, which the paper never does.
    """
    return _draw(pure(_generator(config), "generator"), variables, image, key)[0]


def _check(config, batch):
    """Refuses images that are not those of the configuration."""
    *sides, channels = config.shape
    wanted = {"image": (*sides, channels), "input": (*sides, config.input_channels)}
    found = {name: jnp.shape(batch.get(name, ()))[1:] for name in wanted}
    if found != wanted:
        raise ValueError(
            f"the batch has images of {found}, expected pairs of {wanted}: give pairs"
            " of this size, or change resolution, channels and input_channels"
        )


def _draw(generator, variables, image, key):
    rngs = {} if key is None else {"dropout": key}
    out, variables = generator(variables, image, rngs=rngs)
    return jnp.tanh(out), variables


def _generator(config):
    return UNet(
        config.channels,
        unet.halvings(*config.shape[:2]),
        config.width,
        config.skips,
        config.dropout,
        config.norm,
        jnp.dtype(config.dtype),
    )


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    *sides, channels = config.shape
    image_key, input_key = jax.random.split(key)

    def draw(key, channels):
        return jax.random.uniform(key, (count, *sides, channels), minval=-1.0)

    return {
        "image": draw(image_key, channels),
        "input": draw(input_key, config.input_channels),
    }


def show(
    config: Config, variables: Variables, key: jax.Array, batch: Batch
) -> dict[str, jax.Array]:
    """The translations of a batch's inputs."""
    return {"translated": translate(config, variables, batch["input"], key)}


MODEL = Model(
    paper="1611.07004",
    config=Config,
    game=game,
    batch=batch,
    show=show,
    tiny=Config(resolution="8x16", input_channels=1, width=2, patch=16),
    range=(-1.0, 1.0),
)
