"""Draws sweeps of codes, and the information of c1 over training."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.compose import ema_variables
from jaxgan.lab import figures, generator, restored
from jaxgan.lab.judges import scores
from jaxgan.models import infogan
from jaxgan.models.parts.classes import known
from jaxgan.train import directory

ROWS = 10  # rows of a sweep
VALUES = np.linspace(-2, 2, 9)  # values of a continuous code


def sweeps(
    model: infogan.Config, key: jax.Array, order: np.ndarray
) -> dict[str, jax.Array]:
    """Makes the generator's inputs for rows along which only one code changes.

    Args:
        model: the model.
        key: a random key, for the noise and the fixed codes.
        order: the categories in the order shown, `[categories]`.

    Returns:
        `[ROWS, columns, Z]` for each code: c1 has a column for each category; c2 and
        the others have one for each of `VALUES`, and their rows have the categories in
        turn.
    """
    noise, drawn = infogan.split(model, infogan.latent(model, key, ROWS))
    category = jnp.asarray(order[np.arange(ROWS) % len(order)])
    latent = infogan.join(model, noise, drawn._replace(category=category))
    values = [jnp.asarray(order), *[jnp.asarray(VALUES)] * model.continuous]
    return {
        f"c{code}": infogan.sweep(model, latent, code, along)
        for code, along in enumerate(values, 1)
    }


def draw_sweeps(path, parts, numbers) -> None:
    """Draws a row of panels for each run: rows along which only one code changes."""
    first = next(iter(parts.values())).model
    codes = 1 + first.continuous
    figure = figures.new(3.4 * codes, 3.7 * len(parts))
    panels = figure.subplots(len(parts), codes, squeeze=False)
    for row, (name, part) in zip(panels, parts.items(), strict=True):
        images, meanings = _swept(part, numbers[name])
        for axes, (code, tiles) in zip(row, images.items(), strict=True):
            above = [f"{value:g}" for value in VALUES] if code != "c1" else meanings
            figures.tiles(axes, tiles, [""] * ROWS, above)
            axes.set_title(f"{name}: {code}")
    about = "along a row one code changes; noise and other codes stay"
    figures.save(path, figure, about)


def _swept(part, found):
    """Makes the tiles of each code, and the meanings of the columns of c1."""
    model, meanings = part.model, found.get("meanings")
    order = np.arange(model.categories)
    if meanings is not None:
        order = np.argsort(meanings, kind="stable")
    state = restored.restore(part.run.workdir).state
    latents = sweeps(model, jax.random.key(part.run.seed + 3), order)
    every = jnp.concatenate([x.reshape(-1, x.shape[-1]) for x in latents.values()])
    draw = generator.Drawing(infogan.MODEL, model).compiled()
    images = np.asarray(draw(ema_variables(state), every, None))
    ends = np.cumsum([x.shape[0] * x.shape[1] for x in latents.values()])[:-1]
    tiles = {
        code: part.reshape(*latents[code].shape[:2], *part.shape[1:])
        for code, part in zip(latents, np.split(images, ends), strict=True)
    }
    if meanings is None:
        return tiles, [str(i) for i in order]
    names = [*figures.plain(found.get("classes", scores.DIGITS)), ""]
    return tiles, [names[meanings[i]] for i in order]


def draw_information(path, parts) -> None:
    """Draws the bound on the information about c1 in images, for every run."""
    figure = figures.new(6, 3)
    axes = figure.subplots()
    for name, part in parts.items():
        rows = directory.scalars(part.run.workdir)
        metric = "generator/information"
        points = [(row["step"], row[metric]) for row in rows if metric in row]
        style = {"lw": 1, "color": "C0" if part.model.inform else "C1"}
        axes.plot(*zip(*points, strict=True), label=name, **style)
    most = math.log(known(next(iter(parts.values())).model.categories))
    axes.axhline(most, color="grey", lw=1, ls=":", label="H(c1)")
    axes.set_ylim(-1, most + 0.3)
    axes.set_xlabel("step")
    axes.set_ylabel("bound on I(c1; image), nats")
    axes.legend(fontsize="small")
    axes.grid(alpha=0.3)
    figures.save(path, figure, "how much of c1 can be read off an image")
