"""StackGAN as a command: two stages, captions that are drawn and judged."""

import json

import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import stackgan_faces
from jaxgan.data.synthetic import captions, faces
from jaxgan.lab.judges import attributes

TINY = [
    "--model.low", 16, "--model.high", 32, "--model.width", 2, "--model.blocks", 1,
    "--model.discriminator-width", 2, "--model.discriminator-text", 3,
    "--model.condition", 3, "--model.latent", 4, "--steps", 2, "--stage2-steps", 1,
    "--batch-size", 4, "--stage2-batch", 2, "--log-every", 1, "--sample-every", 1,
    "--checkpoint-every", 1,
    "--people", 60, "--sentences", 2, "--tests", 20, "--devices", 1,
]  # fmt: skip


def drawn(seed, count, size, aligned=False):
    """Grey squares, of people with random factors."""
    rng = np.random.default_rng(seed)
    factors = {
        name: rng.integers(0, len(faces.CATEGORIES[name]), count).astype("int32")
        if name in faces.CATEGORIES
        else rng.uniform(*faces.RANGES[name], count).astype("float32")
        for name in faces.Factors._fields
    }
    image = rng.integers(0, 255, (count, 1, 1, 3), np.uint8)
    return {"image": np.tile(image, (1, size, size, 1)), "factors": factors}


class Judge:
    """Sees an attribute's first value in dark pictures, and the last in bright ones."""

    def read(self, images):
        bright = images.mean((1, 2, 3)) > 127
        return {
            name: np.where(bright, len(values) - 1, 0)
            for name, values in captions.ATTRIBUTES.items()
        }


@pytest.mark.slow
def test_trains_both_stages_and_judges_what_they_draw(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(faces, "dataset", drawn)
    monkeypatch.setattr(attributes, "trained", Judge)
    out = tmp_path / "run"
    command = [*TINY, "--workdir", out]
    assert call(stackgan_faces, command, monkeypatch) == 0
    found = json.loads((out / "results.json").read_text())["runs"]
    assert found.keys() == {"stage1", "stage2"}
    assert "stage2" not in found["stage1"]
    for name in ("stage1", "stage2", "real", "real_small", "chance"):
        assert 0 <= found["stage2"][name]["share"] <= 1
    for stage in found.values():  # likenesses of as many scales
        assert len({x["scales"] for x in stage["variety"].values()}) == 1
    assert found["stage2"]["captions"]["seen"] <= 20
    with Image.open(out / "words.png") as picture:
        assert min(picture.size) > 300
    capsys.readouterr()
    assert call(stackgan_faces, command, monkeypatch) == 0
    assert " training  " not in capsys.readouterr().err


def test_the_stage_is_not_a_setting_of_the_command(monkeypatch, capsys):
    assert call(stackgan_faces, [*TINY, "--model.stage", 2], monkeypatch) == 2
    error = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert "--model.stage is 2; leave it out" in error
