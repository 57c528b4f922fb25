"""Every number that a command lets a user set has a bound, and the bound is asked."""

import dataclasses
import importlib
import pkgutil
import types
from typing import Annotated, Union, get_args, get_origin, get_type_hints

import pytest

import experiments
from jaxgan import bounds


def numbers(kind, bounded=False):
    """Whether each number in an annotation has a bound."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        found = bounded or any(isinstance(x, bounds.Within) for x in arguments[1:])
        yield from numbers(arguments[0], found)
    elif origin in (Union, types.UnionType, tuple):
        for inner in arguments:
            yield from numbers(inner, bounded)
    elif kind in (int, float):
        yield bounded


def settings(config):
    """All dataclasses of a configuration, itself too."""
    kind = get_origin(config) or config
    if not dataclasses.is_dataclass(kind):
        return
    yield kind
    hints = get_type_hints(kind, include_extras=True)
    for hint in [*hints.values(), *get_args(config)]:
        marked = get_origin(hint) is Annotated
        yield from settings(get_args(hint)[0] if marked else hint)


def commands():
    for module in pkgutil.walk_packages(experiments.__path__, "experiments."):
        if module.name.endswith("__main__") or ".parts" in module.name:
            continue
        loaded = importlib.import_module(module.name)
        if hasattr(loaded, "main") and hasattr(loaded, "Config"):
            yield loaded.Config


def test_every_number_has_a_bound():
    kinds = {kind for config in commands() for kind in settings(config)}
    assert len(kinds) > 60
    free = [
        f"{kind.__module__}.{kind.__qualname__}.{name}"
        for kind in kinds
        for name, hint in get_type_hints(kind, include_extras=True).items()
        if not all(numbers(hint))
    ]
    assert not sorted(free)
    unasked = [
        f"{kind.__module__}.{kind.__qualname__}"
        for kind in kinds
        if any(True for x in get_type_hints(kind, include_extras=True).values()
               for _ in numbers(x)) and not hasattr(kind, "__post_init__")
    ]  # fmt: skip
    assert not sorted(unasked)


@pytest.mark.parametrize("seed", [-1, 2**32, 2**32 + 5])
def test_a_seed_has_the_bits_of_a_key(seed):
    """A key has 32 bits: seed 2^32 + 5 would begin with the weights of seed 5."""
    from jaxgan.data.synthetic import digits, faces
    from jaxgan.train import Run

    with pytest.raises(ValueError, match="--seed is .* at least 0 and at most 4.29"):
        Run("runs/x", seed=seed)
    with pytest.raises(ValueError, match=f"seed is {seed}; it must be"):
        digits.example_key(seed, 0)
    with pytest.raises(ValueError, match=f"seed is {seed}; it must be"):
        faces.dataset(seed, 1, 16)
    Run("runs/x", seed=2**32 - 1)
    digits.example_key(2**32 - 1, 0)
