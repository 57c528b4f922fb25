"""The scenarios of many processes: their table, their waits and their verdicts."""

import json
import re
import signal
import sys
import time

import pytest
from commands import call

from experiments.endurance import processes
from experiments.endurance.parts import faulty_hosts, scenarios
from experiments.endurance.parts import stage as stages


@pytest.mark.parametrize(
    ("codes", "said", "expected"),
    [
        ([2, 2], "error: x", "ok"),
        ([2, None], "error: x", "hang"),
        ([2, 0], "error: x", "wrong exit codes"),
        ([2, -9], "", "no sentence"),
    ],
)
def test_a_scenario_is_right_where_all_end_as_they_should_and_one_says_why(
    codes, said, expected
):
    assert stages.verdict(codes, scenarios.failed, said) == expected


def test_codes_are_of_success_of_a_stop_or_of_a_failure():
    assert scenarios.fine([0, 0])
    assert not scenarios.fine([0, 1])
    assert scenarios.stopped([143, 130])
    assert not scenarios.stopped([143, -9])
    assert scenarios.failed([1, -9])
    assert not scenarios.failed([1, 0])


def test_a_sentence_is_the_first_line_with_a_pattern():
    assert stages.sentence("a\n  b is gone \nc is gone", "is gone") == "b is gone"
    assert stages.sentence("a", "b") == ""
    warned = "x/loop.py:3: UserWarning: back to step 100"
    assert stages.sentence(warned, "back to") == "back to step 100"


def test_every_scenario_has_a_bound_and_a_pattern_that_compiles():
    for name, scenario in scenarios.SCENARIOS.items():
        assert re.fullmatch(r"[a-z_]+", name)
        assert re.compile(scenario.says)
        assert 0 < scenario.bound <= 420
        assert scenario.about


def test_a_stage_starts_waits_and_ends_in_bounded_time(tmp_path, monkeypatch):
    (tmp_path / "sleeper.py").write_text(
        "import sys, time\nprint('begun', *sys.argv[1:], flush=True)\ntime.sleep(60)"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    on = stages.Stage(tmp_path)
    try:
        on.pair("--x", each=((), ("--y",)), module="sleeper")
        on.until("begun", 0)
        on.until("begun .*--y", 1)
        assert f"--workdir {on.workdir}" in on.said(0)
        assert "--process 1" in on.said(1)
        assert on.ends(0.1) == [None, None]
        on.send(signal.SIGKILL, 1)
        assert on.ends(10, 1) == [-signal.SIGKILL]
        with pytest.raises(stages.Never, match="ended before a checkpoint"):
            on.until_saved()
        monkeypatch.setattr(stages, "PATIENCE", 0)
        with pytest.raises(stages.Never, match="did not come within 0 s"):
            on.until("what is never said")
    finally:
        on.clear()
    assert on.started[0].poll() == -signal.SIGKILL


def test_disks_and_hosts_say_what_they_lack(monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert faulty_hosts.no_disk() == faulty_hosts.no_hosts() == "it takes root on Linux"
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(sys, "platform", "linux")
    assert faulty_hosts.lacking("no-such-tool") == "no-such-tool is missing"


def test_results_of_earlier_scenarios_stay(tmp_path, monkeypatch):
    def play(stage):
        stage.begin("-V", module="this")

    table = {
        "one": scenarios.Scenario("it ends", play, "Beautiful", scenarios.fine),
        "two": scenarios.Scenario("it says nothing", play, "ugly one", scenarios.fine),
        "three": scenarios.Scenario(
            "it cannot be", play, "", scenarios.fine, lacking=lambda: "no cable"
        ),
    }
    monkeypatch.setattr(processes, "SCENARIOS", table)
    flags = ["--workdir", tmp_path / "run", "--only"]
    assert call(processes, [*flags, "two"], monkeypatch) == 0
    assert call(processes, [*flags, "three", "one"], monkeypatch) == 0
    found = json.loads((tmp_path / "run" / "results.json").read_text())["scenarios"]
    assert list(found) == ["one", "two", "three"]
    verdicts = [row["verdict"] for row in found.values()]
    assert verdicts == ["ok", "no sentence", "left out"]
    assert found["one"]["codes"] == [0]
    assert "Beautiful" in found["one"]["said"]
    assert found["three"]["why"] == "no cable"
    assert time.monotonic() > found["one"]["seconds"] >= 0
    assert call(processes, [*flags, "four"], monkeypatch) == 2
