"""Multi-scale video prediction: the next frame, guessed from coarse to fine.

Mathieu, Couprie and LeCun, "Deep Multi-Scale Video Prediction beyond Mean Square
Error", arXiv:1511.05440.

Reproduced: four scales, each an eighth to the whole of the frames; a guess is tanh of
the enlarged guess before it plus what a network adds, at every scale; means over 2x2
pixels downwards, nearest neighbours upwards; the feature maps and kernels of the
paper's table; the loss, a sum over scales of Lp, the gradient difference loss, and the
judgement of a discriminator a scale that sees past and guess together. Weights 1, 1 and
0.05 with p 2, SGD at 0.04 falling to 0.005, and at 0.02 for the discriminator.

*Quirks*: the released script weighs the judgement by 0.01 and leaves the gradients out.
Its discriminator is also fed real targets that belong to the past of another clip, as
false (`negatives="mismatched"`). A popular port judges the guess alone, without its
past, and passes no gradient of the judgement to the generator: its adversarial loss
does nothing. None of that is copied here.

Known differences: both players take one batch. The batch's own clips, shifted by one
place, are the mismatched pairs. Weights begin as Torch's do.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Literal

import jax
import jax.numpy as jnp
import optax
from flax import linen
from jax import lax

from jaxgan import bounds, losses, nn
from jaxgan.game import Batch, Game, Move, Player, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import images

SCALES = 4
# Feature maps in shares of the width, and kernels: of the paper's table.
GENERATOR = (
    ((1, 2, 1), (3, 3, 3, 3)),
    ((1, 2, 1), (5, 3, 3, 5)),
    ((1, 2, 4, 2, 1), (5, 3, 3, 3, 3, 5)),
    ((1, 2, 4, 2, 1), (7, 5, 5, 5, 5, 7)),
)
# The same of convolutions, and units in shares of the hidden units.
DISCRIMINATOR = (
    ((0.5,), (3,), (0.5, 0.25)),
    ((0.5, 1, 1), (3, 3, 3), (1, 0.5)),
    ((1, 2, 2), (5, 5, 5), (1, 0.5)),
    ((1, 2, 4, 1), (7, 7, 5, 5), (1, 0.5)),
)


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are the paper's."""

    resolution: bounds.Count = 32
    """Height and width of frames in pixels: a multiple of 8, at least 32."""
    channels: bounds.Count = 3
    """Channels of a frame: 3 for colour, 1 for grey."""
    past: bounds.Count = 4
    """Frames that are known."""
    width: bounds.Count = 128
    """Feature maps of the generator's outer layers; inner ones have up to four times as
    many, and so do those of the discriminator."""
    hidden: bounds.Count = 1024
    """Units of the discriminator's dense layers, at most."""
    reconstruction: bounds.Weight = 1.0
    """Weight of the difference of pixels."""
    power: Literal[1, 2] = 2
    """Power of that difference: absolute or squared."""
    gradient_difference: bounds.Weight = 1.0
    """Weight of the difference of slopes, which punishes blur."""
    adversarial: bounds.Weight = 0.05
    """Weight of the discriminator's judgement; with 0 there is no discriminator."""
    negatives: Literal["drawn", "mismatched"] = "drawn"
    """What the discriminator is told is false: guesses; or also real frames after the
    past of another clip, as in the released script."""
    optimizer: Literal["sgd", "adam"] = "sgd"
    """Optimiser of both players: the paper's, or Adam with beta1 0.5."""
    learning_rate: bounds.Rate = 0.04
    """The generator's step size at the start."""
    last_learning_rate: bounds.Rate = 0.005
    """The generator's step size at the end of `decay`."""
    decay: bounds.Natural = 0
    """Steps in which it falls there along a straight line; 0 keeps it as it is."""
    discriminator_learning_rate: bounds.Rate = 0.02
    """The discriminator's step size."""
    ema: bounds.Decay = 0.0
    """Decay of the moving average of the generator's weights; 0 averages nothing."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the networks; parameters, guesses and losses stay float32."""

    def __post_init__(self):
        bounds.check(self)
        if self.resolution < 32 or self.resolution % 8:
            raise ValueError(
                f"resolution is {self.resolution}; give a multiple of 8 of at least 32,"
                " since the coarsest of four scales has an eighth of each side"
            )
        if not (self.reconstruction or self.gradient_difference or self.adversarial):
            raise ValueError(
                "reconstruction, gradient_difference and adversarial are all 0; give"
                " one of them a weight above 0"
            )


