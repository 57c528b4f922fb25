"""Trackers are sent what a run writes: all of it, once, and never at its cost."""

import json
import sys

import pytest
from commands import call
from loops import assert_same, make_run, pictures, play, scalars

from experiments import dcgan_faces
from jaxgan import parallel
from jaxgan.train import tracking
from jaxgan.train.trackers import Tracker

TIMING = {"images_per_second", "waiting_for_data"}


class Fake:
    """Opens trackers that note what they are sent, and may break at a step."""

    def __init__(self):
        self.opened, self.rows, self.pictures, self.closed = [], [], [], []
        self.breaks_at = float("inf")

    def __call__(self, name, workdir, config, known):
        self.opened.append((name, known))

        def scalars(step, numbers):
            if step >= self.breaks_at:
                raise ConnectionError("the network\nis gone")
            numbers = {k: v for k, v in numbers.items() if k not in TIMING}
            self.rows.append({"step": step, **numbers})

        def picture(step, name, path):
            assert path.is_file()
            assert not step or self.rows[-1]["step"] == step, "numbers come first"
            self.pictures.append(path.name)

        return Tracker(f"{name}-1", scalars, picture, self.closed.append)


@pytest.fixture
def fake(monkeypatch):
    made = Fake()
    monkeypatch.setattr(tracking.trackers, "opened", made)
    return made


def test_a_resumed_run_goes_on_in_the_same_tracker_and_is_bit_for_bit_the_same(
    tmp_path, whole, fake
):
    play(make_run(tmp_path, steps=4, track=("wandb",)))
    state = play(make_run(tmp_path, steps=8, track=("wandb",)))
    assert_same(state, whole[1])
    assert fake.opened == [("wandb", ""), ("wandb", "wandb-1")]
    assert fake.rows == scalars(tmp_path) == scalars(whole[0])
    assert fake.pictures == sorted(pictures(tmp_path))
    assert fake.closed == [True, True]


def test_a_tracker_that_breaks_is_told_of_once_and_gets_the_rest_later(
    tmp_path, fake, capsys
):
    fake.breaks_at = 4
    play(make_run(tmp_path, track=("mlflow",)))
    said = capsys.readouterr().err
    assert said.count("mlflow broke (ConnectionError: the network is gone)") == 1
    assert fake.closed == [False]
    assert [row["step"] for row in fake.rows] == [2]
    assert scalars(tmp_path)[-1]["step"] == 8
    fake.breaks_at = float("inf")
    play(make_run(tmp_path, track=("mlflow",)))  # all steps are trained already
    assert fake.opened[-1] == ("mlflow", "mlflow-1")
    assert fake.rows == scalars(tmp_path)
    assert fake.pictures == sorted(pictures(tmp_path))


def test_steps_that_run_again_and_steps_before_are_sent_once(tmp_path, fake):
    run = make_run(tmp_path, track=("trackio", "wandb"))
    (tmp_path / "scalars.jsonl").write_text('{"step": 1, "loss": 5.0}\n')
    with tracking.following(run, {}) as follow:
        follow.rows([{"step": 2, "loss": 3.0}, {"step": 4, "loss": 2.0}])
        follow.rows([{"step": 4, "score": 1.0}])
        follow.rows([{"step": 2, "loss": 9.0}])  # after a rollback
    assert fake.rows[::2] == fake.rows[1::2]  # both trackers
    assert [tuple(row.values()) for row in fake.rows[::2]] == [
        *((1, 5.0), (2, 3.0), (4, 2.0), (4, 1.0))
    ]
    kept = json.loads((tmp_path / tracking.KEPT).read_text())
    assert kept["wandb"] == {"id": "wandb-1", "step": 4}


def test_an_error_of_the_run_closes_its_trackers_as_broken(tmp_path, fake):
    run = make_run(tmp_path, track=("wandb",))
    with pytest.raises(ArithmeticError), tracking.following(run, {}):
        raise ArithmeticError("NaN")
    assert fake.closed == [False]


@pytest.mark.parametrize("content", ["not it", "[1]", '{"wandb": {"id": 3}}'])
def test_a_damaged_file_of_trackers_begins_anew(tmp_path, fake, content):
    (tmp_path / tracking.KEPT).write_text(content)
    with tracking.following(make_run(tmp_path, track=("wandb",)), {}):
        pass
    assert fake.opened == [("wandb", "")]


def test_only_the_main_process_tracks(tmp_path, fake, monkeypatch):
    monkeypatch.setattr(parallel, "is_main", lambda: False)
    with tracking.following(make_run(tmp_path, track=("wandb",)), {}) as follow:
        follow.rows([{"step": 1}])
        follow.sheets(1)
    assert fake.opened == []


@pytest.mark.usefixtures("undisturbed")
@pytest.mark.parametrize("name", ["wandb", "mlflow", "trackio"])
def test_a_missing_extra_is_one_sentence_before_anything_is_read(
    name, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, name, None)
    argv = ["--workdir", tmp_path / "run", "--track", name, "--data", "npz:none.npz"]
    assert call(dcgan_faces, argv, monkeypatch) == 2
    assert f'use `pip install -e ".[{name}]"`' in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
