"""What the tests of experiments share."""

import pytest

from experiments import _cli


@pytest.fixture(autouse=True)
def undisturbed(monkeypatch):
    """No compilation cache and no allocator settings, which would outlast the test."""
    monkeypatch.setattr(_cli, "_cache_compilations", lambda: None)
    monkeypatch.setattr(_cli, "tune_allocator", lambda: None)
