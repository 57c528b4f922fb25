"""Sliders, which change the latents of a model along directions and codes."""

import pathlib
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.analysis import latent as latents
from jaxgan.data import arrays
from jaxgan.lab.first_layer import first_layer

SMALL = 8  # latents of up to this many numbers get a slider for each number
REACH = 5.0  # how far a slider goes, in standard deviations of a latent number
Kind = Literal["found", "strongest", "code"]


class Slider(NamedTuple):
    """A way to change latents.

    Attributes:
        name: the name shown beside it.
        step: the change that it adds to a latent at value 1, `[Z]`.
        limit: its largest value, to both sides.
        kind: a direction found by another experiment, one of the strongest of the
            first layer, or single numbers of the latent.
    """

    name: str
    step: np.ndarray
    limit: float
    kind: Kind


def vector(latent: Any) -> jax.Array:
    """The numbers `[B, Z]` of latents that may have other parts, such as seeds."""
    (numbers,) = (x for x in jax.tree.leaves(latent) if _floating(x))
    return numbers


def with_vector(latent, numbers):
    """Replaces the numbers of latents, and leaves the rest as it is."""
    return jax.tree.map(lambda x: numbers if _floating(x) else x, latent)


def _floating(x):
    return jnp.issubdtype(x.dtype, jnp.floating)


def categories(trained):
    """The number of categories of an InfoGAN; 0 for other models."""
    return trained.config.categories if trained.name == "infogan" else 0


def read_directions(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Directions from a file, name -> `[Z]`.

    Raises:
        ValueError: there is no such file, or it is not an .npz of arrays.
    """
    try:
        with np.load(path, allow_pickle=False) as held:
            for entry in held.zip.infolist():  # pyright: ignore[reportOptionalMemberAccess]
                arrays.check_entry(entry)
            found = {name: held[name] for name in held.files}
        if not all(isinstance(member, np.ndarray) for member in found.values()):
            raise ValueError("not all of its members are arrays")
        return found
    except FileNotFoundError:
        raise ValueError(
            f"there is no file {path}; give one such as experiments.latent_arithmetic"
            " writes, directions.npz"
        ) from None
    except Exception:  # a damaged or hostile file can raise many types of errors
        raise ValueError(
            f"{path} is not an .npz with an array for each direction, such as"
            " experiments.latent_arithmetic writes"
        ) from None


def of_directions(directions, spread, size):
    """Sliders along given directions.

    Raises:
        ValueError: a direction does not fit the latents of this model.
    """
    sliders = []
    for name, direction in directions.items():
        if direction.shape != (size,):
            raise ValueError(
                f"direction {name!r} has shape {list(direction.shape)}, but latents of"
                f" this model have [{size}]; give directions of the same run"
            )
        if direction.dtype.kind not in "fiu":
            raise ValueError(
                f"direction {name!r} is of type {direction.dtype}; it must be of"
                " numbers"
            )
        length = np.linalg.norm(np.asarray(direction, np.float64))
        if not (np.isfinite(length) and length > 0):
            raise ValueError(
                f"direction {name!r} has length {length}; it must be finite and above 0"
            )
        step = np.asarray(direction / length * spread, np.float32)
        sliders.append(Slider(name, step, REACH, "found"))
    return sliders


def of_codes(trained, spread, size):
    """Makes sliders for single numbers, if latents have few of them or named ones."""
    if categories(trained):
        # Drawn from -1 to 1 in training; the paper shows -2 to 2.
        count = trained.config.continuous
        rows = np.eye(size, dtype=np.float32)[size - count :]
        return [Slider(f"c{i + 2}", row, 2.0, "code") for i, row in enumerate(rows)]
    if size > SMALL:
        return []
    rows = spread * np.eye(size, dtype=np.float32)
    return [Slider(f"z{i + 1}", row, 3.0, "code") for i, row in enumerate(rows)]


def of_strongest(trained, spread, count, size):
    """Makes sliders along the directions that the first layer stretches most."""
    weight = first_layer(trained)
    if weight is None or not count:
        return []
    found = latents.sefa(jnp.asarray(weight[:size]), min(count, size))
    # The mean of all eigenvalues is the trace divided by their number.
    usual = np.square(weight[:size]).sum() / size
    stretch = np.sqrt(np.asarray(found.eigenvalue) / usual)
    steps = np.zeros((len(stretch), len(weight)), np.float32)
    steps[:, :size] = spread * np.asarray(found.direction)
    return [
        Slider(f"{i + 1}: {times:.1f} times", step, REACH, "strongest")
        for i, (step, times) in enumerate(zip(steps, stretch, strict=True))
    ]


def noise(trained, latent):
    """How many of the first numbers of a latent are not codes."""
    if categories(trained):
        return trained.config.noise
    return vector(latent).shape[1]
