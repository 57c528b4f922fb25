"""A residual pair of BigGAN's widths, which is not a model of the library.

Brock, Donahue and Simonyan, arXiv:1809.11096, without classes, attention and spectral
norm, but with most of the arithmetic. The discriminator has no norm. Shortcuts change
the channels where the map is small, which gives the same result.
"""

import itertools

import jax
import jax.numpy as jnp
import optax
from flax import linen

from jaxgan import losses, nn
from jaxgan.game import Game
from jaxgan.lab.counting.networks import Layer, taps
from jaxgan.models.parts.two_players import adversarial

LATENT = 120


def widths(resolution: int, width: int) -> list[int]:
    """Channels from the image inwards: at 128 pixels, 1, 2, 4, 8, 16 and 16 times."""
    blocks = resolution.bit_length() - 3
    return [width * 2 ** min(i, 4) for i in range(blocks + 1)]


class Generator(linen.Module):
    """Latents `[B, Z]` to images `[B, R, R, 3]` in [-1, 1]."""

    resolution: int
    width: int
    dtype: str

    @linen.compact
    def __call__(self, z: jax.Array) -> jax.Array:
        """Maps a batch."""
        dtype = jnp.dtype(self.dtype)
        deepest, *rest = reversed(widths(self.resolution, self.width))

        def active(x):
            norm = nn.BatchNorm(use_running_average=False, momentum=0.9, dtype=dtype)
            return linen.relu(norm(x))

        x = linen.Dense(16 * deepest, dtype=dtype)(z).reshape(-1, 4, 4, deepest)
        for out in rest:
            y = nn.Conv(out, 3, dtype=dtype)(_double(active(x)))
            y = nn.Conv(out, 3, dtype=dtype)(active(y))
            x = y + _double(nn.Conv(out, 1, dtype=dtype)(x))
        x = nn.Conv(3, 3, dtype=dtype)(active(x))
        return jnp.tanh(x.astype(jnp.float32))


class Discriminator(linen.Module):
    """Images `[B, R, R, 3]` in [-1, 1] to logits `[B]`."""

    resolution: int
    width: int
    dtype: str

    @linen.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Maps a batch."""
        dtype = jnp.dtype(self.dtype)
        x = image.astype(dtype)
        channels = widths(self.resolution, self.width)[:-1]
        for i, out in enumerate(channels):
            y = nn.Conv(out, 3, dtype=dtype)(linen.relu(x) if i else x)
            y = _halve(nn.Conv(out, 3, dtype=dtype)(linen.relu(y)))
            x = y + nn.Conv(out, 1, dtype=dtype)(_halve(x))
        y = nn.Conv(channels[-1], 3, dtype=dtype)(linen.relu(x))
        x = x + nn.Conv(channels[-1], 3, dtype=dtype)(linen.relu(y))
        x = linen.relu(x).astype(jnp.float32).sum((1, 2))
        return linen.Dense(1)(x)[:, 0]


def _double(x: jax.Array) -> jax.Array:
    return x.repeat(2, 1).repeat(2, 2)


def _halve(x: jax.Array) -> jax.Array:
    return linen.avg_pool(x, (2, 2), (2, 2))


def game(resolution: int, width: int, dtype: str) -> Game:
    """Hinge losses, Adam at 2e-4 with betas of 0 and 0.999, one move each."""
    return adversarial(
        Generator(resolution, width, dtype),
        Discriminator(resolution, width, dtype),
        latent=lambda key, count: jax.random.normal(key, (count, LATENT)),
        losses=(losses.hinge_discriminator_loss, losses.hinge_generator_loss),
        optimizer=optax.adam(2e-4, 0.0, 0.999),
    )


def layers(resolution: int, width: int) -> dict[str, list[Layer]]:
    """The products of both networks, counted by hand."""
    channels = widths(resolution, width)
    deepest = 16 * channels[-1]
    generator = [
        Layer("project", LATENT * deepest, LATENT * deepest, LATENT, deepest, deepest,
              True)
    ]  # fmt: skip
    side = 4
    for low, high in itertools.pairwise(reversed(channels)):
        side *= 2
        generator += [
            _conv(f"up {side}, first", side, low, high, norm=low),
            _conv(f"up {side}, second", side, high, high, norm=high),
            _conv(f"up {side}, shortcut", side // 2, low, high, kernel=1),
        ]
    generator.append(_conv("image", side, channels[0], 3, norm=channels[0]))
    discriminator = []
    channels = [3, *channels[:-1]]
    for low, high in itertools.pairwise(channels):
        data = low == 3
        discriminator += [
            _conv(f"down {side // 2}, first", side, low, high, data=data),
            _conv(f"down {side // 2}, second", side, high, high),
            _conv(
                f"down {side // 2}, shortcut", side // 2, low, high, kernel=1, data=data
            ),
        ]
        side //= 2
    last = channels[-1]
    discriminator += [
        _conv("last, first", side, last, last),
        _conv("last, second", side, last, last),
        Layer("logit", last, last, last, 1, 1),
    ]
    return {"generator": generator, "discriminator": discriminator}


def _conv(
    name: str,
    side: int,
    low: int,
    high: int,
    *,
    kernel: int = 3,
    norm: int = 0,
    data: bool = False,
) -> Layer:
    """Counts a convolution on a map of this side, after a norm of `norm` channels."""
    weights, area = kernel**2 * low * high, side**2
    border = low * high * (kernel**2 * area - taps(side, kernel, 1) ** 2)
    numbers = (area * low, area * high)
    return Layer(name, weights, area * weights, *numbers, high + 2 * norm, data, border)
