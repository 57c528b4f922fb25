"""InfoGAN: a generator whose codes can be read off its images.

Chen, Duan, Houthooft, Schulman, Sutskever and Abbeel, "InfoGAN: Interpretable
Representation Learning by Information Maximizing Generative Adversarial Nets",
arXiv:1606.03657.

Reproduced, for MNIST: 62 numbers of noise, a category of ten and two codes uniform on
[-1, 1]; the networks of the paper's table 1; a recogniser Q that shares all layers of
the discriminator but the last; the bound on the mutual information of codes and images
in the losses of discriminator and recogniser *and* of the generator; a fixed standard
deviation of 1 for continuous codes, without which the bound diverges; Adam with beta1
0.5, at 2e-4 for the discriminator and 1e-3 for the generator, on batches of 128;
separate passes for real and for generated batches.

`inform=False` is a plain GAN with a recogniser attached: Q learns to read the codes off
the discriminator's features as well as it can, and influences neither net.

Its networks for 32x32 grey faces are the same ones for larger images: `side=32`, 128
numbers of noise, five continuous codes and no categorical one (`categories=0`), which
makes inputs of 133 numbers.

An addition, off by default: `jitter` reads the category off images that a small random
affine map has moved, so that it has to be something that such maps leave, which the
slant or the width of a digit is not. What is maximised is then a bound on the
information of the category and the moved image.

Known differences: there is at most one categorical code, and any number of continuous
ones; the paper's coloured data sets have several categorical codes. The slope of the
leaky ReLU is the paper's 0.1; its code has 0.01.
"""

import dataclasses
import math
from typing import Annotated, Literal, NamedTuple

import chex
import jax
import jax.numpy as jnp
import optax
from flax import linen
from jax import lax

from jaxgan import bounds, losses, nn
from jaxgan.game import Game, Move, Player, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import digit_nets, images
from jaxgan.models.parts.classes import known


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are the paper's for MNIST."""

    noise: bounds.Count = 62
    """Size of the incompressible noise z, uniform on [-1, 1]."""
    side: Annotated[int, bounds.Within(8)] = 28
    """Height and width of the images in pixels, a multiple of 4."""
    channels: Literal[1, 3] = 1
    """Channels of the images: 1 for grey, 3 for colour."""
    categories: bounds.Natural | None = 10
    """Number of values of the categorical code c1; 0 for no such code, and None for the
    number of classes of the data."""
    continuous: bounds.Natural = 2
    """Number of continuous codes c2, c3, ..., uniform on [-1, 1]."""
    inform: bool = True
    """Whether the generator must keep the codes legible. If not, the model is a plain
    GAN with a recogniser that only observes."""
    category_weight: bounds.Weight = 1.0
    """Weight lambda of the bound for the categorical code."""
    continuous_weight: bounds.Weight = 1.0
    """Weight lambda of the bound for the continuous codes."""
    jitter: bool = False
    """Whether the category must be legible after small random affine maps of the image,
    so that it can be no slant or width; the other codes are read off images as they
    are."""
    width: bounds.Count = 64
    """Channels of the discriminator's first maps; the second have twice as many, and
    the generator's are in reverse order."""
    hidden: bounds.Count = 1024
    """Units of the dense layer of each net."""
    recogniser: bounds.Count = 128
    """Units of the recogniser's own layer."""
    slope: bounds.Weight = 0.1
    """Slope of the leaky ReLU."""
    discriminator_rate: bounds.Rate = 2e-4
    """Adam's step size for the discriminator and the recogniser."""
    generator_rate: bounds.Rate = 1e-3
    """Adam's step size for the generator."""
    beta1: bounds.Decay = 0.5
    """Adam's first momentum."""
    ema: bounds.Decay = 0.0
    """Decay of the moving average of the generator's weights; 0 averages nothing."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the networks; parameters, statistics and losses stay float32."""

    def __post_init__(self):
        bounds.check(self)
        if self.categories == 1:
            raise ValueError(
                "categories is 1, which says nothing; give 2 or more, or 0 for no"
                " categorical code"
            )
        if self.categories == 0 and not self.continuous:
            raise ValueError(
                "categories and continuous are 0; give at least one code to read"
            )
        if self.side % 4:
            raise ValueError(
                f"side is {self.side}; the networks halve it twice: give a multiple of"
                f" 4, such as {self.side // 4 * 4} or {self.side // 4 * 4 + 4}"
            )


class Codes(NamedTuple):
    """The codes that a generator keeps legible.

    Attributes:
        category: c1, integers `[N]` in 0..categories-1; zeros where there is no such
            code.
        continuous: c2, c3, ..., `[N, D]`, uniform on [-1, 1] in training.
    """

    category: jax.Array
    continuous: jax.Array


