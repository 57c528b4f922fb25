"""A text encoder: captions and images embedded where those that match are near.

Reed, Akata, Schiele and Lee, "Learning Deep Representations of Fine-grained Visual
Descriptions", arXiv:1605.05395.

Reproduced: the convolutional-recurrent networks of characters and of words, their
kernels and poolings, ReLU, a recurrent layer whose outputs are averaged, a linear
embedding; the symmetric structured joint embedding, summed over a minibatch as in the
released code; the sizes of the characters' network and the step size.

Known differences: the recurrent layer is a GRU, and its average leaves padding out; a
small convolutional network learns to embed the images, where the paper has the features
of a GoogLeNet; a caption that is true of another image of the batch is no mistake there
(the paper has one caption of each class in a batch); Adam, with a step size that falls
to zero, instead of RMSProp; words have the embedding of their first convolution alone.
"""

import dataclasses
from typing import Any, Literal

import jax
import jax.numpy as jnp
import optax
from flax import linen

from jaxgan import bounds, losses, nn
from jaxgan.game import Batch, Game, Move, Player, Variables, pure
from jaxgan.models.model import Model

LAYERS = {  # kernel and pooling of each convolution
    "characters": ((4, 3), (4, 3), (4, 1)),
    "words": ((3, 1), (2, 3), (2, 1)),
}
SHORTEST = {"characters": 57, "words": 12}  # texts of two steps or more at the end


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are the paper's, for characters."""

    level: Literal["characters", "words"] = "characters"
    """What texts are made of."""
    symbols: bounds.Count = 70
    """Number of different characters or words."""
    length: bounds.Count = 201
    """Characters or words of a text, with its padding: 201 or 30 in the paper."""
    widths: tuple[bounds.Count, ...] = (384, 512, 256)
    """Channels of the three convolutions."""
    hidden: bounds.Count = 256
    """Units of the recurrent layer."""
    embedding: bounds.Count = 1024
    """Size of an embedding."""
    resolution: bounds.Count = 64
    """Height and width of the images in pixels: a power of two, at least 8."""
    image_width: bounds.Count = 16
    """Channels of the first maps of the images' network; they double as maps halve."""
    learning_rate: bounds.Rate = 7e-4
    """Adam's first step size."""
    steps: bounds.Count = 10_000
    """Steps over which the step size falls to zero along a cosine."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the convolutions."""

    def __post_init__(self):
        bounds.check(self)
        if len(self.widths) != 3:
            raise ValueError(
                f"widths is {self.widths}; give three numbers, one a convolution"
            )
        if self.length < (least := SHORTEST[self.level]):
            raise ValueError(
                f"length is {self.length}, but texts of {self.level} have at least"
                f" {least} here: pad them"
            )
        if self.resolution < 8 or self.resolution & (self.resolution - 1):
            raise ValueError(
                f"resolution is {self.resolution}, expected a power of two of at least"
                " 8: resize the images"
            )


class TextNetwork(linen.Module):
    """Texts `[B, L]` of symbols from 1, padded by 0, to embeddings `[B, T]`."""

    config: Config

    @linen.compact
    def __call__(self, text: jax.Array) -> jax.Array:
        """Embeds a batch; every text has a symbol."""
        c, dtype = self.config, jnp.dtype(self.config.dtype)
        if text.shape[1:] != (c.length,):
            raise ValueError(
                f"texts have shape {text.shape}, expected [B, {c.length}]: pad or cut"
            )
        x = jax.nn.one_hot(text - 1, c.symbols, dtype=dtype)  # padding is all zero
        there = (text > 0)[..., None].astype(jnp.float32)
        for width, (kernel, pool) in zip(c.widths, LAYERS[c.level], strict=True):
            x = linen.Conv(width, (kernel,), padding="VALID", dtype=dtype)(x)
            x, there = linen.relu(x), there[:, : x.shape[1]]
            if pool > 1:
                x, there = (linen.max_pool(v, (pool,), (pool,)) for v in (x, there))
        steps: Any = linen.RNN(linen.GRUCell(c.hidden))(x.astype(jnp.float32))
        x = (steps * there).sum(1) / there.sum(1)
        return linen.Dense(c.embedding)(x)


