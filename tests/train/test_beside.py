"""Runs side by side in one process: each as on its own, and all stop together."""

import itertools
import signal
import threading
import time

import jax
import pytest
from loops import assert_same, make_run, play, resident, scalars

from jaxgan import parallel, train
from jaxgan.train import beside, memory

NAMES = ("seed 0", "seed 1", "seed 2")


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A run of each seed on its own: its directory and its final state."""
    folder = tmp_path_factory.mktemp("alone")
    return {
        name: (folder / name, play(make_run(folder / name, seed=seed)))
        for seed, name in enumerate(NAMES)
    }


def seeds(folder, states, feed=resident):
    """A job for each seed, which keeps its final state."""

    def fit(name, seed):
        run = make_run(folder / name, seed=seed)
        states[name] = play(run, feed=feed, mesh=train.devices(run))

    return {
        name: lambda name=name, seed=seed: fit(name, seed)
        for seed, name in enumerate(NAMES)
    }


def shares(count):
    return [[device] for device in jax.devices()[1 : count + 1]]


def test_runs_side_by_side_are_those_that_each_would_be_alone(tmp_path, alone, capsys):
    states = {}
    beside.together(seeds(tmp_path, states), shares(2))
    assert {x for s in states.values() for x in s.step.devices()} == {
        *jax.devices()[1:3]
    }
    for name, (folder, state) in alone.items():
        assert_same(states[name], state)
        assert scalars(tmp_path / name) == scalars(folder)
    said = capsys.readouterr().err
    assert all(f"{name}: 8 of 8 steps" in said for name in NAMES)
    assert "\033" not in said  # a bar that moves would garble a log
    assert not beside.name()
    assert len(beside.devices()) == 8


def test_a_signal_stops_all_and_the_same_call_goes_on(tmp_path, alone):
    states, counts = {}, itertools.count(1)

    def interrupted(run):
        feed = resident(run)

        def items(start):
            for item in feed.items(start):
                if next(counts) == 6:  # of the two that train
                    signal.raise_signal(signal.SIGINT)
                    time.sleep(2 * beside.EVERY)  # until the main thread hears it
                yield item

        return feed._replace(items=items)

    with pytest.raises(train.Stopped, match="same command goes on") as stopped:
        beside.together(seeds(tmp_path, states, interrupted), shares(2))
    assert stopped.value.signal == signal.SIGINT
    assert not states
    assert not (tmp_path / NAMES[2]).exists()  # which waited for a device
    beside.together(seeds(tmp_path, states), shares(2))
    for name, (folder, state) in alone.items():
        assert_same(states[name], state)
        assert scalars(tmp_path / name) == scalars(folder)


@pytest.mark.parametrize(
    ("kilobytes", "said"),
    [
        (8, "the states of 2 seeds take .* but 7.63e-06 GiB .* smaller"),
        (60, "take .* GiB, but .* GiB of memory are free; --devices 1 trains 1 at"),
    ],
)
def test_more_seeds_than_memory_holds_are_refused_before_any_begins(
    kilobytes, said, tmp_path, monkeypatch, capsys
):
    # A state is 3,337 parameters of 4 bytes, and twice that of Adam's: 40 KB.
    known = tmp_path / "meminfo"
    known.write_text(f"MemTotal: 99999 kB\nMemAvailable:   {kilobytes} kB\n")
    monkeypatch.setattr(memory, "MEMORY", known)
    states = {}
    with pytest.raises(ValueError, match=said):
        beside.together(seeds(tmp_path / "runs", states), shares(2))
    assert not states
    assert not list(tmp_path.glob("runs/*/config.json"))
    assert "seed 1" not in capsys.readouterr().err
    if kilobytes == 60:
        beside.together(seeds(tmp_path / "runs", states), shares(1))
        assert len(states) == 3


def test_after_an_error_no_more_begin_and_the_others_end():
    told = []
    failed = threading.Event()

    def fails():
        failed.set()
        raise ValueError("learning rate")

    def ends():
        with beside.away():
            failed.wait()
        told.append("ends")

    jobs = {"ends": ends, "fails": fails, "late": lambda: told.append("late")}
    with pytest.raises(ValueError, match="learning rate"):
        beside.together(jobs, shares(2))
    assert told == ["ends"]


def test_the_host_works_for_one_at_a_time_and_for_others_while_one_is_away():
    working, met = [], threading.Barrier(2, timeout=20)

    def job():
        for _ in range(3):
            working.append(beside.name())
            time.sleep(0.005)
            assert working == [beside.name()]
            working.clear()
            with beside.away():
                met.wait()  # which takes both

    beside.together({"a": job, "b": job}, shares(2))


def test_arrays_of_a_run_lie_on_its_own_device():
    found = {}

    def job():
        found[beside.name()] = jax.random.key(0).devices()
        assert parallel.mesh(beside.devices()).size == 1

    beside.together({"a": job}, shares(1))
    assert found == {"a": {jax.devices()[1]}}
