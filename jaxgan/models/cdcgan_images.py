"""A conditional DCGAN for pictures: class-conditional norms, a projection of classes.

Miyato and Koyama, "cGANs with Projection Discriminator", arXiv:1802.05637.

Reproduced: the logit is a linear function of the features of an image, plus the inner
product of these features with a vector of its class; batch norms of the generator have
gains and biases for each class; the discriminator has spectral norms everywhere, and
features are sums over the places of an image.

Known differences: the convolutions of DCGAN (arXiv:1511.06434) instead of residual
networks, which suffice for small sets on a CPU; one update of the discriminator a step
and Adam with beta1 0.5, where the paper has five and 0; the loss of DCGAN, with `hinge`
for the paper's. Images have any height and width of at least 8: maps are halved,
rounding up, until a side is at most 4, and the generator cuts what it draws too much.
"""

import dataclasses
import functools
from typing import Any, Literal

import jax
import jax.numpy as jnp
import optax
from flax import linen

from jaxgan import bounds, losses, nn
from jaxgan.game import Batch, Game, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import images
from jaxgan.models.parts.classes import Classes, known, one_hot
from jaxgan.models.parts.two_players import adversarial

Statistics = Literal["batch", "running"]


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training."""

    classes: Classes = 10
    """Number of classes of the labels; None for as many as the data has."""
    resolution: str = "64x64"
    """Height and width of the images in pixels, such as 48x64; at least 8 each."""
    channels: bounds.Count = 3
    """Channels of the images: 3 for colour, 1 for grey."""
    width: bounds.Count = 64
    """Channels of the largest maps; they double at each halving of the images."""
    kernel: Literal[3, 4, 5] = 4
    """Side of the convolution kernels."""
    latent: bounds.Count = 128
    """Size of the latent vector z, drawn from a standard normal."""
    loss: Literal["non_saturating", "hinge", "least_squares"] = "non_saturating"
    """Losses of both players."""
    augment: tuple[Literal["colour", "translation", "cutout"], ...] = ()
    """Differentiable augmentations, for sets of a few thousand images or fewer."""
    adapt: bounds.Natural = 0
    """Real images that would take the probability of StyleGAN2-ADA's augmentations from
    0 to 1: 500,000 in the paper, fewer for short runs; 0 leaves them out."""
    learning_rate: bounds.Rate = 2e-4
    """Adam's step size, of both players."""
    beta1: bounds.Decay = 0.5
    """Adam's first momentum."""
    ema: bounds.Decay = 0.999
    """Decay of the moving average of the generator's weights; 0 averages nothing."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the networks; parameters, statistics and losses stay float32."""

    def __post_init__(self):
        bounds.check(self)
        sides = self.resolution.lower().split("x")
        if not (
            len(sides) == 2
            and all(side.isdecimal() and int(side) >= 8 for side in sides)
        ):
            raise ValueError(
                f"resolution is {self.resolution!r}; give a height and a width of at"
                " least 8 pixels, such as 64x64"
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        height, width = map(int, self.resolution.lower().split("x"))
        return height, width, self.channels

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Height and width of the images and of all smaller maps."""
        sizes = [self.shape[:2]]
        while min(sizes[-1]) > 4:
            height, width = sizes[-1]
            sizes.append((-(-height // 2), -(-width // 2)))
        return sizes

    @property
    def widths(self) -> list[int]:
        """Channels of the maps, from the largest to the smallest."""
        return [self.width * 2**i for i in range(len(self.sizes) - 1)]


class ClassNorm(nn.ConditionalBatchNorm):
    """Batch norm with gains, which begin at 1, and biases for each class."""

    centre: float = 0.0
    gain_init: Any = linen.initializers.ones


class Generator(linen.Module):
    """Latents `[B, Z]` and labels `[B]` to images `[B, H, W, C]` in [-1, 1]."""

    config: Config

    @linen.compact
    def __call__(
        self, latent: jax.Array, label: jax.Array, statistics: Statistics = "batch"
    ) -> jax.Array:
        """Draws an image for each latent, of the class of its label."""
        c, dtype = self.config, jnp.dtype(self.config.dtype)
        y = one_hot(label, known(c.classes), latent.shape[0])
        norm = functools.partial(ClassNorm, statistics, dtype=dtype)
        *sizes, smallest = c.sizes
        *widths, deepest = c.widths
        init = linen.initializers.normal(0.02)
        x = linen.Dense(
            smallest[0] * smallest[1] * deepest,
            use_bias=False,
            dtype=dtype,
            kernel_init=init,
            name="project",
        )(latent)
        x = linen.relu(norm()(x.reshape(-1, *smallest, deepest), y))
        for (height, width), features in zip(
            sizes[:0:-1], reversed(widths), strict=True
        ):
            up = nn.ConvTranspose(features, c.kernel, use_bias=False, dtype=dtype)
            x = linen.relu(norm()(up(x)[:, :height, :width], y))
        height, width, channels = c.shape
        x = nn.ConvTranspose(channels, c.kernel, dtype=dtype, name="to_image")(x)
        return jnp.tanh(x[:, :height, :width].astype(jnp.float32))


class Discriminator(linen.Module):
    """Images `[B, H, W, C]` in [-1, 1] and labels `[B]` to logits `[B]`."""

    config: Config

    @linen.compact
    def __call__(self, image: jax.Array, label: jax.Array) -> jax.Array:
        """Judges images together with the classes that they should show."""
        c = self.config
        y = one_hot(label, known(c.classes), len(image))
        x = image
        for height, width in c.sizes[:-1]:  # even sides, which a stride of 2 halves
            features = c.widths[c.sizes.index((height, width))]
            x = jnp.pad(x, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)))
            x = nn.Conv(features, c.kernel, 2, spectral=True, dtype=c.dtype)(x)
            x = linen.leaky_relu(x, 0.2)
        features = x.astype(jnp.float32).sum((1, 2), keepdims=True)
        linear = functools.partial(nn.Conv, kernel_size=1, spectral=True)
        ours = linear(features.shape[-1], use_bias=False, name="embed")(
            y[:, None, None, :]
        )
        logit = linear(1, name="to_logit")(features)
        return (logit[..., 0] + (ours * features).sum(-1))[:, 0, 0]


def game(config: Config) -> Game:
    """Two players, one move each; generated images have the labels of the real ones.

    Batches are `{"image": [B, H, W, C] in [-1, 1], "label": [B] in 0..classes-1}`.
    """
    return adversarial(
        Generator(config),
        Discriminator(config),
        latent=functools.partial(latent, config),
        losses=(
            getattr(losses, f"{config.loss}_discriminator_loss"),
            getattr(losses, f"{config.loss}_generator_loss"),
        ),
        optimizer=optax.adam(config.learning_rate, config.beta1),
        condition="label",
        view=lambda images, key: nn.diff_augment(images, key, config.augment),
        adapt=config.adapt,
        ema=config.ema,
    )


def latent(config: Config, key: jax.Array, count: int) -> jax.Array:
    """Draws latents `[count, Z]`."""
    return nn.sample_latent(key, count, config.latent)


def sample(
    config: Config,
    variables: Variables,
    latent: jax.Array,
    label: jax.Array,
    statistics: Statistics = "batch",
) -> jax.Array:
    """Images `[B, H, W, C]` in [-1, 1] from latents `[B, Z]` and labels `[B]`."""
    generator = pure(Generator(config), "generator")
    return generator(variables, latent, label, statistics)[0]


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """A random batch, as `game` takes it."""
    return images.batch(key, count, config.shape, classes=config.classes, low=-1.0)


MODEL = Model(
    paper="1802.05637",
    config=Config,
    game=game,
    batch=batch,
    show=images.samples(latent, sample, labels=True),
    tiny=Config(classes=3, resolution="9x12", width=3, latent=4, kernel=3),
    latent=latent,
    sample=sample,
    labels=True,
    range=(-1.0, 1.0),
    exact=True,
)
