"""GAWWN: a text says what to draw, and a box or key-points say where.

Reed, Akata, Mohan, Tenka, Schiele and Lee, "Learning What and Where to Draw",
arXiv:1610.02454.

With boxes, the generator draws the object on maps of its own and pastes them into the
box, and the discriminator cuts the box out of its maps (`nn.paste`, `nn.crop`). With
key-points, both networks see a plane for each point, and what belongs to the object is
multiplied by a mask of all points. Discriminators tell real images with their texts
from the same images with texts that are not true of them and from drawn images, which
have half the weight each.

Reproduced: the networks of the authors' code for birds, with biases of convolutions and
no norm of the text; Adam at 2e-4 with beta1 0.5.

Known differences: a wrong text is one that is not true of the image, where the code
shuffles the texts of a batch; the generator draws with new noise when it moves; in the
key-point version, masks are applied before and after the discriminator's local layers
as the paper's figure has them, and there is no net that invents the other key-points;
narrow networks have at least 16 channels in the last maps of boxes.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
import optax

from jaxgan import bounds, nn
from jaxgan.game import Batch, Game, Move, Player, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import images, matching
from jaxgan.models.parts.gawwn_nets import Discriminator, Generator, Statistics
from jaxgan.models.parts.rates import halving


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are the authors' for birds."""

    where: Literal["box", "points"] = "box"
    """What says where to draw: a box, or key-points."""
    resolution: bounds.Count = 128
    """Height and width of images in pixels: a power of two, at least 64."""
    channels: bounds.Count = 3
    """Image channels: 3 for colour, 1 for grey."""
    text: bounds.Count = 1024
    """Numbers of a text's embedding."""
    points: bounds.Count = 15
    """Number of key-points."""
    latent: bounds.Count = 100
    """Size of the noise, drawn from a standard normal."""
    width: bounds.Count = 128
    """Channels of the discriminator's first maps; most maps have 2 to 8 times as many.
    The last maps of boxes have a quarter, but at least 16 where this is as much."""
    vector_norms: bool = True
    """Whether the discriminator's last two vectors have batch norms, as the authors'
    do. Norms of vectors take away what all images of a batch have in common, such as
    that they are drawn."""
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
        if self.resolution < 64 or self.resolution & (self.resolution - 1):
            raise ValueError(
                f"resolution is {self.resolution}; give a power of two of at least 64"
            )

    @property
    def place(self) -> tuple[int, ...]:
        """The shape of what says where to draw, for one image."""
        return (4,) if self.where == "box" else (self.points, 3)


def game(config: Config) -> Game:
    """Discriminator, then generator, on the same batch.

    Batches have `image` `[B, R, R, C]` in [-1, 1]; `text` `[B, T]`, embeddings of what
    is true of the images; `wrong` `[B, T]`, of what is not; and where things are, as
    `config.where` says: `box` `[B, 4]` as top, left, bottom and right, or `points`
    `[B, P, 3]` as row, column and visibility, all from 0 to 1.
    """
    nets = _nets(config)
    generate, judge = (pure(module, name) for name, module in nets.items())

    def draw(variables, batch, key):
        noise = nn.batch_latent(batch, key, len(batch["text"]), config.latent)
        return generate(variables, batch["text"], noise, batch[config.where])

    def discriminator_loss(variables, batch, turn):
        fake, _ = draw(variables, batch, turn.key)
        place = batch[config.where]
        return matching.discriminator_loss(judge, variables, batch, fake, place)

    def generator_loss(variables, batch, turn):
        fake, after = draw(variables, batch, turn.key)
        place = batch[config.where]
        loss = matching.generator_loss(judge, after, batch, fake, place)
        return loss, (after, {})

    def inputs(batch):
        matching.check_texts(batch, config.text)
        expected = {
            "image": (config.resolution, config.resolution, config.channels),
            config.where: config.place,
        }
        for name, shape in expected.items():
            found = batch[name].shape[1:] if name in batch else "missing"
            if found != shape:
                raise ValueError(
                    f"{name} is {found}, but the game takes {shape} where it draws by"
                    f" {config.where}: change the batch, or resolution, channels,"
                    " where and points"
                )
        check_place(config, batch[config.where])
        names = "image", "text", config.where
        image, text, place = (batch[name][:1] for name in names)
        noise = jnp.zeros((1, config.latent))
        return {
            "generator": (text, noise, place),
            "discriminator": (image, place, text),
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


def check_place(config: Config, place: Any) -> None:
    """Refuses boxes and key-points outside the image, where their values are known.

    Raises:
        ValueError: a box has no area or leaves the image, or a visible key-point does.
    """
    if isinstance(place, jax.core.Tracer):
        return
    place = np.asarray(place)
    if config.where == "box":
        top, left, bottom, right = np.moveaxis(place, -1, 0)
        wrong = (bottom <= top) | (right <= left) | (place.min(-1) < 0)
        wrong |= place.max(-1) > 1
    else:
        away = (place[..., :2] < 0) | (place[..., :2] >= 1)
        wrong = (away.any(-1) & (place[..., 2] > 0.1)).any(-1)
    if wrong.any():
        kind = "box" if config.where == "box" else "set of key-points"
        raise ValueError(
            f"the {kind} {place[wrong][0].tolist()} is not in the image; give numbers"
            " from 0 to 1 in image heights, of a box top, left, bottom and right"
        )


def sample(
    config: Config,
    variables: Variables,
    text: jax.Array,
    place: jax.Array,
    noise: jax.Array,
    statistics: Statistics = "batch",
) -> jax.Array:
    """Draws images `[B, R, R, C]` in [-1, 1].

    Args:
        config: of the model.
        variables: of its nets.
        text: embeddings, `[B, T]`.
        place: boxes or key-points, as in `game`.
        noise: standard normal, `[B, Z]`.
        statistics: "batch" normalises with the statistics of these images, so that each
            depends a little on the others, "running" with the averages of training.

    Raises:
        ValueError: a box or a visible key-point is outside the image.
    """
    check_place(config, place)
    generate = pure(_nets(config)["generator"], "generator")
    return generate(variables, text, noise, place, statistics)[0]


def _nets(config):
    common = {"where": config.where, "width": config.width, "dtype": config.dtype}
    generator = Generator(
        resolution=config.resolution, channels=config.channels, **common
    )
    judge = Discriminator(**common, vector_norms=config.vector_norms)
    return {"generator": generator, "discriminator": judge}


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    keys = jax.random.split(key, 5)
    shape = (config.resolution, config.resolution, config.channels)
    texts = (count, config.text)
    first = jax.random.uniform(keys[3], (count, 2), maxval=0.4)
    return {
        **images.batch(keys[0], count, shape, low=-1.0),
        "text": jax.random.normal(keys[1], texts),
        "wrong": jax.random.normal(keys[2], texts),
        "box": jnp.concatenate([first, first + 0.5], -1),
        "points": jax.random.uniform(keys[4], (count, config.points, 3)),
    }


def show(
    config: Config, variables: Variables, key: jax.Array, batch: Batch
) -> Mapping[str, jax.Array]:
    """Draws the texts of a batch at its places."""
    noise = nn.sample_latent(key, len(batch["text"]), config.latent)
    text, place = batch["text"], batch[config.where]
    return {"samples": sample(config, variables, text, place, noise)}


MODEL = Model(
    paper="1610.02454",
    config=Config,
    game=game,
    batch=batch,
    show=show,
    tiny=Config(resolution=64, text=5, points=2, latent=4, width=2),
    range=(-1.0, 1.0),
)
