"""StackGAN: a sketch from a sentence, then a large image from the sketch.

Zhang, Xu, Li, Zhang, Wang, Huang and Metaxas, "StackGAN: Text to Photo-realistic Image
Synthesis with Stacked Generative Adversarial Networks", arXiv:1612.03242.

A `Config` is one of two stages. Stage I draws small images from the embedding of a text
and noise. Stage II draws large ones from these images and the same embedding, without
noise of its own; the first stage stays as it is (`next_stage`). Each generator draws
its condition from a Gaussian around what it makes of the text (conditioning
augmentation), and the divergence of these Gaussians from the standard one is part of
its loss. Discriminators tell real images with their texts from real images with texts
of others and from drawn images, which have half the weight each.

Reproduced: networks, losses and settings of the authors' TensorFlow code for birds and
flowers: residual paths in stage I, weights from truncated normals, no biases of
convolutions, Adam at 2e-4 with beta1 0.5, a divergence that is the mean over numbers,
with weight 2, noise of conditions from a truncated normal.

*Quirks*: the paper's divergence is the sum over numbers, with weight 1. The code has a
leaky ReLU after the dense layer of the conditions, which squeezes means and deviations
below 0; that is `leaky`, off by default.

Known differences: the third convolution of the code's discriminator for stage I has no
rectifier, ours has one. A batch brings wrong texts for its images, where the code
brings wrong images for its texts, which are the same pairs in another order. Real
images of stage I are means over areas of the large ones. Step sizes are halved by
`halve_every` steps, not epochs.
"""

import dataclasses
from collections.abc import Mapping
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import linen
from jax import lax

from jaxgan import bounds, compose, losses
from jaxgan.game import Batch, Game, Move, Player, TrainState, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import images, matching, stackgan_nets
from jaxgan.models.parts.rates import halving
from jaxgan.models.parts.stackgan_nets import Statistics


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training of one stage; the defaults are the authors' for birds."""

    stage: Literal[1, 2] = 1
    """Which of the two generators is trained."""
    low: bounds.Count = 64
    """Height and width in pixels of stage I's images: a power of two, at least 16."""
    high: bounds.Count = 256
    """Height and width in pixels of stage II's images, a larger power of two."""
    channels: bounds.Count = 3
    """Image channels: 3 for colour, 1 for grey."""
    text: bounds.Count = 1024
    """Numbers of a text's embedding."""
    condition: bounds.Count = 128
    """Numbers of the condition that is drawn for a text."""
    latent: bounds.Count = 100
    """Size of stage I's noise."""
    width: bounds.Count = 128
    """Channels of the generators' largest maps."""
    blocks: bounds.Depth = 4
    """Residual blocks of stage II."""
    discriminator_width: bounds.Count = 64
    """Channels of the discriminators' largest maps; they double at each halving."""
    discriminator_text: bounds.Count = 128
    """Units that a discriminator brings a text to."""
    leaky: bool = False
    """Whether means and deviations of conditions go through a leaky ReLU."""
    divergence: bounds.Weight = 2.0
    """Weight of the conditions' divergence, a mean over their numbers."""
    seeking: bounds.Weight = 0.0
    """Weight of a loss of stage I that keeps two images of one text apart, where the
    noise is ignored without it (Mao et al., arXiv:1903.05628); 0 in the paper."""
    learning_rate: bounds.Rate = 2e-4
    """Adam's first step size, for both players."""
    halve_every: bounds.Natural = 0
    """Steps after which the step size is halved, again and again; 0 keeps it."""
    beta1: bounds.Decay = 0.5
    """Adam's first momentum."""
    ema: bounds.Decay = 0.0
    """Decay of the moving averages of the generators' weights; 0 averages nothing."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the networks; parameters, statistics and losses stay float32."""

    def __post_init__(self):
        bounds.check(self)
        for name, side, least in (("low", self.low, 16), ("high", self.high, 32)):
            if side < least or side & (side - 1):
                raise ValueError(
                    f"{name} is {side}; give a power of two of at least {least}"
                )
        if self.high <= self.low:
            raise ValueError(
                f"high is {self.high} and low {self.low}; stage II draws larger images"
                f" than stage I, so make high {2 * self.low} or {4 * self.low}"
            )

    @property
    def size(self) -> int:
        """Height and width in pixels of the images of this stage."""
        return self.low if self.stage == 1 else self.high


