"""CGAN: both players of a GAN are told the class.

Mirza and Osindero, "Conditional Generative Adversarial Nets", arXiv:1411.1784,
section 4.1.

Reproduced: noise and class pass separate hidden layers before they join in the
generator (rectified linear); so do image and class in the discriminator (maxout), where
784 raw pixels would drown out a class; momentum SGD with a step size that falls ten
times as fast as the GAN's; dropout of one half in both players.

Most of the generator's variation comes from dropout and little from z, so samples are
drawn with units dropped, as in training. Without dropout, all images of a class are
nearly the same.

Known differences: the paper does not say which units are dropped (here all hidden ones,
but never noise, class or pixels), nor whether units are dropped when samples are drawn.
Initial weights, the biases of pixels and the halved loss are those of the GAN, on which
the authors' code builds.
"""

import dataclasses
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen

from jaxgan import bounds, nn
from jaxgan.game import Batch, Game, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import images
from jaxgan.models.parts.classes import Classes, check_labels, known, one_hot
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

    decay: Annotated[float, bounds.Within(1)] = 1.00004
    """Divisor of the step size after every update."""
    classes: Classes = 10
    """Number of classes, None for as many as the data has; labels are from 0 to one
    less."""
    latent: bounds.Count = 100
    """Size of the latent vector z, uniform on [0, 1]."""
    hidden_latent: bounds.Count = 200
    """Units of the generator's layer for the noise."""
    hidden_class: bounds.Count = 1000
    """Units of the generator's layer for the class."""
    hidden: bounds.Count = 1200
    """Units of the generator's joint layer."""
    maxout_image: tuple[bounds.Count, bounds.Count] = (240, 5)
    """Maxout units of the discriminator's layer for the image, and pieces of each."""
    maxout_class: tuple[bounds.Count, bounds.Count] = (50, 5)
    """Maxout units of its layer for the class, and pieces of each."""
    maxout: tuple[bounds.Count, bounds.Count] = (240, 4)
    """Maxout units of its joint layer, and pieces of each."""
    keep_generator: Annotated[float, bounds.Within(0, 1, above=True)] = 0.5
    """Share of the generator's hidden units that dropout keeps."""
    keep_discriminator: Annotated[float, bounds.Within(0, 1, above=True)] = 0.5
    """Share of the discriminator's hidden units that dropout keeps."""


class Latent(NamedTuple):
    """The source of an image of a given class.

    Attributes:
        noise: z, `[N, Z]`, uniform on [0, 1].
        seed: integers `[N]`, which decide the units that the generator drops.
    """

    noise: jax.Array
    seed: jax.Array


class Generator(linen.Module):
    """Noise `[B, Z]` and labels `[B]` to images `[B, 28, 28, 1]` in [0, 1].

    Attributes:
        config: the sizes.
        bias_init: initialiser of the pixels' biases; see `dense_digits.pixel_bias`.
    """

    config: Config
    bias_init: Callable[..., jax.Array] = linen.initializers.zeros_init()

    @linen.compact
    def __call__(self, noise: jax.Array, label: jax.Array) -> jax.Array:
        """Draws one image for each row of noise, of the given class."""
        c, dtype = self.config, jnp.dtype(self.config.dtype)
        init = uniform(c.generator_init)

        def layer(units, x, name):
            dense = linen.Dense(units, dtype=dtype, kernel_init=init, name=name)
            return drop(self, linen.relu(dense(x)), c.keep_generator)

        x = layer(c.hidden_latent, noise, "from_latent")
        y = layer(
            c.hidden_class,
            one_hot(label, known(c.classes), jnp.shape(label)[0]),
            "from_class",
        )
        x = layer(c.hidden, jnp.concatenate([x, y], axis=1), "joint")
        return to_image(x, init, self.bias_init)


class Discriminator(linen.Module):
    """Images `[B, 28, 28, 1]` in [0, 1] and labels `[B]` to logits `[B]`."""

    config: Config

    @linen.compact
    def __call__(self, image: jax.Array, label: jax.Array) -> jax.Array:
        """Judges whether images are real images of their class."""
        c, dtype = self.config, jnp.dtype(self.config.dtype)
        init = uniform(c.discriminator_init)

        def layer(sizes, x, name):
            maxout = nn.Maxout(*sizes, dtype=dtype, kernel_init=init, name=name)
            return drop(self, maxout(x), c.keep_discriminator)

        x = layer(c.maxout_image, flatten(image), "from_image")
        y = layer(
            c.maxout_class,
            one_hot(label, known(c.classes), jnp.shape(label)[0]),
            "from_class",
        )
        x = layer(c.maxout, jnp.concatenate([x, y], axis=1), "joint")
        return to_logit(x, init)


def game(config: Config, marginals: Any = None) -> Game:
    """The discriminator moves k times, then the generator once.

    Batches are `{"image": [B, 28, 28, 1] in [0, 1], "label": int [B]}`, `[k, B, ...]`
    where k exceeds one. Generated examples have the labels of the real ones.

    Args:
        config: networks and training.
        marginals: as in `gan.game`.
    """
    return adversarial(
        Generator(config, pixel_bias(marginals)),
        Discriminator(config),
        latent=lambda key, count: latent(config, key, count).noise,
        condition="label",
        **training(config),
    )


def latent(config: Config, key: jax.Array, count: int) -> Latent:
    """Draws `count` latents, one for each image."""
    noise_key, seed_key = jax.random.split(key)
    return Latent(
        jax.random.uniform(noise_key, (count, config.latent)),
        jax.random.bits(seed_key, (count,)),
    )


def sample(
    config: Config, variables: Variables, latent: Latent, label: jax.Array
) -> jax.Array:
    """Images `[N, 28, 28, 1]` in [0, 1] from latents and labels `[N]`.

    Every image is drawn with hidden units dropped, and its seed decides which. So it
    does not depend on the images drawn with it.
    """
    check_labels(label, known(config.classes), latent.seed.shape[0])
    generate = pure(Generator(config), "generator")

    def draw(noise, seed, label):
        streams = {"dropout": jax.random.key(seed)}
        return generate(variables, noise[None], label[None], rngs=streams)[0][0]

    return jax.vmap(draw)(latent.noise, latent.seed, label)


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    repeats = config.discriminator_steps
    return images.batch(key, count, classes=config.classes, repeats=repeats)


MODEL = Model(
    paper="1411.1784",
    config=Config,
    game=game,
    batch=batch,
    show=images.samples(latent, sample, labels=True),
    tiny=Config(
        latent=3, hidden_latent=4, hidden_class=5, hidden=6, maxout_image=(5, 2),
        maxout_class=(4, 2), maxout=(5, 2), generator_init=0.5, discriminator_init=0.5,
    ),
    latent=latent,
    sample=sample,
    labels=True,
)  # fmt: skip
