"""Blends unseen scenes in every way, and measures each against the true picture."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import metrics
from jaxgan.analysis import blending
from jaxgan.analysis import gaussian_poisson as gp
from jaxgan.game import Variables
from jaxgan.lab import blocks, figures, session
from jaxgan.models import gp_gan
from jaxgan.train.terminal import say

SHOWN = 6  # scenes in the picture
BLOCK = 10  # scenes blended together
NAMES = {
    "copy_paste": "copy and paste",
    "poisson": "Poisson",
    "modified_poisson": "modified Poisson",
    "no_network": "Gaussian-Poisson,\ncomposite's colours",
    "network": "network alone",
    "gp_gan": "GP-GAN",
    "gp_gan_least_squares": "GP-GAN, least squares",
    "true_colours": "Gaussian-Poisson,\ntrue colours",
}
DRAWN = ("copy_paste", "poisson", "modified_poisson", "no_network", "network", "gp_gan")


def measured(config: Any, large: Any, variables: Variables) -> session.Result:
    """Blends the test scenes, measures and draws.

    Args:
        config: of the command.
        large: the pairs, at twice the network's size.
        variables: of the networks.
    """
    image, source = (
        large[name].astype(np.float32) / 255 for name in ("image", "source")
    )
    blend = jax.jit(lambda *pair: blended(config, variables, *pair))
    found = blocks.in_blocks(blend, image, source, size=BLOCK, title="blending")
    square = gp_gan.centre(*image.shape[1:3])
    numbers = {name: scores(image, found[name], square) for name in NAMES}
    say(table(numbers))
    path = config.run.workdir / "blending.png"
    draw(path, image, source, found)
    caption = "Scenes under two lights: the square of the first, pasted into the second"
    return session.Result({"blending": numbers, "scenes": len(image)}, {caption: path})


def blended(config, variables, image, source) -> dict[str, jax.Array]:
    """Pastes the square of `source` into `image` in every way; all in [0, 1]."""
    side, shape = config.model.resolution, image.shape
    square = gp_gan.centre(*shape[1:3])

    def resized(x, side):
        return jax.image.resize(x, (len(x), side, side, shape[-1]), "cubic").clip(0, 1)

    pasted = gp.composite(source, image, square)
    small = resized(pasted, side)
    colours = (gp_gan.blend(config.model, variables, 2 * small - 1) + 1) / 2

    def with_colours(colour, system: gp.System = "linear"):
        return gp.blend(
            source, image, square, colour=colour, weight=config.weight, system=system
        )

    return {
        "copy_paste": pasted,
        "poisson": blending.poisson_blend(source, image, square).clip(0, 1),
        "modified_poisson": gp.modified_poisson_blend(source, image, square).clip(0, 1),
        "no_network": with_colours(None),
        "network": resized(colours, shape[1]),
        "gp_gan": with_colours(colours),
        "gp_gan_least_squares": with_colours(colours, "least_squares"),
        "true_colours": with_colours(resized(image, side)),
    }


def scores(image, made, square) -> dict[str, float]:
    """Mean absolute errors in percent, PSNR in dB, and SSIM."""
    error = 100 * np.abs(made - image)
    psnr, ssim = (
        np.asarray(measure(image, made, data_range=1.0)).mean()
        for measure in (metrics.psnr, metrics.ssim)
    )
    return {
        "l1_percent": float(error.mean()),
        "l1_percent_in_square": float(error[:, square].mean()),
        "psnr": float(psnr),
        "ssim": float(ssim),
    }


def table(numbers) -> str:
    """The scores as lines."""
    lines = ["mean L1 in % (in the square), PSNR in dB, SSIM, against the true picture"]
    for name, found in numbers.items():
        whole, inside = found["l1_percent"], found["l1_percent_in_square"]
        words = NAMES[name].replace("\n", " ")
        lines.append(
            f"{words:>38}  {whole:6.2f} ({inside:6.2f})  {found['psnr']:6.2f}"
            f"  {found['ssim']:6.3f}"
        )
    return "\n".join(lines)


def draw(path, image, source, found) -> None:
    """Draws a column for each scene: both pictures, and every way to blend them."""
    rows = {"source": source} | {NAMES[name]: found[name] for name in DRAWN}
    rows["truth"] = image
    stacked = jnp.stack([jnp.asarray(x[:SHOWN]) for x in rows.values()])
    count, columns, side = stacked.shape[:3]
    figure = figures.new(2.5 + columns * side / 100, 0.2 + count * side / 100)
    figures.tiles(figure.subplots(), stacked, list(rows), [""] * columns)
    figures.save(path, figure, "scenes, and how the pictures are blended")
