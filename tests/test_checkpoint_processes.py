"""Checkpoints of two processes of which one cannot read its part."""

import subprocess
import sys

import pytest

from experiments.endurance.parts import processes

pytestmark = pytest.mark.slow
SCRIPT = """
import pathlib, sys, warnings
import jax, numpy as np
from jaxgan import checkpoint, parallel
from jaxgan.checkpoint import reading

process, port, place = int(sys.argv[1]), *sys.argv[2:]
parallel.start(2, process, f"127.0.0.1:{port}")
values, read_once = np.arange(64, dtype=np.float32), reading._read_once
like = {"a": jax.make_array_from_callback(
    values.shape, parallel.split(parallel.mesh()), lambda part: values[part]
)}

def failing(error):
    def read(folder, like):
        if folder.name == "2" and process == 1:
            raise error
        return read_once(folder, like)
    reading._read_once = read

with checkpoint.manager(pathlib.Path(place)) as checkpoints:
    for step in (1, 2):
        checkpoint.save(checkpoints, step, like, {})
    for error in (
        PermissionError(13, "Permission denied"), OSError(5, "Input/output error"),
        MemoryError(), RuntimeError("an accelerator"),
    ):
        failing(error)
        try:
            checkpoint.restore(checkpoints, like)
        except checkpoint.CheckpointError as found:
            said = str(found)
        assert f"c/2 cannot be read ({type(error).__name__}" in said, said
        assert sorted(checkpoints.all_steps()) == [1, 2]
    failing(FileNotFoundError(2, "No such file"))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        again = checkpoint.restore(checkpoints, like)
    assert "step 2: FileNotFoundError" in str(told[-1].message), told
    for shard in again["a"].addressable_shards:
        np.testing.assert_array_equal(shard.data, values[shard.index])
"""


def test_what_one_of_two_cannot_read_stops_both_and_what_is_damaged_neither(tmp_path):
    port = processes.free_port()
    started = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(i), str(port), tmp_path / "c"],
            env=processes.environment(2, {}), stderr=subprocess.PIPE, text=True,
        )
        for i in range(2)
    ]  # fmt: skip
    said = [process.communicate(timeout=200)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0], said
