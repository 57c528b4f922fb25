"""Generative adversarial networks and capsule networks for JAX, as pure functions.

A model is a `Game` of `Player`s over named nets, and `algorithm(game)` makes the two
pure functions `init` and `step` of it:

    import jaxgan

    loss = jaxgan.losses.hinge_discriminator_loss(real, fake).mean()
    init, step = jaxgan.algorithm(game)
    state = init(key, batch)                # a jaxgan.TrainState
    state, metrics = step(state, batch)

The engine, each of these names directly in `jaxgan`:

    Game, Player, Move, Turn    the parts of a model
    algorithm, Algorithm        from a game to `init` and `step`
    TrainState, variables       the state of training, and the nets' variables in it
    pure                        a net as a function of its variables
    load                        an exported generator as functions
    tune_allocator              makes training on a CPU faster: call it first

The sub-packages and modules:

    losses          losses and penalties; their help states the conventions
    capsules        routing by agreement, EM routing, squash, capsule layers
    nets            nets of flax NNX, equinox and plain functions
    nn              layers shared by several papers
    metrics         Fréchet and kernel distance, precision and recall, and more
    models          one paper a file; `jaxgan.models.model.find()` lists them
    data            images in, batches out
    analysis        looking inside trained networks, and using them
    lab             from a model and data to a run, and from a run back to functions
    train           the training loop and the directory of a run
    game            the engine in full
    compose         algorithms from algorithms: many seeds, growing, scanned steps
    dynamics        schedules of moves, extragradient
    parallel        compiled steps on many devices and processes
    checkpoint      saving and restoring
    report          sheets, strips, curves, a page for a run

Nothing is imported before it is used: `import jaxgan.losses` brings in neither flax nor
anything that trains.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxgan import analysis as analysis
    from jaxgan import capsules as capsules
    from jaxgan import checkpoint as checkpoint
    from jaxgan import compose as compose
    from jaxgan import data as data
    from jaxgan import dynamics as dynamics
    from jaxgan import game as game
    from jaxgan import lab as lab
    from jaxgan import losses as losses
    from jaxgan import metrics as metrics
    from jaxgan import models as models
    from jaxgan import nets as nets
    from jaxgan import nn as nn
    from jaxgan import parallel as parallel
    from jaxgan import report as report
    from jaxgan import train as train
    from jaxgan.allocator import tune_allocator as tune_allocator
    from jaxgan.game import Algorithm as Algorithm
    from jaxgan.game import Game as Game
    from jaxgan.game import Move as Move
    from jaxgan.game import Player as Player
    from jaxgan.game import TrainState as TrainState
    from jaxgan.game import Turn as Turn
    from jaxgan.game import algorithm as algorithm
    from jaxgan.game import pure as pure
    from jaxgan.game import variables as variables
    from jaxgan.lab.exported import load as load

_MODULES = (
    "analysis capsules checkpoint compose data dynamics game lab losses metrics models"
    " nets nn parallel report train"
).split()
_HOMES = {
    "jaxgan.allocator": "tune_allocator",
    "jaxgan.game": (
        "Algorithm Game Move Player TrainState Turn algorithm pure variables"
    ),
    "jaxgan.lab.exported": "load",
}
_HOME = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = sorted([*_MODULES, *_HOME])  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    """Imports what is asked for, the first time that it is."""
    if name in _MODULES:
        return importlib.import_module(f"jaxgan.{name}")
    if name in _HOME:
        found = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = found
        return found
    if name == "__version__":
        return _version()
    raise AttributeError(f"module 'jaxgan' has no attribute {name!r}")


def _version() -> str:
    """The version that was installed, which is made from git tags."""
    from importlib import metadata

    try:
        return metadata.version("jaxgan")
    except metadata.PackageNotFoundError:
        raise AttributeError(
            "jaxgan has no __version__ until it is installed: pip install -e ."
        ) from None


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
