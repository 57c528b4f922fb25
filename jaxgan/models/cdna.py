"""CDNA: video prediction by moving the pixels of the last frame.

Finn, Goodfellow and Levine, "Unsupervised Learning for Physical Interaction through
Video Prediction", arXiv:1605.07157.

Reproduced: the encoder and decoder of seven convolutional LSTMs with layer norms of the
released code; ten kernels of 5x5 that move the last frame, a kernel a pixel (DNA) or
affine maps (STP), `motion`; masks that say for each pixel which to believe, beside the
last frame and an image drawn anew; states that are guessed from state and action and
fed back; the mean squared error of guessed frames plus 1e-4 times that of states, a
mean over steps; Adam at 1e-3; scheduled sampling by example with k 900. Actions and
states are always told; at evaluation, frames are guesses after the context.

*Quirks*: the released code pairs 11 masks with 12 candidates, so its last kernel is
never used, and has a rectifier before the sigmoid of the drawn image and before the
softmax of masks, which its author called unintentional. `released` asks for that; by
default there are 12 masks and no such rectifiers. The paper has no layer norms.

Known differences: weights begin with Xavier's uniform distribution. Without `memory`
convolutions take the place of LSTMs, and `motion="none"` draws the frame alone: both
together are a feed-forward net to compare with.
"""

import dataclasses
from collections.abc import Mapping
from typing import Literal, NamedTuple

import chex
import jax
import jax.numpy as jnp
import optax
from jax import lax

from jaxgan import bounds, losses
from jaxgan.game import Batch, Game, Move, Player, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts.motion_nets import CELLS, Motion, Mover


@dataclasses.dataclass(frozen=True)
class Config:
    """Network and training; the defaults are the paper's and its code's."""

    resolution: bounds.Count = 64
    """Height and width of frames in pixels: a multiple of 8."""
    channels: bounds.Count = 3
    """Channels of a frame: 3 for colour, 1 for grey."""
    frames: bounds.Count = 10
    """Frames of a clip."""
    context: bounds.Count = 2
    """Frames that are known; the others are guessed."""
    states: bounds.Count = 5
    """Numbers of a state, such as where a hand is."""
    actions: bounds.Count = 5
    """Numbers of an action."""
    motion: Motion = "cdna"
    """How pixels move: by a few kernels for all (cdna), by a kernel of their own (dna),
    by affine maps (stp), or not at all: then frames are drawn anew (none)."""
    kernels: bounds.Count = 10
    """Kernels of cdna; stp has one affine map less."""
    width: bounds.Count = 32
    """Channels of the first LSTM; the deepest has four times as many."""
    memory: bool = True
    """Convolutional LSTMs; without, convolutions that remember nothing."""
    released: bool = False
    """Use the released code's masks and heads: one kernel less than there are, and
    rectifiers where its author wanted none."""
    sampling: bounds.Natural = 900
    """k of scheduled sampling: the share of examples that are shown true frames is
    k / (k + exp(step / k)); with 0, all are shown guesses from the start."""
    state_weight: bounds.Weight = 1e-4
    """Weight of the squared error of states."""
    learning_rate: bounds.Rate = 1e-3
    """Adam's step size."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of convolutions; parameters, memories, masks and losses stay float32."""

    def __post_init__(self):
        bounds.check(self)
        if self.resolution % 8:
            raise ValueError(
                f"resolution is {self.resolution}; give a multiple of 8, since frames"
                " are halved three times"
            )
        if self.context >= self.frames:
            raise ValueError(
                f"context is {self.context} of {self.frames} frames; give fewer, so"
                " that there is one to guess"
            )


class Rollout(NamedTuple):
    """Guesses of all frames but the first, arrays `[B, T - 1, ...]`, as in `Guess`."""

    frames: jax.Array
    states: jax.Array
    masks: jax.Array
    kernels: jax.Array | None


