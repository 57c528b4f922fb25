"""TP-GAN as a command: turned people, what is measured of them, and a short run."""

import json

import jax
import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import tp_gan_faces
from jaxgan import game
from jaxgan.data.synthetic import turned
from jaxgan.lab import inference, turning
from jaxgan.lab.judges import identity
from jaxgan.models import factor_regressor

SHORT = ["--steps", 1, "--batch-size", 4, "--devices", 1, "--people", 6]
SHORT += ["--data.tests", 4, "--model.resolution", 32, "--model.width", 2]
SHORT += ["--model.feature", 4, "--model.noise", 3]


@pytest.fixture
def judge():
    count = len(identity.KEPT)
    config = factor_regressor.Config(32, numbers=count, binaries=0, width=2, hidden=5)
    batch = factor_regressor.batch(config, jax.random.key(0), 2)
    init = jax.jit(game.algorithm(factor_regressor.game(config)).init)
    variables = game.variables(init(jax.random.key(0), batch))
    return identity.Identity(config, variables, {"threshold": 0.1, "recognised": 1.0})


@pytest.mark.slow
def test_a_run_leaves_its_picture_and_errors_by_angle(tmp_path, monkeypatch, judge):
    monkeypatch.setattr(identity, "trained", lambda use: judge)
    monkeypatch.setattr(turned, "_TILE", 6)  # no more people are drawn than are needed
    argv = [*SHORT, "--workdir", tmp_path / "run"]
    assert call(tp_gan_faces, argv, monkeypatch) == 0
    found = json.loads((tmp_path / "run" / "results.json").read_text())["turned"]
    assert set(found) == {"output", "input", "nearest", "truth"}
    assert set(found["output"]) == {"all", "0.25", "0.5", "0.75"}
    truth, turns = found["truth"]["all"], found["input"]
    assert truth["l1"] == 0
    assert truth["same"] == truth["first"] == 1
    assert turns["0.25"]["l1"] < turns["0.5"]["l1"] < turns["0.75"]["l1"]
    assert inference.open_run(tmp_path / "run").variables["generator"]
    with Image.open(tmp_path / "run" / "turned.png") as picture:
        assert min(picture.size) > 100

    # The people behind it: all angles one after the other, and opposite ones mirrored.
    people = turning.open_faces(turning.Data(people=6, tests=4), 32).train
    assert people["label"].tolist() == np.arange(6).repeat(6).tolist()
    image = people["image"].reshape(6, 6, 32, 32, 3)
    assert (image == image[:, :1]).all()
    left_eye, right_eye, *others = np.moveaxis(people["points"], 1, 0)
    mirrored = np.stack([right_eye, left_eye, *others], 1).reshape(6, 6, 4, 2)[:, ::-1]
    mirrored = np.stack([mirrored[..., 0], 1 - mirrored[..., 1]], -1)
    np.testing.assert_allclose(
        people["points"].reshape(6, 6, 4, 2), mirrored, atol=1e-4
    )


class Person:
    """Knows people by the first pixel of their picture."""

    def same(self, one, other):
        return float((one[:, 0, 0, 0] == other[:, 0, 0, 0]).mean())

    def first(self, gallery, images):
        return self.same(gallery, images)


class Angles:
    """Reads an angle off the second pixel."""

    def read(self, images):
        return {"yaw": images[:, 0, 1, 0] / -100}


def test_errors_are_counted_by_the_angle_of_the_input():
    truth = np.zeros((12, 4, 4, 3), np.uint8)
    truth[6:, 0, 0] = 1  # another person
    found = {"truth": truth, "output": truth.copy()}
    # The first person, by 0.75 to the left, becomes the other; the angle remains.
    found["output"][0, 0, 0], found["output"][0, 0, 1] = 1, 75
    numbers = turning.measured(found, Person(), Angles())
    row = numbers["output"]
    assert row["0.25"] == row["0.5"] == numbers["truth"]["all"]
    assert row["0.75"]["same"] == row["0.75"]["first"] == 3 / 4
    assert row["all"]["same"] == row["all"]["first"] == 11 / 12
    np.testing.assert_allclose(row["0.75"]["l1"], 76 / 255 / 16 / 4, rtol=1e-5)
    np.testing.assert_allclose(row["all"]["yaw"], 0.75 / 12)
    np.testing.assert_allclose(row["0.75"]["yaw"], 0.75 / 4)


def test_heads_do_not_turn_further_than_they_are_drawn():
    with pytest.raises(ValueError, match=r"angle 1\.5 is out of range"):
        turned.turned(0, 1, 32, (0.0, 1.5))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--model.people", 7], "give one number to both"),
        (["--steps", 5, "--model.decay", 4], "has fallen to 0 after 4"),
    ],
)
def test_flags_that_cannot_be_are_refused(flags, words, tmp_path, monkeypatch, capsys):
    argv = [*SHORT, "--workdir", tmp_path / "run", *flags]
    assert call(tp_gan_faces, argv, monkeypatch) == 2
    assert words in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "run").exists()
