"""The record that describes a model, and functions that find all models.

A model file ends with `MODEL = Model(...)`. The conformance suite, the laboratory, its
commands and the tables find it there; nothing else needs editing.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax

from jaxgan.game import Batch, Game, Variables


class Model(NamedTuple):
    """All that the laboratory needs to know about a model.

    Attributes:
        paper: arXiv id, or authors and year.
        config: the frozen dataclass of its settings, the paper's values as defaults.
        game: `game(config) -> Game`.
        batch: `batch(config, key, n)` makes random numbers in the form of the training
            data: `[n, ...]`, or `[k, n, ...]` where a step takes k minibatches. Its
            names are those of the data, such as `image` and `label`; it has no latents.
        show: `show(config, variables, key, batch) -> {name: images}` makes pictures of
            the model. `batch` is one minibatch (without k), and there are as many
            images as it has examples. None for models of vectors and for those that
            draw nothing.
        tiny: the config for the conformance suite: the smallest nets that have all
            parts.
        latent: `latent(config, key, n)` draws what `sample` takes.
        sample: `sample(config, variables, latent) -> images`, and
            `sample(config, variables, latent, label)` where `labels`.
        labels: whether `sample` takes classes; there are `config.classes`, or as many
            as the data has if that is None.
        range: the smallest and the largest value of a pixel, in batches and samples.
        still: paths of owned parameters whose gradient is zero for algebraic reasons.
        exact: whether a step draws nothing at random if the batch has a `latent`, and
            the gradient of a batch is the mean of the gradients of its parts.
    """

    paper: str
    config: type
    game: Callable[[Any], Game]
    batch: Callable[[Any, jax.Array, int], Batch]
    show: Callable[[Any, Variables, jax.Array, Batch], Mapping[str, jax.Array]] | None
    tiny: Any
    latent: Callable[[Any, jax.Array, int], Any] | None = None
    sample: Callable[..., jax.Array] | None = None
    labels: bool = False
    range: tuple[float, float] = (0.0, 1.0)
    still: tuple[str, ...] = ()
    exact: bool = False


def find() -> dict[str, Model]:
    """Finds every model of the library, by the name of its file, in order of names."""
    import jaxgan.models as models

    found = {}
    for module in pkgutil.walk_packages(models.__path__, models.__name__ + "."):
        record = getattr(importlib.import_module(module.name), "MODEL", None)
        if record is not None:
            found[module.name.rpartition(".")[2]] = record
    return dict(sorted(found.items()))


def named(name: str) -> Model:
    """Finds the model whose file has this name, anywhere below `jaxgan.models`.

    Raises:
        ValueError: there is no such model.
    """
    import jaxgan.models as models

    for module in pkgutil.walk_packages(models.__path__, models.__name__ + "."):
        if module.name.rpartition(".")[2] == name:
            record = getattr(importlib.import_module(module.name), "MODEL", None)
            if record is not None:
                return record
    raise ValueError(f"jaxgan has no model {name!r}; it has {', '.join(find())}")