class Seen(NamedTuple):
    """The outputs of a discriminator.

    Attributes:
        logit: the logit of being real, `[B]`.
        category: the logits of the categorical code, `[B, categories]`.
        mean: the means of the continuous codes, `[B, D]`.
    """

    logit: jax.Array
    category: jax.Array
    mean: jax.Array


class Discriminator(linen.Module):
    """Images `[B, R, R, C]` in [0, 1] to `Seen`."""

    config: Config

    @linen.compact
    def __call__(self, image: jax.Array) -> Seen:
        """Judges images, and reads the codes that they may have been made from."""
        c, dtype = self.config, jnp.dtype(self.config.dtype)
        init = linen.initializers.normal(0.02)
        trunk = digit_nets.Trunk(
            c.width, c.hidden, True, c.slope, c.dtype, name="trunk"
        )
        x = trunk(image)
        logit = linen.Dense(1, kernel_init=init, name="to_logit")(x)[:, 0]
        # In a plain GAN the recogniser must not shape D's features: no gradient passes.
        q = linen.Dense(
            c.recogniser, use_bias=False, dtype=dtype, kernel_init=init, name="read"
        )(x if c.inform else lax.stop_gradient(x))
        q = linen.leaky_relu(
            nn.BatchNorm(use_running_average=False, dtype=dtype)(q), c.slope
        )
        codes = linen.Dense(
            known(c.categories) + c.continuous, kernel_init=init, name="to_codes"
        )(q.astype(jnp.float32))
        return Seen(logit, codes[:, : c.categories], codes[:, c.categories :])


def game(config: Config) -> Game:
    """Two players, one move each; the discriminator owns the recogniser.

    Batches are `{"image": [B, R, R, C] in [0, 1]}`; labels are not used. The metric
    `information` is the bound for the categorical code, in nats: log(categories) if
    every code can be read off its image, and zero or less if none can;
    `continuous_error` is the squared error of the other codes, which is 1/3 for a guess
    of 0. There is a metric for each kind of code that there is.
    """
    nets = {"generator": _generator(config), "discriminator": Discriminator(config)}
    generate, discriminate = (pure(module, name) for name, module in nets.items())
    size = config.noise + known(config.categories) + config.continuous

    def draw(batch, key):
        z = batch.get("latent")
        return latent(config, key, len(batch["image"])) if z is None else z

    def jittered(variables, fake, seen, key):
        """What is seen, but with the category read off images that are moved."""
        if not config.jitter:
            return seen, variables
        moved = nn.random_affine(fake, jax.random.fold_in(key, 1))
        read, variables = discriminate(variables, moved)
        return seen._replace(category=read.category), variables

    def reading(seen, z):
        """The negative weighted bound, and its metrics."""
        codes = split(config, z)[1]
        loss, metrics = 0.0, {}
        if kinds := known(config.categories):
            category = losses.categorical_mutual_information_loss(
                seen.category, codes.category
            ).mean()
            loss += config.category_weight * category
            metrics["information"] = math.log(kinds) - category
        if config.continuous:
            continuous = losses.gaussian_mutual_information_loss(
                seen.mean, codes.continuous
            ).mean()
            loss += config.continuous_weight * continuous
            error = jnp.square(seen.mean - codes.continuous).mean()
            metrics["continuous_error"] = error
        return loss, metrics

    def discriminator_loss(variables, batch, turn):
        z = draw(batch, turn.key)
        fake = lax.stop_gradient(generate(variables, z)[0])
        # In separate passes, so that batch normalisation cannot tell them apart.
        real_seen, variables = discriminate(variables, batch["image"])
        fake_seen, variables = discriminate(variables, fake)
        fake_seen, variables = jittered(variables, fake, fake_seen, turn.key)
        loss = losses.non_saturating_discriminator_loss(
            real_seen.logit, fake_seen.logit
        ).mean()
        unread, metrics = reading(fake_seen, z)
        metrics |= {"real": real_seen.logit.mean(), "fake": fake_seen.logit.mean()}
        return loss + unread, (variables, metrics)

    def generator_loss(variables, batch, turn):
        z = draw(batch, turn.key)
        fake, variables = generate(variables, z)
        seen, variables = discriminate(variables, fake)
        seen, variables = jittered(variables, fake, seen, turn.key)
        loss = losses.non_saturating_generator_loss(seen.logit).mean()
        unread, metrics = reading(seen, z)
        return loss + unread if config.inform else loss, (variables, metrics)

    rates = {
        "discriminator": config.discriminator_rate,
        "generator": config.generator_rate,
    }
    adam = {name: optax.adam(rate, config.beta1) for name, rate in rates.items()}
    return Game(
        nets=nets,
        inputs=lambda batch: {
            "generator": (jnp.zeros((1, size)),),
            "discriminator": (batch["image"][:1],),
        },
        players={
            "discriminator": Player(
                discriminator_loss, ("discriminator",), adam["discriminator"]
            ),
            "generator": Player(generator_loss, ("generator",), adam["generator"]),
        },
        moves=(Move("discriminator"), Move("generator")),
        ema={"generator": config.ema},
    )