class ImageNetwork(linen.Module):
    """Images `[B, R, R, 3]` in [0, 1] to embeddings `[B, T]`."""

    config: Config

    @linen.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Embeds a batch."""
        c, init = self.config, linen.initializers.he_normal()
        x = 2 * image - 1
        for level in range(c.resolution.bit_length() - 3):
            conv = nn.Conv(
                c.image_width * 2**level,
                4,
                2,
                dtype=jnp.dtype(c.dtype),
                kernel_init=init,
            )
            x = linen.relu(conv(x))
        return linen.Dense(c.embedding)(x.reshape(len(x), -1).astype(jnp.float32))


def game(config: Config) -> Game:
    """One player, of both networks. Batches have `image`, `text`, `has` and `allows`.

    Images are `[B, R, R, 3]` in [0, 1], texts int32 `[B, L]`. Caption j is true of
    image i where `has[i] · allows[j]` is as large as the sum of `has[i]`: of each image
    the attributes it has, of each caption those that it allows, 0 or 1, `[B, V]`.
    """
    nets = {"text": TextNetwork(config), "image": ImageNetwork(config)}
    embed_text, embed_image = (pure(module, name) for name, module in nets.items())

    def loss(variables, batch, turn):
        del turn
        text, variables = embed_text(variables, batch["text"])
        image, variables = embed_image(variables, batch["image"])
        has = batch["has"]
        also = has @ batch["allows"].T > has.sum(1, keepdims=True) - 0.5
        terms = losses.structured_joint_embedding_loss(
            image, text, also=also.astype(jnp.float32)
        )
        scores = image @ text.T
        rival = jnp.where(also | jnp.eye(len(has), dtype=bool), -jnp.inf, scores)
        best = jnp.diagonal(scores) > rival.max(1)
        found = {"retrieved": best.mean(dtype=jnp.float32)}
        return terms.mean(), (variables, found)

    adam = optax.adam(optax.cosine_decay_schedule(config.learning_rate, config.steps))
    return Game(
        nets=nets,
        inputs=lambda batch: {name: (batch[name][:1],) for name in nets},
        players={"encoder": Player(loss, ("text", "image"), adam)},
        moves=(Move("encoder"),),
    )


def embed_texts(config: Config, variables: Variables, text: jax.Array) -> jax.Array:
    """Embeds texts `[B, L]`; of the variables, only those of `text` are needed."""
    return pure(TextNetwork(config), "text")(variables, text)[0]


def embed_images(config: Config, variables: Variables, image: jax.Array) -> jax.Array:
    """Embeds images `[B, R, R, 3]` in [0, 1]."""
    return pure(ImageNetwork(config), "image")(variables, image)[0]


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes; texts end in padding."""
    keys = jax.random.split(key, 5)
    shape, vectors = (count, config.length), (count, 3)
    text = jax.random.randint(keys[0], shape, 1, config.symbols + 1)
    end = jax.random.randint(keys[1], (count, 1), config.length // 2, config.length)
    has = jax.random.bernoulli(keys[2], 0.5, vectors)
    also = jax.random.bernoulli(keys[3], 0.5, vectors)
    sides = (count, config.resolution, config.resolution, 3)
    return {
        "image": jax.random.uniform(keys[4], sides),
        "text": jnp.where(jnp.arange(config.length)[None] < end, text, 0),
        "has": has.astype(jnp.float32),
        "allows": (has | also).astype(jnp.float32),
    }


MODEL = Model(
    paper="1605.05395",
    config=Config,
    game=game,
    batch=batch,
    show=None,
    tiny=Config(
        symbols=5,
        length=57,
        widths=(3, 4, 5),
        hidden=4,
        embedding=6,
        resolution=8,
        image_width=2,
        steps=100,
    ),
)
