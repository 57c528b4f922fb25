"""SRResNet and SRGAN as a command: two stages, and what they are measured by."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import srgan_images
from experiments.srgan_images import contents, measuring
from jaxgan import game
from jaxgan.lab.judges import segments
from jaxgan.models import segmenter, srgan

SHORT = ["--steps", 2, "--gan-steps", 1, "--batch-size", 4, "--devices", 1]
SHORT += ["--model.width", 2, "--model.blocks", 1, "--model.hidden", 3]
SHORT += ["--model.resolution", 32, "--model.scale", 2, "--upscale", "yes"]


@pytest.mark.slow
def test_srgan_goes_on_from_srresnet(photos, tmp_path, monkeypatch):
    out = tmp_path / "run"
    argv = [*SHORT, "--data", f"npz:{photos}", "--workdir", out, "--tests", 4]
    assert call(srgan_images, argv, monkeypatch) == 0
    found = json.loads((out / "results.json").read_text())["runs"]
    assert set(found) == {"srresnet", "srgan"}
    assert found["srresnet"]["scores"]["bicubic"] == found["srgan"]["scores"]["bicubic"]
    # One step of SRGAN at this step size hardly changes what it begins with.
    of = [found[name]["scores"]["network"]["psnr"] for name in found]
    np.testing.assert_allclose(*of, rtol=0.05)
    with Image.open(out / "enlarged.png") as picture:
        assert min(picture.size) > 300


def test_scores_are_of_the_luminance_without_a_border():
    """White is 235 and black 16; a grey error of 0.1 is 5 % of 219."""
    ends = np.stack([np.ones((4, 4, 3)), -np.ones((4, 4, 3))])
    y = measuring.luminance(ends)
    np.testing.assert_allclose(y[:, 0, 0, 0], [235, 16], rtol=1e-6)
    real = np.random.default_rng(0).uniform(-0.5, 0.5, (1, 20, 20, 3))
    made = real + 0.1
    made[:, :4] = made[:, -4:] = made[:, :, :4] = made[:, :, -4:] = 1
    found = measuring.scores(real, made)
    np.testing.assert_allclose(
        found["psnr"], 20 * np.log10(255 / (0.05 * 219)), rtol=1e-4
    )
    assert 0.9 < found["ssim"] < 1
    same = measuring.scores(real, real + 1e-9)
    np.testing.assert_allclose(same["ssim"], 1, rtol=1e-5)


def test_bicubic_enlargement_is_pillow_s():
    image = np.random.default_rng(0).uniform(0.3, 0.7, (6, 7)).astype("float32")
    expected = Image.fromarray(image).resize((28, 24), Image.Resampling.BICUBIC)
    found = srgan.bicubic(srgan.Config(channels=1), jnp.asarray(image)[None, ..., None])
    np.testing.assert_allclose(
        (found[0, ..., 0] + 1) / 2, np.asarray(expected), atol=1e-5
    )


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (
            ["--model.adversarial", 0.1],
            "--model.adversarial is 0.1 and --model.content",
        ),
        (["--model.content", "vgg22"], "pixels, as SRResNet is trained so, and give"),
        (["--content", "vgg54"], "--content is vgg54 and --weights None; give a file"),
        (["--content", "vgg54", "--weights", "no.pth"], "no file of weights at no.pth"),
        (["--gan-steps", 0], "--gan-steps is 0"),
        (["--model.resolution", 40], "resolution 40 cannot be halved four times"),
    ],
)
def test_flags_that_cannot_be_are_refused(flags, words, tmp_path, monkeypatch, capsys):
    argv = [*SHORT, "--workdir", tmp_path / "run", *flags]
    assert call(srgan_images, argv, monkeypatch) == 2
    assert words in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "run").exists()


def test_crops_larger_than_the_images_are_refused(
    photos, tmp_path, monkeypatch, capsys
):
    argv = [*SHORT, "--data", f"npz:{photos}", "--upscale", "no"]
    assert call(srgan_images, [*argv, "--workdir", tmp_path / "run"], monkeypatch) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert (
        "is 16x16 pixels (height x width) after the crop, but 32x32 is wanted" in told
    )
    assert not (tmp_path / "run").exists()


def test_the_segmenter_sees_pixels_and_labels(monkeypatch):
    """Its logits beside the pixels, which alone would not hold colours."""
    config = segmenter.Config("16x16", classes=5, width=2, depth=2)
    batch = segmenter.batch(config, jax.random.key(0), 2)
    init = jax.jit(game.algorithm(segmenter.game(config)).init)
    image, state = batch["image"], init(jax.random.key(1), batch)
    judge = segments.Segmenter(config, game.variables(state), segments.Score(1, 1, 1))
    monkeypatch.setattr(segments, "trained", {16: judge}.__getitem__)
    model = srgan.Config(resolution=16, content="segmenter")
    see, about = contents.features(model, None)
    assert see is not None
    assert "segmenter" in about["content"]
    maps = see(image)
    np.testing.assert_array_equal(maps[..., :3], image)
    found = segmenter.predict(config, judge.variables, image)
    np.testing.assert_array_equal(maps[..., 3:].argmax(-1), found)
    with pytest.raises(ValueError, match="takes 3 channels, and there are 1; use"):
        contents.features(dataclasses.replace(model, channels=1), None)
