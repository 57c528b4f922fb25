"""Progressive growing in miniature: one game per resolution; each adopts the last.

Karras, Aila, Laine and Lehtinen, "Progressive Growing of GANs for Improved Quality,
Stability, and Variation", arXiv:1710.10196. Reproduced: blocks that double the
resolution and fade in linearly, nearest-neighbour upsampling and average pooling, pixel
norm, real images blended like the generated ones, WGAN-GP with the drift term, Adam at
1e-3 with (0, 0.99), optimisers that start afresh at each resolution. Different: one
convolution in each block, one width for all, no equalised learning rate and no
minibatch deviation.

    state = init(key, batch_4)                                # Config(resolution=4)
    state = adopt(init_8(key, batch_8), state)                # Config(resolution=8,
    ...)
"""

import dataclasses
from collections.abc import Mapping

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
    """One stage: its networks, and the steps in which its new blocks fade in."""

    resolution: bounds.Count = 4
    """Height and width of this stage's images in pixels: 4, 8, 16, ..."""
    channels: bounds.Count = 3
    """Image channels."""
    width: bounds.Count = 32
    """Channels of every map."""
    latent: bounds.Count = 32
    """Size of the latent vector, normalised to length sqrt(Z)."""
    fade_from: int = 0
    """Step at which this stage begins."""
    fade_steps: bounds.Natural = 0
    """Steps over which its blocks fade in; with 0 they are there at once."""
    penalty: bounds.Weight = 10.0
    """Weight of the gradient penalty."""
    drift: bounds.Weight = 1e-3
    """Weight of the critic's squared score of real images."""
    learning_rate: bounds.Rate = 1e-3
    """Adam's step size."""

    def __post_init__(self):
        bounds.check(self)
        if self.resolution < 4 or self.resolution & (self.resolution - 1):
            raise ValueError(
                f"resolution {self.resolution} is not a power of two of at least 4"
            )

    def alpha(self, step: jax.Array) -> jax.Array:
        """Share of the newest block at a step: from 0, when the stage begins, to 1."""
        if self.fade_steps == 0:
            return jnp.ones(())
        return jnp.clip((step - self.fade_from) / self.fade_steps, 0, 1)


def _resolutions(last: int) -> list[int]:
    return [2**i for i in range(2, last.bit_length())]


def _conv(features: int, name: str, size: int = 3) -> nn.Conv:
    he = linen.initializers.he_normal()
    return nn.Conv(features, size, kernel_init=he, name=name)


class Generator(linen.Module):
    """Latents `[B, Z]` to images `[B, R, R, C]`; layers are named by resolution."""

    config: Config

    @linen.compact
    def __call__(self, latent: jax.Array, alpha: jax.Array) -> jax.Array:
        """Blends the newest block in by `alpha`, a scalar in [0, 1]."""
        c = self.config
        x = linen.Dense(16 * c.width, name="project")(nn.pixel_norm(latent))
        x = x.reshape(-1, 4, 4, c.width)
        image = jnp.zeros(())
        for resolution in _resolutions(c.resolution):
            x = nn.double(x) if resolution > 4 else x
            x = nn.pixel_norm(
                linen.leaky_relu(_conv(c.width, f"block{resolution}")(x), 0.2)
            )
            if resolution * 2 >= c.resolution:  # only the last two are shown
                new = _conv(c.channels, f"to_image{resolution}", 1)(x)
                blend = resolution == c.resolution > 4
                image = nn.double(image) * (1 - alpha) + new * alpha if blend else new
        return image


