"""The pieces of the page as HTML, and the pictures that it saves."""

import base64
import html
import io
import json
import pathlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

from experiments.explore import generator, neighbours
from experiments.explore.generator import Choice, Explorer
from jaxgan import report

SIDE = 400  # approximate side of the large picture on the page, in pixels


def face(image: np.ndarray, caption: str) -> str:
    """Makes the large picture.

    Args:
        image: uint8 `[H, W, C]`.
        caption: its description.
    """
    side = image.shape[0] * max(1, SIDE // image.shape[0])
    return (
        f'<figure class="face"><img id="face" width="{side}" alt="{escaped(caption)}"'
        f' src="{_address(image)}"></figure>'
    )


def faces(images: Sequence[tuple[np.ndarray, str]], caption: str) -> str:
    """Makes the large picture of one run, or smaller ones of several.

    Args:
        images: of each run, uint8 `[H, W, C]`, and what it is.
        caption: what was chosen.
    """
    if len(images) == 1:
        return face(images[0][0], caption)
    figures = "".join(
        f'<figure class="face"><img{" id=face" * (not i)} alt="{escaped(caption)}"'
        f' src="{_address(image)}"><figcaption>{escaped(name)}</figcaption></figure>'
        for i, (image, name) in enumerate(images)
    )
    return f'<div class="faces">{figures}</div>'


def nearest(explorer: Explorer, image: np.ndarray) -> str:
    """Shows the training images nearest to a picture, with their distances."""
    if explorer.missing:
        return f'<p class="about">No training images: {escaped(explorer.missing)}</p>'
    images, distances = neighbours.nearest(image, explorer.real)
    figures = "".join(
        f'<figure><img alt="training image" src="{_address(image)}"><figcaption>'
        f"{distance:.1f}</figcaption></figure>"
        for image, distance in zip(images, distances, strict=True)
    )
    usual = (
        f" The median distance of training images to their own nearest is"
        f" {explorer.usual:.1f}."
        if np.isfinite(explorer.usual)
        else ""
    )
    return (
        f'<div class="nearest">{figures}</div><p class="about">Among'
        f" {len(explorer.real):,} training images. Distances are root mean square"
        f" differences of pixels, from 0 to 255.{usual}</p>"
    )


def player(frames: np.ndarray, seeds: Sequence[int]) -> str:
    """Makes a walk to play: one picture of all frames, of which the page shows a part.

    Args:
        frames: uint8 `[S · F, H, W, C]`, a closed walk.
        seeds: the S seeds at which it stops.
    """
    count = len(frames)
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    _, height, width, channels = frames.shape
    whole = np.zeros((rows * columns, height, width, channels), np.uint8)
    whole[:count] = frames
    sprite = (
        whole.reshape(rows, columns, height, width, channels)
        .swapaxes(1, 2)
        .reshape(rows * height, columns * width, channels)
    )
    each = count // len(seeds)
    stops = "".join(
        f'<button class="stop" data-frame="{i * each}"><img alt="seed {seed}"'
        f' src="{_address(frames[i * each])}"><span>{seed}</span></button>'
        for i, seed in enumerate(seeds)
    )
    side = height * max(1, 256 // height)
    shape = f"width:min({side * width // height}px,100%);aspect-ratio:{width}/{height}"
    return (
        f'<div class="player" data-count="{count}" data-columns="{columns}"'
        f' data-rows="{rows}" data-seeds="{" ".join(map(str, seeds))}">'
        f'<div class="screen" style="{shape};'
        f"background-image:url({_address(sprite)});"
        f'background-size:{columns * 100}% {rows * 100}%"></div>'
        '<div class="side"><div class="bar"><button class="play">Pause</button>'
        f'<input type="range" class="place" min="0" max="{count - 1}" value="0"'
        ' aria-label="place on the walk"></div><p class="where"></p>'
        f'<div class="stops">{stops}</div></div></div>'
    )


def heading(
    explorer: Explorer, run: pathlib.Path, others: Sequence[tuple[str, Explorer]] = ()
) -> str:
    """Makes the head of the page: run, model and step.

    Args:
        explorer: of the first run.
        run: its directory.
        others: names and generators of other runs.
    """
    lines = [{"run": str(run), **generator.facts(explorer)}]
    lines += [{"run": name, **generator.facts(other)} for name, other in others]
    facts = "".join(
        '<div class="facts">'
        + "".join(
            f"<span><b>{escaped(name)}</b> {escaped(value)}</span>"
            for name, value in known.items()
        )
        + "</div>"
        for known in lines
    )
    title = "Generators side by side" if others else "Inside a generator"
    return f"<h1>{title}</h1>{facts}"


def save(explorer: Explorer, choice: Choice, folder: pathlib.Path) -> pathlib.Path:
    """Writes the picture of a choice, NUMBER.png, and the choice, NUMBER.json."""
    number = 1
    while (path := folder / f"{number:04d}.png").exists():
        number += 1
    trained = explorer.trained
    values = {
        x.name: v for x, v in zip(explorer.sliders, choice.values, strict=True) if v
    }
    latent = generator.vector(generator.latent(explorer, choice))
    chosen = {
        "model": trained.name,
        "step": trained.step,
        "seed": choice.seed,
        "label": choice.label if explorer.classes else None,
        **({"said": choice.said} if explorer.tell else {}),
        "sliders": values,
        "latent": np.asarray(latent)[0].tolist(),
    }
    report.write(path.with_suffix(".json"), json.dumps(chosen, indent=1))
    report.save_png(path, generator.picture(explorer, choice))
    return path


def _address(image: np.ndarray) -> str:
    file = io.BytesIO()
    grey = image.shape[-1] == 1
    Image.fromarray(image[..., 0] if grey else image).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def escaped(value: str) -> str:
    """Text for HTML."""
    return html.escape(value, quote=True)
