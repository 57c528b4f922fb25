"""The network of CDNA (arXiv:1605.07157): where the pixels of a frame go next.

One call is one frame: an encoder and a decoder of convolutional LSTMs say how to move
the last frame in several ways, and for each pixel which of them to believe.
"""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen
from jax.scipy.ndimage import map_coordinates

from jaxgan import nn

SIDE = 5  # of a kernel that moves pixels
FLOOR = 1e-12  # of its values before they are made to sum to 1
Motion = Literal["cdna", "dna", "stp", "none"]
Memory = list  # of each cell: its two maps, or None at the start
CELLS = (1, 1, 2, 2, 4, 2, 1)  # their channels in shares of the width


class Guess(NamedTuple):
    """What is guessed of the next frame.

    Attributes:
        frame: `[B, S, S, C]` in [0, 1].
        state: `[B, N]`.
        masks: `[B, S, S, M]`, which sum to 1: the shares of the last frame, of the
            image that is drawn anew, and of each moved copy of the last frame.
        kernels: what moves the copies, `[B, 5, 5, K]`; None where no kernels do.
    """

    frame: jax.Array
    state: jax.Array
    masks: jax.Array
    kernels: jax.Array | None


class Cell(linen.Module):
    """A convolutional LSTM with kernels of 5x5, or a convolution where it has none."""

    features: int
    lasting: bool
    dtype: str

    @linen.compact
    def __call__(self, memory, x: jax.Array):
        """Returns the new memory and features `[B, H, W, F]`."""
        dtype = jnp.dtype(self.dtype)
        if not self.lasting:
            conv = nn.Conv(
                self.features, SIDE, padding="SAME", dtype=dtype, kernel_init=_INIT
            )
            return memory, linen.relu(conv(x))
        if memory is None:
            blank = jnp.zeros((*x.shape[:3], self.features))
            memory = blank, blank
        held, shown = memory
        both = jnp.concatenate([x.astype(dtype), shown.astype(dtype)], -1)
        gates = nn.Conv(
            4 * self.features, SIDE, padding="SAME", dtype=dtype, kernel_init=_INIT
        )
        admit, new, forget, show = jnp.split(gates(both).astype(jnp.float32), 4, -1)
        kept = held * linen.sigmoid(forget + 1.0)
        held = kept + linen.sigmoid(admit) * jnp.tanh(new)
        shown = linen.sigmoid(show) * jnp.tanh(held)
        return (held, shown), shown


class Mover(linen.Module):
    """The last frame, a state and an action to a guess of what comes next."""

    motion: Motion
    kernels: int
    width: int
    lasting: bool
    released: bool
    dtype: str

    @linen.compact
    def __call__(
        self, memory: Memory, frame: jax.Array, state: jax.Array, action: jax.Array
    ) -> tuple[Memory, Guess]:
        """Guesses one frame.

        Args:
            memory: of the cells; None for each at the start.
            frame: `[B, S, S, C]` in [0, 1].
            state: `[B, N]`.
            action: `[B, A]`.
        """
        dtype, memory = jnp.dtype(self.dtype), list(memory)

        def cell(index, x):
            features = CELLS[index] * self.width
            own = Cell(features, self.lasting, self.dtype, name=f"cell{index + 1}")
            memory[index], x = own(memory[index], x)
            return _norm(f"norm{index + 1}")(x)

        def conv(features, side, strides, name, bias=True):
            return nn.Conv(
                features, side, strides, bias, dtype=dtype, kernel_init=_INIT, name=name
            )

        def deconv(features, name, bias=True):
            return nn.ConvTranspose(
                features, 3, use_bias=bias, dtype=dtype, kernel_init=_INIT, name=name
            )

        wide, channels, relu = self.width, frame.shape[-1], linen.relu
        told = jnp.concatenate([state, action], -1)
        first = conv(wide, 5, 2, "encode0", bias=False)(frame)
        first = relu(_norm("norm_encode0")(first))
        second = cell(1, cell(0, first))
        second = relu(conv(wide, 3, 2, "encode1")(second))
        x = cell(3, cell(2, second))
        x = relu(conv(2 * wide, 3, 2, "encode2")(x))
        count, rows, columns, _ = x.shape
        smeared = jnp.broadcast_to(
            told[:, None, None], (count, rows, columns, told.shape[-1])
        )
        x = jnp.concatenate([x, smeared.astype(x.dtype)], -1)
        x = relu(conv(2 * wide, 1, 1, "encode3")(x))
        deep = cell(4, x)
        x = cell(5, relu(deconv(4 * wide, "decode1")(deep)))
        x = jnp.concatenate([x, second.astype(x.dtype)], -1)
        x = cell(6, relu(deconv(3 * wide, "decode2")(x)))
        x = jnp.concatenate([x, first.astype(x.dtype)], -1)
        x = deconv(2 * wide, "decode3", bias=False)(x)
        x = relu(_norm("norm_decode3")(x))

        def head(features, name):
            x_ = x.astype(jnp.float32)
            made = nn.Conv(features, 1, kernel_init=_INIT, name=name)(x_)
            return relu(made) if self.released else made

        candidates, moving = [frame], None
        flat = deep.reshape(count, -1).astype(jnp.float32)
        if self.motion != "dna":
            candidates.append(linen.sigmoid(head(channels, "drawn")))
        if self.motion == "cdna":
            dense = linen.Dense(SIDE * SIDE * self.kernels, name="kernels")
            moving = normalised(dense(flat).reshape(count, SIDE, SIDE, -1), (1, 2))
            copies = moved(frame, moving)
            candidates += [copies[..., k] for k in range(self.kernels)]
        elif self.motion == "dna":
            made = normalised(head(SIDE * SIDE, "kernels"), (3,))
            shifts = _shifts(frame)
            candidates.append((shifts * made[:, :, :, None]).sum(-1))
        elif self.motion == "stp":
            hidden = relu(linen.Dense(100, name="transformers")(flat))
            for k in range(self.kernels - 1):
                small = linen.Dense(6, kernel_init=_INIT, name=f"affine{k}")(hidden)
                candidates.append(transformed(frame, small.reshape(count, 2, 3)))
        if self.motion == "cdna" and self.released:
            candidates = candidates[: self.kernels + 1]  # the last kernel has no mask
        if self.motion == "none":
            masks = jnp.stack(
                [jnp.zeros(frame.shape[:3]), jnp.ones(frame.shape[:3])], 3
            )
        else:
            masks = linen.softmax(head(len(candidates), "masks"))
        state = linen.Dense(state.shape[-1], name="state")(told)
        return memory, Guess(combined(candidates, masks), state, masks, moving)