def codes(config: Config, key: jax.Array, count: int) -> Codes:
    """Draws codes as in training: all categories alike, the others in [-1, 1]."""
    category_key, continuous_key = jax.random.split(key)
    kinds = max(known(config.categories), 1)
    return Codes(
        jax.random.randint(category_key, (count,), 0, kinds),
        nn.sample_latent(continuous_key, count, config.continuous, "uniform"),
    )


def latent(config: Config, key: jax.Array, count: int) -> jax.Array:
    """Draws the input of the generator, noise and codes: `[count, Z]`."""
    noise_key, code_key = jax.random.split(key)
    noise = nn.sample_latent(noise_key, count, config.noise, "uniform")
    return join(config, noise, codes(config, code_key, count))


def join(config: Config, noise: jax.Array, codes: Codes) -> jax.Array:
    """Joins noise `[N, noise]` and codes to the input of the generator: `[N, Z]`."""
    category = jax.nn.one_hot(codes.category, known(config.categories))
    return jnp.concatenate([noise, category, codes.continuous], axis=1)


def split(config: Config, latent: jax.Array) -> tuple[jax.Array, Codes]:
    """Splits the input of the generator into noise and codes; undoes `join`."""
    ends = (config.noise, config.noise + known(config.categories))
    noise, category, continuous = jnp.split(latent, ends, axis=1)
    if not config.categories:
        return noise, Codes(jnp.zeros(len(noise), jnp.int32), continuous)
    return noise, Codes(category.argmax(1), continuous)


def sweep(config: Config, latent: jax.Array, code: int, values: jax.Array) -> jax.Array:
    """The inputs of the generator for rows along which one code changes.

    Args:
        config: the model.
        latent: what a row begins with, as made by `latent` or `join`, `[N, Z]`.
        code: number of the code from 1, as the paper counts: c1 is the category, where
            there is one.
        values: what the code becomes along a row, `[V]`: categories, or numbers.

    Returns:
        `[N, V, Z]`; noise and other codes stay as they are.
    """
    chex.assert_rank([latent, values], [2, 1])
    noise, codes = split(config, jnp.repeat(latent, len(values), axis=0))
    along = jnp.tile(values, len(latent))
    place = code - 1 - bool(config.categories)
    if place < 0:
        codes = codes._replace(category=along)
    else:
        codes = codes._replace(continuous=codes.continuous.at[:, place].set(along))
    return join(config, noise, codes).reshape(len(latent), len(values), -1)


def sample(
    config: Config,
    variables: Variables,
    latent: jax.Array,
    statistics: Literal["batch", "running"] = "batch",
) -> jax.Array:
    """Images `[N, R, R, C]` in [0, 1] from `[N, Z]`, as made by `latent` or `join`.

    The statistics of a batch match those of training only if it has all categories in
    equal numbers. In a batch of one category, the category is normalised away: draw
    such batches with the "running" averages of training.
    """
    return pure(_generator(config), "generator")(variables, latent, statistics)[0]


def recognise(
    config: Config, variables: Variables, images: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Reads the codes off images `[N, R, R, C]`, real or generated, by Q.

    Returns:
        Logits of the categories `[N, categories]`, means of the other codes `[N, D]`.
        The meaning of each category is a matter of chance: match them on labelled
        images.
    """
    seen = pure(Discriminator(config), "discriminator")(variables, images)[0]
    return seen.category, seen.mean


def _generator(config):
    return digit_nets.Generator(
        config.width, config.hidden, config.side, config.channels, dtype=config.dtype
    )


def _batch(config, key, count):
    return images.batch(key, count, (config.side, config.side, config.channels))


MODEL = Model(
    paper="1606.03657",
    config=Config,
    game=game,
    batch=_batch,
    show=images.samples(latent, sample),
    tiny=Config(
        noise=4,
        categories=3,
        width=2,
        hidden=6,
        recogniser=5,
        # Normalising two examples on each device, as `pmap` does, is ill-conditioned.
        category_weight=0.1,
        continuous_weight=0.1,
        # Adam turns rounding noise into whole steps, so these are smaller.
        generator_rate=2e-4,
    ),
    latent=latent,
    sample=sample,
)
