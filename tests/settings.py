"""Tells which settings of a configuration are read."""

import dataclasses
import sys
from typing import Literal, get_args, get_origin, get_type_hints

# Code that reads all fields alike: copies, comparisons and hashes of dataclasses.
ALIKE = (dataclasses.__file__, "<string>")


def watched(config, read):
    """A copy that adds to the set `read` the names of the fields that are asked for."""

    def note(self, name):
        if sys._getframe(1).f_code.co_filename not in ALIKE:
            read.add(name)
        return object.__getattribute__(self, name)

    # The checks of a configuration read all of it.
    changes = {"__getattribute__": note, "__post_init__": lambda self: None}
    kind = type(type(config).__name__, (type(config),), changes)
    copy = object.__new__(kind)
    copy.__dict__.update(vars(config))
    return copy


def varied(config):
    """Configurations that differ from this one in one word or one switch."""
    for name, kind in get_type_hints(type(config)).items():
        choices = get_args(kind) if get_origin(kind) is Literal else ()
        for value in (False, True) if kind is bool else choices:
            # Some words go only with a small step size, some with no step size at all.
            for more in ({}, {"learning_rate": 1e-3}):
                try:
                    yield dataclasses.replace(config, **{name: value}, **more)
                    break
                except (ValueError, TypeError):
                    continue
