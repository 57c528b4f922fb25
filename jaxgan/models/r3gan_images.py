"""R3GAN at image size: residual networks without norms, tricks or styles.

Huang, Gokaslan, Kuleshov and Tompkin, "The GAN is dead; long live the GAN! A Modern GAN
Baseline", arXiv:2501.05441 (2024). `Config()` is the authors' network for CIFAR-10 with
labels, `FFHQ64` that for faces.

Reproduced: both networks (two residual blocks of grouped convolutions at each size, a
learned 4x4 basis, filtered changes of size, initial weights that are scaled by the
number of blocks), the relativistic pairing loss with both zero-centred penalties,
Adam without a first momentum, and the schedules of step size, gamma and second
momentum.

Known differences: those of `jaxgan.models.r3gan`'s training (both players see the same
real images in a step, and the average has a constant decay). Augmentations are those of
DiffAugment, with a probability of 1. One dtype holds for all sizes.
"""

import dataclasses
import functools
from typing import Literal

import jax

from jaxgan import bounds, nn
from jaxgan.game import Batch, Game, Variables, pure
from jaxgan.models import r3gan
from jaxgan.models.model import Model
from jaxgan.models.parts import images, r3gan_nets
from jaxgan.models.parts.classes import known


@dataclasses.dataclass(frozen=True)
class Config(r3gan.Schedule):
    """Networks and training; the defaults are the authors' for CIFAR-10."""

    classes: bounds.Natural | None = 10
    """Number of classes of the labels; 0 for a GAN without labels, None for as many as
    the data has."""
    resolution: bounds.Count = 32
    """Height and width of the images in pixels: a power of two, at least 8."""
    channels: bounds.Count = 3
    """Image channels: 3 for colour, 1 for grey."""
    width: bounds.Count = 768
    """Channels of maps of up to 32x32 pixels; larger ones have fewer in proportion."""
    group: bounds.Count = 16
    """Channels that a 3x3 convolution mixes; inside a block there are two widths."""
    latent: bounds.Count = 64
    """Size of the latent vector, drawn from a standard normal."""
    augment: tuple[Literal["colour", "translation", "cutout"], ...] = ()
    """Differentiable augmentations, for sets of a few thousand images or fewer."""
    annealing: bounds.Natural = 40_000
    """Steps over which gamma, the step size and beta2 go from their first to their last
    values; the paper takes 20 million images. With 0, they keep their first values."""
    gamma: bounds.Weight = 0.05
    """First weight of both gradient penalties, gamma / 2 (R1 + R2); it must grow with
    the number of pixels."""
    last_gamma: bounds.Weight = 0.005
    """Last weight of both gradient penalties."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the networks; parameters and losses stay float32."""

    def __post_init__(self):
        bounds.check(self)
        if self.classes == 1:
            raise ValueError("classes is 1; it must be at least 2, or 0 for no labels")
        if self.resolution < 8 or self.resolution & (self.resolution - 1):
            below = max(8, 2 ** (max(self.resolution, 8).bit_length() - 1))
            raise ValueError(
                f"resolution {self.resolution} is not a power of two of at least 8; use"
                f" {below} or {2 * below}"
            )
        for side in r3gan_nets.sides(self.resolution):
            count = r3gan_nets.channels(self.width, side)
            if not count or 2 * count % min(self.group, 2 * count):
                unit = max(1, self.resolution // r3gan_nets.LARGEST) * self.group
                raise ValueError(
                    f"width {self.width} leaves {count} channels at {side}x{side}, and"
                    f" twice as many do not make groups of {self.group}; give a"
                    f" multiple of {unit}"
                )


FFHQ64 = Config(classes=0, resolution=64, gamma=2.0, last_gamma=0.2)
"""The network and schedules for faces of 64x64."""


def _nets(config: Config) -> tuple[r3gan_nets.Generator, r3gan_nets.Discriminator]:
    c = config
    sizes = (c.width, c.resolution, c.group, known(c.classes), c.dtype)
    return r3gan_nets.Generator(*sizes, c.channels), r3gan_nets.Discriminator(*sizes)


def game(config: Config) -> Game:
    """Two players, one move each.

    Batches are `{"image": [B, R, R, C] in [-1, 1]}`, with `"label": [B]` where there
    are classes.
    """
    return r3gan.paired(
        config,
        *_nets(config),
        latent=functools.partial(latent, config),
        condition=None if config.classes == 0 else "label",
        view=lambda images, key: nn.diff_augment(images, key, config.augment),
    )


def latent(config: Config, key: jax.Array, count: int) -> jax.Array:
    """Draws latents `[count, Z]`."""
    return nn.sample_latent(key, count, config.latent)


def sample(
    config: Config,
    variables: Variables,
    latent: jax.Array,
    label: jax.Array | None = None,
) -> jax.Array:
    """Images `[B, R, R, C]`, about in [-1, 1], from latents `[B, Z]`, labels `[B]`."""
    return pure(_nets(config)[0], "generator")(variables, latent, label)[0]


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    shape = (config.resolution, config.resolution, config.channels)
    return images.batch(key, count, shape, classes=config.classes, low=-1.0)


MODEL = Model(
    paper="2501.05441",
    config=Config,
    game=game,
    batch=batch,
    show=images.samples(latent, sample, labels=True),
    tiny=Config(
        classes=3, resolution=8, width=4, group=4, latent=4, annealing=3, gamma=1.0
    ),
    latent=latent,
    sample=sample,
    labels=True,
    range=(-1.0, 1.0),
    exact=True,
)
