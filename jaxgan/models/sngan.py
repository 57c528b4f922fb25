"""SNGAN: residual networks, spectral norms in the discriminator and the hinge loss.

Miyato, Kataoka, Koyama and Yoshida, "Spectral Normalization for Generative Adversarial
Networks", arXiv:1802.05957; with labels, Miyato and Koyama, "cGANs with Projection
Discriminator", arXiv:1802.05637; with `san`, Takida et al., "SAN: Inducing
Metrizability of GAN with Discriminative Normalized Linear Layer", arXiv:2301.12811.

Reproduced: the protocol of mimicry (Lee and Town, arXiv:2005.02494), which most later
comparisons use: networks for 32, 48, 64 and 128 pixels, bilinear interpolation in the
generator, spectral norms in all layers of the discriminator, sums over places in front
of the last one, Xavier's initial values, five updates of the discriminator a step (two
at 128x128), Adam at 2e-4 with (0, 0.9) whose step size falls to 0 over 100,000 steps,
no average of weights, no augmentation. With labels, batch norms of the generator have a
gain and a bias for each class, and the discriminator adds a projection of the class.
`WGAN_GP` is mimicry's WGAN-GP (Gulrajani et al., arXiv:1704.00028): the same networks
with a gradient penalty in place of spectral norms.

Known differences: spectral norms are iterated in the discriminator's updates alone, and
not in the generator's. With `san`, the last layer has no spectral norm, since its norm
is learned there, it has one column for each class, and its bias is added to the score
instead of to the features.
"""

import dataclasses
import functools
from typing import Any, Literal

import jax
import jax.numpy as jnp
import optax
from flax import linen

from jaxgan import bounds, compose, losses, nn
from jaxgan.game import Batch, Game, Move, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import images
from jaxgan.models.parts.classes import condition, known
from jaxgan.models.parts.rates import falling
from jaxgan.models.parts.two_players import Objective, adversarial

Statistics = Literal["batch", "running"]

# Channels of the generator, from its smallest maps on, and of the discriminator's
# blocks, in widths; and how many of these halve the image, from the first on.
NETS = {
    32: ((4, 4, 4, 4), (2, 2, 2, 2), 2),
    48: ((8, 4, 2, 1), (1, 2, 4, 8, 16), 4),
    64: ((16, 8, 4, 2, 1), (1, 2, 4, 8, 16), 5),
    128: ((16, 16, 8, 4, 2, 1), (1, 2, 4, 8, 16, 16), 5),
}


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are those of mimicry for CIFAR-10."""

    classes: bounds.Natural | None = 0
    """Number of classes of the labels; 0 for a GAN without labels, None for as many as
    the data has."""
    resolution: Literal[32, 48, 64, 128] = 32
    """Height and width of the images in pixels."""
    channels: bounds.Count = 3
    """Image channels: 3 for colour, 1 for grey."""
    width: bounds.Count = 64
    """Channels of the largest maps; at 32x32, a quarter of the generator's channels and
    half of the discriminator's."""
    latent: bounds.Count = 128
    """Size of the latent vector, drawn from a standard normal."""
    loss: Literal["hinge", "non_saturating", "wasserstein"] = "hinge"
    """Losses of both players."""
    spectral: bool = True
    """Whether the discriminator's layers have spectral norms."""
    penalty: bounds.Weight = 0.0
    """Weight of a penalty that keeps the norm of the discriminator's gradient at 1, at
    random points between real and generated images; 10 in WGAN-GP, 0 for none."""
    san: bool = False
    """Whether the last layer's direction is trained by a loss of its own, as in SAN."""
    augment: tuple[Literal["colour", "translation", "cutout"], ...] = ()
    """Differentiable augmentations, for sets of a few thousand images or fewer."""
    adapt: bounds.Natural = 0
    """Real images that would take the probability of StyleGAN2-ADA's augmentations from
    0 to 1: 500,000 in the paper, fewer for short runs; 0 leaves them out."""
    critic_steps: bounds.Count = 5
    """Updates of the discriminator a step."""
    learning_rate: bounds.Rate = 2e-4
    """Adam's step size for both players."""
    decay: bounds.Natural = 100_000
    """Steps over which the step size falls to 0; with 0 it stays."""
    beta1: bounds.Decay = 0.0
    """Adam's first momentum."""
    ema: bounds.Decay = 0.0
    """Decay of the moving average of the generator's weights; 0 averages nothing."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the networks; parameters, statistics and losses stay float32."""

    def __post_init__(self):
        bounds.check(self)
        if self.classes == 1:
            raise ValueError("classes is 1; it must be at least 2, or 0 for no labels")


WGAN_GP = Config(loss="wasserstein", spectral=False, penalty=10.0)
"""mimicry's WGAN-GP for CIFAR-10."""


def xavier(gain: float = 1.0) -> Any:
    """Xavier's uniform initial values with a gain, as PyTorch has them."""
    return linen.initializers.variance_scaling(gain**2, "fan_avg", "uniform")


def _convs(config: Config, *, spectral: bool) -> dict[str, Any]:
    """What makes the convolutions of a block, and that of its shortcut."""
    conv = functools.partial(nn.Conv, spectral=spectral, dtype=jnp.dtype(config.dtype))
    return {
        "conv": functools.partial(conv, kernel_init=xavier(2**0.5)),
        "skip": functools.partial(conv, kernel_init=xavier()),
    }


