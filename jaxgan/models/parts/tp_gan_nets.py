"""The networks of TP-GAN: a path for the whole face, four for its parts, a critic.

Huang, Zhang, Li and He, "Beyond Face Rotation: Global and Local Perception GAN for
Photorealistic and Identity Preserving Frontal View Synthesis", arXiv:1704.04086; sizes
as in the authors' code. All norms are of the batch, and rectifiers leak.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen
from jax import lax

from jaxgan import nn
from jaxgan.models.parts.bottleneck_nets import Statistics
from jaxgan.models.parts.translation import Dropout

PARTS = ("left_eye", "right_eye", "nose", "mouth")
"""Parts of a face, left and right as in the picture."""
SIZES = ((40, 40), (40, 40), (32, 40), (32, 48))
"""Height and width of the patch of each part, in pictures of 128x128."""
PLACES = ((0.463, 0.367), (0.463, 0.633), (0.646, 0.5), (0.774, 0.5))
"""Where the parts of a face that looks to the front are in mean: rows and columns of
their middles, in image heights. Those of drawn portraits."""
_init = linen.initializers.truncated_normal(0.02)


def patch_sizes(resolution: int, halvings: int) -> list[tuple[int, int]]:
    """Sizes of patches in pixels: those of 128x128 in proportion, rounded up.

    Args:
        resolution: height and width of the images.
        halvings: how often patches are halved, so that sides are multiples.
    """
    unit = 2**halvings

    def side(length):
        return max(1, -(-length * resolution // (128 * unit))) * unit

    return [(side(height), side(width)) for height, width in SIZES]


def corner(place: Any, size: tuple[int, int], resolution: int, xp: Any = np) -> Any:
    """The first row and column of a patch around a place, all of it inside.

    Args:
        place: row and column of its middle, in image heights.
        size: of the patch in pixels.
        resolution: height and width of the image.
        xp: numpy, or jax.numpy for places that are traced.
    """
    first = [
        xp.clip(xp.round(at * resolution - side / 2), 0, resolution - side)
        for at, side in zip(place, size, strict=True)
    ]
    row, column = (x.astype(np.int32) for x in first)
    return row, column


def crops(
    image: jax.Array, points: jax.Array, sizes: Sequence[tuple[int, int]]
) -> list[jax.Array]:
    """Cuts the patches of all parts out of images.

    Args:
        image: `[B, R, R, C]`.
        points: the middles of the parts, `[B, 4, 2]`: rows and columns in image
            heights.
        sizes: of the patches.

    Returns:
        `[B, h, w, C]` for each part.
    """

    def cut(size, image, place):
        row, column = corner(place, size, len(image), jnp)
        return lax.dynamic_slice(image, (row, column, 0), (*size, image.shape[-1]))

    return [
        jax.vmap(functools.partial(cut, size))(image, points[:, i])
        for i, size in enumerate(sizes)
    ]


def pasted(maps: Sequence[jax.Array], resolution: int) -> jax.Array:
    """Puts maps of all parts at their places, 0 around them, and takes the largest.

    Args:
        maps: `[B, h, w, F]` for each part.
        resolution: R, height and width of the result.

    Returns:
        `[B, R, R, F]`.
    """
    whole = []
    for place, x in zip(PLACES, maps, strict=True):
        height, width = x.shape[1:3]
        row, column = map(int, corner(place, (height, width), resolution))
        margin = [
            (row, resolution - row - height),
            (column, resolution - column - width),
        ]
        whole.append(jnp.pad(x, [(0, 0), *margin, (0, 0)]))
    return functools.reduce(jnp.maximum, whole)


class _Layers(NamedTuple):
    """Layers of one network, made inside its `__call__`."""

    dtype: Any
    running: bool = False

    def norm(self, x):
        return nn.BatchNorm(
            use_running_average=self.running,
            dtype=self.dtype,
            scale_init=linen.initializers.ones,
        )(x)

    def conv(self, x, width, kernel=3, stride=1, plain=False):
        """A convolution with norm and rectifier; a plain one has a bias instead."""
        layer = nn.Conv(
            width, kernel, stride, use_bias=plain, dtype=self.dtype, kernel_init=_init
        )
        return linen.leaky_relu(layer(x) if plain else self.norm(layer(x)), 0.2)

    def up(self, x, width):
        layer = nn.ConvTranspose(
            width, 4, use_bias=False, dtype=self.dtype, kernel_init=_init
        )
        return linen.relu(self.norm(layer(x)))

    def residual(self, x, blocks=1, kernel=3):
        """Blocks of two convolutions, whose sum with `x` is rectified."""
        for _ in range(blocks):
            width = x.shape[-1]
            y = self.conv(x, width, kernel)
            layer = nn.Conv(
                width, kernel, use_bias=False, dtype=self.dtype, kernel_init=_init
            )
            x = linen.leaky_relu(x + self.norm(layer(y)), 0.2)
        return x

    def image(self, x, channels, name):
        layer = nn.Conv(channels, 3, dtype=self.dtype, kernel_init=_init, name=name)
        return jnp.tanh(layer(x).astype(jnp.float32))


class LocalPath(linen.Module):
    """A patch `[B, h, w, C]` to what it looks like from the front: a small U-Net.

    Attributes:
        width: channels of the largest maps; they double at each halving.
        halvings: how often patches are halved; both sides must be multiples.
        blocks: residual blocks at each size.
        channels: of the image.
        dtype: of the computation.
    """

    width: int = 64
    halvings: int = 3
    blocks: int = 1
    channels: int = 3
    dtype: Any = "float32"

    @linen.compact
    def __call__(
        self, patch: jax.Array, statistics: Statistics = "batch"
    ) -> tuple[jax.Array, jax.Array]:
        """Gives maps `[B, h, w, width]` and an image `[B, h, w, C]` in [-1, 1]."""
        make = _Layers(self.dtype, nn.use_running(statistics))
        x = make.conv(patch, self.width, plain=True)
        levels = [make.residual(x, self.blocks)]
        for i in range(1, self.halvings + 1):
            x = make.conv(levels[-1], 2**i * self.width, stride=2)
            deepest = i == self.halvings
            levels.append(make.residual(x, self.blocks * (1 + deepest)))
        x = levels.pop()
        for skipped in reversed(levels):
            x = make.up(x, skipped.shape[-1])
            x = make.conv(jnp.concatenate([x, skipped], -1), skipped.shape[-1])
            x = make.residual(x, self.blocks)
        return x.astype(jnp.float32), make.image(x, self.channels, "to_image")


class LocalPaths(linen.Module):
    """The paths of all parts. That of the right eye sees both eyes, as in the code."""

    width: int = 64
    halvings: int = 3
    blocks: int = 1
    channels: int = 3
    dtype: Any = "float32"

    @linen.compact
    def __call__(
        self, patches: Sequence[jax.Array], statistics: Statistics = "batch"
    ) -> tuple[list[jax.Array], list[jax.Array]]:
        """Gives maps and images of each part, in the order of `PARTS`."""
        left, right, *others = patches
        seen = [left, jnp.concatenate([right, left], -1), *others]
        made = []
        for name, patch in zip(PARTS, seen, strict=True):
            path = LocalPath(
                self.width, self.halvings, self.blocks, self.channels, self.dtype,
                name=name,
            )  # fmt: skip
            made.append(path(patch, statistics))
        maps, images = zip(*made, strict=True)
        return list(maps), list(images)


class Drawn(NamedTuple):
    """What the generator makes.

    Attributes:
        images: in [-1, 1], three: of a quarter, half and all of the resolution.
        people: logits of the people of the training set, `[B, people]`; None where the
            generator is told of none.
    """

    images: tuple[jax.Array, ...]
    people: jax.Array | None


class Generator(linen.Module):
    """The path of the whole face, which is given what the local paths made.

    Attributes:
        width: channels of the largest maps.
        feature: size of the vector that a face becomes.
        blocks: residual blocks at each size.
        people: in the training set; 0 for none.
        kernel: the largest side of a kernel; the paper's are of 7, 5 and 3.
        channels: of the images.
        dtype: of the computation.
    """

    width: int = 64
    feature: int = 256
    blocks: int = 1
    people: int = 340
    kernel: int = 7
    channels: int = 3
    dtype: Any = "float32"

    @linen.compact
    def __call__(
        self,
        image: jax.Array,
        local: jax.Array,
        noise: jax.Array,
        statistics: Statistics = "batch",
    ) -> Drawn:
        """Draws faces from the front.

        Args:
            image: turned faces, `[B, R, R, C]`.
            local: maps and images of the parts at their places, `[B, R, R, F]`.
            noise: `[B, N]`.
            statistics: of the norms: those of the batch, or the running averages.
        """
        make = _Layers(self.dtype, nn.use_running(statistics))
        w, blocks, five = self.width, self.blocks, min(self.kernel, 5)
        both = jnp.concatenate([image, image[:, :, ::-1]], -1)
        x = make.conv(both, w, self.kernel, plain=True)
        levels = [make.residual(x, blocks, self.kernel)]
        for width, kernel in ((w, five), (2 * w, 3), (4 * w, 3), (8 * w, 3)):
            x = make.conv(levels[-1], width, kernel, 2)
            number = 4 * blocks if len(levels) == 4 else blocks
            levels.append(make.residual(x, number, kernel))
        x = levels[-1].reshape(len(image), -1).astype(jnp.float32)
        x = linen.Dense(2 * self.feature, kernel_init=_init, name="to_feature")(x)
        feature = jnp.maximum(*jnp.split(x, 2, -1))
        people = None
        if self.people:
            head = linen.Dense(self.people, kernel_init=_init, name="to_people")
            people = head(Dropout(0.7)(feature))
        return Drawn(self._decoded(make, levels, feature, noise, image, local), people)

    def _decoded(self, make, levels, feature, noise, image, local):
        """Images of three sizes from the feature and the maps of all sizes."""
        w, blocks, five = self.width, self.blocks, min(self.kernel, 5)
        side = levels[-1].shape[1]
        x = jnp.concatenate([feature, noise], -1)
        dense = linen.Dense(side * side * w, kernel_init=_init, name="from_feature")
        first = linen.relu(dense(x)).reshape(-1, side, side, w).astype(x.dtype)
        # The feature alone, at the sizes that are drawn.
        sides, x = [], nn.double(first)
        for width in (w // 2, w // 4, w // 8):
            x = make.up(x, max(1, width))
            sides.append(x)
        x = make.residual(jnp.concatenate([first, levels[4]], -1), 2 * blocks)
        images: list[jax.Array] = []
        for i, width in ((3, 8 * w), (2, 4 * w), (1, 2 * w), (0, w)):
            joined = [make.up(x, width)]
            seen = [levels[i], *(sides[2 - i : 3 - i] if i < 3 else [])]
            seen += [local, image] if i == 0 else []
            skipped = jnp.concatenate(seen, -1)
            joined.append(make.residual(skipped, blocks, five if i < 2 else 3))
            joined += [nn.double(images[-1])] if images else []
            x = make.conv(jnp.concatenate(joined, -1), width, five if i < 1 else 3)
            x = make.residual(x, blocks)
            if i < 3:
                images.append(make.image(x, self.channels, f"to_image_{2 - i}"))
        return tuple(images)


class Discriminator(linen.Module):
    """Images `[B, R, R, C]` to logits `[B, R / 32, R / 32]`, one for each region.

    Attributes:
        width: channels of the largest maps.
        blocks: residual blocks at the two smallest sizes.
        dtype: of the computation.
    """

    width: int = 64
    blocks: int = 1
    dtype: Any = "float32"

    @linen.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Judges a batch, normalised with its own statistics."""
        make, w = _Layers(self.dtype), self.width
        x = make.conv(image, w, stride=2, plain=True)
        for times in (2, 4):
            x = make.conv(x, times * w, stride=2)
        for _ in range(2):
            x = make.residual(make.conv(x, 8 * w, stride=2), self.blocks)
        logit = nn.Conv(1, 1, dtype=self.dtype, kernel_init=_init, name="to_logit")
        return logit(x)[..., 0].astype(jnp.float32)
