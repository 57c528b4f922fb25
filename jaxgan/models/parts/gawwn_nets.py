"""The networks of GAWWN: a text and a place, which is a box or key-points.

Maps are halved and doubled by 4x4 convolutions with biases, from N(0, 0.02). A grid is
the maps at an eighth of the images' side, where places are applied. A generator's
statistics are "batch" or "running"; discriminators use those of their batch.
"""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen

from jaxgan import nn
from jaxgan.models.parts.stackgan_nets import tiled

Statistics = Literal["batch", "running"]
Where = Literal["box", "points"]
FINEST = 16  # channels of a generator's last maps, at least, unless all have fewer
_init = linen.initializers.normal(0.02)


def _leaky(x):
    return linen.leaky_relu(x, 0.2)


class Layers(NamedTuple):
    """Layers that both networks share.

    Attributes:
        statistics: of batch norms.
        dtype: of the computation.
    """

    statistics: Statistics = "batch"
    dtype: Any = "float32"

    def dense(self, x: jax.Array, units: int, name: str | None = None) -> jax.Array:
        """A dense layer."""
        layer = linen.Dense(units, dtype=self.dtype, kernel_init=_init, name=name)
        return layer(x)

    def norm(self, x: jax.Array) -> jax.Array:
        """A batch norm."""
        running = nn.use_running(self.statistics)
        return nn.BatchNorm(use_running_average=running, dtype=self.dtype)(x)

    def conv(self, x: jax.Array, width: int, kernel: int = 3, stride: int = 1):
        """A convolution that keeps maps, or halves them at stride 2."""
        return nn.Conv(width, kernel, stride, dtype=self.dtype)(x)

    def normed(self, x: jax.Array, width: int, kernel: int = 3, stride: int = 1):
        """A convolution and a batch norm."""
        return self.norm(self.conv(x, width, kernel, stride))

    def whole(self, x: jax.Array, width: int, norm: bool = True) -> jax.Array:
        """A convolution of a whole 4x4 map and maybe a batch norm, `[B, width]`."""
        x = self.dense(x.reshape(len(x), -1), width)
        return self.norm(x) if norm else x

    def start(self, vector: jax.Array, width: int) -> jax.Array:
        """A transposed convolution of one place to 4x4, and a batch norm."""
        up = linen.ConvTranspose(
            width, (4, 4), padding="VALID", dtype=self.dtype, kernel_init=_init
        )
        return self.norm(up(vector[:, None, None]))

    def up(self, x: jax.Array, width: int) -> jax.Array:
        """A transposed convolution that doubles maps."""
        return nn.ConvTranspose(width, dtype=self.dtype)(x)

    def residual(self, x: jax.Array) -> jax.Array:
        """Adds what a narrow path makes of maps: 1x1, 3x3 and 3x3."""
        width = x.shape[-1]
        narrow = max(1, width // 4)
        y = linen.relu(self.normed(x, narrow, 1))
        y = linen.relu(self.normed(y, narrow))
        return linen.relu(x + self.normed(y, width))

    def halved(self, x: jax.Array, width: int, active: Any) -> jax.Array:
        """Maps down to 4x4, the first of `width` channels."""
        while x.shape[1] > 4:
            x = active(self.normed(x, width, 4, 2))
            width *= 2
        return x


def planes(points: jax.Array, grid: int) -> jax.Array:
    """Key-points `[B, P, 3]` (row, column, visibility) as ones in `[B, G, G, P]`."""
    cells = jnp.arange(grid, dtype=points.dtype)[None, None]
    place = jnp.floor(points[..., :2] * grid)
    rows, columns = (place[..., i, None] == cells for i in (0, 1))
    seen = (points[..., 2] > 0.1)[..., None, None]
    shown = rows[..., None] & columns[..., None, :] & seen
    return jnp.moveaxis(shown, 1, -1).astype(jnp.float32)


class Generator(linen.Module):
    """Texts `[B, T]`, noise `[B, Z]` and places to images `[B, R, R, C]` in [-1, 1].

    Attributes:
        where: whether places are boxes `[B, 4]` or key-points `[B, P, 3]`.
        resolution: R, at least 64.
        channels: C.
        width: 2 to 8 times as many channels have the maps. With boxes, the last ones
            have a quarter, but not fewer than `FINEST` where the others have as many.
        dtype: of the layers.
    """

    where: Where = "box"
    resolution: int = 128
    channels: int = 3
    width: int = 128
    dtype: Any = "float32"

    @linen.compact
    def __call__(
        self,
        text: jax.Array,
        noise: jax.Array,
        place: jax.Array,
        statistics: Statistics = "batch",
    ) -> jax.Array:
        """Draws a batch."""
        layers, w = Layers(statistics, self.dtype), self.width
        draw = self._in_box if self.where == "box" else self._at_points
        x = draw(layers, text, noise, place)
        finest = max(w // 4, min(w, FINEST))
        for width in (w, finest) if self.where == "box" else (2 * w, w):
            x = linen.relu(layers.norm(layers.up(x, width)))
        return jnp.tanh(layers.up(x, self.channels).astype(jnp.float32))

    def _in_box(self, layers, text, noise, box):
        w, grid = self.width, self.resolution // 8
        told = layers.dense(text, 4 * w, "text")
        x = nn.paste(_everywhere(told, grid), box)
        while x.shape[1] > 4:
            x = linen.relu(layers.normed(x, 4 * w, 4, 2))
        x = linen.relu(layers.whole(x, 4 * w))
        seed = linen.relu(layers.dense(noise, 4 * w))
        around = layers.start(jnp.concatenate([seed, x], -1), w * grid // 2)
        around = self._doubled(layers, linen.relu(around), False)
        seed = layers.dense(noise, 4 * w)
        inner = linen.relu(jnp.concatenate([seed, told], -1))
        inner = layers.residual(layers.start(inner, w * grid // 2))
        inner = linen.relu(nn.paste(self._doubled(layers, inner, True), box))
        x = jnp.concatenate([around, inner], -1)
        return linen.relu(layers.normed(x, 2 * w))

    def _doubled(self, layers, x, local):
        """Maps up to the grid; those of the box end without a rectifier."""
        width, grid = x.shape[-1], self.resolution // 8
        while x.shape[1] < grid:
            width //= 2
            x = layers.norm(layers.up(x, width))
            last = x.shape[1] == grid
            if local and not last:
                x = layers.residual(x)
            elif not local:
                x = linen.relu(x)
        return x

    def _at_points(self, layers, text, noise, points):
        w, grid = self.width, self.resolution // 8
        shown = planes(points, grid)
        mask = shown.max(-1, keepdims=True)
        both = layers.dense(jnp.concatenate([noise, text], -1), 4 * w)
        both = linen.relu(layers.norm(both))
        inner = linen.relu(layers.normed(_everywhere(both, grid) * mask, 4 * w)) * mask
        x = layers.halved(shown, w, linen.relu)
        x = linen.relu(layers.whole(x, 4 * w))
        x = layers.start(jnp.concatenate([x, both], -1), w * grid // 4)
        around = self._doubled(layers, linen.relu(x), False)
        x = jnp.concatenate([around, inner, shown.astype(around.dtype)], -1)
        x = linen.relu(layers.normed(x, 4 * w))
        return layers.residual(layers.normed(x, 4 * w))


class Discriminator(linen.Module):
    """Images `[B, R, R, C]`, places and texts `[B, T]` to logits `[B]` for each text.

    Attributes:
        where: as in `Generator`.
        width: channels of the first maps.
        dtype: of the layers.
        vector_norms: whether vectors have batch norms, as maps have.
    """

    where: Where = "box"
    width: int = 128
    dtype: Any = "float32"
    vector_norms: bool = True

    def setup(self) -> None:
        """Makes both halves."""
        self.look = Look(self.width, self.dtype)
        self.match = Match(self.where, self.width, self.dtype, self.vector_norms)

    def __call__(
        self, image: jax.Array, place: jax.Array, *texts: jax.Array
    ) -> tuple[jax.Array, ...]:
        """Logits of a batch of images and places with each of the texts."""
        maps = self.look(image)
        return tuple(self.match(maps, place, text) for text in texts)


class Look(linen.Module):
    """Images to the grid; attributes as those of `Discriminator`."""

    width: int
    dtype: Any

    @linen.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Looks at a batch."""
        layers, w = Layers("batch", self.dtype), self.width
        x = _leaky(layers.conv(image, w, 4, 2))
        x = _leaky(layers.conv(x, w, 4, 2))
        x = _leaky(layers.normed(x, 2 * w, 4, 2))
        return _leaky(layers.normed(x, 2 * w))


class Match(linen.Module):
    """The grid, places and texts to logits; attributes as those of `Discriminator`."""

    where: Where
    width: int
    dtype: Any
    vector_norms: bool

    @linen.compact
    def __call__(self, maps: jax.Array, place: jax.Array, text: jax.Array) -> jax.Array:
        """Compares a batch."""
        layers, w, grid = Layers("batch", self.dtype), self.width, maps.shape[1]
        told = tiled(_leaky(layers.dense(text, w)), maps)
        if self.where == "box":
            local, more, mask = told, (), jnp.ones((1, 1, 1, 1))
        else:
            shown = planes(place, grid).astype(maps.dtype)
            mask = shown.max(-1, keepdims=True)
            local, more = told * mask, (shown,)
        x = _leaky(layers.normed(jnp.concatenate([maps, local, *more], -1), 2 * w))
        x = nn.crop(x, place) if self.where == "box" else x
        x = _leaky(layers.normed(x, 2 * w, 1))
        region = _leaky((layers.conv(x, w, 1) * mask).mean((1, 2)))

        x = layers.halved(jnp.concatenate([maps, *more], -1), 4 * w, _leaky)
        if self.where == "box":
            told = nn.crop(told, place)
            while told.shape[1] > 4:
                last = told.shape[1] == 8
                told = linen.relu(layers.normed(told, w if last else 4 * w, 4, 2))
        else:
            told = told[:, :4, :4]
        x = _leaky(layers.normed(jnp.concatenate([x, told], -1), 4 * w, 1))
        x = _leaky(layers.whole(x, w, self.vector_norms))
        x = layers.dense(jnp.concatenate([region, x], -1), w)
        x = _leaky(layers.norm(x) if self.vector_norms else x).astype(jnp.float32)
        return linen.Dense(1, kernel_init=_init, name="to_logit")(x)[:, 0]


def _everywhere(vector: jax.Array, side: int) -> jax.Array:
    """Vectors `[B, N]` at every place: `[B, side, side, N]`."""
    shape = (len(vector), side, side, vector.shape[-1])
    return jnp.broadcast_to(vector[:, None, None], shape)
