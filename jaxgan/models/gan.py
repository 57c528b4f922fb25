"""The original GAN: two multi-layer perceptrons on MNIST.

Goodfellow et al., "Generative Adversarial Nets", arXiv:1406.2661, Algorithm 1 and
section 5, with the sizes of the authors' released configuration for MNIST.

Reproduced: a generator of rectified linear units with a sigmoid output whose bias
starts at the marginals of the pixels; a maxout discriminator with dropout; momentum SGD
whose step size decays with every update while the momentum rises. The discriminator's
loss is half the sum of its two cross-entropies, which is log 2 for a guess. Under SGD
the half halves the step size, so it is part of the recipe.

By default both players move at once, as in the released code: from one state, on the
same generated images and through the same dropout masks. With `moves="in_turn"` they
follow Algorithm 1: k steps of the discriminator, each on new data and new noise, then
one of the generator on other noise.

Known difference: the released momentum rises at the end of every epoch, ours with every
update.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
from flax import linen

from jaxgan import bounds, nn
from jaxgan.game import Batch, Game, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import images
from jaxgan.models.parts.dense_digits import (
    Training,
    drop,
    flatten,
    pixel_bias,
    to_image,
    to_logit,
    training,
    uniform,
)
from jaxgan.models.parts.two_players import adversarial


@dataclasses.dataclass(frozen=True)
class Config(Training):
    """Networks and training; the defaults are the paper's for MNIST."""

    moves: Literal["together", "in_turn"] = dataclasses.field(
        default="together", metadata={"before": "in_turn"}
    )
    """Whether both players move at once, on the same generated images, or in turn."""
    latent: bounds.Count = 100
    """Size of the latent vector z."""
    noise: Literal["normal", "uniform"] = dataclasses.field(
        default="normal", metadata={"before": "uniform"}
    )
    """Where z is drawn from: a standard normal, or the uniform distribution with the
    same variance. The released code has both, and the first is its default."""
    hidden: bounds.Layers = (1200, 1200)
    """Rectified linear units of the generator's hidden layers."""
    maxout: bounds.Layers = (240, 240)
    """Maxout units of the discriminator's hidden layers."""
    pieces: bounds.Count = 5
    """Affine pieces of each maxout unit."""
    keep_input: Annotated[float, bounds.Within(0, 1, above=True)] = 0.8
    """Share of pixels that dropout keeps for the discriminator."""
    keep_hidden: Annotated[float, bounds.Within(0, 1, above=True)] = 0.5
    """Share of the discriminator's hidden units that dropout keeps."""

    def __post_init__(self):
        super().__post_init__()
        if self.moves == "together" and self.discriminator_steps > 1:
            raise ValueError(
                f"discriminator_steps is {self.discriminator_steps}, but the players"
                " move together; use 1, or moves 'in_turn'"
            )


class Generator(linen.Module):
    """Latents `[B, Z]` to images `[B, 28, 28, 1]` in [0, 1].

    Attributes:
        config: the sizes.
        bias_init: initialiser of the pixels' biases; see `pixel_bias`.
    """

    config: Config
    bias_init: Callable[..., jax.Array] = linen.initializers.zeros_init()

    @linen.compact
    def __call__(self, latent: jax.Array) -> jax.Array:
        """Draws one image for each latent."""
        c, x, dtype = self.config, latent, jnp.dtype(self.config.dtype)
        init = uniform(c.generator_init)
        for units in c.hidden:
            x = linen.relu(linen.Dense(units, dtype=dtype, kernel_init=init)(x))
        return to_image(x, init, self.bias_init)


class Discriminator(linen.Module):
    """Images `[B, 28, 28, 1]` in [0, 1] to logits `[B]`.

    Units are dropped if the caller gives a random stream "dropout".
    """

    config: Config

    @linen.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Judges images."""
        c, dtype = self.config, jnp.dtype(self.config.dtype)
        init = uniform(c.discriminator_init)
        x = drop(self, flatten(image), c.keep_input)
        for units in c.maxout:
            layer = nn.Maxout(units, c.pieces, dtype=dtype, kernel_init=init)
            x = drop(self, layer(x), c.keep_hidden)
        return to_logit(x, init)


def game(config: Config, marginals: Any = None) -> Game:
    """Both players move at once, or the discriminator k times and then the generator.

    Batches are `{"image": [B, 28, 28, 1] in [0, 1]}`, `[k, B, ...]` where k
    exceeds one.

    Args:
        config: networks and training.
        marginals: the mean of the training images in [0, 1], `[28, 28, 1]`; without it
            the pixels' biases start at zero.
    """
    return adversarial(
        Generator(config, pixel_bias(marginals)),
        Discriminator(config),
        latent=lambda key, count: latent(config, key, count),
        **training(config, config.moves == "together"),
    )


def latent(config: Config, key: jax.Array, count: int) -> jax.Array:
    """Draws `[count, Z]`, standard normal or uniform on [-√3, √3]."""
    drawn = nn.sample_latent(key, count, config.latent, config.noise)
    return drawn if config.noise == "normal" else math.sqrt(3) * drawn


def sample(config: Config, variables: Variables, latent: jax.Array) -> jax.Array:
    """Images `[N, 28, 28, 1]` in [0, 1] from latents `[N, Z]`."""
    return pure(Generator(config), "generator")(variables, latent)[0]


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    return images.batch(key, count, repeats=config.discriminator_steps)


MODEL = Model(
    paper="1406.2661",
    config=Config,
    game=game,
    batch=batch,
    show=images.samples(latent, sample),
    tiny=Config(
        latent=3, hidden=(6, 5), maxout=(5, 4), pieces=2, generator_init=0.5,
        discriminator_init=0.5,
    ),
    latent=latent,
    sample=sample,
)  # fmt: skip
