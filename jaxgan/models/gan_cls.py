"""GAN-CLS and GAN-INT: images from sentences, by a discriminator that sees both.

Reed, Akata, Yan, Logeswaran, Schiele and Lee, "Generative Adversarial Text to Image
Synthesis", arXiv:1605.05396.

Reproduced: the networks of the authors' code for birds and flowers at 64x64, with their
residual paths; a discriminator that learns from real images with wrong texts too, which
have half the weight of its negatives (`matching`, GAN-CLS); a generator that is also
trained on texts between texts, half as many as its batch, which the discriminator's own
loss never has (`between`, GAN-INT); Adam at 2e-4 with beta1 0.5, no biases of
convolutions.

*Quirks*: texts between texts are a third of all rows of the generator's batch, and its
loss is the mean of all rows. The code's discriminator for birds has no rectifier after
its third convolution, that for COCO has one, and so has ours; for COCO, both widths are
196 and `between` is off.

Known differences: a batch brings wrong texts for its images, where the code brings
wrong images for its texts, which are the same pairs in another order, so that the real
images are looked at once for both; the generator moves on new noise, as in the code;
weights are from truncated normals. The embedding of an image's text is whatever the
batch has: the authors' is a mean of four captions. Step sizes are halved by
`halve_every` steps, not epochs.
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
from jaxgan.models.parts import images, matching
from jaxgan.models.parts.rates import halving
from jaxgan.models.parts.stackgan_nets import Discriminator, Layers, Statistics


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are the authors' for birds and flowers."""

    size: bounds.Count = 64
    """Height and width of images in pixels: a power of two, at least 16."""
    channels: bounds.Count = 3
    """Image channels: 3 for colour, 1 for grey."""
    text: bounds.Count = 1024
    """Numbers of a text's embedding."""
    features: bounds.Count = 128
    """Units that both networks bring a text to."""
    latent: bounds.Count = 100
    """Size of the noise, standard normal."""
    width: bounds.Count = 128
    """Channels of the generator's largest maps; they double as maps halve."""
    discriminator_width: bounds.Count = 64
    """Channels of the discriminator's largest maps."""
    matching: bool = True
    """Whether the discriminator learns from real images with wrong texts (CLS)."""
    between: bool = True
    """Whether the generator is trained on texts between texts too (INT)."""
    seeking: bounds.Weight = 0.0
    """Weight of a loss that keeps two images of one text apart, where the noise is
    ignored without it (Mao et al., arXiv:1903.05628); 0 in the paper."""
    learning_rate: bounds.Rate = 2e-4
    """Adam's first step size, for both players."""
    halve_every: bounds.Natural = 0
    """Steps after which the step size is halved, again and again; 0 keeps it."""
    beta1: bounds.Decay = 0.5
    """Adam's first momentum."""
    ema: bounds.Decay = 0.0
    """Decay of the moving average of the generator's weights; 0 averages nothing."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the networks; parameters, statistics and losses stay float32."""

    def __post_init__(self):
        bounds.check(self)
        if self.size < 16 or self.size & (self.size - 1):
            raise ValueError(f"size is {self.size}; give a power of two of at least 16")


class Generator(linen.Module):
    """Texts `[B, T]` and noise `[B, Z]` to images `[B, S, S, C]` in [-1, 1].

    Attributes:
        size: S, a power of two of at least 16.
        channels: C.
        features: units that a text is brought to.
        width: channels of the last maps; the first have S / 8 times as many.
        dtype: of the layers.
    """

    size: int = 64
    channels: int = 3
    features: int = 128
    width: int = 128
    dtype: Any = "float32"

    @linen.compact
    def __call__(
        self, text: jax.Array, noise: jax.Array, statistics: Statistics = "batch"
    ) -> jax.Array:
        """Draws a batch."""
        layers = Layers(statistics, self.dtype)

        def doubled(x, features):
            up = nn.ConvTranspose(features, 4, use_bias=False, dtype=self.dtype)
            return up(x)

        width = self.width * self.size // 8
        text = linen.leaky_relu(layers.dense(text, self.features), 0.2)
        x = jnp.concatenate([noise.astype(text.dtype), text], -1)
        x = layers.dense(x, 16 * width, bias=False).reshape(-1, 4, 4, width)
        x = layers.bottleneck(layers.norm(x), linen.relu)
        while x.shape[1] < self.size // 2:
            width //= 2
            x = layers.norm(doubled(x, width))
            second = x.shape[1] == 8
            x = layers.bottleneck(x, linen.relu) if second else linen.relu(x)
        return jnp.tanh(doubled(x, self.channels).astype(jnp.float32))


