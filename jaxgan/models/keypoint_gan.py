"""GAWWN's key-points: the others made up around a few given ones, for a text.

Reed, Akata, Mohan, Tenka, Schiele and Lee, "Learning What and Where to Draw",
arXiv:1610.02454: the conditional generation of key-points, so that nobody has to give
all that GAWWN draws at. With switches s that say which points k are given,

    G(z, t, k, s) = s k + (1 - s) f(z, t, k, s)

Given points stay as they are, and f, a multi-layer perceptron that sees no other
points, puts the rest around them. The discriminator sees whole sets with their texts.

Reproduced: sigmoid outputs, points that are dropped with probability 0.9 in training,
real against drawn sets alone (no wrong texts), Adam at 2e-4 with beta1 0.5.

Known differences: the paper gives no sizes of the perceptrons, so they are ours; both
see points centred and four times as far apart, about as large as noise. Offered beside
the paper's: probabilities that differ from example to example, so that few and many
given points are both learned (`drop`), and a loss that keeps two sets around the same
points apart (`seeking`).
"""

import dataclasses
from typing import Any, Literal

import jax
import jax.numpy as jnp
import optax
from flax import linen
from jax import lax

from jaxgan import bounds, losses, nn
from jaxgan.game import Batch, Game, Move, Player, Variables, pure
from jaxgan.models.model import Model

SPREAD = 4.0  # brings coordinates about the middle to the size of noise


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are the authors' where these are known."""

    text: bounds.Count = 1024
    """Numbers of a text's embedding."""
    points: bounds.Count = 15
    """Number of key-points."""
    latent: bounds.Count = 100
    """Size of the noise, standard normal."""
    hidden: bounds.Layers = (256, 256)
    """Units of the hidden layers of both networks."""
    drop: tuple[bounds.Share, bounds.Share] = (0.9, 0.9)
    """The probability that a point is not given, in training: each example has its own,
    evenly between these."""
    seeking: bounds.Weight = 0.0
    """Weight of a loss that keeps two sets around the same given points apart (Mao et
    al., arXiv:1903.05628)."""
    learning_rate: bounds.Rate = 2e-4
    """Adam's step size, for both players."""
    beta1: bounds.Decay = 0.5
    """Adam's first momentum."""
    ema: bounds.Decay = 0.0
    """Decay of the moving average of the generator's weights; 0 averages nothing."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of hidden layers; parameters, points and losses stay float32."""

    def __post_init__(self):
        bounds.check(self)
        if self.drop[0] > self.drop[1]:
            raise ValueError(
                f"drop is {self.drop}; give the smaller probability before the larger"
            )


class Generator(linen.Module):
    """Texts `[B, T]`, noise `[B, Z]` and given points to points `[B, P, 3]` in [0, 1].

    Attributes:
        hidden: units of the hidden layers.
        dtype: of the hidden layers.
    """

    hidden: tuple[int, ...] = (256, 256)
    dtype: Any = "float32"

    @linen.compact
    def __call__(
        self, text: jax.Array, noise: jax.Array, points: jax.Array, given: jax.Array
    ) -> jax.Array:
        """Puts the points that are not given: those where `given` `[B, P]` is 0."""
        known = given[..., None]
        seen = known * SPREAD * (points - 0.5)
        seen = seen.reshape(len(points), -1)
        x = jnp.concatenate([noise, text, seen, given], -1)
        made = nn.MLP(self.hidden, points[0].size, self.dtype)(x)
        return known * points + (1 - known) * linen.sigmoid(made).reshape(points.shape)


class Discriminator(linen.Module):
    """Points `[B, P, 3]` and texts `[B, T]` to logits `[B]`.

    Attributes:
        hidden: units of the hidden layers.
        dtype: of the hidden layers.
    """

    hidden: tuple[int, ...] = (256, 256)
    dtype: Any = "float32"

    @linen.compact
    def __call__(self, points: jax.Array, text: jax.Array) -> jax.Array:
        """Judges sets of points."""
        flat = SPREAD * (points - 0.5).reshape(len(points), -1)
        x = jnp.concatenate([flat, text], -1)
        mlp = nn.MLP(self.hidden, 1, self.dtype, linen.leaky_relu)
        return mlp(x)[:, 0]


