"""GAWWN as a command: places are drawn at, moved and measured, sentences are said."""

import json

import jax.numpy as jnp
import numpy as np
import pytest
from commands import call
from PIL import Image
from test_stackgan_run import Judge

import experiments.gawwn_faces as command
from jaxgan.data.synthetic import faces
from jaxgan.lab.judges import attributes, places

TINY = [
    "--model.width", 2, "--model.latent", 4, "--steps", 2, "--batch-size", 4,
    "--log-every", 1, "--sample-every", 1, "--checkpoint-every", 1, "--people", 60,
    "--sentences", 2, "--tests", 20, "--devices", 1,
]  # fmt: skip


class Finder:
    """Finds the head in the whole picture, and all key-points in the middle."""

    def read(self, images):
        count = len(images)
        box = np.tile(np.array([0, 0, 1, 1], np.float32), (count, 1))
        return {"box": box, "points": np.full((count, 9, 2), 0.5, np.float32)}


@pytest.mark.slow
def test_trains_measures_and_draws_in_a_box(tmp_path, monkeypatch, capsys):
    def grey(factors, size):
        level = 255 * factors.skin_tone
        return jnp.broadcast_to(level, (size, size, 3)).astype(jnp.uint8)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(faces, "render", grey)
    monkeypatch.setattr(attributes, "trained", Judge)
    monkeypatch.setattr(places, "trained", Finder)
    out = tmp_path / "run"
    assert call(command, [*TINY, "--workdir", out], monkeypatch) == 0
    found = json.loads((out / "results.json").read_text())
    where = found["where"]
    assert where["drawn"] == where["real"]  # the pretended judge sees no difference
    assert where["drawn"].keys() == {"centre", "overlap"}
    assert where["drawn"]["overlap"] == pytest.approx(where["chance"]["overlap"])
    for name in ("drawn", "real", "chance"):
        assert 0 <= found[name]["share"] <= 1
    with Image.open(out / "words.png") as picture:
        assert picture.size[0] > picture.size[1] > 600
    capsys.readouterr()

    say = ["--workdir", out, "--say", "a bald man, smiling"]
    assert call(command, say, monkeypatch) == 0
    assert "hair: bald, sex: man, expression: smiling" in capsys.readouterr().err
    with Image.open(out / "said.png") as picture:
        assert picture.size[0] > picture.size[1] > 100
    assert call(command, [*say, "--box", 0.2, 0.2, 0.1, 1], monkeypatch) == 2
    assert "is not in the image; give numbers from 0 to 1" in " ".join(
        capsys.readouterr().err.replace("│", " ").split()
    )