class Critic(linen.Module):
    """Images `[B, R, R, C]` to scores `[B]`; layers are named by resolution."""

    config: Config

    @linen.compact
    def __call__(self, image: jax.Array, alpha: jax.Array) -> jax.Array:
        """Blends the newest block in by `alpha`, a scalar in [0, 1]."""
        c = self.config
        read = lambda image, resolution: linen.leaky_relu(  # noqa: E731
            _conv(c.width, f"from_image{resolution}", 1)(image), 0.2
        )
        x = read(image, c.resolution)
        for resolution in _resolutions(c.resolution)[::-1]:
            x = linen.leaky_relu(_conv(c.width, f"block{resolution}")(x), 0.2)
            if resolution > 4:
                x = nn.halve(x)
            if resolution == c.resolution > 4:
                x = read(nn.halve(image), resolution // 2) * (1 - alpha) + x * alpha
        return linen.Dense(1, name="to_score")(x.reshape(x.shape[0], -1))[:, 0]


def game(config: Config) -> Game:
    """Critic, then generator. Batches are `{"image": [B, R, R, C] in [-1, 1]}`."""
    nets = {"generator": Generator(config), "critic": Critic(config)}
    generator, critic = (pure(module, name) for name, module in nets.items())

    def generate(variables, batch, turn, key):
        latent = nn.batch_latent(batch, key, batch["image"].shape[0], config.latent)
        return generator(variables, latent, config.alpha(turn.step))

    def critic_loss(variables, batch, turn):
        z_key, mix_key = jax.random.split(turn.key)
        alpha = config.alpha(turn.step)
        real = batch["image"]
        if config.resolution > 4:
            real = nn.double(nn.halve(real)) * (1 - alpha) + real * alpha
        fake = lax.stop_gradient(generate(variables, batch, turn, z_key)[0])
        real_score, variables = critic(variables, real, alpha)
        fake_score, variables = critic(variables, fake, alpha)
        distance = losses.wasserstein_discriminator_loss(real_score, fake_score).mean()
        penalty = losses.gradient_penalty(
            lambda x: critic(variables, x, alpha)[0], real, fake, mix_key
        ).mean()
        drift = jnp.square(real_score).mean()
        loss = distance + config.penalty * penalty + config.drift * drift
        return loss, (variables, {"distance": -distance})

    def generator_loss(variables, batch, turn):
        fake, variables = generate(variables, batch, turn, turn.key)
        fake_score, variables = critic(variables, fake, config.alpha(turn.step))
        return losses.wasserstein_generator_loss(fake_score).mean(), (variables, {})

    adam = optax.adam(config.learning_rate, 0.0, 0.99)
    return Game(
        nets=nets,
        inputs=lambda batch: {
            "generator": (jnp.zeros((1, config.latent)), jnp.ones(())),
            "critic": (batch["image"][:1], jnp.ones(())),
        },
        players={
            "critic": Player(critic_loss, ("critic",), adam),
            "generator": Player(generator_loss, ("generator",), adam),
        },
        moves=(Move("critic"), Move("generator")),
        ema={"generator": 0.999},
    )


def latent(config: Config, key: jax.Array, count: int) -> jax.Array:
    """Draws latents `[count, Z]`."""
    return nn.sample_latent(key, count, config.latent)


def sample(
    config: Config,
    variables: Variables,
    latent: jax.Array,
    step: jax.Array | None = None,
) -> jax.Array:
    """Images `[B, R, R, C]` from latents `[B, Z]`.

    The newest block is faded in as far as at `step`, or completely by default.
    """
    generator = pure(Generator(config), "generator")
    alpha = jnp.ones(()) if step is None else config.alpha(step)
    return generator(variables, latent, alpha)[0]


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    shape = (config.resolution, config.resolution, config.channels)
    return images.batch(key, count, shape, low=-1.0)


def show(
    config: Config, variables: Variables, key: jax.Array, batch: Batch
) -> Mapping[str, jax.Array]:
    """Draws samples, with all blocks faded in, clipped to the range of the data."""
    made = images.samples(latent, sample)(config, variables, key, batch)
    return {name: jnp.clip(drawn, -1, 1) for name, drawn in made.items()}


MODEL = Model(
    paper="1710.10196",
    config=Config,
    game=game,
    batch=batch,
    show=show,
    tiny=Config(resolution=8, width=4, latent=6, fade_from=-1, fade_steps=4),
    latent=latent,
    sample=sample,
    range=(-1.0, 1.0),
)
