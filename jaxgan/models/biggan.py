"""BigGAN: a large residual GAN of classes, whose latents can be truncated.

Brock, Donahue and Simonyan, "Large Scale GAN Training for High Fidelity Natural Image
Synthesis", arXiv:1809.11096. `Config()` is the authors' PyTorch configuration for
CIFAR-10, `IMAGENET` the network for 128x128.

Reproduced: residual blocks with class-conditional batch norms, whose gains are centred
on 1; for ImageNet, a chunk of the latent for each block, a class embedding that all
norms share, and self-attention at 64x64; spectral norms in both networks, also in the
matrices of conditional norms where these see latents, but not in tables of classes; a
discriminator that sums over places and projects the class; the hinge loss; several
updates of the discriminator a step; Adam with (0, 0.999); samples from a moving
average, normalised by the statistics of their batch, from truncated latents.

Known differences: real and generated images pass the discriminator separately, so
spectral norms are iterated twice in its update, and not at all in the generator's. The
average follows the generator closely at first instead of copying it for 1,000 steps.
The orthogonal penalty has the paper's gradient; the released code has half of it. Its
epsilons of spectral norms, 1e-8 and 1e-6, are 1e-12 here. There is one program for all
devices, whose batch norms always see the whole batch.
"""

import dataclasses
import functools
from typing import Any, Literal

import jax
import jax.numpy as jnp
import optax
from flax import linen

from jaxgan import bounds, losses, nn
from jaxgan.game import Batch, Game, Move, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import images
from jaxgan.models.parts.classes import Classes, known, one_hot
from jaxgan.models.parts.two_players import adversarial

Statistics = Literal["batch", "running"]