class Generator(linen.Module):
    """Known frames at all scales to guesses at all scales."""

    channels: int
    width: int
    dtype: str

    @linen.compact
    def __call__(self, past: Sequence[jax.Array]) -> list[jax.Array]:
        """Guesses the next frame.

        Args:
            past: the known frames at each scale, coarsest first, `[B, S, S, P * C]`.

        Returns:
            Guesses `[B, S, S, C]` in [-1, 1], as many.
        """
        guesses = []
        for scale, (known, (maps, kernels)) in enumerate(
            zip(past, GENERATOR, strict=True)
        ):
            low = nn.double(guesses[-1]) if guesses else None
            x = known if low is None else jnp.concatenate([known, low], -1)
            widths = [self.width * share for share in maps]
            for i, (features, side) in enumerate(
                zip([*widths, self.channels], kernels, strict=True)
            ):
                x = x if i == 0 else linen.relu(x)
                x = _conv(self, f"scale{scale}_{i}", features, side, "SAME")(x)
            x = x.astype(jnp.float32)
            guesses.append(jnp.tanh(x if low is None else x + low))
        return guesses


class Discriminator(linen.Module):
    """Known frames and the next one at all scales to a logit for each."""

    width: int
    hidden: int
    dtype: str

    @linen.compact
    def __call__(
        self, past: Sequence[jax.Array], frames: Sequence[jax.Array]
    ) -> list[jax.Array]:
        """Judges whether frames `[B, S, S, C]` come next: logits `[B]` a scale."""
        logits = []
        for scale, (known, frame, (maps, kernels, shares)) in enumerate(
            zip(past, frames, DISCRIMINATOR, strict=True)
        ):
            x = jnp.concatenate([known, frame], -1)
            for i, (share, side) in enumerate(zip(maps, kernels, strict=True)):
                features = max(1, int(share * self.width))
                x = _conv(self, f"scale{scale}_{i}", features, side, 0)(x)
                x = linen.relu(x)
            x = linen.max_pool(x, (2, 2), (2, 2))
            x = x.reshape(len(x), -1)
            for i, share in enumerate(shares):
                units = max(1, int(share * self.hidden))
                dense = linen.Dense(
                    units, dtype=jnp.dtype(self.dtype), name=f"dense{scale}_{i}"
                )
                x = linen.relu(dense(x))
            last = linen.Dense(1, name=f"logit{scale}")
            logits.append(last(x.astype(jnp.float32))[:, 0])
        return logits


def _conv(net, name, features, side, padding):
    """A convolution that starts with Torch's weights, U(-n^-1/2, n^-1/2)."""
    init = linen.initializers.variance_scaling(1 / 3, "fan_in", "uniform")
    dtype = jnp.dtype(net.dtype)
    return nn.Conv(
        features, side, padding=padding, dtype=dtype, kernel_init=init, name=name
    )


def scales(frames: jax.Array) -> list[jax.Array]:
    """Frames `[B, S, S, C]` at all scales, from an eighth of a side to the whole."""
    found = [frames]
    for _ in range(SCALES - 1):
        found.insert(0, nn.halve(found[0]))
    return found


def known(config: Config, clip: jax.Array) -> list[jax.Array]:
    """The known frames at all scales, `[B, S, S, P * C]`, one behind the other.

    Args:
        config: of the model.
        clip: `[B, P or more, R, R, C]`.
    """
    count, side = len(clip), config.resolution
    past = jnp.moveaxis(clip[:, : config.past], 1, 3)
    return scales(past.reshape(count, side, side, -1))


