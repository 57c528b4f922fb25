"""The output of a run: a bar of fixed width, lines in a log, an estimate of time."""

import io
import os
import re
import types

import pytest

from jaxgan.train import terminal


class Terminal(io.StringIO):
    """Standard error that somebody watches."""

    def isatty(self):
        return True

    def fileno(self):
        return -1


def seen(monkeypatch, stderr):
    """Standard error as the module sees it; pytest captures that of the process."""
    monkeypatch.setattr(terminal, "sys", types.SimpleNamespace(stderr=stderr))
    return stderr


@pytest.fixture
def watched(monkeypatch):
    """A terminal of 80 columns."""
    size = os.terminal_size((81, 25))  # tqdm leaves the last column free
    monkeypatch.setattr(os, "get_terminal_size", lambda *_: size)
    return seen(monkeypatch, Terminal())


@pytest.fixture
def log(monkeypatch):
    """A file that standard error goes to; nothing has to be waited for."""
    monkeypatch.setattr(terminal, "EVERY", 0)
    return seen(monkeypatch, io.StringIO())


@pytest.mark.parametrize("postfix", ["", "disc 1.386 gene 0.693", "a long one " * 9])
def test_the_bar_keeps_its_width_at_80_columns(watched, postfix):
    with terminal.bar(123_456, 0) as bar:
        for _ in range(5):
            bar.set_postfix_str(postfix)
            bar.update(20_000)
            bar.refresh()
    frames = [
        frame for frame in re.split(r"[\r\n]", watched.getvalue()) if "|" in frame
    ]
    assert len(frames) > 5
    for frame in frames:
        assert len(frame.rstrip()) <= 80
        assert len(re.search(r"\|(.*)\|", frame)[1]) == 10
    if len(postfix) < 30:
        assert postfix[:10] in frames[-1]


def test_a_line_does_not_break_the_bar(watched):
    with terminal.bar(10, 0) as bar:
        bar.update(5)
        terminal.say("a sheet")
        bar.update(5)
    said = watched.getvalue()
    assert re.search(r"[\r\n]a sheet\n", said)
    assert "10/10" in said.rpartition("\r")[2]


def test_a_log_gets_lines_and_no_carriage_returns(log):
    with terminal.bar(10, 4) as bar:
        for _ in range(6):
            bar.update(1)
            bar.set_postfix_str("disc 1.386", refresh=False)
        terminal.say("between")
    lines = log.getvalue().split("\n")
    assert "\r" not in log.getvalue()
    assert [line.split(" steps")[0] for line in lines if " of 10 steps" in line] == [
        *(f"{n} of 10" for n in range(4, 11)),
        "10 of 10",
    ]
    assert "disc 1.386" in lines[-2]
    assert "between" in lines


def test_a_log_gets_a_line_every_so_often(monkeypatch):
    log = seen(monkeypatch, io.StringIO())
    with terminal.bar(1000, 0) as bar:
        for _ in range(1000):
            bar.update(1)
    # The first and the last, and none of the thousand between, all within a moment.
    assert log.getvalue().count("of 1000 steps") == 2


def test_the_time_to_go_is_that_of_the_steps_so_far_without_compiling(log):
    with terminal.bar(1100, 100) as bar:
        now = bar.start_t
        bar._time = lambda: now
        now += 60  # to compile
        bar.unpause()
        bar.update(1)
        for seconds in (10, 2, 3):  # with a sheet in between
            now += seconds
            bar.update(33)
        assert bar.format_dict["elapsed"] == pytest.approx(15)
        assert "1000 of" not in log.getvalue()
    last = [line for line in log.getvalue().split("\n") if "200 of 1100" in line][-1]
    assert "02:15 to go" in last  # 900 steps of 0.15 s


def test_losses_are_told_briefly():
    row = {"step": 3, "discriminator/loss": 1.3863, "generator/loss": 0.6931, "d/x": 1}
    assert terminal.brief(row) == "disc 1.386 gene 0.693"
    row = {"critic_a/loss": 1.0, "critic_b/loss": 2.0}
    assert terminal.brief(row) == "critic_a 1.000 critic_b 2.000"


def test_every_line_carries_the_seconds_so_far(log):
    terminal.doing("compiling")
    terminal.facts({"data": "faces"})
    first, second = log.getvalue().splitlines()
    assert re.fullmatch(r" *\d+\.\d s  compiling", first)
    assert second == "       data  faces"