def normalised(kernels: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    """Makes values positive, and their sums over axes 1."""
    kernels = linen.relu(kernels - FLOOR) + FLOOR
    return kernels / kernels.sum(axes, keepdims=True)


def moved(frame: jax.Array, kernels: jax.Array) -> jax.Array:
    """Moves a frame `[B, S, S, C]` by each kernel `[B, 5, 5, K]`: `[B, S, S, C, K]`.

    All channels are moved alike; what comes in from outside is 0.
    """
    count = len(frame)
    flat = kernels.reshape(count, SIDE * SIDE, -1)
    return jnp.einsum("bhwcn,bnk->bhwck", _shifts(frame), flat, precision="highest")


def transformed(frame: jax.Array, change: jax.Array) -> jax.Array:
    """Samples frames `[B, S, S, C]` at places that an affine map says.

    Args:
        frame: what to sample from, bilinearly; beyond its edges it goes on as there.
        change: what is added to the identity, `[B, 2, 3]`, for (row, column, 1) with
            rows and columns from -1 to 1.
    """
    height, width = frame.shape[1:3]
    rows, columns = jnp.meshgrid(
        jnp.linspace(-1, 1, height), jnp.linspace(-1, 1, width), indexing="ij"
    )
    grid = jnp.stack([rows, columns, jnp.ones_like(rows)])

    def one(image, change):
        at = jnp.einsum("ij,jhw->ihw", jnp.eye(2, 3) + change, grid)
        half = jnp.array([height - 1, width - 1])[:, None, None] / 2
        place = (at + 1) * half
        sample = lambda plane: map_coordinates(plane, list(place), 1, "nearest")  # noqa: E731
        return jax.vmap(sample, -1, -1)(image)

    return jax.vmap(one)(frame, change)


def combined(candidates: list[jax.Array], masks: jax.Array) -> jax.Array:
    """The sum of candidates `[B, S, S, C]`, each times its mask of `[B, S, S, M]`."""
    return (jnp.stack(candidates, -1) * masks[:, :, :, None]).sum(-1)


def _shifts(frame):
    """The 25 pixels around each, `[B, S, S, C, 25]`; those outside are 0."""
    height, width = frame.shape[1:3]
    reach = SIDE // 2
    wide = jnp.pad(frame, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
    taps = [
        wide[:, row : row + height, column : column + width]
        for row in range(SIDE)
        for column in range(SIDE)
    ]
    return jnp.stack(taps, -1)


def _norm(name):
    """A layer norm over whole images, with a gain and a bias for each channel."""
    return linen.LayerNorm(reduction_axes=(1, 2, 3), feature_axes=-1, name=name)


_INIT = linen.initializers.xavier_uniform()