class Latent(NamedTuple):
    """What is drawn at random for an image.

    Attributes:
        noise: stage I's, standard normal, `[B, Z]`.
        first: the noise of stage I's condition, a truncated normal, `[B, C]`.
        second: that of stage II's.
    """

    noise: jax.Array
    first: jax.Array
    second: jax.Array


def game(config: Config) -> Game:
    """Discriminator, then generator, on the same batch.

    Batches have `image` `[B, high, high, C]` in [-1, 1], or `[B, low, low, C]` in stage
    I; `text` `[B, T]`, embeddings of what is true of the images; and `wrong` `[B, T]`,
    of what is not.
    """
    nets = _nets(config)
    own = f"generator{config.stage}", f"discriminator{config.stage}"
    judge = pure(nets[own[1]], own[1])
    seeking = config.stage == 1 and config.seeking  # stage II has no noise of its own

    def draw(variables, text, drawn):
        sketch, condition, after = _stage(config, 1, variables, text, drawn)
        if config.stage == 1:
            return sketch, condition, after
        sketch = lax.stop_gradient(sketch)
        return _stage(config, 2, variables, text, drawn, sketch)

    def discriminator_loss(variables, batch, turn):
        text = batch["text"]
        fake, _, _ = draw(variables, text, latent(config, turn.key, len(text)))
        real = {**batch, "image": _real(config, batch["image"])}
        return matching.discriminator_loss(judge, variables, real, fake)

    def generator_loss(variables, batch, turn):
        text, times = batch["text"], 2 if seeking else 1
        twice = jnp.concatenate([text] * times)
        drawn = latent(config, turn.key, len(twice))
        fake, condition, after = draw(variables, twice, drawn)
        images = jnp.split(fake, times)
        fooled = matching.generator_loss(judge, after, batch, images[0])
        spread = divergence(condition)
        seen = {"adversarial": fooled, "divergence": spread}
        loss = fooled + config.divergence * spread
        if seeking:
            noise = jnp.split(drawn.noise, 2)
            seen["mode_seeking"] = losses.mode_seeking_loss(*images, *noise).mean()
            loss += config.seeking * seen["mode_seeking"]
        return loss, (after, seen)

    def inputs(batch):
        matching.check_texts(batch, config.text)
        text = batch["text"][:1]
        drawn = latent(config, jax.random.key(0), 1)
        image = _real(config, batch["image"][:1])
        sketch = jnp.zeros((1, config.low, config.low, config.channels))
        given = {
            "generator1": (text, drawn.noise, drawn.first),
            "generator2": (sketch, text, drawn.second),
            own[1]: (image, text),
        }
        return {name: given[name] for name in nets}

    adam = optax.adam(halving(config.learning_rate, config.halve_every), config.beta1)
    return Game(
        nets=nets,
        inputs=inputs,
        players={
            "discriminator": Player(discriminator_loss, own[1:], adam),
            "generator": Player(generator_loss, own[:1], adam),
        },
        moves=(Move("discriminator"), Move("generator")),
        ema={own[0]: config.ema},
    )


def divergence(condition: stackgan_nets.Condition) -> jax.Array:
    """The divergence of Gaussians from the standard one, a mean over all numbers."""
    mean, log_deviation = condition
    total = losses.gaussian_kl(mean, 2 * log_deviation).mean()
    return total / mean.shape[-1]


def next_stage(new: TrainState, old: TrainState) -> TrainState:
    """Begins stage II from the end of stage I.

    The generator of stage I goes on as the average of its weights.
    """
    state = compose.adopt(new, old)
    average = jax.tree.map(jnp.copy, old.ema)
    return state.replace(params={**state.params, **average})