def game(config: Config) -> Game:
    """Discriminator, then generator, on the same batch.

    Batches have `points` `[B, P, 3]`, rows, columns and visibilities from 0 to 1, and
    `text` `[B, T]`, embeddings of what is true of the picture. Which points are given
    is drawn in each move, unless a batch has `given` `[B, P]`.
    """
    nets = _nets(config)
    generate, judge = (pure(net, name) for name, net in nets.items())

    def draw(variables, batch, given, noise):
        points, text = batch["points"], batch["text"]
        return generate(variables, text, noise, points, given)

    def random(batch, key):
        """Which points are given, the noise, and a key for more of it."""
        key, switch_key, more = jax.random.split(key, 3)
        count, given = len(batch["text"]), batch.get("given")
        if given is None:
            given = switches(config, switch_key, count)
        return given, nn.batch_latent(batch, key, count, config.latent), more

    def discriminator_loss(variables, batch, turn):
        fake, _ = draw(variables, batch, *random(batch, turn.key)[:2])
        real, made = (
            judge(variables, x, batch["text"])[0]
            for x in (batch["points"], lax.stop_gradient(fake))
        )
        loss = losses.non_saturating_discriminator_loss(real, made).mean()
        return loss, (variables, {"real": real.mean(), "fake": made.mean()})

    def generator_loss(variables, batch, turn):
        given, noise, key = random(batch, turn.key)
        fake, variables = draw(variables, batch, given, noise)
        logits, _ = judge(variables, fake, batch["text"])
        loss = losses.non_saturating_generator_loss(logits).mean()
        if not config.seeking:
            return loss, (variables, {})
        other = nn.sample_latent(key, len(noise), config.latent)
        second, _ = draw(variables, batch, given, other)
        alike = losses.mode_seeking_loss(fake, second, noise, other)
        apart = (alike * (given.min(1) == 0)).mean()  # nothing to put, nothing to vary
        return loss + config.seeking * apart, (variables, {"mode_seeking": apart})

    def inputs(batch):
        wanted = {"points": (config.points, 3), "text": (config.text,)}
        found = {n: tuple(batch[n].shape[1:]) if n in batch else () for n in wanted}
        if found != wanted:
            raise ValueError(
                f"the batch has {found}, expected {wanted}: key-points and embeddings"
                " of texts; or change points and text"
            )
        text, points = batch["text"][:1], batch["points"][:1]
        noise, given = jnp.zeros((1, config.latent)), jnp.zeros((1, config.points))
        return {
            "generator": (text, noise, points, given),
            "discriminator": (points, text),
        }

    adam = optax.adam(config.learning_rate, config.beta1)
    return Game(
        nets=nets,
        inputs=inputs,
        players={
            "discriminator": Player(discriminator_loss, ("discriminator",), adam),
            "generator": Player(generator_loss, ("generator",), adam),
        },
        moves=(Move("discriminator"), Move("generator")),
        ema={"generator": config.ema},
    )


def switches(config: Config, key: jax.Array, count: int) -> jax.Array:
    """Draws which points are given, `[count, P]`: 1 where one is, 0 elsewhere."""
    rate_key, key = jax.random.split(key)
    low, high = config.drop
    drop = jax.random.uniform(rate_key, (count, 1), minval=low, maxval=high)
    chance = jax.random.uniform(key, (count, config.points))
    return (chance >= drop).astype(jnp.float32)


def sample(
    config: Config,
    variables: Variables,
    text: jax.Array,
    points: jax.Array,
    given: jax.Array,
    noise: jax.Array,
) -> jax.Array:
    """Completes sets of key-points.

    Args:
        config: of the model.
        variables: of its nets.
        text: embeddings, `[B, T]`.
        points: `[B, P, 3]`: row, column and visibility, from 0 to 1.
        given: `[B, P]`: 1 where a point is given, 0 where it is to be put.
        noise: `[B, Z]`.

    Returns:
        `[B, P, 3]`; given points are unchanged.
    """
    generate = pure(_nets(config)["generator"], "generator")
    return generate(variables, text, noise, points, given)[0]


def _nets(config):
    sizes = config.hidden, config.dtype
    return {"generator": Generator(*sizes), "discriminator": Discriminator(*sizes)}


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    point_key, text_key = jax.random.split(key)
    return {
        "points": jax.random.uniform(point_key, (count, config.points, 3)),
        "text": jax.random.normal(text_key, (count, config.text)),
    }


MODEL = Model(
    paper="1610.02454",
    config=Config,
    game=game,
    batch=batch,
    show=None,
    tiny=Config(text=4, points=3, latent=3, hidden=(16, 8), seeking=0.1),
)
