"""The choice of moments and the verdicts of the kills; test_processes has real ones."""

import collections
import json
import os
import signal
import sys

import numpy as np
import pytest

from experiments.endurance.parts import ends, moments, nursery, processes


def test_every_kind_of_kill_comes_in_turn_and_follows_from_its_number():
    kinds = len(moments.MOMENTS) * len(moments.SIGNALS) * len(moments.TARGETS)
    chosen = [moments.chosen(0, 2, number) for number in range(2 * kinds)]
    seen = collections.Counter((x.moment, x.signals, x.target) for x in chosen)
    late = {x: n for x, n in seen.items() if x[0] != "first second"}
    assert len(late) == kinds * 5 / 6
    assert set(late.values()) == {2}
    assert {x[2] for x in seen if x[0] == "first second"} == {"all"}
    assert chosen == [moments.chosen(0, 2, number) for number in range(2 * kinds)]
    assert len({x.delay for x in chosen if moments.DELAYS[x.moment]}) > kinds
    assert all(0 <= x.delay <= moments.DELAYS[x.moment] for x in chosen)
    assert {moments.chosen(0, 1, number).target for number in range(kinds)} == {"main"}
    assert chosen[1].delay != moments.chosen(1, 2, 1).delay


def test_moments_are_seen_in_what_a_run_says_and_writes(tmp_path):
    def begun(moment, said):
        return moments.begun(moment, tmp_path, said)

    assert begun("first second", "")
    assert not begun("resumption", "")
    assert begun("resumption", moments.TRACING)
    assert not begun("step", moments.TRACING)
    assert begun("step", moments.COMPILING)
    assert not begun("evaluation", moments.COMPILING)
    assert begun("evaluation", moments.COMPILING + "\nevaluating\n")
    unfinished = tmp_path / "checkpoints" / "20.orbax-checkpoint-tmp"
    assert not begun("save", moments.COMPILING)
    unfinished.mkdir(parents=True)
    assert begun("save", moments.COMPILING)
    assert not begun("rename", moments.COMPILING)
    (unfinished / "record").mkdir()
    assert begun("rename", moments.COMPILING)
    assert moments.newest(tmp_path) == 0
    unfinished.rename(tmp_path / "checkpoints" / "20")
    assert moments.newest(tmp_path) == 20
    assert not begun("save", moments.COMPILING)


@pytest.mark.parametrize(
    ("before", "after", "said", "codes", "own", "expected"),
    [
        (50, 50, "", [-9], False, []),
        (50, 100, "going on from step 50 of x", [143], False, []),
        (1050, 1100, "going on from step 1,050 of x", [0], True, []),
        (0, 0, "compiling and drawing the first weights", [-9], False, []),
        (50, 50, "compiling and drawing the first weights", [-9], False, ["lost"]),
        (100, 100, "going on from step 50 of x", [-9], False, ["lost"]),
        (100, 50, "", [-9], False, ["lost"]),
        (50, 100, "stopped and saved at step 105 of 200", [143], False, ["lost"]),
        (50, 105, "stopped and saved at step 105 of 200", [143], False, []),
        (50, 50, "", [-9, None], False, ["hang"]),
        (50, 50, "error: it does not open", [2], True, ["failed"]),
        (50, 50, "Traceback (most recent call last):", [-9], False, ["traceback"]),
    ],
)
def test_a_run_that_loses_a_step_hangs_or_fails_is_at_fault(
    before, after, said, codes, own, expected
):
    assert moments.faults("step", before, after, said, codes, own) == expected


def test_python_may_complain_of_signals_in_its_first_second():
    said = "Traceback (most recent call last):"
    assert moments.faults("first second", 0, 0, said, [1], False) == []


def test_counts_are_of_kills_by_kind_and_of_compared_runs():
    kill = {
        "moment": "step", "signals": "KILL", "target": "main", "faults": [],
        "save cut short": True, "stopped": False, "seconds": 2.0,
    }  # fmt: skip
    rows = [
        kill,
        kill | {"moment": "save", "faults": ["hang", "lost"], "seconds": 3.0},
        {"differing arrays": ["a", "b"], "losses differ": True, "best differs": False},
        kill | {"stopped": True, "faults": ["failed"]},
    ]
    found = moments.summary(rows)
    assert (found["kills"], found["lost"], found["hangs"]) == (3, 2, 1)
    assert (found["runs compared"], found["differing arrays"]) == (1, 2)
    assert (found["runs whose losses differ"], found["runs whose best differs"]) == (
        1,
        0,
    )
    assert (found["saves cut short"], found["stopped and saved"]) == (3, 1)
    assert found["most seconds to the end"] == 3.0
    assert found["by kind"]["moment"] == {
        "step": {"kills": 2, "with a fault": 1},
        "save": {"kills": 1, "with a fault": 1},
    }
    assert moments.summary([])["kills"] == 0


def test_states_differ_in_bits_not_in_values():
    one = (4, {"a": np.array([0.0]), "b": np.array([1], np.int32)})
    assert ends.differing(one, one) == []
    other = (4, {"a": np.array([-0.0]), "b": np.array([1], np.int32)})
    assert ends.differing(one, other) == ["a"]
    assert ends.differing(one, (5, one[1])) == ["step"]
    assert ends.differing(one, (4, {"a": one[1]["a"]})) == ["b"]


def test_numbers_of_a_run_are_compared_without_its_speed(tmp_path):
    rows = [{"step": 1, "x": 2.0, "images_per_second": 3}, {"step": 1, "y": 1.0}]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "scalars.jsonl").write_text(text + '{"step": 3')
    assert ends.numbers(tmp_path) == ['{"step": 1, "x": 2.0}', '{"step": 1, "y": 1.0}']


def test_a_process_of_the_nursery_is_asked_after_and_waited_for():
    codes = iter([None, None, -signal.SIGKILL])
    child = nursery.Child(lambda request: [next(codes)], 2**30)
    assert child.poll() is None
    assert child.wait(5) == -signal.SIGKILL
    ended = nursery.Child(lambda request: [0], 2**30)
    ended.kill()  # there is no such process, and no signal is sent
    assert ended.wait(0) == 0
    running = nursery.Child(lambda request: [None], 2**30)
    with pytest.raises(processes.subprocess.TimeoutExpired):
        running.wait(0)


def test_a_number_that_the_system_gives_again_is_of_a_process_that_runs(
    monkeypatch, capsys
):
    asked = [{"start": [], "log": ""}, {"codes": [7]}] * 2
    monkeypatch.setattr(sys, "stdin", iter(map(json.dumps, asked)))
    monkeypatch.setattr(os, "fork", lambda: 7)
    waits = iter([(7, signal.SIGKILL), (0, 0)])
    monkeypatch.setattr(os, "waitpid", lambda pid, how: next(waits))
    monkeypatch.setattr(os, "kill", lambda pid, number: None)
    assert nursery.serve() is None
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert said == [7, [-signal.SIGKILL], 7, [None]]


def test_an_ended_nursery_takes_its_children_with_it(monkeypatch):
    monkeypatch.setattr(sys, "stdin", iter(()))
    assert nursery.serve() is None
