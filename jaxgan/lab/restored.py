"""Restores the model, the configuration and a state from the directory of a run."""

import dataclasses
import importlib
import json
import pathlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax

from jaxgan import checkpoint, train
from jaxgan.game import algorithm
from jaxgan.models.model import Model, named


class Restored(NamedTuple):
    """What a run left.

    Attributes:
        name: what the model is called, such as dcgan.
        record: of the model.
        config: of the model.
        state: the one that was asked for.
        plain: the whole configuration of the run, as it was saved.
    """

    name: str
    record: Model
    config: Any
    state: Any
    plain: dict[str, Any]


def restore(
    run: pathlib.Path, *, best: bool = False, record: Model | None = None
) -> Restored:
    """Reads a run's configuration and one of its states; nothing is written.

    Args:
        run: its directory.
        best: whether to take the state that scored best, not the latest.
        record: of the model, where it is not one of the library's.

    Raises:
        ValueError: it is no run, or has no checkpoint.
    """
    name, record, config = described(run, record)
    like = jax.eval_shape(
        lambda key: algorithm(record.game(config)).init(
            key, record.batch(config, key, 2)
        ),
        jax.random.key(0),
    )
    state = None
    folder = run / (train.BEST if best else train.LATEST)
    if folder.is_dir():
        state = checkpoint.read(folder, like)
    if state is None and best:
        raise ValueError(
            f"{run} kept no best state; train it with --evaluate-every, or take the"
            " latest"
        )
    if state is None:
        raise ValueError(f"{run} has no checkpoint yet; let it train longer")
    return Restored(name, record, config, state, configuration(run))


def described(run: pathlib.Path, record: Model | None = None) -> tuple[str, Model, Any]:
    """The name of a run's model, its record and its configuration.

    Args:
        run: its directory; only config.json is read.
        record: of the model, where it is not one of the library's.

    Raises:
        ValueError: it is no run, or does not say which model it is of.
    """
    plain = configuration(run)
    name, kind = _named(plain)
    if record is None:
        record = _record(run, name)
    try:
        # The class of the configuration lies beside the one of the record, or is it.
        known = vars(importlib.import_module(record.config.__module__))
        made = known.get(kind, record.config)
        return name, record, made(**_before(made) | _tuples(plain["model"]))
    except (AttributeError, KeyError, TypeError):
        raise ValueError(
            f"{run / 'config.json'} is not the configuration of a {name}"
        ) from None


def configuration(run: pathlib.Path) -> dict[str, Any]:
    """The whole configuration that a run saved.

    Raises:
        ValueError: the directory holds no run, or the file is damaged.
    """
    path = run / "config.json"
    if not path.is_file():
        raise ValueError(
            f"{run} is not a run: it has no config.json; give the --workdir of a"
            " training run"
        )
    try:
        plain = json.loads(path.read_text())
    except (ValueError, RecursionError):
        plain = None
    if not isinstance(plain, dict):
        raise ValueError(f"{path} is damaged: it holds no configuration")
    return plain


def defaults(config: Any) -> dict[str, Any]:
    """What a configuration's fields were for runs that began before there were such.

    That is their default, or what their metadata calls `before`, where the library has
    another default now than what it did then.
    """
    found = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            found[field.name] = defaults(value)
        elif field.default is not dataclasses.MISSING:
            found[field.name] = field.metadata.get("before", field.default)
    return found


def _before(kind: Any) -> dict[str, Any]:
    """The fields of a class of configurations that say what was `before` them."""
    return {
        field.name: field.metadata["before"]
        for field in dataclasses.fields(kind)
        if "before" in field.metadata
    }


def _named(plain: Mapping[str, Any]) -> tuple[str, str]:
    """The names of the model and of the class of its configuration.

    A run has them as `jaxgan.models.dcgan.Config`. Models have moved between folders
    since old runs were written: only the name of the file counts.
    """
    path, _, kind = str(plain.get("game", "")).rpartition(".")
    return path.rpartition(".")[2] if path.startswith("jaxgan.models.") else "", kind


def _record(run: pathlib.Path, name: str) -> Model:
    if not name:
        raise ValueError(
            f"{run / 'config.json'} does not say which model it is of; give a run of an"
            " experiment that trains one"
        )
    return named(name)


def _tuples(value: Any) -> Any:
    """JSON's lists as the tuples they were."""
    if isinstance(value, dict):
        return {name: _tuples(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return tuple(_tuples(inner) for inner in value)
    return value
