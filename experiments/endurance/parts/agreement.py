"""Runs a process of `experiments.endurance.agreement`: trains and writes the states."""

import dataclasses
import pathlib
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax
import tyro

from jaxgan import parallel
from jaxgan.game import Algorithm, Game, algorithm
from jaxgan.lab import cli
from jaxgan.models import model as models
from jaxgan.models.model import Model

BATCH = 16
RATE = 0.01
Seen = dict[int, dict[str, np.ndarray]]  # steps -> path -> numbers


@dataclasses.dataclass(frozen=True)
class Layout:
    """A layout of devices to train on."""

    processes: int = 1
    devices: int = 1
    """Devices of each process."""
    fsdp: int = 1
    """Devices that share every array that can be split, however small."""
    pmap: bool = False

    @property
    def name(self) -> str:
        """Its name in the table."""
        if self.pmap:
            return f"pmap, {self.devices} devices"
        parts = [f"{self.processes} x {self.devices} devices"]
        return ", ".join(parts + ([f"fsdp {self.fsdp}"] if self.fsdp > 1 else []))


@dataclasses.dataclass(frozen=True)
class Meeting:
    """The flags by which the processes of a layout find each other."""

    processes: int = 1
    process: int = 0
    coordinator: str = ""


@dataclasses.dataclass(frozen=True)
class Config:
    """Which models to train, and where."""

    folder: pathlib.Path
    """Directory for the states, a file each."""
    layout: Layout
    run: Annotated[Meeting, tyro.conf.arg(name="")]
    models: tuple[str, ...]
    steps: tuple[int, ...]
    dtype: Literal["float32", "bfloat16"] = "float32"


def main(config: Config) -> None:
    """Trains the models; on one device, also what pmap is compared with."""
    for name in config.models:
        entry, layout = models.named(name), config.layout
        if config.dtype == "bfloat16":
            if "dtype" not in {
                field.name for field in dataclasses.fields(entry.config)
            }:
                continue
            tiny = dataclasses.replace(entry.tiny, dtype="bfloat16")
            entry = entry._replace(tiny=tiny)
        kinds = {"": play(entry, layout, config.steps)}
        if layout == Layout():
            kinds["_nudged"] = play(entry, layout, config.steps, nudge)
            kinds["_pmap"] = under_pmap(entry, config.steps, vmapped)
            kinds["_pmap_nudged"] = under_pmap(entry, config.steps, vmapped, nudge)
        for kind, seen in kinds.items():
            for steps, numbers in seen.items():
                path = config.folder / f"{name}_{steps}{kind}.npz"
                if parallel.is_main():
                    np.savez(path, **numbers)  # pyright: ignore[reportArgumentType]


def nudge(state: Any) -> Any:
    """Nudges every parameter of a state to the next number, up or down at random."""
    leaves, tree = jax.tree.flatten(state.params)
    rng = np.random.default_rng(0)
    near = [
        jnp.asarray(
            np.nextafter(x, rng.choice([-np.inf, np.inf], x.shape), dtype=x.dtype)
        )
        for x in map(np.asarray, leaves)
    ]
    return state.replace(params=jax.tree.unflatten(tree, near))


def gentle(game: Game) -> Game:
    """Makes the game train by plain gradient descent."""
    players = {
        name: dataclasses.replace(player, optimizer=optax.sgd(RATE))
        for name, player in game.players.items()
    }
    return dataclasses.replace(game, players=players)


def play(
    entry: Model, layout: Layout, steps: Sequence[int], start: Callable = lambda x: x
) -> Seen:
    """The state and the metrics after some steps.

    Every process of the layout must call this. It is empty if the layout does not suit
    the model.
    """
    if layout.pmap:
        return under_pmap(entry, steps, parallel.pmap)
    game = gentle(entry.game(entry.tiny))
    batch = entry.batch(entry.tiny, jax.random.key(1), BATCH)
    axis = int(game.repeats > 1)
    mesh = parallel.mesh(fsdp=layout.fsdp)
    run = algorithm(game, gather=parallel.gathering(mesh, _split_all))
    abstract = jax.eval_shape(run.init, jax.random.key(0), batch)
    places = parallel.shardings(mesh, abstract, _split_all)
    _, step = parallel.compiled(run, mesh, parallel.split(mesh, axis), places)
    init = jax.jit(lambda b: run.init(jax.random.key(0), b), out_shardings=places)
    batch = parallel.assemble(mesh, jax.device_get(batch), BATCH, axis)
    state, seen = start(init(batch)), {}
    for i in range(1, max(steps) + 1):
        state, metrics = step(state, batch)
        if i in steps:
            seen[i] = _numbers(parallel.gather(mesh, state), metrics)
    return seen


def _split_all(path, shape, size):
    return parallel.largest_axis(path, shape, size, least=1)


def under_pmap(
    entry: Model, steps: Sequence[int], mapped: Callable, begin: Callable = lambda x: x
) -> Seen:
    """The same on a mapped axis of eight shards, by `parallel.pmap` or `vmapped`."""
    batch = entry.batch(entry.tiny, jax.random.key(1), BATCH)
    game = gentle(entry.game(entry.tiny))
    start = jax.jit(algorithm(game).init)(jax.random.key(0), batch)
    if any("memory" in stats for stats in start.stats.values()):
        return {}  # under pmap, each device has its own memory
    axis = int(game.repeats > 1)
    shards = jax.tree.map(
        lambda x: jnp.moveaxis(
            x.reshape(*x.shape[:axis], 8, BATCH // 8, *x.shape[axis + 1 :]), axis, 0
        ),
        batch,
    )
    step = mapped(algorithm(game, axis_name="data")).step
    state, seen = begin(start), {}
    for i in range(1, max(steps) + 1):
        state, metrics = step(state, shards)
        if i in steps:
            seen[i] = _numbers(state, metrics)
    return seen


def vmapped(run: Algorithm) -> Algorithm:
    """`parallel.pmap` on one device."""
    step = jax.vmap(run.step, axis_name="data", in_axes=(None, 0))
    first = jax.jit(lambda *x: jax.tree.map(lambda y: y[0], step(*x)))
    return run._replace(step=first)


def _numbers(state, metrics) -> dict[str, np.ndarray]:
    def plain(x):
        if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
            x = jax.random.key_data(x)
        return np.asarray(x).astype(np.float64)

    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): plain(x)
        for path, x in jax.tree.leaves_with_path({"state": state, "metrics": metrics})
    }


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
