"""Generators that the PyTorch release of pix2pix and CycleGAN saved, of its layout.

They are read without running code that a file may hold, and without PyTorch where the
arrays lie in an .npz file. Numbers in names count the layers of that release.
"""

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxgan.lab.inference import Trained
from jaxgan.lab.torch_files import (
    NORM,
    PUBLISHED,
    arrays_of,
    as_trained,
    shapes_of,
    wide,
)
from jaxgan.models import cyclegan, pix2pix
from jaxgan.models.parts.unet import DEEPEST

_RELEASE = "from a run of junyanz/pytorch-CycleGAN-and-pix2pix"
_PIX2PIX = PUBLISHED._replace(
    network="the U-Net with batch norms of pix2pix's PyTorch release",
    file="latest_net_G.pth",
    where=_RELEASE,
)
_CYCLEGAN = PUBLISHED._replace(
    network="the residual generator with instance norms of CycleGAN's PyTorch release",
    file="latest_net_G_A.pth",
    where=_RELEASE,
)


def open_pix2pix(path: pathlib.Path | str) -> Trained:
    """Opens a U-Net that the PyTorch release of pix2pix saved, of any width and depth.

        trained = open_pix2pix("latest_net_G.pth")
        out = pix2pix.translate(trained.config, trained.variables, images, None)

    Images are `[B, H, W, C]` in [-1, 1], with sides that are multiples of those of
    `trained.config`. Batch norms take the statistics of these images, as the release's
    `test.py` does without `--eval`; it has one image in a batch. Dropout, which that
    release has in tests too, in other layers than ours, is left out.

    Args:
        path: `.pth` or `.pt`, which takes PyTorch, or `.npz` with the same names.

    Raises:
        ValueError: there is no such file, or it is of another network, as of a U-Net
            with instance norms.
    """
    path = pathlib.Path(path)
    shapes = shapes_of(path, _PIX2PIX)
    first, last = (shapes.get(f"model.model.{i}.weight", ()) for i in (0, 3))
    depth = sum(len(shape) == 4 for shape in shapes.values()) // 2
    if len(first) != 4 or len(last) != 4 or not 5 <= depth <= DEEPEST:
        raise ValueError(
            f"{path} holds another network than {_PIX2PIX.network}, whose kernels are"
            " model.model.0.weight, model.model.1.model.1.weight and so on"
        )
    config = pix2pix.Config(
        resolution=f"{2**depth}x{2**depth}",
        input_channels=first[1],
        channels=last[1],
        width=first[0],
        norm="batch",
        dropout=0.0,
    )
    arrays = arrays_of(path, _PIX2PIX, _unet_shapes(config, depth))
    variables = {"generator": _unet_variables(depth, arrays)}
    return as_trained("pix2pix", pix2pix.MODEL, config, variables)


