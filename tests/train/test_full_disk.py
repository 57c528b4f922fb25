"""A disk that is full, whatever is being written: the run ends, and goes on later."""

import errno
import gc
import json
import os
import re
import shlex
import shutil
import time

import jax
import numpy as np
import pytest
from commands import call
from disks import fill, free, mounted
from loops import (
    CONFIG,
    GAME,
    assert_same,
    make_run,
    pictures,
    play,
    resident,
    scalars,
    sheets,
)
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from experiments import dcgan_faces
from jaxgan import checkpoint, parallel, report, train
from jaxgan.game import algorithm
from jaxgan.train import directory

# What orbax abandons when a write fails complains to nobody, some of it when collected.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)
FULL = os.strerror(errno.ENOSPC)
MANY = {f"a/number of a long name {i}": 1.0 for i in range(100)}  # more than a block


@pytest.fixture
def disk(tmp_path):
    with mounted(tmp_path / "disk") as place:
        yield place
    time.sleep(0.1)
    gc.collect()


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A run that was to have two steps."""
    workdir = tmp_path_factory.mktemp("begun")
    play(make_run(workdir, steps=2))
    return workdir


def curve(workdir):
    """(step, value) as TensorBoard shows them."""
    read = EventAccumulator(str(workdir / directory.TENSORBOARD))
    read.Reload()
    return [(x.step, x.value) for x in read.Scalars("generator/loss")]


def ends_full(act, where):
    """Whether it ends soon, with one sentence about the disk and the place."""
    began = time.monotonic()
    with pytest.raises((OSError, ValueError)) as ended:
        act()
    assert time.monotonic() - began < 30
    said = str(ended.value)
    assert FULL in said
    assert re.search(where, said), said


def saved_steps(workdir, folder=train.LATEST):
    with checkpoint.manager(workdir / folder, read_only=True) as checkpoints:
        return sorted(checkpoints.all_steps())


# What is written when the disk is full, by what is shown of the step at which it fills.
@pytest.mark.parametrize(
    ("shown", "where"),
    [
        (sheets, r"samples/raw_0000004\.png"),
        (lambda _: MANY, r"tensorboard/events|scalars\.jsonl"),
        (lambda _: {}, r"could not save in \S*/checkpoints"),
    ],
    ids=["sheet", "numbers", "checkpoint"],
)
def test_a_full_disk_ends_a_run_that_goes_on_once_there_is_room(
    disk, begun, whole, shown, where
):
    workdir = disk / "run"
    shutil.copytree(begun, workdir)

    def show(state):
        if int(state.step) == 4:
            fill(disk)
        return shown(state)

    ends_full(lambda: play(make_run(workdir), show=show), where)
    assert saved_steps(workdir) == [2]
    ends_full(lambda: play(make_run(workdir)), r"config\.json")  # as it still is
    free(disk)
    assert_same(play(make_run(workdir)), whole[1])
    rows = [row for row in scalars(workdir) if "generator/loss" in row]
    assert rows == scalars(whole[0])
    assert pictures(whole[0]).items() <= pictures(workdir).items()
    # TensorBoard hides what was written of steps that were played again.
    steps, values = zip(*curve(workdir), strict=True)
    assert list(steps) == [row["step"] for row in rows]
    np.testing.assert_allclose(values, [row["generator/loss"] for row in rows])
    assert not list(workdir.rglob("*.part"))
    assert not list(workdir.rglob("*tmp*"))


def test_a_save_that_fails_is_told_long_before_the_next(disk, begun):
    workdir, reached = disk / "run", []
    shutil.copytree(begun, workdir)

    def feed(run):
        def items(start):
            for i, item in enumerate(resident(run).items(start), start):
                if i == 39:
                    fill(disk)
                time.sleep(0.05 if i >= 39 else 0)
                reached.append(i)
                yield item

        return resident(run)._replace(items=items)

    run = make_run(
        workdir, steps=60_000, log_every=1, checkpoint_every=40, sample_every=60_000
    )
    ends_full(lambda: play(run, feed=feed), r"could not save in \S*/checkpoints")
    assert reached[-1] < 79


def test_a_best_state_that_finds_no_room_is_kept_once_there_is_some(disk, begun):
    workdir = disk / "run"
    shutil.copytree(begun, workdir)

    def go(evaluate):
        run, mesh = (
            make_run(workdir, evaluate_every=2),
            parallel.mesh(jax.devices()[:1]),
        )
        train.train(
            algorithm(GAME), resident(run), run, CONFIG, lambda _: {}, mesh, evaluate
        )

    def filling(state):
        if int(state.step) == 6:
            fill(disk)
        return scored(state)

    def scored(state):
        return {"score": abs(int(state.step) - 6)}

    ends_full(lambda: go(filling), r"could not save in \S*/best")
    assert 2 in saved_steps(workdir)
    assert saved_steps(workdir, train.BEST) == [4]
    free(disk)
    go(scored)
    assert saved_steps(workdir, train.BEST)[-1] == 6


def test_a_command_that_finds_no_room_says_one_sentence(
    disk, tiny_run, undisturbed, monkeypatch, capsys
):
    """While it begins, and when nothing but the report is left to write."""
    shutil.copytree(tiny_run, disk / "run")
    (disk / "run" / directory.REPORT).unlink()
    command = json.loads((tiny_run / directory.RESULTS).read_text())["command"]
    argv = [*shlex.split(command)[3:], "--workdir", disk / "run"]
    sentence = (
        rf"error: {FULL} \(\S*/run/%s\); what was saved before is intact; free some"
        r" space and run the same command again\n\(JAXGAN_TRACEBACK=1"
    )
    draw = report.curves

    def full(*rows):
        fill(disk)
        return draw(*rows)

    fill(disk)
    assert call(dcgan_faces, argv, monkeypatch) == 2
    assert re.search(sentence % r"config\.json", capsys.readouterr().err)
    free(disk)
    with monkeypatch.context() as patch:
        patch.setattr(report, "curves", full)
        assert call(dcgan_faces, argv, monkeypatch) == 2
    said = capsys.readouterr().err
    assert re.search(sentence % r"curves\.png", said), said
    assert "Traceback" not in said
    free(disk)
    assert call(dcgan_faces, argv, monkeypatch) == 0
    assert (disk / "run" / directory.REPORT).exists()


def test_what_a_full_disk_cuts_short_is_taken_back(disk):
    path, rows = disk / "scalars.jsonl", [{"step": i, "loss": 0.5} for i in range(50)]
    path.write_text(json.dumps(rows[0]) + "\n")  # its block has room for some more
    fill(disk)
    kept = path.read_bytes()
    with pytest.raises(OSError, match=rf"{FULL}.*scalars\.jsonl"):
        report.append_scalars(path, rows * 20)
    assert path.read_bytes() == kept
    free(disk)
    report.append_scalars(path, rows)
    assert report.read_scalars(path) == rows[:1] + rows
