"""Networks of a scaling plan, counted by hand: parameters, products, numbers."""

import itertools
from typing import NamedTuple


class Net(NamedTuple):
    """A network, for one image.

    Attributes:
        params: parameters.
        macs: multiply-adds of a forward pass; a border of zeros counts.
        numbers: numbers that its layers put out.
        norms: channels of each global batch norm.
        arrays: large arrays of parameters.
    """

    params: int
    macs: int
    numbers: int
    norms: tuple[int, ...] = ()
    arrays: int = 1


class Play(NamedTuple):
    """How often one step sends an image through a net.

    Attributes:
        forward: without a gradient.
        through: with the gradient of the input only.
        train: with the gradient of the parameters.
        beside: of `train`, so many at once: their norms share a message.
        updates: of the parameters.
        average: whether a moving average of the parameters is kept.
    """

    forward: int = 0
    through: int = 0
    train: int = 1
    beside: int = 1
    updates: int = 1
    average: bool = False

    @property
    def passes(self) -> int:
        """Forward passes."""
        return self.forward + self.through + self.train

    @property
    def backward(self) -> int:
        """Backward passes."""
        return self.through + self.train


def biggan(ch: int = 96, classes: int = 1000) -> dict[str, Net]:
    """BigGAN at 128 pixels: Brock et al., arXiv:1809.11096, table 4 and appendix B.

    Latents of 120 in six parts of 20, an embedding of the class of 128 shared by the
    conditional norms, attention at 64 x 64.
    """
    embedding, part, keys = 128, 20, 32 * 32
    widths = [16 * ch, 16 * ch, 8 * ch, 4 * ch, 2 * ch, ch]
    params = classes * embedding + (part + 1) * 16 * widths[0]
    macs, numbers, norms, arrays = part * 16 * widths[0], 16 * widths[0], [], 1
    for i, (low, high) in enumerate(itertools.pairwise(widths)):
        area = 4 ** (i + 3)
        weights = 9 * low * high + 9 * high * high + low * high
        params += weights + 3 * high + 2 * (embedding + part) * (low + high)
        macs += area * weights + 2 * (embedding + part) * (low + high)
        numbers += 3 * area * high
        norms += [low, high]
        arrays += 3
    attention = _attention(2 * ch, keys)
    generator = Net(
        params + attention.params + 2 * ch + 9 * ch * 3 + 3,
        macs + attention.macs + 128**2 * 9 * ch * 3,
        numbers + attention.numbers + 128**2 * 3,
        (*norms, ch),
        arrays + 4,
    )
    widths = [3, ch, 2 * ch, 4 * ch, 8 * ch, 16 * ch, 16 * ch]
    params, macs, numbers, arrays = widths[-1] + 1 + classes * widths[-1], 0, 0, 1
    for i, (low, high) in enumerate(itertools.pairwise(widths)):
        area = 4 ** (7 - i)
        weights, shortcut = 9 * low * high + 9 * high * high, low * high
        last = i == len(widths) - 2  # the only one that keeps its size and its width
        params += weights + 2 * high + (0 if last else shortcut + high)
        # The first shrinks the image before its shortcut, the others after.
        macs += area * weights + (0 if last else shortcut * area // (1 if i else 4))
        numbers += (2 if last else 3) * area * high
        arrays += 3
    attention = _attention(ch, keys)
    discriminator = Net(
        params + attention.params,
        macs + attention.macs + 2 * widths[-1],
        numbers + attention.numbers,
        (),
        arrays + 4,
    )
    return {"generator": generator, "discriminator": discriminator}


def _attention(channels: int, keys: int) -> Net:
    """Self-attention on 4 x `keys` pixels (Zhang et al., arXiv:1805.08318)."""
    narrow, half, pixels = channels // 8, channels // 2, 4 * keys
    weights = channels * (2 * narrow + 2 * half)
    return Net(
        weights + 1,
        pixels * weights + pixels * keys * (narrow + half),
        pixels * (2 * narrow + half + channels) + 2 * pixels * keys,
    )


def dcgan(resolution: int, width: int, latent: int, kernel: int) -> dict[str, Net]:
    """DCGAN without doubled layers, for colour images: `jaxgan.models.dcgan`."""
    widths = [width * 2**i for i in range(resolution.bit_length() - 3)]
    taps, deepest = kernel**2, widths[-1]
    weights = [a * b * taps for a, b in itertools.pairwise([3, *widths])]
    areas = [(resolution >> i + 1) ** 2 for i in range(len(widths))]
    convolved = sum(w * a for w, a in zip(weights, areas, strict=True))
    numbers = sum(w * a for w, a in zip(widths, areas, strict=True))
    project, normed = latent * 16 * deepest, 2 * sum(widths[1:])
    return {
        "generator": Net(
            sum(weights) + project + normed + 2 * width + 3,
            convolved + project,
            numbers + resolution**2 * 3,
            tuple(reversed(widths)),
            len(widths) + 1,
        ),
        "discriminator": Net(
            sum(weights) + normed + width + 16 * deepest + 1,
            convolved + 16 * deepest,
            numbers,
            tuple(widths[1:]),
            len(widths),
        ),
    }


def capsnet() -> dict[str, Net]:
    """CapsNet for MNIST: `jaxgan.models.capsnet`, routing itself left out."""
    first, second, votes = 20**2 * 256, 6**2 * 256, 1152 * 8 * 160
    encoder = Net(
        (81 + 1) * 256 + (81 * 256 + 1) * 256 + votes + 160,
        first * 81 + second * 81 * 256 + votes,
        first + 2 * second + 160,
        arrays=3,
    )
    units = [160, 512, 1024, 784]
    products = sum(a * b for a, b in itertools.pairwise(units))
    decoder = Net(products + sum(units[1:]), products, sum(units[1:]), arrays=3)
    return {"encoder": encoder, "decoder": decoder}
