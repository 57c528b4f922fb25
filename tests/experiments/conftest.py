"""Fixtures of the tests of commands, besides the runs of `runs.py`."""

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _undisturbed(undisturbed):
    """Commands that are called here leave the settings of the process alone."""


@pytest.fixture(scope="session")
def bars(tmp_path_factory):
    """An npz of 60 small labelled pictures: a bar on the left, in the middle, right."""
    path = tmp_path_factory.mktemp("data") / "bars.npz"
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 60)
    images = rng.integers(0, 60, (60, 17, 17), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[:, 5 * label : 5 * label + 4] += 190
    np.savez(path, images=images, labels=labels)
    return path
