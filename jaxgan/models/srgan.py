"""SRResNet and SRGAN: images four times larger, by a residual network.

Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative
Adversarial Network", arXiv:1609.04802.

Reproduced: 16 residual blocks with batch norm and PReLU, a skip around all of them,
pixel shuffling, a linear output; the discriminator of eight convolutions; small images
are made by bicubic reduction without aliases, in [0, 1], from crops in [-1, 1]. With
`adversarial` 0 this is SRResNet, one player that minimises the mean squared error; with
1e-3 it is the paper's SRGAN, which starts from the weights of a trained SRResNet
(`compose.adopt`). Its content loss compares pixels (SRGAN-MSE), or maps of VGG19
(SRGAN-VGG22 and SRGAN-VGG54). Adam at 1e-4, and at a tenth of it after `drop_after`
steps. Images are drawn with the running averages of batch norms, at any size.

Known differences: there is one PReLU slope a layer, and no bias before a norm, whose
gradient would be zero; the paper does not say. Pixels before a shuffle begin alike,
without a checkerboard, and the last layer begins small. Distances of maps are summed
over channels; of sum and mean, the paper does not say which. With `residual` the
network learns what to add to bicubic interpolation (Kim et al., arXiv:1511.04587).
Commands train on whole pictures brought to `resolution`, not on random crops.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Literal

import jax
import jax.numpy as jnp
import optax
from flax import linen
from jax import lax

from jaxgan import bounds, losses, nn
from jaxgan.game import Batch, Game, Move, Player, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import images


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are the paper's."""

    resolution: bounds.Count = 96
    """Height and width in pixels of the crops to train on, a multiple of 16."""
    channels: bounds.Count = 3
    """Image channels: 3 for colour, 1 for grey."""
    scale: Literal[2, 4] = 4
    """How much larger images become."""
    width: bounds.Count = 64
    """Channels of the generator, and of the discriminator's first layer."""
    blocks: bounds.Depth = 16
    """Residual blocks of the generator."""
    residual: bool = False
    """Learn what to add to bicubic interpolation instead of the whole image, which
    takes far fewer steps; the paper's network learns the whole."""
    hidden: bounds.Count = 1024
    """Units of the discriminator's dense layer."""
    adversarial: bounds.Weight = 0.0
    """Weight of the adversarial loss beside the squared error: 0 is SRResNet, without a
    discriminator, and 0.001 is the paper's SRGAN."""
    content: Literal["pixels", "vgg22", "vgg54", "segmenter"] = "pixels"
    """Content loss: the squared error of pixels, or of what a network makes of them,
    which `game` is given: VGG19, or jaxgan's own segmenter of drawn faces."""
    learning_rate: bounds.Rate = 1e-4
    """Adam's step size for both players."""
    drop_after: bounds.Natural = 0
    """Steps after which the step size falls to a tenth; 0 keeps it."""
    beta1: bounds.Decay = 0.9
    """Adam's first momentum."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the networks; parameters, statistics and losses stay float32."""

    def __post_init__(self):
        bounds.check(self)
        if self.resolution % 16:
            below = max(16, self.resolution // 16 * 16)
            raise ValueError(
                f"resolution {self.resolution} cannot be halved four times; use {below}"
                f" or {below + 16}"
            )


HE = linen.initializers.he_normal()
SMALL = linen.initializers.variance_scaling(0.01, "fan_in", "normal")


def alike(key: jax.Array, shape: tuple[int, ...], dtype: Any = jnp.float32):
    """Draws a kernel whose blocks of four pixels begin alike, without a checkerboard.

    Aitken et al., "Checkerboard artifact free sub-pixel convolution", arXiv:1707.02937.
    """
    one = HE(key, (*shape[:-1], shape[-1] // 4), dtype)
    return jnp.repeat(one, 4, axis=-1)


def _prelu() -> linen.Module:
    """A rectifier that learns the slope of negative values, one for all channels."""
    return linen.PReLU(negative_slope_init=0.25)


class Generator(linen.Module):
    """Small images `[B, H, W, C]` in [0, 1] to large ones `[B, sH, sW, C]`."""

    config: Config

    @linen.compact
    def __call__(
        self, image: jax.Array, statistics: Literal["batch", "running"] = "batch"
    ) -> jax.Array:
        """Draws images in [-1, 1], beyond which a linear output may go a little."""
        c = self.config

        def conv(x, width, kernel=3, use_bias=True, init: Any = HE):
            layer = nn.Conv(
                width, kernel, use_bias=use_bias, dtype=c.dtype, kernel_init=init
            )
            return layer(x)

        def normalised(x):
            running = nn.use_running(statistics)
            x = conv(x, c.width, use_bias=False)
            return nn.BatchNorm(use_running_average=running, dtype=c.dtype)(x)

        first = x = _prelu()(conv(image, c.width, 9))
        for _ in range(c.blocks):
            x = x + normalised(_prelu()(normalised(x)))
        x = first + normalised(x)
        for _ in range(c.scale // 2):
            x = conv(x, 4 * c.width, init=alike)
            x = _prelu()(nn.pixel_shuffle(x, 2))
        x = conv(x, c.channels, 9, init=SMALL).astype(jnp.float32)
        return x + bicubic(c, image) if c.residual else x


class Discriminator(linen.Module):
    """Large images `[B, R, R, C]` in [-1, 1] to logits `[B]`."""

    config: Config

    @linen.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Judges a batch, normalised with its own statistics."""
        c, x = self.config, image
        for i, (times, stride) in enumerate(
            (times, stride) for times in (1, 2, 4, 8) for stride in (1, 2)
        ):
            width = times * c.width
            x = nn.Conv(width, 3, strides=stride, use_bias=not i, dtype=c.dtype)(x)
            if i:
                x = nn.BatchNorm(use_running_average=False, dtype=c.dtype)(x)
            x = linen.leaky_relu(x, 0.2)
        x = x.astype(jnp.float32).reshape(len(x), -1)
        x = linen.leaky_relu(linen.Dense(c.hidden)(x), 0.2)
        return linen.Dense(1, name="to_logit")(x)[:, 0]


def game(
    config: Config, features: Callable[[jax.Array], jax.Array] | None = None
) -> Game:
    """The generator alone, or the discriminator first.

    Batches are `{"image": [B, R, R, C] in [-1, 1]}`, from which small ones are made.

    Args:
        config: of the model.
        features: what the content loss compares, maps `[B, h, w, F]` of images; needed
            to play, unless `content` is pixels.
    """
    gan = config.adversarial > 0
    nets: dict[str, linen.Module] = {"generator": Generator(config)}
    if gan:
        nets["discriminator"] = Discriminator(config)
    functions = {name: pure(module, name) for name, module in nets.items()}

    def generator_loss(variables, batch, turn):
        del turn
        fake, variables = functions["generator"](variables, small(config, batch))
        loss = content_loss(config, features, batch["image"], fake)
        seen: dict[str, Any] = {"content": loss}
        if gan:
            logits, variables = functions["discriminator"](variables, fake)
            fooled = losses.non_saturating_generator_loss(logits).mean()
            loss += config.adversarial * fooled
            seen["adversarial"] = fooled
        return loss, (variables, seen)

    def discriminator_loss(variables, batch, turn):
        del turn
        fake = functions["generator"](variables, small(config, batch))[0]
        judge = functions["discriminator"]
        real_logits, variables = judge(variables, batch["image"])
        fake_logits, variables = judge(variables, lax.stop_gradient(fake))
        loss = losses.non_saturating_discriminator_loss(real_logits, fake_logits)
        seen = {"real": real_logits.mean(), "fake": fake_logits.mean()}
        return loss.mean(), (variables, seen)

    drops = {config.drop_after: 0.1} if config.drop_after else {}
    step_size = optax.piecewise_constant_schedule(config.learning_rate, drops)
    adam = optax.adam(step_size, config.beta1)
    players = {"generator": Player(generator_loss, ("generator",), adam)}
    if gan:
        owns = ("discriminator",)
        players = {"discriminator": Player(discriminator_loss, owns, adam)} | players

    def inputs(batch):
        expected = (config.resolution, config.resolution, config.channels)
        if batch["image"].shape[1:] != expected:
            raise ValueError(
                f"crops are {batch['image'].shape[1:]}, but the game takes {expected}:"
                " set resolution and channels, or crop the images to that size"
            )
        large = {"discriminator": (batch["image"][:1],)} if gan else {}
        return {"generator": (small(config, batch)[:1],), **large}

    return Game(
        nets=nets,
        inputs=inputs,
        players=players,
        moves=tuple(Move(name) for name in players),
    )


def content_loss(
    config: Config,
    features: Callable[[jax.Array], jax.Array] | None,
    real: jax.Array,
    fake: jax.Array,
) -> jax.Array:
    """How far images `[B, R, R, C]` are from the real ones, a number.

    Raises:
        ValueError: `content` needs features, and there are none.
    """
    if config.content == "pixels":
        return losses.l2_loss(real, fake).mean()
    if features is None:
        raise ValueError(
            f"content is {config.content}: give `game` the features to compare, or set"
            " it to pixels"
        )
    return jnp.square(features(fake) - features(real)).sum(-1).mean()


def small(config: Config, batch: Batch) -> jax.Array:
    """Small images in [0, 1] of large ones in [-1, 1]."""
    return (nn.reduce(batch["image"], config.scale) + 1) / 2


def enlarge(config: Config, variables: Variables, image: jax.Array) -> jax.Array:
    """Draws images that are larger by `scale`, of any height and width.

    Args:
        config: of the model.
        variables: of its nets.
        image: `[B, H, W, C]` in [0, 1].

    Returns:
        `[B, sH, sW, C]` in [-1, 1].

    Raises:
        ValueError: the images have another number of channels.
    """
    if image.shape[-1] != config.channels:
        raise ValueError(
            f"images have {image.shape[-1]} channels, but the network takes"
            f" {config.channels}: convert them"
        )
    generator = pure(Generator(config), "generator")
    return generator(variables, image, "running")[0].clip(-1, 1)


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    shape = (config.resolution, config.resolution, config.channels)
    return images.batch(key, count, shape, low=-1.0)


def bicubic(config: Config, image: jax.Array) -> jax.Array:
    """Enlarges images by bicubic interpolation, `[B, H, W, C]` in [0, 1] to [-1, 1]."""
    count, height, width, channels = image.shape
    shape = (count, height * config.scale, width * config.scale, channels)
    return (2 * jax.image.resize(image, shape, "cubic") - 1).clip(-1, 1)


def show(
    config: Config, variables: Variables, key: jax.Array, batch: Batch
) -> Mapping[str, jax.Array]:
    """Shows small images enlarged by interpolation and by the network."""
    del key
    reduced = small(config, batch)
    return {
        "bicubic": bicubic(config, reduced),
        "enlarged": enlarge(config, variables, reduced),
    }


MODEL = Model(
    paper="1609.04802",
    config=Config,
    game=game,
    batch=batch,
    show=show,
    tiny=Config(resolution=16, scale=2, width=4, blocks=1, hidden=4, adversarial=0.01),
    range=(-1.0, 1.0),
    exact=True,
)
