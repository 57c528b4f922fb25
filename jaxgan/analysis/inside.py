"""Shows what a network's maps respond to: tiles, projections to pixels, patches.

DCGAN (arXiv:1511.06434, figure 5) shows what its discriminator looks for by sending the
strongest responses of a layer back to the pixels, beside those of random filters. All
functions are pure and work on arrays. Where they take the number of a layer, it counts
rectifiers, as `observed` does.
"""

import operator
from collections.abc import Callable, Iterable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxgan.analysis.rectifiers import Rule, observed, with_rule


class Field(NamedTuple):
    """The pixels that a unit of a convolutional net sees, the same along both axes.

    Unit i sees `size` pixels, the first of which is `start + stride * i`. Pixels
    outside the image are padding.

    Attributes:
        size: the side of the square that a unit sees.
        stride: pixels between neighbouring units.
        start: the first pixel of unit 0; 0 or less.
    """

    size: int
    stride: int
    start: int


class Peaks(NamedTuple):
    """The strongest response of every map to every image, and its place.

    Attributes:
        value: the response, `[N, C]`.
        position: its row and column in the map, int32 `[N, C, 2]`.
    """

    value: jax.Array
    position: jax.Array


def receptive_field(layers: Iterable[tuple[int, int, int]]) -> Field:
    """The part of the image that a unit of the last of several convolutions sees.

    Args:
        layers: (kernel, stride, padding) of each convolution or pooling, first to last.
            The padding is what is added before the first row or column.

    Raises:
        ValueError: a kernel or a stride below 1, or a padding below 0.
    """
    size, step, start = 1, 1, 0
    for number, (kernel, stride, padding) in enumerate(layers):
        if kernel < 1 or stride < 1 or padding < 0:
            raise ValueError(
                f"layer {number} has kernel {kernel}, stride {stride} and padding"
                f" {padding}; kernels and strides are at least 1, paddings at least 0"
            )
        size += (kernel - 1) * step
        start -= padding * step
        step *= stride
    return Field(size, step, start)


def map_tiles(maps: ArrayLike) -> jax.Array:
    """The maps of one image as pictures: `[H, W, C]` to `[C, H, W, 1]` in [0, 1].

    Each map is stretched from its own smallest to its own largest value; a constant map
    is black.
    """
    return _stretched(jnp.moveaxis(jnp.asarray(maps), -1, 0)[..., None], (1, 2, 3))


def kernel_tiles(kernel: ArrayLike) -> jax.Array:
    """The filters `[kh, kw, C, O]` of a convolution as pictures `[O, T, kh, kw, c]`.

    A filter of one or three input channels is one grey or coloured tile (T = 1, c = C);
    any other is one grey tile per input channel (T = C, c = 1). Each filter is
    stretched to [0, 1], all its channels alike.
    """
    kernel = jnp.asarray(kernel)
    filters = _stretched(jnp.moveaxis(kernel, -1, 0), (1, 2, 3))
    if kernel.shape[2] in (1, 3):
        return filters[:, None]
    return jnp.moveaxis(filters, -1, 1)[..., None]


def centred(signals: ArrayLike) -> jax.Array:
    """Signals `[N, H, W, C]` as pictures in [0, 1], where 1/2 is no signal.

    Each signal is divided by its own largest magnitude.
    """
    signals = jnp.asarray(signals)
    over = tuple(range(1, signals.ndim))
    largest = jnp.abs(signals).max(over, keepdims=True)
    return 0.5 + 0.5 * _divided(signals, largest)


def project(
    function: Callable[[jax.Array], object],
    images: ArrayLike,
    layer: int,
    channel: ArrayLike,
    rule: Rule,
) -> jax.Array:
    """Sends the strongest response of a map to each image back to the pixels.

    All other activations of the layer are zeroed. Under "deconvnet" the signal starts
    as the response itself, as in Zeiler and Fergus. Otherwise it starts as 1, so that
    the result is the derivative of the largest response ("gradient") or its guided
    version ("guided"). Batch norms must be fixed (`frozen`), or each image's result
    depends on the others.

    Args:
        function: a function of images, with rectifiers, that treats each image by
            itself.
        images: `[N, H, W, C]`.
        layer: the number of the rectifier, as in `observed`; negative numbers count
            from the last.
        channel: an index into the layer's last axis: one for all images, or integers
            `[N]`.
        rule: how rectifiers send signals back.

    Returns:
        `[N, H, W, C]`.

    Raises:
        ValueError: the layer, or a channel given as one number, does not exist.

    References:
        Zeiler and Fergus, arXiv:1311.2901, section 2.1; Springenberg et al.,
        arXiv:1412.6806, section 3.4; Radford et al., arXiv:1511.06434, section 6.2.
    """
    ruled = with_rule(_layer(function, layer), rule)
    maps, back = jax.vjp(ruled, jnp.asarray(images))
    if isinstance(channel, int) and not -maps.shape[-1] <= channel < maps.shape[-1]:
        raise ValueError(
            f"channel is {channel}, but layer {layer} has {maps.shape[-1]} channels"
        )
    channel = jnp.broadcast_to(jnp.asarray(channel) % maps.shape[-1], len(maps))
    flat = maps.reshape(len(maps), -1, maps.shape[-1])
    responses = jnp.take_along_axis(flat, channel[:, None, None], axis=2)[..., 0]
    place = jax.nn.one_hot(responses.argmax(1), flat.shape[1], dtype=maps.dtype)
    signal = place * (responses if rule == "deconvnet" else 1)
    chosen = jax.nn.one_hot(channel, maps.shape[-1], dtype=maps.dtype)
    return back((signal[..., None] * chosen[:, None, :]).reshape(maps.shape))[0]


