"""CapsNet on two overlapping digits (Sabour, Frosst and Hinton, arXiv:1710.09829, 6).

    python -m experiments.capsnet_multimnist
    python -m experiments.capsnet_multimnist --data idx:MNIST --steps 20000
    python -m experiments.capsnet_multimnist --preset paper --data idx:MNIST

Every image is two digits of different classes, each shifted by up to four pixels on
36x36, made on the fly from the digits of one set; an image counts as right when both
labels are the two longest capsules. Without flags: an eighth of the paper's width,
minutes on two CPU cores. The run directory gets results.json and overlay.png: each
digit drawn from its own capsule, in red and green.
"""

import dataclasses
import pathlib
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxgan import capsules, data, report
from jaxgan.lab import blocks, capsnets, cli, pixels, runs, session
from jaxgan.lab.capsules import train, unseen, wrong
from jaxgan.lab.data import Data
from jaxgan.lab.generator import Training
from jaxgan.models import capsnet
from jaxgan.train.terminal import say

Config = Training[capsnet.Config, Literal["small", "paper"]]
PAPER = dataclasses.replace(capsnet.MULTI_MNIST, classes=None)
SMALL = dataclasses.replace(
    PAPER, features=32, types=8, decoder=(256, 512), decay_steps=100
)
PRESETS = {
    "small": Config(
        run=runs.run(
            "capsnet_multimnist", steps=5000, every=1000, checkpoint_every=500
        ),
        data=Data(shift=2, tests=2000),
        model=SMALL,
        preset="small",
    ),
    "paper": Config(
        run=runs.run(
            "capsnet_multimnist_paper",
            steps=600_000,
            every=20_000,
            checkpoint_every=10_000,
            batch_size=128,
            log_every=100,
        ),
        data=Data(shift=2),
        model=PAPER,
        preset="paper",
    ),
}
SCALE = 3  # enlargement of a tile in the overlay


def main(config: Config) -> None:
    """Trains, or resumes training, tests, and draws the overlay."""
    if config.model.objects != 2:
        raise ValueError(
            f"--model.objects is {config.model.objects}; an image has two digits here"
        )
    train("CapsNet, MultiMNIST", config)
    session.only_main()
    if config.model.reconstruction:
        path = config.run.workdir / "overlay.png"
        report.save_png(path, overlay_grid(config.run.workdir))
        say(f"{path}: inputs, and below them the drawings of the named capsules")


def overlay_grid(run: pathlib.Path) -> np.ndarray:
    """The figure of section 6: `[H, W, 3]` uint8.

    Four columns show images with both digits found; two, marked *, decode a label and a
    digit that is neither label nor prediction (which should be black); two, marked P,
    show an image with a digit missed, drawn from the prediction and from the labels.
    """
    model, variables, opened = capsnets.restore(run)
    chosen = data.some(len(opened.test["label"]), blocks.BLOCK)
    batch = unseen(opened, model, np.resize(chosen, blocks.BLOCK))
    v = jax.jit(lambda x: capsnet.encode(model, variables, x))(batch["image"])
    labels = np.asarray(batch["label"])
    predicted = np.asarray(capsules.longest(v, 2))
    missed = wrong(predicted, labels)
    columns: list[tuple[int, Any, str]] = []
    for i in np.flatnonzero(~missed)[:4]:
        columns.append((i, labels[i], ""))
    for i in np.flatnonzero(~missed)[4:6]:
        absent = next(c for c in range(len(opened.classes)) if c not in labels[i])
        columns.append((i, np.array([labels[i][0], absent]), "*"))
    for i in np.flatnonzero(missed)[:2]:
        columns += [(i, predicted[i], "P"), (i, labels[i], "")]
    chosen = np.array([i for i, _, _ in columns])
    drawn = [
        capsnet.decode(
            model,
            variables,
            capsules.mask(v[chosen], jnp.asarray([r[k] for _, r, _ in columns])),
        )
        for k in range(2)
    ]
    image = np.asarray(pixels.to_bytes(batch["image"]))[chosen]
    colours = np.concatenate(
        [pixels.to_bytes(x) for x in (*drawn, jnp.zeros_like(drawn[0]))], -1
    )
    tiles = []
    for tile, colour, (i, used, mark) in zip(image, colours, columns, strict=True):
        pair = np.concatenate([np.repeat(tile, 3, -1), colour])
        pair = pair.repeat(SCALE, 0).repeat(SCALE, 1)
        text = [
            f"{mark} R: ({', '.join(opened.classes[c] for c in used)})",
            f"{mark and '   '} L: ({', '.join(opened.classes[c] for c in labels[i])})",
        ]
        tiles.append(np.concatenate([pair, _caption(text, pair.shape[1])]))
    return report.sheet(np.stack(tiles), columns=len(tiles))


def _caption(lines: list[str], width: int) -> np.ndarray:
    label = Image.new("RGB", (width, 20 * len(lines) + 4), "white")
    font = ImageFont.load_default(size=16)
    ImageDraw.Draw(label).text((2, 0), "\n".join(lines), fill="black", font=font)
    return np.asarray(label)


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
