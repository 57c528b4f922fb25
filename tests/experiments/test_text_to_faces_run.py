"""GAN-CLS as a command: captions are drawn and judged, sentences are said."""

import json

import pytest
from commands import call
from PIL import Image
from test_stackgan_run import Judge, drawn

from experiments import text_to_faces
from jaxgan.data.synthetic import faces
from jaxgan.lab.judges import attributes

TINY = [
    "--model.size", 16, "--model.width", 2, "--model.discriminator-width", 2,
    "--model.features", 3, "--model.latent", 4, "--steps", 2, "--batch-size", 4,
    "--log-every", 1, "--sample-every", 1, "--checkpoint-every", 1, "--people", 60,
    "--sentences", 2, "--tests", 20, "--devices", 1, "--encoder", "facts",
]  # fmt: skip


@pytest.mark.slow
def test_trains_judges_and_draws_what_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(faces, "dataset", drawn)
    monkeypatch.setattr(attributes, "trained", Judge)
    out = tmp_path / "run"
    command = [*TINY, "--workdir", out]
    assert call(text_to_faces, command, monkeypatch) == 0
    found = json.loads((out / "results.json").read_text())
    for name in ("drawn", "real", "chance"):
        assert 0 <= found[name]["share"] <= 1
    # The true factors would obey all; the pretended judge does what it does for both.
    assert found["captions"]["seen"] + found["captions"]["unseen"] == 20
    assert found["setting"]["model"]["text"] == 43  # all values of all attributes
    with Image.open(out / "words.png") as picture:
        assert min(picture.size) > 300
    capsys.readouterr()

    say = ["--workdir", out, "--say", "a bald man, smiling", "a hatter"]
    assert call(text_to_faces, say, monkeypatch) == 0
    said = capsys.readouterr().err
    assert "hair: bald, sex: man, expression: smiling" in said
    assert "a hatter: nothing that the grammar of captions knows" in said
    with Image.open(out / "said.png") as picture:
        assert picture.size[0] > picture.size[1] > 100


def test_no_run_says_nothing(tmp_path, monkeypatch, capsys):
    command = ["--workdir", tmp_path / "none", "--say", "a man"]
    assert call(text_to_faces, command, monkeypatch) == 2
    assert "none" in capsys.readouterr().err
