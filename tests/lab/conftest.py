"""Fixtures of the tests of the laboratory, besides the runs of `runs.py`."""

import pytest


@pytest.fixture(autouse=True)
def _undisturbed(undisturbed):
    """Commands that are called here leave the settings of the process alone."""
