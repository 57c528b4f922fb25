"""The suite's own parts: the duration budget, and the programs that are kept."""

import ast
import os
import pathlib
import subprocess
import sys

import kept_programs
import pytest

TESTS = pathlib.Path(__file__).parent
# What `pip install -e ".[test]"` does not bring, and CI installs beside it.
OPTIONAL = {"torch", "torch_fidelity", "prdc", "skimage", "gradio", "selenium"}

BURNING = """
import pytest, subprocess, sys, time

BURN = "import time\\nwhile time.process_time() < 0.6: pass"

def test_cheap(): pass

def test_sleeps(): time.sleep(0.6)

def test_dear(): exec(BURN.replace("0.6", str(time.process_time() + 0.6)))

def test_dear_child(): subprocess.run([sys.executable, "-c", BURN])

@pytest.mark.slow
def test_slow(): test_dear()

@pytest.mark.slow
@pytest.mark.timeout(1)
def test_hangs(): time.sleep(30)
"""


def run_pytest(folder, **environment):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "budget", "-rf", "-q", "x_test.py"],
        env=os.environ | {"PYTHONPATH": str(TESTS)} | environment,
        cwd=folder,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout


def test_a_dear_test_fails_with_its_time_unless_it_is_slow(tmp_path):
    (tmp_path / "x_test.py").write_text(BURNING)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow\ntimeout = 25\n")
    code, printed = run_pytest(tmp_path, JAXGAN_TEST_BUDGET="0.5")
    assert code == 1
    failed = {line.split()[1] for line in printed.splitlines() if "FAILED" in line}
    assert failed == {
        f"x_test.py::{name}" for name in ("test_dear", "test_dear_child", "test_hangs")
    }
    assert "x_test.py::test_dear passed, but took 0.6 s of processor time" in printed
    assert "Timeout" in printed


def test_files_with_slow_tests_come_first(tmp_path):
    (tmp_path / "a_test.py").write_text("def test_cheap(): pass")
    (tmp_path / "x_test.py").write_text(BURNING.replace("@pytest.mark.timeout(1)", ""))
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow\n")
    options = ["-p", "budget", "--collect-only", "-q", "--rootdir", tmp_path]
    shown = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "a_test.py", "x_test.py"],
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        cwd=tmp_path, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert shown.index("x_test.py::test_hangs") < shown.index("a_test.py::test_cheap")


def test_no_budget_no_failures(tmp_path):
    (tmp_path / "x_test.py").write_text(BURNING.partition("@pytest")[0])
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow\n")
    code, printed = run_pytest(tmp_path, JAXGAN_TEST_BUDGET="0")
    assert code == 0, printed


def test_entries_are_linked_both_ways_and_never_replaced(tmp_path):
    shared, own = tmp_path / "shared", tmp_path / "own"
    for folder, entries in ((shared, "ab"), (own, "bc")):
        folder.mkdir()
        for name in entries:
            (folder / name).write_text(f"{folder.name} {name}")
    kept_programs.link(own, shared)
    assert [(path.name, path.read_text()) for path in sorted(shared.iterdir())] == [
        ("a", "shared a"),
        ("b", "shared b"),
        ("c", "own c"),
    ]
    kept_programs.link(shared, own)
    assert sorted(path.name for path in own.iterdir()) == ["a", "b", "c"]


def test_old_entries_go_and_the_newest_stay_within_the_size(tmp_path):
    now = 2_000_000_000
    for name, age in (("old", 100), ("third", 3), ("second", 2), ("first", 1)):
        (tmp_path / name).write_bytes(bytes(10))
        os.utime(tmp_path / name, (now - age, now - age))
    kept_programs.trim(tmp_path, age=50, size=100, now=now)
    assert sorted(os.listdir(tmp_path)) == ["first", "second", "third"]
    kept_programs.trim(tmp_path, age=50, size=20, now=now)
    assert sorted(os.listdir(tmp_path)) == ["first", "second"]


KEEPING = """
import os, pathlib, kept_programs
kept_programs.start()
import jax
jax.monitoring.register_event_listener(lambda name, **_: print(name))
jax.jit(lambda x: x + {added})(1.0)
kept_programs.finish()
print("left", *os.listdir(pathlib.Path(os.environ["XDG_CACHE_HOME"]) / "jaxgan/tests"))
"""


@pytest.mark.parametrize("kept", [True, False])
def test_a_second_run_compiles_nothing_that_the_first_compiled(tmp_path, kept):
    (tmp_path / "jaxgan" / "tests").mkdir(parents=True)
    environment = os.environ | {
        "PYTHONPATH": str(TESTS),
        "XDG_CACHE_HOME": str(tmp_path),
        "JAXGAN_TEST_CACHE": "1" if kept else "0",
        "JAX_PLATFORMS": "cpu",
    }
    runs = [
        subprocess.run(
            [sys.executable, "-c", KEEPING.format(added=added)],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for added in (1, 1, 2)
    ]
    hits = ["/jax/compilation_cache/cache_hits" in run for run in runs]
    assert hits == [False, kept, False]
    assert all(len(run.splitlines()[-1].split()) == 1 + kept for run in runs)


def test_a_folder_that_cannot_be_written_to_only_costs_time(tmp_path):
    (tmp_path / "jaxgan").write_text("a file where the folder should be")
    subprocess.run(
        [sys.executable, "-c", KEEPING.partition('print("left')[0].format(added=1)],
        env=os.environ | {"PYTHONPATH": str(TESTS), "XDG_CACHE_HOME": str(tmp_path)},
        check=True,
    )


def test_no_test_file_needs_what_the_test_extra_does_not_bring():
    """Such packages are imported inside tests, by `pytest.importorskip`."""
    wrong = []
    for path in TESTS.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            wrong += [f"{path}: {n}" for n in names if n.split(".")[0] in OPTIONAL]
    assert not wrong
