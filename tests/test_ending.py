"""Processes that end together: what one of three does, and what the others say."""

import pathlib
import re
import signal
import subprocess
import sys
import time

import jax
import pytest

from experiments.endurance.parts import processes

PODS = pathlib.Path(__file__).parents[1] / "docs" / "pods.md"
PATIENCE = 120  # seconds, on a machine that does much else
pytestmark = pytest.mark.slow
SCRIPT = """
import os, pathlib, signal, sys, time
from jaxgan import parallel
from jaxgan.train import owner
process, port, case, context, folder = int(sys.argv[1]), *sys.argv[2:]
folder = pathlib.Path(folder)

def body():
    assert parallel.told(f"of {process}") == "of 0"
    assert parallel.gathered(f"of {process}") == ["of 0", "of 1", "of 2"]
    assert parallel.agreed(process == 0)
    if case == "raises 0" and process == 0: raise KeyError("mine")
    if case == "raises 1" and process == 1: raise KeyError("mine")
    if case == "exits" and process == 1: sys.exit(5)
    if case == "terminated" and process == 1:
        os.kill(os.getpid(), signal.SIGTERM)
    if case == "unshared":
        (folder / "a").mkdir(exist_ok=True)
        owner.check_shared(folder / "a")
        if process == 0: (folder / "0").mkdir()
        owner.SEEN_WITHIN = 1
        owner.check_shared(folder / str(min(process, 1)))
    if case == "draws":
        if process == 0: time.sleep(3)
        return
    if case == "stops":
        if process == 1: parallel.ask_to_stop(15)
        while not (number := parallel.preempted()): time.sleep(0.01)
        calls = parallel.gathered(str(parallel.ending._link.calls))
        assert len(set(calls)) == 1, calls
        sys.exit(number if process == 2 else 0)
    parallel.told("") if process else time.sleep(200)

started = parallel.start(3, process, f"127.0.0.1:{port}")
if context == "with":
    with started: body()
else:
    body()
"""


def play(case, context, folder=""):
    port = processes.free_port()
    started = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(i), str(port), case, context, folder],
            env=processes.environment(1, {}), stderr=subprocess.PIPE, text=True,
        )
        for i in range(3)
    ]  # fmt: skip
    began = time.monotonic()
    said = [process.communicate(timeout=PATIENCE)[1] for process in started]
    assert time.monotonic() - began < PATIENCE
    return [process.returncode for process in started], said


@pytest.mark.parametrize(
    ("case", "context", "code", "first", "why"),
    [
        ("raises 0", "with", 1, 0, "KeyError: 'mine'"),
        ("raises 1", "plain", 1, 1, "KeyError: 'mine'"),
        ("exits", "with", 5, 1, "it exited with 5"),
        ("terminated", "plain", 128 + signal.SIGTERM, 1, "it was stopped by SIGTERM"),
    ],
)
def test_if_one_fails_all_end_and_say_why(case, context, code, first, why):
    codes, said = play(case, context)
    assert codes == [code] * 3, said
    for process in {0, 1, 2} - {first}:
        message = rf"process {first} of 3, on \S+, ended \({why}\), and process"
        assert re.search(rf"{message} {process} ends with it$", said[process], re.M)
    assert ("Traceback" in said[first]) == ("raises" in case)


def test_the_others_wait_for_one_that_takes_long_and_stop_at_one_call():
    assert play("draws", "plain") == ([0] * 3, [""] * 3)
    codes, said = play("stops", "with")
    assert codes == [signal.SIGTERM] * 3, said


def test_a_folder_that_is_not_shared_is_refused_by_all(tmp_path):
    codes, said = play("unshared", "with", str(tmp_path))
    assert codes == [1] * 3
    for text in said:
        assert re.search(
            r"ValueError: process 1 on \S+ does not see the work directory of"
            rf" process 0, \S+:{tmp_path}/0, nor do 1 more; give a --workdir",
            text,
        ), text
    assert not list(tmp_path.glob("*/*"))


@pytest.mark.parametrize("process", [0, 1])
def test_one_that_waits_in_vain_for_the_others_says_so(process):
    address = f"127.0.0.1:{processes.free_port()}"
    script = (
        "from jaxgan.parallel import processes as p; p._LATE, p.MEETING = 0.5, 1;"
        f" p.start(2, {process}, '{address}')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env=processes.environment(1, {}), stderr=subprocess.PIPE, text=True, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 2
    assert re.search(
        f"error: process {process} of 2 waited for the others at {address} in vain;"
        " start all of them with the same --processes and --coordinator, and each with",
        ended.stderr,
    )


def test_the_script_of_the_page_about_pods_runs(tmp_path):
    script = re.findall(r"```python\n(.*?)```", PODS.read_text(), re.DOTALL)[0]
    script = script.replace("127.0.0.1:1234", f"127.0.0.1:{processes.free_port()}")
    (tmp_path / "script.py").write_text(script)
    more = {
        "PYTHONPATH": str(PODS.parents[1]),
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "JAX_COMPILATION_CACHE_DIR": str(jax.config.jax_compilation_cache_dir),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
    }
    started = [
        subprocess.Popen(
            [sys.executable, tmp_path / "script.py", str(i)], cwd=PODS.parents[1],
            env=processes.environment(2, more),
            stdout=subprocess.PIPE, text=True,
        )
        for i in range(2)
    ]  # fmt: skip
    said = [process.communicate(timeout=PATIENCE)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert re.search(r"^step 10: \d\.\d+$", said[0], re.M)
    assert "step" not in said[1]
