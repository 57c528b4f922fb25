"""GP-GAN and context encoders as commands: what is measured, and what is refused."""

import json

import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import context_encoder_images, gp_gan_scenes
from experiments.context_encoder_images import measuring
from experiments.gp_gan_scenes import scenes
from jaxgan.lab.data import Data

SHORT = ["--steps", 2, "--batch-size", 8, "--devices", 1, "--model.width", 2]
SHORT += ["--model.bottleneck", 4, "--model.resolution", 16]


@pytest.fixture(scope="session")
def cameras(tmp_path_factory):
    """An npz of five scenes, each of its own grey, with four pictures each."""
    rng = np.random.default_rng(0)
    labels = np.arange(20) % 5
    images = rng.integers(0, 10, (20, 32, 32, 3), np.uint8)
    images += np.uint8(40) * labels[:, None, None, None].astype(np.uint8)
    path = tmp_path_factory.mktemp("cameras") / "cameras.npz"
    np.savez(path, images=images, labels=labels)
    return path


def results(path):
    return json.loads((path / "results.json").read_text())


@pytest.mark.slow
def test_scenes_are_blended_and_measured(cameras, tmp_path, monkeypatch):
    out = tmp_path / "run"
    argv = [*SHORT, "--data", f"npz:{cameras}", "--workdir", out, "--pairs", 16]
    argv += ["--model.critic-steps", 1]
    assert call(gp_gan_scenes, argv, monkeypatch) == 0
    found = results(out)["blending"]
    for name in ("copy_paste", "poisson"):  # the square is a quarter of the picture
        quarter = found[name]["l1_percent_in_square"] / 4
        np.testing.assert_allclose(found[name]["l1_percent"], quarter, rtol=1e-5)
    # The network has hardly been trained.
    assert found["true_colours"]["psnr"] > found["gp_gan"]["psnr"]
    with Image.open(out / "blending.png") as picture:
        assert min(picture.size) > 200


def test_pairs_are_of_one_scene_and_test_scenes_are_others(cameras):
    config = gp_gan_scenes.PRESETS["laptop"]
    model = gp_gan_scenes.gp_gan.Config(resolution=16)
    config = gp_gan_scenes.Config(
        config.run, Data(f"npz:{cameras}", tests=4), model, pairs=30
    )
    opened, test = scenes.opened(config)
    greys = [
        {name: (x.mean((1, 2, 3)) / 40).astype(int) for name, x in part.items()}
        for part in (opened.train, opened.test, test)
    ]
    for grey in greys:
        np.testing.assert_array_equal(grey["image"], grey["source"])
    assert not set(greys[0]["image"]) & set(greys[1]["image"])
    assert opened.train["image"].shape == (30, 16, 16, 3)
    assert test["image"].shape == (4, 32, 32, 3)
    assert (opened.train["image"] != opened.train["source"]).any((1, 2, 3)).all()


@pytest.mark.slow
def test_holes_are_filled_and_measured(tiny_run, tmp_path, monkeypatch):
    """Four of the 40 pictures are tested: one of each class."""
    photos = tiny_run.parent / "photos.npz"
    out = tmp_path / "run"
    argv = [*SHORT, "--data", f"npz:{photos}", "--workdir", out, "--model.overlap", 1]
    argv += ["--semantic", tiny_run, "--iterations", 3, "--tests", 4]
    assert call(context_encoder_images, argv, monkeypatch) == 0
    found = results(out)
    assert found["missing"] == 36 / 256
    assert set(found["filling"]) == set(measuring.NAMES)
    # Noise: its mean is the best guess, and another image of it is twice as far away.
    mean, near = (found["filling"][name]["l2_percent"] for name in ("mean", "nearest"))
    np.testing.assert_allclose(mean, 100 / 12, rtol=0.1)
    np.testing.assert_allclose(near, 2 * mean, rtol=0.2)
    with Image.open(out / "filling.png") as picture:
        assert min(picture.size) > 300


def test_the_nearest_image_agrees_with_what_is_known():
    rng = np.random.default_rng(0)
    among = rng.integers(0, 256, (30, 8, 8, 3), np.uint8)
    real = among[[7, 3]].astype("float32") / 127.5 - 1
    holes = np.zeros((2, 8, 8), bool)
    holes[0, 2:6, 2:6] = holes[1, :3] = True
    damaged = np.where(holes[..., None], -0.9 * real, real)
    found = measuring.nearest(damaged, holes, among)
    np.testing.assert_allclose(found, real, atol=1e-6)


def test_errors_are_parts_of_the_range_of_values():
    real = np.zeros((1, 4, 4, 3))
    holes = np.zeros((1, 4, 4), bool)
    holes[0, 1:3, 1:3] = True
    found = measuring.scores(real, real + 0.2, holes)
    expected = {"l1_percent": 10, "l2_percent": 1, "psnr": 20, "images": 1}
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("module", "flags", "words"),
    [
        (gp_gan_scenes, ["--flip"], "--flip and --shift would move one picture"),
        (gp_gan_scenes, ["--model.channels", 1], "drawn faces have colour"),
        (context_encoder_images, ["--model.overlap", 4], "leaves nothing of a hole"),
        (context_encoder_images, ["--iterations", 0], "--iterations is 0"),
    ],
)
def test_flags_that_cannot_be_are_refused(
    module, flags, words, tmp_path, monkeypatch, capsys
):
    argv = [*SHORT, "--workdir", tmp_path / "run", *flags]
    assert call(module, argv, monkeypatch) == 2
    assert words in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "run").exists()


def test_sets_and_runs_that_do_not_fit_are_refused(
    photos, tiny_run, tmp_path, monkeypatch, capsys
):
    out = ["--workdir", tmp_path / "run"]
    for module, flags, words in (
        (gp_gan_scenes, ["--data", f"npz:{photos}"], "a folder of folders, each with"),
        (
            context_encoder_images,
            ["--semantic", tiny_run, "--model.resolution", 32],
            "give a run without classes that draws (32, 32, 3)",
        ),
        (
            context_encoder_images,
            ["--semantic", tiny_run, "--model.hole", "random"],
            "use it with --model.hole centre",
        ),
    ):
        argv = [*SHORT, "--model.resolution", 16, *flags, *out]
        argv += ["--upscale", "yes"] * (module is gp_gan_scenes)
        argv += ["--model.overlap", 1] * (module is context_encoder_images)
        assert call(module, argv, monkeypatch) == 2
        assert words in " ".join(capsys.readouterr().err.split())
        assert not (tmp_path / "run").exists()
