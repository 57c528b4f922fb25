"""DCGAN: the deep convolutional GAN.

Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep
Convolutional Generative Adversarial Networks", arXiv:1511.06434.

Reproduced: all-convolutional networks without hidden dense layers, batch normalisation
everywhere but at the generator's output and the discriminator's input, ReLU in the
generator and leaky ReLU 0.2 in the discriminator, weights from N(0, 0.02), Adam at 2e-4
with beta1 0.5, separate passes of the discriminator for real and for generated batches.
`Config()` is the paper; for the 4x4 kernels, width 64 and Gaussian latents of the
authors' later Torch code, which most people mean by DCGAN, use `Config(kernel=4,
width=64, latent_distribution="normal")`.

Known differences: the discriminator moves first and the generator second, on different
latents (the released code alternates over batches); the released code's weight decay of
1e-5, which the paper does not mention, is `weight_decay`, 0 by default; its batch norm
of the projection has a gain per unit, where ours, like Torch's, has one per channel;
ours has biases on the generator's last layer, the discriminator's first and the logit.
"""

import dataclasses
import functools
import itertools
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import optax
from flax import linen

from jaxgan import bounds, losses, nn
from jaxgan.game import Batch, Game, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import images
from jaxgan.models.parts.two_players import adversarial

Statistics = Literal["batch", "running"]
AdversarialLoss = Literal["non_saturating", "minimax", "hinge", "least_squares"]


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training of a DCGAN; the defaults are the paper's."""

    resolution: bounds.Count = 64
    """Height and width of images in pixels: a power of two, at least 8."""
    channels: bounds.Count = 3
    """Image channels: 3 for colour, 1 for grey."""
    width: bounds.Count = 128
    """Channels of the widest maps; they double at each halving of the resolution."""
    kernel: Annotated[int, bounds.Within(3, 5)] = 5
    """Side of the convolution kernels: 5 in the paper, 4 in later Torch code."""
    double: bool = False
    """Whether each size has a second convolution, at stride 1. With resolution 32,
    kernel 3 and latent 256, it is the network that the paper trains on ImageNet."""
    latent: bounds.Count = 100
    """Size of the latent vector z."""
    latent_distribution: Literal["normal", "uniform"] = "uniform"
    """Where z is drawn from: standard normal, or uniform on [-1, 1]."""
    loss: AdversarialLoss = "non_saturating"
    """The losses of the players."""
    norm: Literal["batch", "spectral"] = "batch"
    """The discriminator's normalisation: batch norm (the paper's) or spectral norm."""
    augment: tuple[Literal["colour", "translation", "cutout"], ...] = ()
    """Differentiable augmentations, for sets of a few thousand images or fewer."""
    adapt: bounds.Natural = 0
    """Real images that would take the probability of StyleGAN2-ADA's augmentations from
    0 to 1: 500,000 in the paper, fewer for short runs; 0 leaves them out."""
    learning_rate: bounds.Rate = 2e-4
    """Adam's step size for both players."""
    beta1: bounds.Decay = 0.5
    """Adam's first momentum."""
    weight_decay: bounds.Weight = 0.0
    """Factor of the L2 penalty's gradient; the released code has 1e-5."""
    ema: bounds.Decay = 0.999
    """Decay of the moving average of the generator's weights; 0 averages nothing."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the networks; parameters, statistics and losses stay float32."""
    axis_name: str | None = None
    """Mapped axis to share batch statistics over; an axis "data" is found by itself."""

    def __post_init__(self):
        bounds.check(self)
        if self.resolution < 8 or self.resolution & (self.resolution - 1):
            below = max(8, 2 ** (max(self.resolution, 8).bit_length() - 1))
            raise ValueError(
                f"resolution {self.resolution} is not a power of two of at least 8; use"
                f" {below} or {2 * below}"
            )
        if self.double and self.kernel % 2 == 0:
            raise ValueError(
                f"kernel is {self.kernel}, which cannot keep the size of an image;"
                " with double it must be 3 or 5"
            )

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the maps at resolution / 2, / 4, ... 4."""
        return tuple(self.width * 2**i for i in range(self.resolution.bit_length() - 3))


class Generator(linen.Module):
    """Latents `[B, Z]` to images `[B, R, R, C]` in [-1, 1]."""

    config: Config
    momentum: float = 0.9

    @linen.compact
    def __call__(
        self, latent: jax.Array, statistics: Statistics = "batch"
    ) -> jax.Array:
        """Normalises with the statistics of the batch, or with the running averages."""
        c, dtype = self.config, jnp.dtype(self.config.dtype)

        def norm(x):
            return nn.BatchNorm(
                use_running_average=nn.use_running(statistics),
                momentum=self.momentum,
                axis_name=c.axis_name,
                dtype=dtype,
            )(x)

        deepest, *rest = reversed(c.widths)
        x = linen.Dense(
            16 * deepest,
            use_bias=False,
            dtype=dtype,
            kernel_init=linen.initializers.normal(0.02),
            name="project",
        )(latent)
        x = linen.relu(norm(x.reshape(-1, 4, 4, deepest)))
        widths = (deepest, *rest, c.channels)
        for i, (width, out) in enumerate(itertools.pairwise(widths), 1):
            up = functools.partial(nn.ConvTranspose, kernel_size=c.kernel, dtype=dtype)
            layer = up
            if c.double:
                x = linen.relu(norm(up(width, use_bias=False)(x)))
                layer = functools.partial(nn.Conv, kernel_size=c.kernel, dtype=dtype)
            if i < len(c.widths):
                x = linen.relu(norm(layer(out, use_bias=False)(x)))
            else:
                x = layer(out, name="to_image")(x)
        return jnp.tanh(x.astype(jnp.float32))


class Discriminator(linen.Module):
    """Images `[B, R, R, C]` in [-1, 1] to logits `[B]`."""

    config: Config

    @linen.compact
    def __call__(self, image: jax.Array, statistics: Statistics = "batch") -> jax.Array:
        """Normalises with the statistics of the batch, or with the running averages."""
        c, dtype = self.config, jnp.dtype(self.config.dtype)
        spectral = c.norm == "spectral"
        x = image
        strides = (1, 2) if c.double else (2,)
        layers = [(width, stride) for width in c.widths for stride in strides]
        for i, (width, stride) in enumerate(layers):
            batch_norm = i > 0 and not spectral
            x = nn.Conv(
                width,
                c.kernel,
                strides=stride,
                use_bias=not batch_norm,
                spectral=spectral,
                dtype=dtype,
            )(x)
            if batch_norm:
                x = nn.BatchNorm(
                    use_running_average=nn.use_running(statistics),
                    axis_name=c.axis_name,
                    dtype=dtype,
                )(x)
            x = linen.leaky_relu(x, 0.2)
        # The logit is a sum over the whole 4x4 map, so it is always computed in
        # float32.
        x = x.astype(jnp.float32)
        if spectral:
            return nn.Conv(1, 4, padding=0, spectral=True, name="to_logit")(x)[
                :, 0, 0, 0
            ]
        x = x.reshape(x.shape[0], -1)
        return linen.Dense(
            1, kernel_init=linen.initializers.normal(0.02), name="to_logit"
        )(x)[:, 0]


def game(config: Config) -> Game:
    """Two players, one move each. Batches are `{"image": [B, R, R, C] in [-1, 1]}`."""
    return adversarial(
        Generator(config),
        Discriminator(config),
        latent=functools.partial(latent, config),
        losses=(
            getattr(losses, f"{config.loss}_discriminator_loss"),
            getattr(losses, f"{config.loss}_generator_loss"),
        ),
        optimizer=optax.chain(
            optax.add_decayed_weights(config.weight_decay),
            optax.adam(config.learning_rate, config.beta1),
        ),
        view=lambda images, key: nn.diff_augment(images, key, config.augment),
        adapt=config.adapt,
        ema=config.ema,
    )


def latent(config: Config, key: jax.Array, count: int) -> jax.Array:
    """Draws latents `[count, Z]`."""
    return nn.sample_latent(key, count, config.latent, config.latent_distribution)


def sample(
    config: Config,
    variables: Variables,
    latent: jax.Array,
    statistics: Statistics = "batch",
) -> jax.Array:
    """Images `[B, R, R, C]` in [-1, 1] from latents `[B, Z]`.

    The paper's code normalises with the statistics of the batch ("batch"), so an image
    depends a little on the others. "running" uses the stored averages: those of
    training or, better, those that `standing_statistics` estimates.
    """
    return pure(Generator(config), "generator")(variables, latent, statistics)[0]


def standing_statistics(
    config: Config,
    variables: Variables,
    key: jax.Array,
    batches: int = 8,
    size: int = 128,
) -> Mapping[str, Any]:
    """The variables, with the generator's batch statistics estimated on new latents."""
    z = latent(config, key, batches * size).reshape(batches, size, config.latent)
    generator = pure(Generator(config, momentum=0.0), "generator")
    return nn.reestimate(generator, variables, "generator", z)


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    shape = (config.resolution, config.resolution, config.channels)
    return images.batch(key, count, shape, low=-1.0)


MODEL = Model(
    paper="1511.06434",
    config=Config,
    game=game,
    batch=batch,
    show=images.samples(latent, sample),
    tiny=Config(resolution=16, width=4, kernel=4, latent=6),
    latent=latent,
    sample=sample,
    range=(-1.0, 1.0),
    exact=True,
)
