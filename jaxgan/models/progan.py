"""Progressive GAN: both networks grow from 4x4 pixels, a resolution at a time.

Karras, Aila, Laine and Lehtinen, "Progressive Growing of GANs for Improved Quality,
Stability, and Variation", arXiv:1710.10196.

A `Config` is one stage, of one resolution. Its newest layers fade in while the first
`fade` images are seen, and stay for the rest; `grown` begins it from the stage before.

Reproduced: the networks, with an equalised learning rate, pixel norm after each
rectifier of the generator, a channel with the deviation of the minibatch in strided
groups of 4, linear images; the fade, linear in the images seen, also of real images;
WGAN-GP with a drift term; Adam at 1e-3 with (0, 0.99), whose state is reset where a
fade begins and where it ends; samples from a moving average.

Known differences: the average is taken after both players' moves, and follows the
generator closely at the beginning of each stage, as every average of `jaxgan.game`
does. No labels, so no classifier among the losses. The step size does not rise at
1024x1024. The schedule is looked at in every step, where the released code looks at
every fourth.
"""

import dataclasses
import functools
import math
from typing import Any, Literal

import jax
import jax.numpy as jnp
import optax
from flax import linen
from jax import lax

from jaxgan import bounds, compose, losses, nn
from jaxgan.game import Batch, Game, Move, Player, TrainState, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import images


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training of one stage; the defaults are the paper's first one."""

    resolution: bounds.Count = 4
    """Height and width of this stage's images in pixels: 4, 8, 16, ..."""
    channels: bounds.Count = 3
    """Image channels: 3 for colour, 1 for grey."""
    base: bounds.Count = 8192
    """Channels of the maps of R x R pixels are twice this divided by R, ..."""
    width: bounds.Count = 512
    """... but no more than this."""
    latent: bounds.Count = 512
    """Size of the latent vector, which the generator brings to length sqrt(Z)."""
    fade: bounds.Natural = 0
    """Images during which this stage's newest layers fade in; with 0 they are there at
    once, and the layers of the stage before are left out."""
    batch_size: bounds.Count = 16
    """Images in a step, all devices together, by which the fade is counted."""
    group: bounds.Count = 4
    """Examples over which the deviation of a minibatch is taken."""
    penalty: bounds.Weight = 10.0
    """Weight of the gradient penalty."""
    slope: bounds.Rate = 1.0
    """Norm of the gradient that the penalty asks for; it is measured in this unit."""
    drift: bounds.Weight = 1e-3
    """Weight of the discriminator's squared score of real images."""
    learning_rate: bounds.Rate = 1e-3
    """Adam's step size."""
    ema: bounds.Decay = 0.999
    """Decay of the moving average of the generator's weights; 0 averages nothing."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the networks; parameters, images and losses stay float32."""

    def __post_init__(self):
        bounds.check(self)
        if self.resolution < 4 or self.resolution & (self.resolution - 1):
            below = max(4, 2 ** (max(self.resolution, 4).bit_length() - 1))
            raise ValueError(
                f"resolution {self.resolution} is not a power of two of at least 4,"
                f" which growing can reach; use {below} or {2 * below}"
            )
        if self.fade and self.resolution == 4:
            raise ValueError(
                f"fade is {self.fade}, but nothing fades in at resolution 4; make it 0"
            )

    def features(self, resolution: int) -> int:
        """Channels of the maps of a resolution."""
        return max(1, min(2 * self.base // resolution, self.width))

    @property
    def resolutions(self) -> list[int]:
        """All resolutions, from 4."""
        return [2**i for i in range(2, self.resolution.bit_length())]

    @property
    def fade_steps(self) -> int:
        """Steps during which the newest layers fade in."""
        return math.ceil(self.fade / self.batch_size)

    def alpha(self, step: Any) -> jax.Array:
        """Share of the newest layers at a step of this stage, from 0 to 1."""
        if not self.fade:
            return jnp.ones(())
        share = jnp.asarray(step * (self.batch_size / self.fade), jnp.float32)
        return jnp.minimum(share, 1)


def blend(old: jax.Array, new: jax.Array, alpha: jax.Array) -> jax.Array:
    """Goes linearly from `old`, where alpha is 0, to `new`, where it is 1."""
    return old * (1 - alpha) + new * alpha


class Generator(linen.Module):
    """Latents `[B, Z]` to images `[B, R, R, C]`; layers are named by resolution."""

    config: Config

    @linen.compact
    def __call__(self, latent: jax.Array, alpha: jax.Array) -> jax.Array:
        """Draws images, in which the newest layers have a share of `alpha`."""
        c = self.config
        conv = functools.partial(nn.EqualisedConv, dtype=jnp.dtype(c.dtype))
        active = lambda x: nn.pixel_norm(linen.leaky_relu(x, 0.2))  # noqa: E731

        def to_image(x, resolution):
            door = conv(c.channels, 1, 1.0, name=f"to_image{resolution}")
            return door(x).astype(jnp.float32)

        x = nn.pixel_norm(latent)
        features = c.features(4)
        dense = nn.EqualisedDense(
            16 * features, nn.GAIN / 4, use_bias=False, dtype=c.dtype, name="dense"
        )
        bias = self.param("bias", linen.initializers.zeros, (features,))
        x = dense(x).reshape(-1, 4, 4, features)
        x = active(x + bias.astype(x.dtype)[None, None, None, :])
        x = active(conv(features, name="block4")(x))
        old = None
        for resolution in c.resolutions[1:]:
            if c.fade and resolution == c.resolution:
                old = nn.double(to_image(x, resolution // 2))
            x = nn.double(x)
            for i in range(2):
                name = f"block{resolution}_{i}"
                x = active(conv(c.features(resolution), name=name)(x))
        image = to_image(x, c.resolution)
        return image if old is None else blend(old, image, alpha)


class Discriminator(linen.Module):
    """Images `[B, R, R, C]` to scores `[B]`; layers are named by resolution."""

    config: Config

    @linen.compact
    def __call__(self, image: jax.Array, alpha: jax.Array) -> jax.Array:
        """Judges images, with a share of `alpha` for the newest layers."""
        c = self.config
        conv = functools.partial(nn.EqualisedConv, dtype=jnp.dtype(c.dtype))
        active = lambda x: linen.leaky_relu(x, 0.2)  # noqa: E731

        def from_image(image, resolution):
            name = f"from_image{resolution}"
            return active(conv(c.features(resolution), 1, name=name)(image))

        x = from_image(image, c.resolution)
        for resolution in c.resolutions[:0:-1]:
            for i, side in enumerate((resolution, resolution // 2)):
                name = f"block{resolution}_{i}"
                x = active(conv(c.features(side), name=name)(x))
            x = nn.halve(x)
            if c.fade and resolution == c.resolution:
                old = from_image(nn.halve(image), resolution // 2)
                x = blend(old, x, alpha.astype(x.dtype))
        x = nn.minibatch_deviation(x, c.group)
        x = active(conv(c.features(4), name="block4")(x)).reshape(len(x), -1)
        dense = functools.partial(nn.EqualisedDense, dtype=jnp.dtype(c.dtype))
        x = active(dense(c.features(2), name="dense")(x)).astype(jnp.float32)
        return nn.EqualisedDense(1, 1.0, name="to_score")(x)[:, 0]


class Fade(linen.Module):
    """A memory of how far the newest layers have faded in: alpha, `[]`."""

    @linen.compact
    def __call__(self, alpha: jax.Array | None = None) -> jax.Array:
        """Remembers alpha, where it is given, and returns it."""
        held = self.variable("memory", "alpha", jnp.zeros, ())
        if alpha is not None and not self.is_initializing():
            held.value = alpha
        return held.value


def game(config: Config) -> Game:
    """Discriminator, then generator. Batches: `{"image": [B, R, R, C] in [-1, 1]}`."""
    nets: dict[str, linen.Module] = {
        "generator": Generator(config),
        "discriminator": Discriminator(config),
        "fade": Fade(),
    }
    generate, judge, fade = (pure(module, name) for name, module in nets.items())

    def fakes(variables, batch, key, alpha):
        drawn = nn.batch_latent(batch, key, len(batch["image"]), config.latent)
        return generate(variables, drawn, alpha)[0]

    def discriminator_loss(variables, batch, turn):
        latent_key, mix_key = jax.random.split(turn.key)
        alpha, variables = fade(variables, config.alpha(turn.step))
        real = batch["image"]
        if config.fade:
            real = blend(nn.double(nn.halve(real)), real, alpha)
        fake = lax.stop_gradient(fakes(variables, batch, latent_key, alpha))
        real_score, _ = judge(variables, real, alpha)
        fake_score, _ = judge(variables, fake, alpha)
        score = losses.wasserstein_discriminator_loss(real_score, fake_score).mean()
        penalty = losses.gradient_penalty(
            lambda x: judge(variables, x, alpha)[0],
            *(real, fake, mix_key),
            target=config.slope,
        ).mean()
        penalty *= config.penalty / config.slope**2
        drift = config.drift * jnp.square(real_score).mean()
        seen = {"distance": -score, "penalty": penalty, "alpha": alpha}
        return score + penalty + drift, (variables, seen)

    def generator_loss(variables, batch, turn):
        alpha = config.alpha(turn.step)
        score, _ = judge(variables, fakes(variables, batch, turn.key, alpha), alpha)
        return losses.wasserstein_generator_loss(score).mean(), (variables, {})

    adam = optax.adam(config.learning_rate, 0.0, 0.99)
    optimizer = _restarted(adam, config.fade_steps) if config.fade else adam
    one = jnp.ones(())
    return Game(
        nets=nets,
        inputs=lambda batch: {
            "generator": (jnp.zeros((1, config.latent)), one),
            "discriminator": (batch["image"][:1], one),
            "fade": (),
        },
        players={
            "discriminator": Player(
                discriminator_loss, ("discriminator", "fade"), optimizer
            ),
            "generator": Player(generator_loss, ("generator",), optimizer),
        },
        moves=(Move("discriminator"), Move("generator")),
        ema={"generator": config.ema},
    )


def _restarted(
    optimizer: optax.GradientTransformation, after: int
) -> optax.GradientTransformation:
    """An optimiser that forgets its state after so many updates, once."""

    def init(params):
        return jnp.zeros((), jnp.int32), optimizer.init(params)

    def update(updates, state, params=None):
        count, inner = state
        fresh = optimizer.init(updates)
        inner = jax.tree.map(
            lambda new, old: jnp.where(count == after, new, old), fresh, inner
        )
        updates, inner = optimizer.update(updates, inner, params)
        return updates, (count + 1, inner)

    return optax.GradientTransformation(init, update)


def grown(new: TrainState, old: TrainState) -> TrainState:
    """Begins a stage from the end of the stage before (`compose.adopt`).

    Weights, averages, step and key are those of `old`, for the layers that both have;
    the fade and the optimisers start afresh.
    """
    state = compose.adopt(new, old)
    return state.replace(stats={**state.stats, "fade": new.stats["fade"]})


def latent(config: Config, key: jax.Array, count: int) -> jax.Array:
    """Draws latents `[count, Z]`."""
    return nn.sample_latent(key, count, config.latent)


def sample(config: Config, variables: Variables, latent: jax.Array) -> jax.Array:
    """Images `[B, R, R, C]` from latents `[B, Z]`, clipped to [-1, 1].

    The newest layers have the share that they had when the variables were trained.
    """
    alpha = pure(Fade(), "fade")(variables)[0] if config.fade else jnp.ones(())
    drawn = pure(Generator(config), "generator")(variables, latent, alpha)[0]
    return drawn.clip(-1, 1)


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    shape = (config.resolution, config.resolution, config.channels)
    return images.batch(key, count, shape, low=-1.0)


MODEL = Model(
    paper="1710.10196",
    config=Config,
    game=game,
    batch=batch,
    show=images.samples(latent, sample),
    tiny=Config(resolution=8, base=8, width=3, latent=5, fade=64),
    latent=latent,
    sample=sample,
    range=(-1.0, 1.0),
)