def game(config: Config) -> Game:
    """One player. Batches: `clip` `[B, T, S, S, C]` in [0, 1], `action`, `state`.

    The latter two are `[B, T, A]` and `[B, T, N]`; action t is what is told after frame
    t.
    """

    def loss(variables, batch, turn):
        true, count, c = batch["clip"], len(batch["clip"]), config
        side = c.resolution
        chex.assert_shape(true, (count, c.frames, side, side, c.channels))
        chex.assert_shape(batch["action"], (count, c.frames, c.actions))
        chex.assert_shape(batch["state"], (count, c.frames, c.states))
        order = jax.random.permutation(turn.key, count)
        real = order < true_examples(config, turn.step, count)
        made = roll_out(config, variables, batch, real)
        start = config.context - 1
        frames = losses.l2_loss(
            true[:, config.context :], made.frames[:, start:]
        ).mean()
        states = losses.l2_loss(
            batch["state"][:, config.context :], made.states[:, start:]
        ).mean()
        total = frames + config.state_weight * states
        return total, (variables, {"frames": frames, "states": states})

    def inputs(batch):
        clip, action, state = (batch[name] for name in ("clip", "action", "state"))
        given = (_blank(), clip[:1, 0], state[:1, 0], action[:1, 0])
        return {"mover": given}

    return Game(
        nets={"mover": _net(config)},
        inputs=inputs,
        players={"mover": Player(loss, ("mover",), optax.adam(config.learning_rate))},
        moves=(Move("mover"),),
    )


def true_examples(config: Config, step: jax.Array, count: int) -> jax.Array:
    """How many of `count` examples are shown true frames in a step of training."""
    if not config.sampling:
        return jnp.zeros((), jnp.int32)
    k = float(config.sampling)
    share = jax.nn.sigmoid(jnp.log(k) - step / k)  # k / (k + exp(step / k))
    return jnp.round(count * share).astype(jnp.int32)


def roll_out(
    config: Config, variables: Variables, batch: Batch, real: jax.Array | None = None
) -> Rollout:
    """Guesses frame after frame, and states from the first one on.

    Args:
        config: of the model.
        variables: of its net.
        batch: as the game takes it. No frame is looked at after the context, but for
            examples of `real`, and no state after the first.
        real: which examples are shown true frames all along, `[B]`; none if left out.
    """
    mover = pure(_net(config), "mover")
    clip, action, first = batch["clip"], batch["action"], batch["state"][:, 0]
    if real is None:
        real = jnp.zeros(len(clip), bool)

    def step(held, given):
        """One frame; a loop of these compiles in a fraction of the time."""
        memory, frame, state = held
        true, action, known = given
        frame = jnp.where((known | real)[:, None, None, None], true, frame)
        (memory, guess), _ = mover(variables, memory, frame, state, action)
        return (memory, guess.frame, guess.state), guess

    blank, _ = jax.eval_shape(
        mover, variables, _blank(), clip[:, 0], first, action[:, 0]
    )
    memory = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), blank[0])
    last = clip.shape[1] - 1
    given = jax.tree.map(lambda x: jnp.moveaxis(x[:, :last], 1, 0), (clip, action))
    known = jnp.arange(last) < config.context
    _, made = lax.scan(step, (memory, clip[:, 0], first), (*given, known))
    made = jax.tree.map(lambda x: jnp.moveaxis(x, 0, 1), made)
    return Rollout(*made)


def _net(config):
    return Mover(
        motion=config.motion,
        kernels=config.kernels,
        width=config.width,
        lasting=config.memory,
        released=config.released,
        dtype=config.dtype,
    )


def _blank():
    return [None] * len(CELLS)


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    keys = jax.random.split(key, 3)
    c = config
    shape = (count, c.frames, c.resolution, c.resolution, c.channels)
    return {
        "clip": jax.random.uniform(keys[0], shape),
        "action": jax.random.normal(keys[1], (count, c.frames, c.actions)),
        "state": jax.random.normal(keys[2], (count, c.frames, c.states)),
    }


def show(
    config: Config, variables: Variables, key: jax.Array, batch: Batch
) -> Mapping[str, jax.Array]:
    """Shows clips whose frames after the context are guesses."""
    del key
    made = roll_out(config, variables, batch).frames[:, config.context - 1 :]
    known = batch["clip"][:, : config.context]
    return {"predicted": jnp.concatenate([known, made], 1)}


MODEL = Model(
    paper="1605.07157",
    config=Config,
    game=game,
    batch=batch,
    show=show,
    tiny=Config(
        resolution=8, frames=3, context=1, states=2, actions=2, kernels=2, width=2
    ),
)