def game(config: Config) -> Game:
    """Discriminator, then generator, on the same batch.

    Batches have `image` `[B, S, S, C]` in [-1, 1]; `text` `[B, T]`, embeddings of what
    is true of the images; and `wrong` `[B, T]`, of what is not. The network that
    embeds texts is not of the game.
    """
    judge_net = Discriminator(
        config.discriminator_width, config.features, config.dtype, text_norm=True
    )
    nets = {"generator": _generator(config), "discriminator": judge_net}
    generate, judge = (pure(net, name) for name, net in nets.items())

    def draw(variables, text, key):
        noise = latent(config, key, len(text))
        return generate(variables, text, noise)

    def discriminator_loss(variables, batch, turn):
        text = batch["text"]
        fake = lax.stop_gradient(draw(variables, text, turn.key)[0])
        if config.matching:
            return matching.discriminator_loss(judge, variables, batch, fake)
        (real,), variables = judge(variables, batch["image"], text)
        (made,), variables = judge(variables, fake, text)
        loss = losses.non_saturating_discriminator_loss(real, made).mean()
        return loss, (variables, {"real": real.mean(), "fake": made.mean()})

    def generator_loss(variables, batch, turn):
        text = batch["text"]
        half = len(text) // 2 if config.between else 0
        if half:
            ends = text[:half], text[half : 2 * half]
            text = jnp.concatenate([text, losses.interpolate_embeddings(*ends)])
        count = len(text)
        twice = jnp.concatenate([text, text]) if config.seeking else text
        noise = latent(config, turn.key, len(twice))
        fake, variables = generate(variables, twice, noise)
        drawn = jnp.split(fake, len(twice) // count)
        loss = matching.generator_loss(judge, variables, {"text": text}, drawn[0])
        if not config.seeking:
            return loss, (variables, {})
        apart = losses.mode_seeking_loss(*drawn, *jnp.split(noise, 2)).mean()
        return loss + config.seeking * apart, (variables, {"mode_seeking": apart})

    def inputs(batch):
        _check(config, batch)
        text = batch["text"][:1]
        return {
            "generator": (text, jnp.zeros((1, config.latent))),
            "discriminator": (batch["image"][:1], text),
        }

    rate = halving(config.learning_rate, config.halve_every)
    adam = optax.adam(rate, config.beta1)
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


def _check(config, batch):
    wanted = {
        "image": (config.size, config.size, config.channels),
        "text": (config.text,),
        "wrong": (config.text,),
    }
    found = {
        name: tuple(batch[name].shape[1:]) if name in batch else () for name in wanted
    }
    if found != wanted:
        raise ValueError(
            f"the batch has {found}, expected {wanted}: images, embeddings of texts"
            " that are true of them (text) and of others (wrong); or change size,"
            " channels and text"
        )


def latent(config: Config, key: jax.Array, count: int) -> jax.Array:
    """Draws noise `[count, Z]`."""
    return nn.sample_latent(key, count, config.latent)


def sample(
    config: Config,
    variables: Variables,
    text: jax.Array,
    noise: jax.Array,
    statistics: Statistics = "batch",
) -> jax.Array:
    """Images `[B, S, S, C]` in [-1, 1] of texts `[B, T]`, from noise `[B, Z]`.

    With the statistics of the batch an image depends a little on the others; "running"
    takes the averages of training, as the authors do.
    """
    generate = pure(_generator(config), "generator")
    return generate(variables, text, noise, statistics)[0]


def _generator(config):
    return Generator(
        config.size, config.channels, config.features, config.width, config.dtype
    )


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    image_key, text_key, wrong_key = jax.random.split(key, 3)
    texts = (count, config.text)
    return {
        **images.batch(
            image_key, count, (config.size, config.size, config.channels), low=-1.0
        ),
        "text": jax.random.normal(text_key, texts),
        "wrong": jax.random.normal(wrong_key, texts),
    }


def show(
    config: Config, variables: Variables, key: jax.Array, batch: Batch
) -> dict[str, jax.Array]:
    """Draws the texts of a batch."""
    noise = latent(config, key, len(batch["text"]))
    return {"drawn": sample(config, variables, batch["text"], noise)}


MODEL = Model(
    paper="1605.05396",
    config=Config,
    game=game,
    batch=batch,
    show=show,
    tiny=Config(size=16, text=5, features=3, latent=4, width=2, discriminator_width=2),
    range=(-1.0, 1.0),
)