def game(config: Config) -> Game:
    """Discriminator, then generator; without a judgement, the generator alone.

    Batches are `{"clip": [B, P + 1, R, R, C] in [-1, 1]}`.
    """
    generator = pure(_generator(config), "generator")
    judge = pure(_discriminator(config), "discriminator")

    def guessed(variables, batch):
        """Known frames, the true next one, and guesses, at all scales."""
        past = known(config, batch["clip"])
        guesses, variables = generator(variables, past)
        return past, scales(batch["clip"][:, config.past]), guesses, variables

    def discriminator_loss(variables, batch, turn):
        past, true, guesses, _ = guessed(variables, batch)
        real, variables = judge(variables, past, true)
        fake, variables = judge(variables, past, lax.stop_gradient(guesses))
        loss = _summed(losses.non_saturating_discriminator_loss, real, fake)
        seen = {"real": real[-1].mean(), "fake": fake[-1].mean()}
        if config.negatives == "mismatched":
            other = [jnp.roll(frame, 1, 0) for frame in true]
            wrong, variables = judge(variables, past, other)
            loss += _summed(losses.non_saturating_discriminator_loss, real, wrong)
            seen["mismatched"] = wrong[-1].mean()
        return loss, (variables, seen)

    def generator_loss(variables, batch, turn):
        past, true, guesses, variables = guessed(variables, batch)
        pixels = losses.l1_loss if config.power == 1 else losses.l2_loss
        terms = {
            "error": _summed(pixels, true, guesses),
            "gradients": _summed(losses.gradient_difference_loss, true, guesses),
        }
        loss = config.reconstruction * terms["error"]
        loss += config.gradient_difference * terms["gradients"]
        if config.adversarial:
            logits, _ = judge(variables, past, guesses)
            terms["adversarial"] = _summed(losses.non_saturating_generator_loss, logits)
            loss += config.adversarial * terms["adversarial"]
        return loss, (variables, terms)

    rate = config.learning_rate
    if config.decay:
        rate = optax.linear_schedule(rate, config.last_learning_rate, config.decay)
    nets: dict[str, linen.Module] = {"generator": _generator(config)}
    players = {"generator": Player(generator_loss, ("generator",), _with(config, rate))}
    if config.adversarial:
        nets["discriminator"] = _discriminator(config)
        slow = _with(config, config.discriminator_learning_rate)
        players["discriminator"] = Player(discriminator_loss, ("discriminator",), slow)

    def inputs(batch):
        clip = batch["clip"][:1]
        past = known(config, clip)
        given: dict[str, tuple] = {"generator": (past,)}
        if config.adversarial:
            given["discriminator"] = (past, scales(clip[:, config.past]))
        return given

    return Game(
        nets=nets,
        inputs=inputs,
        players=players,
        moves=tuple(Move(name) for name in reversed(players)),
        ema={"generator": config.ema},
    )


def _summed(loss, *scaled):
    """A loss, as a mean over the batch, summed over scales."""
    terms = [loss(*each).mean() for each in zip(*scaled, strict=True)]
    return jnp.stack(terms).sum()


def _with(config, rate):
    return optax.sgd(rate) if config.optimizer == "sgd" else optax.adam(rate, 0.5)


def _generator(config):
    return Generator(config.channels, config.width, config.dtype)


def _discriminator(config):
    return Discriminator(config.width, config.hidden, config.dtype)


def predict(
    config: Config, variables: Variables, clip: jax.Array, frames: int = 1
) -> jax.Array:
    """Guesses the frames that come next, each from guesses before it.

    Args:
        config: of the model.
        variables: of its nets.
        clip: `[B, P or more, R, R, C]` in [-1, 1]; only the first P frames are seen.
        frames: how many to guess.

    Returns:
        `[B, frames, R, R, C]` in [-1, 1].
    """
    generator = pure(_generator(config), "generator")
    seen = clip[:, : config.past]
    for _ in range(frames):
        guesses, _ = generator(variables, known(config, seen[:, -config.past :]))
        seen = jnp.concatenate([seen, guesses[-1][:, None]], 1)
    return seen[:, config.past :]


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    side = config.resolution
    shape = (config.past + 1, side, side, config.channels)
    return {"clip": images.batch(key, count, shape, low=-1.0)["image"]}


def show(
    config: Config, variables: Variables, key: jax.Array, batch: Batch
) -> Mapping[str, jax.Array]:
    """Shows clips whose last frame is the guess."""
    del key
    clip = batch["clip"]
    guess = predict(config, variables, clip)
    return {"predicted": jnp.concatenate([clip[:, : config.past], guess], 1)}


MODEL = Model(
    paper="1511.05440",
    config=Config,
    game=game,
    batch=batch,
    show=show,
    tiny=Config(width=2, hidden=4, channels=1, past=2, decay=5, ema=0.9),
    range=(-1.0, 1.0),
    exact=True,
)
