"""Key-points as a command: it trains, measures, draws, and puts what is not given."""

import json

import jax.numpy as jnp
import numpy as np
import pytest
from commands import call
from PIL import Image

import experiments.gawwn_faces as gawwn_faces
import experiments.keypoints_faces as command
from experiments.keypoints_faces import drawing, measuring
from jaxgan.data.synthetic import faces, landmarks

TINY = [
    "--model.hidden", 4, "--model.latent", 3, "--steps", 4, "--batch-size", 8,
    "--log-every", 2, "--sample-every", 4, "--checkpoint-every", 4, "--people", 60,
    "--sentences", 2, "--tests", 20, "--devices", 1,
]  # fmt: skip
GAWWN = [
    "--model.width", 2, "--model.latent", 4, "--steps", 1, "--batch-size", 4,
    "--log-every", 1, "--sample-every", 1, "--checkpoint-every", 1, "--people", 60,
    "--sentences", 2, "--tests", 4, "--devices", 1, "--no-judge", "--model.where",
    "points",
]  # fmt: skip


@pytest.mark.slow
def test_trains_measures_and_puts_points_around_given_ones(
    tmp_path, monkeypatch, capsys
):
    def grey(factors, size):
        level = 255 * factors.skin_tone
        return jnp.broadcast_to(level, (size, size, 3)).astype(jnp.uint8)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(faces, "render", grey)
    out = tmp_path / "run"
    assert call(command, [*TINY, "--workdir", out], monkeypatch) == 0
    found = json.loads((out / "results.json").read_text())
    assert found["given"].keys() == measuring.GIVEN.keys()
    for row in found["given"].values():
        assert 0 < row["best of the draws"] <= row["one draw"] * 1.1
    # A true face is told from its eyes and mouth better than from nothing.
    linear = [row["linear model"] for row in found["given"].values()]
    assert linear[-1] < linear[0]
    assert found["sets"]["true, of others"] < found["sets"]["mixed"]
    with Image.open(out / "keypoints.png") as picture:
        assert picture.size[0] > picture.size[1] > 300
    capsys.readouterr()

    # A run that ended draws faces, too, by a GAWWN and by nothing else.
    drawer = tmp_path / "gawwn"
    assert call(gawwn_faces, [*GAWWN, "--workdir", drawer], monkeypatch) == 0
    more = [*TINY, "--workdir", out, "--gawwn"]
    assert call(command, [*more, out], monkeypatch) == 2
    said = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert "keypoint_gan that draws by no key-points; give one of" in said
    assert call(command, [*more, drawer], monkeypatch) == 0
    with Image.open(out / "faces.png") as picture:
        assert picture.size[0] > picture.size[1] > 300
    capsys.readouterr()

    say = ["--workdir", out, "--say", "a bald man", "--at", "nose", 0.6, 0.4]
    assert call(command, say, monkeypatch) == 0
    assert "hair: bald, sex: man" in capsys.readouterr().err
    with Image.open(out / "said.png") as picture:
        assert picture.size[0] > 600
        assert (np.asarray(picture)[..., 0] - np.asarray(picture)[..., 1] > 150).any()


def test_a_sketch_shows_given_points_in_red_where_they_are():
    points = np.full((len(landmarks.POINTS), 3), 0.9, np.float32)
    points[:, 2] = 0
    place = landmarks.POINTS.index("nose")
    points[place] = [0.25, 0.75, 1]
    given = measuring.switches(("nose",))
    image = drawing.sketched(points, given).astype(int)
    red = np.argwhere(image[..., 0] - image[..., 1] > 100) / drawing.SIDE
    np.testing.assert_allclose(red.mean(0), [0.25, 0.75], atol=0.02)
    black = drawing.sketched(points, 0 * given).astype(int)
    assert (black.max(-1) < 60).any()
    assert not (black[..., 0] - black[..., 1] > 100).any()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--at", "ear", 0.1, 0.2], "--at has ear; give names among left_eye"),
        (["--at", "nose", 0.1, 1.0], "which is not in the picture"),
        (["--at", "nose", -0.1, 0.5], "which is not in the picture"),
    ],
)
def test_points_that_cannot_be_given_are_refused(flags, message, monkeypatch, capsys):
    assert call(command, ["--say", "a man", *flags], monkeypatch) == 2
    said = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert message in said
    assert call(command, ["--at", "nose", 0.1, 0.2], monkeypatch) == 2
    assert "give --say as well" in capsys.readouterr().err
