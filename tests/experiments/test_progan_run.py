"""Progressive GAN as a command: resolution after resolution, and pictures of growth."""

import dataclasses
import json

import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import progan_faces
from jaxgan.lab import data, growing, runs

TINY = [
    "--model.base", 4, "--model.width", 2, "--model.latent", 4, "--devices", 1,
    "--smallest-batch", 4, "--batch-size", 8, "--log-every", 1, "--sample-every", 1,
    "--checkpoint-every", 1,
]  # fmt: skip


@pytest.mark.slow
def test_grows_and_shows_it_and_repeats_nothing(tmp_path, bars, monkeypatch, capsys):
    command = [*TINY, "--data", f"npz:{bars}", "--model.channels", 1, "--steps", 2]
    command += ["--resolution", 8, "--workdir", tmp_path]
    assert call(progan_faces, command, monkeypatch) == 0
    said = capsys.readouterr().err
    assert "Progressive GAN, 4x4, 2 steps" in said
    assert "Progressive GAN, 8x8, 4 steps" in said
    assert json.loads((tmp_path / "results.json").read_text())["runs"].keys() == {
        "4x4", "8x8",
    }  # fmt: skip
    for name in ("growth", "fade"):
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert picture.width > picture.height > 0
    assert call(progan_faces, command, monkeypatch) == 0
    assert " training  " not in capsys.readouterr().err


def test_minibatches_shrink_as_images_grow():
    preset = progan_faces.PRESETS["paper"]
    whole = runs.Part(preset.run, preset.data, preset.model)
    parts = growing.stages(whole, preset.smallest_batch)
    assert [part.model.resolution for part in parts] == [2**i for i in range(2, 11)]
    sizes = [part.run.batch_size for part in parts]
    assert sizes == [128, 128, 128, 64, 32, 16, 8, 4, 4]
    for part in parts:
        seen = part.run.steps * part.run.batch_size
        phases = 1 if part.model.resolution == 4 else 2
        assert seen == phases * 4688 * 128
        assert part.model.fade == (phases - 1) * 4688 * 128
        assert part.model.batch_size == part.run.batch_size


def test_resolutions_have_their_shares_of_the_steps():
    preset = progan_faces.PRESETS["paper"]
    model = dataclasses.replace(preset.model, resolution=32)
    whole = runs.Part(preset.run, preset.data, model)
    parts = growing.stages(whole, preset.smallest_batch, (1.0, 0.5, 0.25))
    images = [part.run.steps * part.run.batch_size for part in parts]
    assert images == [128 * n for n in (4688, 2 * 2344, 2 * 1172, 2 * 1172)]
    fades = [part.model.fade for part in parts]
    assert fades == [0, 128 * 2344, 128 * 1172, 128 * 1172]
    # Sheets show a fade at several alphas.
    every = [part.run.sample_every for part in parts]
    assert every == [1172, 586, 293, 2 * 293]


def test_images_of_a_stage_are_means_of_the_last_one_s():
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), np.uint8)
    opened = data.of_arrays({"image": images, "label": np.arange(3)})
    small = growing.shrunk(opened, 4)
    means = images.reshape(3, 4, 2, 4, 2, 1).mean((2, 4))
    np.testing.assert_allclose(small.train["image"], means, atol=0.5)
    assert small.shape == (4, 4, 1)
    np.testing.assert_array_equal(growing.shrunk(opened, 8).train["image"], images)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--resolution", 48], "use 32 or 64"),
        (["--model.fade", 5, "--resolution", 8], "--model.fade is 5"),
        (["--smallest-batch", 9], "--smallest-batch is 9"),
    ],
)
def test_settings_that_do_not_fit_are_refused(flags, message, monkeypatch, capsys):
    assert call(progan_faces, [*TINY, *flags], monkeypatch) == 2
    error = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert message in error