class Generator(linen.Module):
    """Latents `[B, Z]`, and labels `[B]`, to images `[B, R, R, C]` in [-1, 1]."""

    config: Config

    @linen.compact
    def __call__(
        self,
        latent: jax.Array,
        label: jax.Array | None = None,
        statistics: Statistics = "batch",
    ) -> jax.Array:
        """Normalises with the statistics of the batch, or with the running averages."""
        c, dtype = self.config, jnp.dtype(self.config.dtype)
        y = condition(known(c.classes), label, latent.shape[0])
        plain = functools.partial(
            nn.BatchNorm,
            use_running_average=nn.use_running(statistics),
            scale_init=linen.initializers.ones,
            dtype=dtype,
        )
        told = functools.partial(nn.ConditionalBatchNorm, statistics, dtype=dtype)
        first, *rest = (c.width * times for times in NETS[c.resolution][0])
        side = c.resolution >> len(rest)
        dense = nn.Dense(
            side * side * first, dtype=dtype, kernel_init=xavier(), name="project"
        )
        x = dense(latent).reshape(-1, side, side, first)
        for features in rest:
            x = nn.UpBlock(
                features,
                norm=plain if y is None else told,
                up=nn.double_smoothly,
                **_convs(c, spectral=False),
            )(x, *(() if y is None else (y,)))
        door = nn.Conv(
            c.channels, 3, dtype=dtype, kernel_init=xavier(), name="to_image"
        )
        return jnp.tanh(door(linen.relu(plain()(x))).astype(jnp.float32))


class Discriminator(linen.Module):
    """Images `[B, R, R, C]` in [-1, 1], and labels `[B]`, to logits `[B]`."""

    config: Config

    @linen.compact
    def __call__(self, image: jax.Array, label: jax.Array | None = None) -> jax.Array:
        """Judges images, together with the classes that they should show."""
        c = self.config
        y = condition(known(c.classes), label, len(image))
        _, widths, downs = NETS[c.resolution]
        x = image.astype(c.dtype)
        for i, times in enumerate(widths):
            x = nn.DownBlock(
                c.width * times,
                hidden=x.shape[-1] if i else 0,
                down=i < downs,
                first=i == 0,
                **_convs(c, spectral=c.spectral),
            )(x)
        features = linen.relu(x).astype(jnp.float32).sum((1, 2))
        if not c.san:
            return nn.Projection(
                spectral=c.spectral, kernel_init=xavier(), name="judge"
            )(features, y)
        columns = 1 if y is None else y.shape[-1]
        each = nn.Dense(columns, kernel_init=xavier(), name="to_logit")(features)
        return each[:, 0] if y is None else (each * y).sum(-1)


def game(config: Config) -> Game:
    """Discriminator `critic_steps` times, then generator.

    Batches are `{"image": [k, B, R, R, C] in [-1, 1]}`, without k where it is 1, with
    `"label": [k, B]` where there are classes.
    """

    def adam(updates):
        rate = falling(config.learning_rate, updates * config.decay)
        return optax.adam(rate, config.beta1, 0.9)

    def penalty(critic, real, fake, key):
        return config.penalty * losses.gradient_penalty(critic, real, fake, key)

    plain = adversarial(
        Generator(config),
        Discriminator(config),
        latent=functools.partial(latent, config),
        losses=Objective(
            getattr(losses, f"{config.loss}_discriminator_loss"),
            getattr(losses, f"{config.loss}_generator_loss"),
            penalty if config.penalty else None,
        ),
        optimizer={"generator": adam(1), "discriminator": adam(config.critic_steps)},
        condition=None if config.classes == 0 else "label",
        view=lambda images, key: nn.diff_augment(images, key, config.augment),
        adapt=config.adapt,
        moves=(Move("discriminator", repeat=config.critic_steps), Move("generator")),
        ema=config.ema,
    )
    return compose.sliced(plain) if config.san else plain


def latent(config: Config, key: jax.Array, count: int) -> jax.Array:
    """Draws latents `[count, Z]`."""
    return nn.sample_latent(key, count, config.latent)


def sample(
    config: Config,
    variables: Variables,
    latent: jax.Array,
    label: jax.Array | None = None,
    statistics: Statistics = "batch",
) -> jax.Array:
    """Images `[B, R, R, C]` in [-1, 1] from latents `[B, Z]`, and labels `[B]`.

    mimicry scores images that are normalised with the "running" averages.
    """
    generator = pure(Generator(config), "generator")
    return generator(variables, latent, label, statistics)[0]


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    shape = (config.resolution, config.resolution, config.channels)
    return images.batch(
        key,
        count,
        shape,
        classes=config.classes,
        repeats=config.critic_steps,
        low=-1.0,
    )


MODEL = Model(
    paper="1802.05957",
    config=Config,
    game=game,
    batch=batch,
    show=images.samples(latent, sample, labels=True),
    tiny=Config(classes=3, width=1, latent=4, critic_steps=1, decay=100),
    latent=latent,
    sample=sample,
    labels=True,
    range=(-1.0, 1.0),
)
