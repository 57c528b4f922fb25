"""A whole run, for the tests that compare another with it."""

import pytest
from loops import make_run, play


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of eight steps that nothing interrupted."""
    workdir = tmp_path_factory.mktemp("whole")
    return workdir, play(make_run(workdir))
