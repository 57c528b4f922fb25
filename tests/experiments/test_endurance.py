"""The measures of the endurance commands; test_processes has the processes."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
from commands import call

from experiments.endurance import agreement, fuzz, kills, soak
from experiments.endurance.fuzz import command_lines, damage, images, pool, trial
from experiments.endurance.parts import agreement as agreement_
from experiments.endurance.parts import processes
from jaxgan import parallel, train
from jaxgan.models import model as models


def test_deviation_is_the_largest_difference_in_two_measures():
    one = {"a": np.array([1.0, 2.0]), "b": np.array(0.5), "c": np.zeros((0, 2))}
    other = {"a": np.array([1.0, 3.0]), "b": np.array(0.5), "c": np.zeros((0, 2))}
    found = agreement.deviation(one, other)
    assert found == {"of 1 + |b|": 1 / 4, "of the array": 1 / 3}
    assert set(agreement.deviation(one, one).values()) == {0.0}
    tiny = agreement.deviation({"a": np.array(1e-6)}, {"a": np.array(0.0)})
    assert tiny["of the array"] == pytest.approx(1e-6 / agreement.LEAST)
    with pytest.raises(ValueError, match="the states differ in .'b'"):
        agreement.deviation({"a": one["a"]}, {"a": one["a"], "b": one["b"]})


@pytest.mark.slow
def test_layouts_agree_in_one_process():
    entry = models.named("autoencoder")
    eight = agreement_.play(entry, agreement_.Layout(devices=8, fsdp=4), (1, 2))
    mapped = agreement_.under_pmap(entry, (2,), agreement_.vmapped)
    on_eight = agreement_.play(entry, agreement_.Layout(pmap=True), (2,))
    assert eight.keys() == {1, 2}
    assert agreement.deviation(on_eight[2], mapped[2])["of 1 + |b|"] < 1e-6
    assert agreement.deviation(eight[2], eight[1])["of the array"] > 1e-4  # it trains


def test_a_nudge_moves_every_parameter_to_its_neighbour():
    entry = models.named("gan")
    run = agreement_.algorithm(entry.game(entry.tiny))
    batch = entry.batch(entry.tiny, jax.random.key(1), 8)
    state = jax.jit(run.init)(jax.random.key(0), batch)
    moved = agreement_.nudge(state)
    for x, y in zip(
        jax.tree.leaves(state.params), jax.tree.leaves(moved.params), strict=True
    ):
        x, y = np.asarray(x), np.asarray(y)
        assert y.dtype == x.dtype
        assert ((y == np.nextafter(x, np.float32(9e9))) |
                (y == np.nextafter(x, np.float32(-9e9)))).all()  # fmt: skip


@pytest.mark.parametrize(
    ("module", "flags", "message"),
    [
        (agreement, ["--models", "nobody"], "jaxgan has no model 'nobody'; it has"),
        (agreement, ["--steps", "0"], r"--steps is \(0,\); each"),
        (agreement, ["--at-once", "0"], "--at-once is 0"),
        (kills, ["--kills", "0"], "--count is 0"),
        (kills, ["--processes", "0"], "--processes is 0"),
        (fuzz, ["--only", "-2"], "--only is -2"),
        (soak, ["--steps", "399"], "--steps is 399; it must be at least 400"),
    ],
)
def test_flags_that_make_no_sense_are_refused(
    module, flags, message, monkeypatch, capsys, tmp_path
):
    assert call(module, [*flags, "--workdir", tmp_path / "run"], monkeypatch) == 2
    said = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert re.search(message, said), said


def test_processes_are_told_where_to_meet():
    assert processes.meeting(0, 1, 5) == []
    assert processes.meeting(1, 2, 5) == [
        "--processes", "2", "--process", "1", "--coordinator", "127.0.0.1:5",
    ]  # fmt: skip
    script = "import os; print(os.environ['JAX_NUM_CPU_DEVICES'], os.environ['MORE'])"
    shown = subprocess.run(
        [sys.executable, "-c", script],
        env=processes.environment(3, {"MORE": "yes"}),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert shown.stdout == "3 yes\n"


def test_processes_that_a_background_job_starts_can_be_interrupted():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    script = "import signal; print(signal.getsignal(signal.SIGINT).__name__)"
    try:
        processes.heed_interrupts()
        shown = subprocess.run(
            [sys.executable, "-S", "-c", script], stdout=subprocess.PIPE, check=True
        )
    finally:
        signal.signal(signal.SIGINT, before)
    assert shown.stdout == b"default_int_handler\n"


@pytest.mark.slow
def test_a_soak_sees_memory_programs_and_arrays(tmp_path, monkeypatch):
    one = parallel.mesh(jax.devices()[:1])
    monkeypatch.setattr(train, "devices", lambda run: one)
    flags = ["--workdir", tmp_path / "soak", "--steps", 400, "--streamed"]
    assert call(soak, flags, monkeypatch) == 0
    results = json.loads((tmp_path / "soak" / "results.json").read_text())
    assert [x["step"] for x in results["seen"]] == [0, 100, 200, 300, 400]
    assert results["compiled after two hundred steps"] == 0
    assert len(results["device arrays, second half"]) == 1
    assert results["seen"][1]["compiled"] > 0
    # A leak of one float32 batch a step would be 48 KiB a step, and of a state 150.
    held = [x["resident MiB"] for x in results["seen"]]
    assert 100 < held[-1] < held[2] + 25
    assert results["most MiB ever"] > held[-1] * 0.9


def test_a_trial_is_made_from_its_number_and_damage_stays_a_file():
    for number in range(8):
        made = [damage.damaged(random.Random(number), bytes(200)) for _ in range(2)]
        assert made[0] == made[1]
    damaged = {damage.damaged(random.Random(i), bytes(200)) for i in range(50)}
    assert len(damaged) > 20
    kinds = [trial.kind_of(number) for number in range(100)]
    assert kinds.count("image") == 50
    assert {*kinds} == {*trial.PLAYS}
    suffix, content = images.image(random.Random(0))
    assert content == images.image(random.Random(0))[1]
    assert suffix in images.MODES


def test_files_and_flags_are_played_and_refusals_are_no_faults(tmp_path, monkeypatch):
    monkeypatch.setattr(command_lines, "_commands", lambda: ("draw_faces",))
    played = [trial.play(0, tmp_path, number) for number in range(60)]
    assert not [x for x in played if x.ended in trial.FAULTS]
    ended = fuzz.table(played)
    assert ended["all"]["trials"] == 60
    assert ended["image"]["accepted"] > 0 < ended["image"]["refused"]
    assert not list(tmp_path.iterdir())


def test_an_error_that_no_command_expects_is_a_fault(tmp_path, monkeypatch):
    def broken(chance, folder):
        raise KeyError("a bug")

    monkeypatch.setitem(trial.PLAYS, "image", broken)
    outcome = trial.play(0, tmp_path, 0)
    assert (outcome.ended, outcome.kind) == ("traceback", "image")
    assert "KeyError: 'a bug'" in outcome.said


def _misbehaves(number):
    if number == 0:
        os._exit(3)
    if number == 2:
        time.sleep(60)
    return trial.Outcome(number, "image", "accepted", 0.0)


@pytest.mark.slow
def test_what_crashes_or_hangs_is_ended_and_the_rest_played():
    found = pool.play(_misbehaves, range(3), 5.0, 1)
    assert [x.ended for x in found] == ["crash", "accepted", "hang"]
    assert found[0].said == "exit code 3"
