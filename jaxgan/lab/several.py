"""Experiments that are several runs, each in a directory of its own."""

import dataclasses
import pathlib
from typing import Any

import jax.numpy as jnp

from jaxgan import train
from jaxgan.lab import mnist, session


@dataclasses.dataclass(frozen=True)
class Setting:
    """One of the runs: what `mnist.fit` asks for."""

    run: train.Run
    data: mnist.Data
    model: Any


def part(config: Any, name: str, model: Any, seed: int | None = None) -> Setting:
    """A run of an experiment, in the directory `name` of its work directory.

    Args:
        config: the experiment's, with `run` and `data`.
        name: of the run.
        model: its own.
        seed: its own too, where it differs.
    """
    run = dataclasses.replace(
        config.run,
        workdir=config.run.workdir / name,
        seed=config.run.seed if seed is None else seed,
    )
    return Setting(run, config.data, model)


def fit_once(title: str, module: Any, setting: Setting, **options: Any) -> dict:
    """The results of a run that ended, or of one that is trained now.

    Args:
        title: as in `mnist.fit`.
        module: as in `mnist.fit`.
        setting: the run.
        options: as in `mnist.fit`.
    """
    done = session.finished(setting)
    if done is not None:
        return done
    return mnist.fit(title, module, setting, **options)[1]


def restore(run: pathlib.Path, module: Any) -> session.Restored:
    """The model and the state of a run on 28x28 images."""
    batch = {
        "image": jnp.zeros((1, mnist.SIZE, mnist.SIZE, 1)),
        "label": jnp.zeros(1, jnp.int32),
    }
    return session.restore(run, module, lambda config: batch)
