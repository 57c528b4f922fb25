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


class Layer(NamedTuple):
    """One product of a network, dense or a convolution, for one image.

    Attributes:
        name: which.
        kernel: parameters of the product.
        macs: multiply-adds of a forward pass; a border of zeros counts.
        reads: numbers of its input.
        numbers: that it puts out.
        extra: other parameters: biases, and the gains of a norm behind it.
        data: whether its input is data or a latent, which training asks no gradient of.
        border: of `macs`, those with the zeros around an image.
    """

    name: str
    kernel: int
    macs: int
    reads: int
    numbers: int
    extra: int = 0
    data: bool = False
    border: int = 0


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


def dcgan_layers(
    resolution: int, width: int, latent: int, kernel: int
) -> dict[str, list[Layer]]:
    """Layers of a DCGAN, in the order in which an image passes them."""
    widths = [width * 2**i for i in range(resolution.bit_length() - 3)]
    deepest = 16 * widths[-1]
    generator = [
        Layer(
            "project", latent * deepest, latent * deepest, latent, deepest,
            2 * widths[-1], data=True,
        )
    ]  # fmt: skip
    discriminator = []
    for i, (high, low) in enumerate(itertools.pairwise([3, *widths])):
        area = (resolution >> i + 1) ** 2  # of the smaller map
        weights = kernel**2 * high * low
        wide, deep = 4 * area * high, area * low
        border = (
            high * low * (kernel**2 * area - taps(resolution >> i + 1, kernel) ** 2)
        )
        bias = 3 if i == 0 else 2 * high
        name = f"up {resolution >> i}"
        up = Layer(name, weights, weights * area, deep, wide, bias, False, border)
        generator.insert(1, up)
        bias = low if i == 0 else 2 * low
        name = f"down {resolution >> i + 1}"
        down = Layer(name, weights, weights * area, wide, deep, bias, i == 0, border)
        discriminator.append(down)
    discriminator.append(Layer("logit", deepest, deepest, deepest, 1, 1))
    return {"generator": generator, "discriminator": discriminator}


def taps(side: int, kernel: int, stride: int = 2) -> int:
    """Taps of a convolution along an axis that meet the image, not zeros around it.

    Args:
        side: of the smaller map; of both at stride 1.
        kernel: side of the kernel, which begins (kernel - 1) // 2 before the image.
        stride: 1 or 2.
    """
    first = [stride * i - (kernel - 1) // 2 for i in range(side)]
    return sum(0 <= x + t < stride * side for x in first for t in range(kernel))


def dcgan(resolution: int, width: int, latent: int, kernel: int) -> dict[str, Net]:
    """DCGAN without doubled layers, for colour images: `jaxgan.models.dcgan`."""
    layers = dcgan_layers(resolution, width, latent, kernel)
    widths = [width * 2**i for i in range(resolution.bit_length() - 3)]
    generator, discriminator = layers["generator"], layers["discriminator"]
    logit = discriminator[-1].numbers  # one, which is nothing
    return {
        "generator": total(generator)._replace(norms=tuple(reversed(widths))),
        "discriminator": total(discriminator)._replace(
            numbers=total(discriminator).numbers - logit,
            norms=tuple(widths[1:]),
            arrays=len(widths),
        ),
    }


def capsnet_layers(
    *,
    features: int = 256,
    types: int = 32,
    decoder: tuple[int, int] = (512, 1024),
    iterations: int = 3,
) -> dict[str, list[Layer]]:
    """Layers of a CapsNet for MNIST.

    Routing stores nothing: its sums and agreements are multiply-adds alone.
    """
    width, dim, out = 8 * types, 8, 160
    first, second = 20**2 * features, 6**2 * width
    kernel = 81 * features * width
    votes = 36 * types * dim * out
    routing = (2 * iterations - 1) * 36 * types * out
    units = [out, *decoder, 28**2]
    return {
        "encoder": [
            Layer("conv", 81 * features, 81 * first, 28**2, first, features, True),
            Layer("primary", kernel, 36 * kernel, first, second, width),
            Layer("votes", votes, votes, second, out, out),
            Layer("routing", 0, routing, 0, 0),
        ],
        "decoder": dense_layers(units, data=False),
    }


def capsnet() -> dict[str, Net]:
    """CapsNet for MNIST: `jaxgan.models.capsnet`, routing itself left out."""
    layers = capsnet_layers()
    *encoder, _ = layers["encoder"]
    squashed = encoder[1].numbers
    net = total(encoder)
    return {
        "encoder": net._replace(numbers=net.numbers + squashed),
        "decoder": total(layers["decoder"]),
    }


def dense_layers(units: list[int], *, data: bool = True) -> list[Layer]:
    """A multi-layer perceptron of these units, its input first.

    Args:
        units: of the input and of each layer.
        data: whether the input is data or a latent.
    """
    return [
        Layer(f"dense {b}", a * b, a * b, a, b, b, data and i == 0)
        for i, (a, b) in enumerate(itertools.pairwise(units))
    ]


def total(layers: list[Layer]) -> Net:
    """The network of these layers, without norms."""
    return Net(
        sum(layer.kernel + layer.extra for layer in layers),
        sum(layer.macs for layer in layers),
        sum(layer.numbers for layer in layers),
        arrays=len(layers),
    )
