"""Trains a model that draws images, with sheets of samples and their scores.

A command of such a model is its record, presets and a title:

    Config = generator.Training[lsgan.Config, Literal["laptop", "paper"]]

    def main(config: Config) -> None:
        generator.train("LSGAN", lsgan.MODEL, config)
"""

import dataclasses
import math
import pathlib
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Generic, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from jax.sharding import Mesh

from jaxgan import game as games
from jaxgan import parallel, report
from jaxgan.compose import ema_variables
from jaxgan.data import some
from jaxgan.game import Game
from jaxgan.lab import classes, feeds, neighbours, pixels, session, watch
from jaxgan.lab.data import Data, Set, open_set
from jaxgan.lab.session import Result
from jaxgan.models.model import Model
from jaxgan.train import Run, directory

BLOCK = 500  # images drawn together
COLUMNS = 10  # of the sheets of conditional models
ROWS = 20  # classes on them, at most
NEIGHBOURS = 8  # samples shown with their neighbours

Config_ = TypeVar("Config_")
Preset = TypeVar("Preset")
State = Any
Measure = Callable[[State, Set], Result]
Evaluate = Callable[[State], Mapping[str, float]]


@dataclasses.dataclass(frozen=True)
class Training(Generic[Config_, Preset]):
    """Training a model."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[Data, tyro.conf.arg(name="")]
    model: Config_
    preset: Preset = "laptop"  # type: ignore[assignment]
    """Settings to begin from; every other flag changes one of them."""


def train(
    title: str,
    record: Model,
    config: Any,
    *,
    opened: Set | None = None,
    game: Game | None = None,
    sheet: int = 100,
    evaluation: Callable[["Drawing", Set, Mesh], Evaluate | None] | None = None,
    measure: Measure | None = None,
    start: Callable[[State], State] | None = None,
) -> Result:
    """Trains a model, or goes on, and measures what it draws at the end.

    Args:
        title: of the report.
        record: of the model.
        config: of the command: `run`, `data` and `model`.
        opened: the set to train on; what `config.data` names if left out.
        game: what is played, where it is not `record.game(config.model)`.
        sheet: samples on a sheet of a model without classes.
        evaluation: `evaluation(drawing, opened, mesh)` gives what scores a state while
            it trains, in every process, or None; see `session.train`.
        measure: `measure(state, opened)` at the end; its numbers and pictures join the
            report.
        start: changes the first state, as in `session.train`.

    Raises:
        ValueError: the data does not fit the model, or the directory not the run.
    """
    config, opened = prepared(record, config, opened)
    model, run = config.model, config.run
    drawing = Drawing(record, model)
    work = session.begin(title, config, opened)
    game = record.game(model) if game is None else game
    latent, labels = drawing.sheet(jax.random.key(run.seed + 1), sheet)
    draw = drawing.compiled()
    together = parallel.shared(draw, work.mesh)
    rows = (-1, COLUMNS) if drawing.classes else (-1,)

    watched = watch.watcher(opened) if parallel.is_main() else None

    def look(state):
        kinds = {"ema": ema_variables(state), "raw": games.variables(state)}
        drawn = {name: together(nets, latent, labels) for name, nets in kinds.items()}
        return state.step, drawn

    def tiled(images):
        images = np.asarray(drawing.to_bytes(images))
        return images.reshape(*rows, *images.shape[1:])

    def show(seen):
        step, drawn = seen
        sheets = {name: tiled(images) for name, images in drawn.items()}
        if watched is None or not int(step):  # what is untrained says nothing
            return sheets
        ema = sheets["ema"]
        return sheets | watched(ema.reshape(-1, *ema.shape[-3:]))

    def done(state):
        found = Result({}, {}) if measure is None else measure(state, opened)
        ema = tiled(draw(ema_variables(state), latent, labels))
        samples = _samples(run, ema, opened)
        return Result(
            samples.numbers | found.numbers, {**found.pictures, **samples.pictures}
        )

    return session.train(
        work,
        game,
        feeds.feed(opened, run, work.mesh, game.repeats, record.range),
        show=show,
        measure=done,
        evaluate=evaluation(drawing, opened, work.mesh) if evaluation else None,
        start=start,
        look=look,
        then=_then(run),
    )


def _then(run: Run) -> dict[str, str]:
    """What to try on a run that draws, each with what it does."""
    place = shlex.quote(str(run.workdir))
    longer = re.sub(r" --steps \S+", "", session.command())
    module = "python -m experiments"
    return {
        f"{module}.sample --run {place}": "Draw more samples, and a walk among them.",
        f"{module}.evaluate --run {place}": "Measure them, with a Fréchet distance.",
        f"{module}.explore --run {place}": "Turn its directions by hand, in a browser.",
        f"{longer} --steps {2 * run.steps}": "Train twice as long, from where it ends.",
    }


def prepared(record: Model, config: Any, opened: Set | None = None) -> tuple[Any, Set]:
    """Opens the data of a model; one that is told of classes gets their number from it.

    Args:
        record: of the model.
        config: of the command: `run`, `data` and `model`.
        opened: the set to train on; what `config.data` names if left out.

    Raises:
        ValueError: the data does not fit the model.
    """
    if opened is None:
        shape = image_shape(record, config.model)
        opened = open_set(config.data, shape, test=True)
    if record.labels and config.model.classes != 0:
        model, opened = classes.counted(config.model, opened)
        config = dataclasses.replace(config, model=model)
    return config, opened


def image_shape(record: Model, model: Any) -> tuple[int, int, int]:
    """Height, width and channels of the images that a model plays on.

    Raises:
        ValueError: it plays on something else.
    """
    batch = jax.eval_shape(lambda: record.batch(model, jax.random.key(0), 2))
    image = batch.get("image") if isinstance(batch, Mapping) else None
    if image is None or image.ndim < 4:
        raise ValueError(f"{record.config.__module__} is not a model of images")
    return image.shape[-3:]


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A model as something that draws.

    Attributes:
        record: of the model.
        model: its configuration.
    """

    record: Model
    model: Any

    @property
    def classes(self) -> int:
        """How many classes the generator is told of; 0 where it takes no labels."""
        return self.model.classes if self.record.labels else 0

    def latent(self, key: jax.Array, count: int) -> Any:
        """Draws latents `[count, Z]`, or what the model has for them."""
        assert self.record.latent is not None
        return self.record.latent(self.model, key, count)

    def compiled(self) -> Callable[..., jax.Array]:
        """`draw(variables, latent, labels) -> images` as the model has them."""
        assert self.record.sample is not None
        sample = self.record.sample

        @jax.jit
        def draw(variables, latent, labels):
            given = (labels,) if self.classes else ()
            return sample(self.model, variables, latent, *given)

        return draw

    def to_bytes(self, images: jax.Array) -> jax.Array:
        """Images as the model has them to bytes."""
        return pixels.to_bytes(images, self.record.range)

    def to_unit(self, images: Any) -> Any:
        """Images as the model has them to floats in [0, 1]."""
        low, high = self.record.range
        return images if (low, high) == (0, 1) else (images - low) / (high - low)

    def sheet(self, key: jax.Array, count: int) -> tuple[Any, np.ndarray]:
        """Latents and labels of a sheet.

        With classes, a row shows one of them, for `ROWS` at most, and a column one
        latent; without, there are `count` latents.
        """
        if not self.classes:
            return self.latent(key, count), np.zeros(count, np.int32)
        rows = min(self.classes, ROWS)
        columns = self.latent(key, COLUMNS)
        tiled = jax.tree.map(
            lambda x: jnp.tile(x, (rows,) + (1,) * (x.ndim - 1)), columns
        )
        return tiled, np.repeat(np.arange(rows), COLUMNS)

    def many(
        self, draw: Callable, variables: Any, key: jax.Array, count: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draws images in blocks of one size, classes in turn.

        Args:
            draw: of `compiled`, or that as `parallel.shared` among devices.
            variables: of the nets.
            key: of the latents.
            count: how many.

        Returns:
            Images `[count, H, W, C]` as the model has them, and their labels `[count]`.
        """
        images, labels = [], []
        for i in range(-(-count // BLOCK)):
            latent = self.latent(jax.random.fold_in(key, i), BLOCK)
            label = np.arange(i * BLOCK, (i + 1) * BLOCK) % max(1, self.classes)
            images.append(np.asarray(draw(variables, latent, label)))
            labels.append(label)
        return np.concatenate(images)[:count], np.concatenate(labels)[:count]


def _samples(run: Run, ema: np.ndarray, opened: Set) -> Result:
    """What a report shows of samples, drawn from the sheets of the whole run.

    Args:
        run: the run.
        ema: the images of its last sheet, in rows where these are of classes.
        opened: the data.
    """
    found = {name: directory.sheets(run.workdir, name) for name in ("ema", "raw")}
    strip = run.workdir / directory.STRIP
    report.save_png(strip, report.strip(found["ema"], tile=ema.shape[-3]))
    last = max(found["ema"])
    pictures = {
        f"Step {last}: moving average of the weights": found["ema"][last],
        f"Step {last}: the weights themselves": found["raw"][last],
        "The same latents over time": strip,
    }
    if ema.ndim == 5:
        from jaxgan.lab import figures  # matplotlib takes a while to import

        path = run.workdir / directory.CLASSES
        figures.save_rows(path, ema, opened.classes[: len(ema)])
        ema = ema.reshape(-1, *ema.shape[2:])
        pictures = {"A row a class, a column a latent": path} | pictures
    if opened.arrays is None:
        return Result({}, pictures)
    ratio, also = _neighbours(run, ema, opened)
    found = {"distance_to_data": ratio} if math.isfinite(ratio) else {}
    return Result(found, pictures | also)


def _neighbours(
    run: Run, samples: np.ndarray, opened: Set
) -> tuple[float, dict[str, pathlib.Path]]:
    """Draws samples beside the training images nearest to them.

    Returns:
        The median distance of a sample to the nearest training image, divided by that
        of training images among themselves: far below 1 where images were memorised;
        NaN where there is one image, or all are alike. And the picture.
    """
    assert opened.arrays is not None
    data, mirrored = opened.arrays["image"], opened.data.flip
    near = min(3, len(data))
    index, distance = neighbours.nearest(samples, data, near, mirrored=mirrored)
    path = run.workdir / directory.NEIGHBOURS
    rows = [samples[:NEIGHBOURS, None], neighbours.take(data, index[:NEIGHBOURS])]
    tiles = np.concatenate(rows, axis=1).reshape(-1, *data.shape[1:])
    report.save_png(path, report.sheet(tiles, 1 + near))
    about = "Samples (left) and the training images nearest to them"
    about += ", mirrored or not" if mirrored else ""
    ratio = float(np.median(distance[:, 0])) / _apart(data, len(samples), mirrored)
    if math.isfinite(ratio):
        about += f": the median distance is {ratio:.2f} of that between training images"
    return ratio, {about: path}


def _apart(images: np.ndarray, count: int, mirrored: bool) -> float:
    """The median distance of images to the nearest other one; NaN if there is none."""
    if len(images) == 1:
        return math.nan
    among = some(len(images), count)
    _, distance = neighbours.nearest(images[among], images, 2, mirrored=mirrored)
    return float(np.median(distance[:, 1])) or math.nan  # [:, 0] is the image itself