def latent(config: Config, key: jax.Array, count: int) -> Latent:
    """Draws all that is random about `count` images."""
    noise, first, second = jax.random.split(key, 3)
    shape = (count, config.condition)
    return Latent(
        jax.random.normal(noise, (count, config.latent)),
        jax.random.truncated_normal(first, -2.0, 2.0, shape),
        jax.random.truncated_normal(second, -2.0, 2.0, shape),
    )


def stages(
    config: Config,
    variables: Variables,
    text: jax.Array,
    latent: Latent,
    statistics: Statistics = "batch",
) -> list[jax.Array]:
    """Draws the images of stage I, and in stage II those of stage II after them.

    Args:
        config: of the model.
        variables: of its nets.
        text: embeddings, `[B, T]`.
        latent: of `latent`.
        statistics: "batch" normalises with the statistics of these images, so that each
            depends a little on the others, "running" with the averages of training.

    Returns:
        `[B, low, low, C]`, and `[B, high, high, C]` in stage II, in [-1, 1].
    """
    sketch, _, _ = _stage(config, 1, variables, text, latent, statistics=statistics)
    if config.stage == 1:
        return [sketch]
    image, _, _ = _stage(config, 2, variables, text, latent, sketch, statistics)
    return [sketch, image]


def _stage(config, stage, variables, text, latent, sketch=None, statistics="batch"):
    """Images of a stage, their Gaussians, and the variables afterwards."""
    name = f"generator{stage}"
    generate = pure(_nets(config)[name], name)
    given = (text, latent.noise, latent.first)
    if stage == 2:
        given = (sketch, text, latent.second)
    (image, condition), variables = generate(variables, *given, statistics)
    return image, condition, variables


def _real(config, image):
    """Real images as large as the stage draws them."""
    expected = {(side, side, config.channels) for side in (config.size, config.high)}
    if image.shape[1:] not in expected:
        raise ValueError(
            f"images are {image.shape[1:]}, but stage {config.stage} takes"
            f" {sorted(expected)}: resize them, or change low, high and channels"
        )
    part, side = image.shape[1] // config.size, config.size
    if part == 1:
        return image
    squares = image.reshape(-1, side, part, side, part, config.channels)
    return squares.mean((2, 4))


def _nets(config: Config) -> dict[str, linen.Module]:
    common = {"width": config.width, "leaky": config.leaky, "dtype": config.dtype}
    nets: dict[str, linen.Module] = {
        "generator1": stackgan_nets.Sketcher(
            size=config.low, channels=config.channels, **common
        )
    }
    if config.stage == 2:
        nets["generator2"] = stackgan_nets.Refiner(
            size=config.high, blocks=config.blocks, **common
        )
    nets[f"discriminator{config.stage}"] = stackgan_nets.Discriminator(
        config.discriminator_width, config.discriminator_text, config.dtype
    )
    return nets


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    image_key, text_key, wrong_key = jax.random.split(key, 3)
    shape = (config.high, config.high, config.channels)
    texts = (count, config.text)
    return {
        **images.batch(image_key, count, shape, low=-1.0),
        "text": jax.random.normal(text_key, texts),
        "wrong": jax.random.normal(wrong_key, texts),
    }


def show(
    config: Config, variables: Variables, key: jax.Array, batch: Batch
) -> Mapping[str, jax.Array]:
    """Draws the texts of a batch; sketches are enlarged."""
    drawn = latent(config, key, len(batch["text"]))
    images = stages(config, variables, batch["text"], drawn)
    shape = batch["image"].shape
    return {
        f"stage{number}": jax.image.resize(image, shape, "nearest")
        for number, image in enumerate(images, 1)
    }


MODEL = Model(
    paper="1612.03242",
    config=Config,
    game=game,
    batch=batch,
    show=show,
    tiny=Config(
        stage=2, low=16, high=32, text=5, condition=3, latent=4, width=2, blocks=1,
        discriminator_width=2, discriminator_text=3,
    ),
    range=(-1.0, 1.0),
)  # fmt: skip
