"""Whose a directory is, where many runs start at once, or nothing can be locked."""

import errno
import fcntl
import json
import re
import subprocess
import sys

import pytest

from jaxgan.train import owner

# Processes that use no device: each claims the directory for its own number, and
# records whether it got it.
MANY = """
import os, pathlib, sys, time
from jaxgan import parallel
from jaxgan.train import owner
parallel.is_main = lambda: True
folder = pathlib.Path(sys.argv[1])
owner.check_shared = owner.directory.check_alike = lambda *_: None
begin = time.time() + 0.5
for number in range(30):
    if os.fork() == 0:
        time.sleep(max(0, begin - time.time()))
        try:
            with owner.owned(folder / "run", {"number": number}) as claim:
                time.sleep(number % 3 * 0.01)
                claim()
                time.sleep(number % 4 * 0.02)
            said = "won"
        except ValueError as error:
            said = str(error)
        (folder / str(number)).write_text(said)
        os._exit(0)
for _ in range(30):
    os.wait()
"""


def test_of_many_simultaneous_starts_one_wins_and_leaves_its_configuration(tmp_path):
    subprocess.run([sys.executable, "-c", MANY, tmp_path], check=True)
    said = {i: (tmp_path / str(i)).read_text() for i in range(30)}
    winners = [i for i, text in said.items() if text == "won"]
    assert len(winners) == 1, said
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config == {"number": winners[0]}
    for i in said.keys() - {*winners}:
        assert re.search(
            r"another process is training|holds a run of another configuration",
            said[i],
        ), said[i]
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == [
        owner.LOCK,
        "config.json",
    ]
    assert (tmp_path / "run" / owner.LOCK).read_text() == ""


def test_a_lock_says_who_holds_it_until_it_is_released(tmp_path):
    (tmp_path / owner.LOCK).write_text("process 1 on a host that crashed")
    with owner.alone(tmp_path):
        assert re.fullmatch(
            r"process \d+ on \S+, since \S+ \S+ UTC",
            (tmp_path / owner.LOCK).read_text(),
        )
    assert (tmp_path / owner.LOCK).read_text() == ""


def test_where_nothing_can_be_locked_a_warning_says_so(tmp_path, monkeypatch):
    def flock(file, how):
        # As NFS does with a file that is not open for writing.
        assert file.writable()
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    (tmp_path / owner.LOCK).write_text("process 7 on elsewhere")
    message = r"cannot be locked \(No locks available\).*as process 7 on elsewhere may"
    with pytest.warns(UserWarning, match=message), owner.alone(tmp_path):
        pass


def test_a_lock_of_a_lost_host_is_named_with_what_to_do(tmp_path, monkeypatch):
    def flock(file, how):
        raise BlockingIOError

    monkeypatch.setattr(fcntl, "flock", flock)
    (tmp_path / owner.LOCK).write_text("process 7 on elsewhere, since Monday")
    message = (
        r"\(process 7 on elsewhere, since Monday\).*gone for good, delete .*\.lock"
    )
    with pytest.raises(ValueError, match=message), owner.alone(tmp_path):
        pass