def peaks(maps: ArrayLike) -> Peaks:
    """The strongest response of every map of `[N, H, W, C]`, and where it is."""
    maps = jnp.asarray(maps)
    count, _, width, channels = maps.shape
    flat = maps.reshape(count, -1, channels)
    index = flat.argmax(1).astype(jnp.int32)
    position = jnp.stack([index // width, index % width], axis=-1)
    return Peaks(flat.max(1), position)


def strongest(found: Peaks, count: int) -> tuple[jax.Array, jax.Array]:
    """The images to which each map responds most.

    Args:
        found: from `peaks`; the peaks of several batches may be concatenated.
        count: how many images to give for each map, with one position each.

    Returns:
        The indices of the images, int32 `[count, C]`, strongest response first, and the
        positions of their responses, `[count, C, 2]`.

    Raises:
        ValueError: there are fewer images than `count`.
    """
    if not 1 <= count <= len(found.value):
        raise ValueError(
            f"count is {count}; it must be from 1 to the {len(found.value)} images"
            " there are"
        )
    image = jnp.argsort(-found.value, axis=0)[:count].astype(jnp.int32)
    position = jnp.take_along_axis(found.position, image[..., None], axis=0)
    return image, position


def patches(
    images: ArrayLike, position: ArrayLike, field: Field, fill: float = jnp.nan
) -> jax.Array:
    """Cuts out the part that one unit sees of each image.

    Args:
        images: `[N, H, W, C]`.
        position: row and column of the unit in its map, int `[N, 2]`.
        field: from `receptive_field`.
        fill: the value of pixels outside the image.

    Returns:
        `[N, size, size, C]`.
    """
    images, position = jnp.asarray(images), jnp.asarray(position)
    rows, columns = (
        field.start
        + field.stride * position[:, axis, None]
        + jnp.arange(field.size)[None, :]
        for axis in (0, 1)
    )

    def cut(image, rows, columns):
        inside = [
            (0 <= at) & (at < side)
            for at, side in zip((rows, columns), image.shape, strict=False)
        ]
        found = image[rows[:, None], columns[None, :]]
        return jnp.where(
            (inside[0][:, None] & inside[1][None, :])[..., None], found, fill
        )

    return jax.vmap(cut)(images, rows, columns)


def agreement(found: ArrayLike) -> jax.Array:
    """How alike patches are: the mean correlation over all pairs of them.

    Args:
        found: at least two patches, `[N, h, w, C]`. NaN marks padding; pixels that are
            padding in either patch of a pair are left out.

    Returns:
        A number in [-1, 1]. The correlation of a patch without contrast counts as 0.

    Raises:
        ValueError: fewer than two patches.
    """
    found = jnp.asarray(found)
    if len(found) < 2:
        raise ValueError(f"agreement needs 2 patches or more, but got {len(found)}")
    flat = found.reshape(len(found), -1)
    known = ~jnp.isnan(flat)
    flat = jnp.where(known, flat, 0)

    def correlation(a, b, both):
        both = both.astype(flat.dtype)
        count = jnp.maximum(both.sum(), 1)
        a = (a - (a * both).sum() / count) * both
        b = (b - (b * both).sum() / count) * both
        return _divided((a * b).sum(), jnp.sqrt((a * a).sum() * (b * b).sum()))

    first, second = jnp.triu_indices(len(found), 1)
    pairs = jax.vmap(lambda i, j: correlation(flat[i], flat[j], known[i] & known[j]))(
        first, second
    )
    return pairs.mean()


def spread(signals: ArrayLike) -> jax.Array:
    """How far a signal is spread over its pixels: 1 / (n sum p^2).

    p is each pixel's share of the signal's energy, which is the sum of its squares over
    channels, and n is the number of pixels. A signal of equal energy on m pixels and
    zero elsewhere gives m / n: 1 if it is everywhere, 1 / n if it is on one pixel.

    Args:
        signals: `[N, H, W, C]`; NaN marks padding, which is not counted.

    Returns:
        `[N]` in [0, 1]; 0 where there is no signal.
    """
    signals = jnp.asarray(signals)
    flat = signals.reshape(len(signals), -1, signals.shape[-1])
    known = ~jnp.isnan(flat).any(-1)
    energy = jnp.where(known[..., None], jnp.square(flat), 0).sum(-1)
    share = _divided(energy, energy.sum(1, keepdims=True))
    return _divided(1.0, known.sum(1) * jnp.square(share).sum(1))


def _layer(function, layer):
    """Makes a function that returns only the maps of one layer."""

    def apply(images):
        maps = observed(function)(images)[1]
        try:
            return maps[operator.index(layer)]
        except IndexError:
            raise ValueError(
                f"layer is {layer}, but the network has {len(maps)} rectifiers"
            ) from None

    return apply


def _stretched(x, over):
    low = x.min(over, keepdims=True)
    return _divided(x - low, x.max(over, keepdims=True) - low)


def _divided(a, b):
    """The quotient a / b, or 0 where b is 0, with a finite gradient everywhere."""
    return jnp.where(b == 0, 0, a / jnp.where(b == 0, 1, b))