def _unet_shapes(config: pix2pix.Config, depth: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the release's U-Net."""
    downs, ups = _levels(depth)
    widths = [config.width * min(2**i, 8) for i in range(depth)]
    expected: dict[str, tuple[int, ...]] = {"model.model.3.bias": (config.channels,)}
    for i, (conv, norm) in enumerate(downs):
        below = widths[i - 1] if i else config.input_channels
        expected[f"{conv}.weight"] = (widths[i], below, 4, 4)
        expected |= {f"{norm}.{part}": (widths[i],) for part in NORM if norm}
    for i, (conv, norm) in enumerate(ups):
        above = widths[i - 1] if i else config.channels
        both = widths[i] * (1 if i == depth - 1 else 2)
        expected[f"{conv}.weight"] = (both, above, 4, 4)
        expected |= {f"{norm}.{part}": (above,) for part in NORM if norm}
    return expected


def _unet_variables(depth: int, arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The release's arrays as the variables of `unet.UNet`."""
    downs, ups = _levels(depth)
    params, stats = {}, {}
    for i, (conv, _) in enumerate(downs):
        params[f"Conv_{i}"] = {"kernel": _kernel(arrays, conv)}
    for i, (conv, _) in enumerate(reversed(ups)):
        weights = _kernel(arrays, conv)
        if i:  # theirs takes the maps of the encoder first, ours last
            weights = np.roll(weights, weights.shape[-1] // 2, -1)
        params[f"ConvTranspose_{i}"] = {"kernel": weights}
    params[f"ConvTranspose_{depth - 1}"]["bias"] = arrays["model.model.3.bias"]
    norms = [norm for _, norm in [*downs, *reversed(ups)] if norm]
    for i, norm in enumerate(norms):
        scale, bias, mean, var = (arrays[f"{norm}.{part}"] for part in NORM)
        params[f"BatchNorm_{i}"] = {"scale": scale, "bias": bias}
        stats[f"BatchNorm_{i}"] = {"mean": mean, "var": var}
    return {"params": wide(params), "batch_stats": wide(stats)}


def _levels(depth: int) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Names of the release's U-Net: (convolution, norm or nothing) of each level.

    Returns:
        Those of the encoder, and those of the decoder, both from the outermost level.
    """
    downs, ups = [("model.model.0", "")], [("model.model.3", "")]
    level = "model.model.1"
    for _ in range(depth - 2):
        downs.append((f"{level}.model.1", f"{level}.model.2"))
        ups.append((f"{level}.model.5", f"{level}.model.6"))
        level = f"{level}.model.3"
    downs.append((f"{level}.model.1", ""))
    ups.append((f"{level}.model.3", f"{level}.model.4"))
    return downs, ups


def open_cyclegan(path: pathlib.Path | str) -> Trained:
    """Opens a generator that the PyTorch release of CycleGAN saved, of any size.

        trained = open_cyclegan("latest_net_G_A.pth")
        out = cyclegan.translate(trained.config, trained.variables, images, "a_to_b")

    A file holds one direction, which is called `a_to_b`. Biases before a norm, which
    takes them away again, are left out.

    Args:
        path: `.pth` or `.pt`, which takes PyTorch, or `.npz` with the same names.

    Raises:
        ValueError: there is no such file, or it is of another network.
    """
    path = pathlib.Path(path)
    shapes = shapes_of(path, _CYCLEGAN)
    blocks = sum(name.endswith(".conv_block.1.weight") for name in shapes)
    after = 10 + blocks  # the layers of the decoder come after the blocks
    image = f"model.{after + 7}"
    first, last = shapes.get("model.1.weight", ()), shapes.get(f"{image}.weight", ())
    if len(first) != 4 or len(last) != 4 or not blocks:
        raise ValueError(
            f"{path} holds another network than {_CYCLEGAN.network}, whose kernels are"
            " model.1.weight, model.10.conv_block.1.weight and so on"
        )
    # A layer of dropout in the blocks moves the second convolution by one.
    second = 6 if len(shapes.get("model.10.conv_block.6.weight", ())) == 4 else 5
    width, channels = first[0], first[1]
    config = cyclegan.Config(
        channels=channels, width=width, blocks=blocks, norm="plain"
    )
    inner = [
        f"model.{10 + i}.conv_block.{j}" for i in range(blocks) for j in (1, second)
    ]
    convs = {
        "model.1": (width, channels, 7, 7),
        "model.4": (2 * width, width, 3, 3),
        "model.7": (4 * width, 2 * width, 3, 3),
        **dict.fromkeys(inner, (4 * width, 4 * width, 3, 3)),
    }
    ups = {
        f"model.{after}": (4 * width, 2 * width, 3, 3),
        f"model.{after + 3}": (2 * width, width, 3, 3),
    }
    out = {image: (channels, width, 7, 7)}
    expected: dict[str, tuple[int, ...]] = {}
    for name, shape in (convs | ups | out).items():
        expected[f"{name}.weight"] = shape
        expected[f"{name}.bias"] = (shape[name in ups],)
    arrays = arrays_of(path, _CYCLEGAN, expected, also=("running_mean", "running_var"))
    params = {
        f"{kind}_{i}": {"kernel": _kernel(arrays, name)}
        for kind, names in (("Conv", convs), ("ConvTranspose", ups))
        for i, name in enumerate(names)
    }
    bias = arrays[f"{image}.bias"]
    params["to_image"] = {"kernel": _kernel(arrays, image), "bias": bias}
    variables = {"a_to_b": {"params": wide(params)}}
    return as_trained("cyclegan", cyclegan.MODEL, config, variables)


def _kernel(arrays, name) -> np.ndarray:
    """A kernel of PyTorch, of a convolution or a transposed one, as ours."""
    return arrays[f"{name}.weight"].transpose(2, 3, 1, 0)