# Channels of the generator, from its smallest maps on, and of the discriminator's
# blocks, in widths; and how many of these halve the image, from the first on.
NETS = {
    32: ((4, 4, 4, 4), (4, 4, 4, 4), 2),
    64: ((16, 16, 8, 4, 2), (1, 2, 4, 8, 16), 4),
    128: ((16, 16, 8, 4, 2, 1), (1, 2, 4, 8, 16, 16), 5),
}


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are the authors' for CIFAR-10."""

    classes: Classes = 10
    """Number of classes of the labels; None for as many as the data has."""
    resolution: Literal[32, 64, 128] = 32
    """Height and width of the images in pixels."""
    channels: bounds.Count = 3
    """Image channels: 3 for colour, 1 for grey."""
    width: bounds.Count = 64
    """Channels of the largest maps; at 32x32, a quarter of the channels of all."""
    latent: bounds.Count = 128
    """Size of the latent vector, drawn from a standard normal."""
    hierarchical: bool = False
    """Whether each block gets a chunk of the latent; their number must divide it."""
    embedding: bounds.Natural = 0
    """Size of a class embedding that all norms share; with 0, each norm has a gain and
    a bias for each class."""
    attention: Literal[0, 16, 32, 64] = 0
    """Height of the maps that get self-attention, in both networks; 0 for none."""
    init: Literal["normal", "orthogonal"] = "normal"
    """Initial weights: N(0, 0.02), or orthogonal."""
    penalty: bounds.Weight = 0.0
    """Weight of the orthogonal penalty on the generator; 1e-4 in the paper."""
    augment: tuple[Literal["colour", "translation", "cutout"], ...] = ()
    """Differentiable augmentations, for sets of a few thousand images or fewer."""
    adapt: bounds.Natural = 0
    """Real images that would take the probability of StyleGAN2-ADA's augmentations from
    0 to 1: 500,000 in the paper, fewer for short runs; 0 leaves them out."""
    critic_steps: bounds.Count = 4
    """Updates of the discriminator a step."""
    learning_rate: bounds.Rate = 2e-4
    """Adam's step size for the generator."""
    critic_rate: bounds.Rate = 2e-4
    """Adam's step size for the discriminator."""
    epsilon: bounds.Rate = 1e-8
    """Adam's epsilon."""
    ema: bounds.Decay = 0.9999
    """Decay of the moving average of the generator's weights; 0 averages nothing."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the networks; parameters, statistics and losses stay float32."""

    def __post_init__(self):
        bounds.check(self)
        if self.attention >= self.resolution:
            raise ValueError(
                f"attention is {self.attention}, but images have {self.resolution}"
                " pixels; give the height of smaller maps, or 0"
            )
        if self.hierarchical and self.latent % self.chunks:
            nearest = -(-self.latent // self.chunks) * self.chunks
            raise ValueError(
                f"latent is {self.latent}, which does not make {self.chunks} equal"
                f" chunks; use {nearest}"
            )
        if self.hierarchical and not self.embedding:
            raise ValueError(
                "hierarchical latents need a class embedding to go with; give its"
                " size, such as 128"
            )

    @property
    def chunks(self) -> int:
        """Parts of a hierarchical latent: one for the first layer and each block."""
        return len(NETS[self.resolution][0])


IMAGENET = Config(
    classes=1000,
    resolution=128,
    width=96,
    latent=120,
    hierarchical=True,
    embedding=128,
    attention=64,
    init="orthogonal",
    critic_steps=1,
    learning_rate=1e-4,
    critic_rate=4e-4,
    epsilon=1e-6,
)
"""The network for ImageNet at 128x128, with the step sizes of the authors' code.

The paper itself has minibatches of 2,048, two updates of the discriminator, step sizes
of 5e-5 and 2e-4, and an orthogonal penalty of 1e-4.
"""


def _init(config: Config) -> Any:
    if config.init == "orthogonal":
        return linen.initializers.orthogonal()
    return linen.initializers.normal(0.02)


def _layer(config: Config, kind: Any) -> Any:
    """A convolution or dense layer as all of them are."""
    return functools.partial(
        kind, spectral=True, kernel_init=_init(config), dtype=jnp.dtype(config.dtype)
    )


class Generator(linen.Module):
    """Latents `[B, Z]` and labels `[B]` to images `[B, R, R, C]` in [-1, 1]."""

    config: Config
    momentum: float = 0.9

    @linen.compact
    def __call__(
        self, latent: jax.Array, label: jax.Array, statistics: Statistics = "batch"
    ) -> jax.Array:
        """Draws an image for each latent, of the class of its label."""
        c, dtype = self.config, jnp.dtype(self.config.dtype)
        conv, init = _layer(c, nn.Conv), _init(c)
        y = one_hot(label, known(c.classes), latent.shape[0])
        if c.embedding:
            embed = nn.Dense(c.embedding, False, kernel_init=init, name="embed")
            y = embed(y)
        chunks = jnp.split(latent, c.chunks, 1) if c.hierarchical else [latent]
        norm = functools.partial(
            nn.ConditionalBatchNorm,
            statistics,
            spectral=c.embedding > 0,
            gain_init=init,
            bias_init=init,
            momentum=self.momentum,
            dtype=dtype,
        )
        first, *rest = (c.width * times for times in NETS[c.resolution][0])
        x = _layer(c, nn.Dense)(16 * first, name="project")(chunks[0])
        x = x.reshape(-1, 4, 4, first)
        for i, features in enumerate(rest, 1):
            told = jnp.concatenate([chunks[i], y], 1) if c.hierarchical else y
            x = nn.UpBlock(features, conv=conv, norm=norm)(x, told)
            if x.shape[1] == c.attention:
                x = nn.SelfAttention(conv=conv)(x)
        last = nn.BatchNorm(
            use_running_average=nn.use_running(statistics),
            scale_init=linen.initializers.ones,
            momentum=self.momentum,
            dtype=dtype,
        )
        door = conv(c.channels, 3, name="to_image")
        return jnp.tanh(door(linen.relu(last(x))).astype(jnp.float32))


class Discriminator(linen.Module):
    """Images `[B, R, R, C]` in [-1, 1] and labels `[B]` to logits `[B]`."""

    config: Config

    @linen.compact
    def __call__(self, image: jax.Array, label: jax.Array) -> jax.Array:
        """Judges images together with the classes that they should show."""
        c = self.config
        conv = _layer(c, nn.Conv)
        _, widths, downs = NETS[c.resolution]
        x = image.astype(c.dtype)
        for i, times in enumerate(widths):
            x = nn.DownBlock(c.width * times, down=i < downs, first=i == 0, conv=conv)(
                x
            )
            if x.shape[1] == c.attention and i < downs:
                x = nn.SelfAttention(conv=conv)(x)
        features = linen.relu(x).astype(jnp.float32).sum((1, 2))
        judge = nn.Projection(spectral=True, kernel_init=_init(c), name="judge")
        return judge(features, one_hot(label, known(c.classes), len(image)))


def game(config: Config) -> Game:
    """Discriminator `critic_steps` times, then generator.

    Batches are `{"image": [k, B, R, R, C] in [-1, 1], "label": [k, B]}`, without k
    where it is 1; generated images have the labels of the real ones.
    """
    plain = adversarial(
        Generator(config),
        Discriminator(config),
        latent=functools.partial(latent, config),
        losses=(losses.hinge_discriminator_loss, losses.hinge_generator_loss),
        optimizer={
            name: optax.adam(rate, 0.0, 0.999, config.epsilon)
            for name, rate in (
                ("generator", config.learning_rate),
                ("discriminator", config.critic_rate),
            )
        },
        condition="label",
        view=lambda images, key: nn.diff_augment(images, key, config.augment),
        adapt=config.adapt,
        moves=(Move("discriminator", repeat=config.critic_steps), Move("generator")),
        ema=config.ema,
    )
    if not config.penalty:
        return plain
    generator = plain.players["generator"]

    def loss(variables, batch, turn):
        value, (after, seen) = generator.loss(variables, batch, turn)
        orthogonal = not_orthogonal(variables["generator"]["params"])
        seen = {**seen, "orthogonal": orthogonal}
        return value + config.penalty * orthogonal, (after, seen)

    changed = dataclasses.replace(generator, loss=loss)
    return dataclasses.replace(plain, players={**plain.players, "generator": changed})


def not_orthogonal(params: Any) -> jax.Array:
    """The sum of the orthogonal penalties of all matrices but the class embedding."""
    return sum(
        (
            losses.orthogonal_penalty(leaf)
            for path, leaf in jax.tree.leaves_with_path(params)
            if leaf.ndim >= 2 and path[0].key != "embed"
        ),
        jnp.zeros(()),
    )


def latent(config: Config, key: jax.Array, count: int) -> jax.Array:
    """Draws latents `[count, Z]`; `nn.truncated` makes truncated ones of them."""
    return nn.sample_latent(key, count, config.latent)


def sample(
    config: Config,
    variables: Variables,
    latent: jax.Array,
    label: jax.Array,
    statistics: Statistics = "batch",
) -> jax.Array:
    """Images `[B, R, R, C]` in [-1, 1] from latents `[B, Z]` and labels `[B]`."""
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
    paper="1809.11096",
    config=Config,
    game=game,
    batch=batch,
    show=images.samples(latent, sample, labels=True),
    tiny=Config(
        classes=3,
        width=1,
        latent=8,
        hierarchical=True,
        embedding=3,
        attention=16,
        penalty=1e-4,
        critic_steps=1,
    ),
    latent=latent,
    sample=sample,
    labels=True,
    range=(-1.0, 1.0),
)
