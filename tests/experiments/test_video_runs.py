"""Five losses of the next frame: worlds of clips, what is measured and refused."""

import json

import jax
import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import multiscale_video
from experiments.multiscale_video import measuring
from jaxgan.lab import clips
from jaxgan.lab.data import Data

FUTURES = np.full((2, 32, 32, 1), -1, np.float32)
FUTURES[0, 4:10, 4:10] = FUTURES[1, 20:26, 4:10] = 1


def opened(world, frames=3, data="digits", channels=1):
    return clips.open_clips(Data(data), world, (32, 32, channels), frames, frames - 1)


def test_clips_of_a_batch_are_those_of_their_positions():
    """Whatever the step and the size of a batch; test clips are of other digits."""
    world = opened("turning", frames=4)
    make = jax.jit(lambda item: world.make(world.train, 7, item))
    index, position = np.arange(6), np.arange(6).astype(np.uint32)
    made = make({"index": index, "position": position})
    order = np.array([4, 1, 0, 5, 3, 2])
    again = make({"index": index[order], "position": position[order]})
    np.testing.assert_array_equal(made["clip"][order], again["clip"])
    assert made["clip"].shape == (6, 4, 32, 32, 1)
    same = (made["clip"] == made["other"]).all((2, 3, 4))
    assert same[:, :3].all()
    assert not same[:, 3].any()
    test = clips.unseen(world, 5)
    assert test["clip"].shape == (5, 4, 32, 32, 1)
    low = clips.GREY[0] / 127.5 - 1  # away from where tanh is flat
    np.testing.assert_allclose(test["clip"].min((1, 2, 3, 4)), low, rtol=1e-6)


def test_turntables_are_cut_into_clips_and_kinds_held_out(tmp_path):
    """Eight turntables whose pixels say which they are, and which frame."""
    kinds, frames = np.divmod(np.arange(8 * 64), 64)
    images = np.stack([kinds, frames, 0 * kinds], -1).astype(np.uint8)
    images = np.broadcast_to(images[:, None, None], (8 * 64, 32, 32, 3))
    np.savez(tmp_path / "fruits.npz", images=images)
    spec = f"npz:{tmp_path / 'fruits.npz'}"
    world = opened("turntable", 5, spec, 3)
    assert len(world.train) == 7
    item = {"index": np.arange(7), "position": np.arange(7).astype(np.uint32)}
    clip = np.asarray(jax.jit(world.make)(world.train, 0, item)["clip"])[:, :, 0, 0]
    np.testing.assert_array_equal(clip[..., 0], np.tile(np.arange(7)[:, None], 5))
    assert (np.diff(clip[..., 1].astype(int), axis=1) == 1).all()
    assert (world.test[..., 0] == 7).all()
    with pytest.raises(ValueError, match="is not a set of clips of 64 frames"):
        opened("turntable")


def score(guess):
    true, other = np.stack([FUTURES] * 2), np.stack([FUTURES[::-1]] * 2)
    test = {
        "clip": np.concatenate([np.full_like(true[:, :1], -1), true[:, :1]], 1),
        "other": np.concatenate([np.full_like(true[:, :1], -1), other[:, :1]], 1),
    }
    return measuring.scores(test, np.stack([guess] * 2), 1)


def test_who_averages_and_who_decides():
    mean = score(FUTURES.mean(0))
    one, other, none = score(FUTURES[0]), score(FUTURES[1]), score(0 * FUTURES[0] - 1)
    assert mean["decides"] == pytest.approx(0, abs=1e-6)
    assert none["decides"] == pytest.approx(0, abs=1e-6)
    assert one["decides"] == other["decides"] == pytest.approx(1)
    assert one["nearer"] == other["nearer"] == 0
    # 72 pixels are wrong by 1, and 36 by 2.
    assert mean["nearer"] == pytest.approx(np.sqrt(72 / 1024))
    assert none["nearer"] == pytest.approx(np.sqrt(4 * 36 / 1024))
    assert one["psnr"] == pytest.approx(measuring.BEST)
    error = 128**2 * 4 * 72 / 1024
    assert other["psnr"] == pytest.approx(10 * np.log10(255**2 / error))
    # Only the 36 pixels of the true square change; the other square is where none do.
    assert other["moving_psnr"] == pytest.approx(0)
    error = 128**2 * 4 * 36 / 1024
    expected = 10 * np.log10(255**2 / error)
    assert other["official_moving_psnr"] == pytest.approx(expected)


SHORT = ["--steps", 2, "--batch-size", 2, "--devices", 1, "--tests", 4]


@pytest.mark.slow
def test_losses_are_compared(tmp_path, monkeypatch):
    out = tmp_path / "run"
    argv = [*SHORT, "--workdir", out, "--losses", "l1", "--model.width", 1]
    assert call(multiscale_video, [*argv, "--model.past", 1], monkeypatch) == 0
    found = json.loads((out / "results.json").read_text())["scores"]
    assert list(found) == ["last frame", "mean of both", "the other", "l1"]
    assert found["the other"]["nearer"] == 0
    with Image.open(out / "futures.png") as picture:
        assert min(picture.size) > 200


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--losses", "l1", "l1"], "give one or more, each once"),
        (["--model.power", 1], "leave it out, as --losses chooses it"),
        (["--model.channels", 3], "moving digits are grey"),
    ],
)
def test_flags_that_cannot_be_are_refused(flags, words, tmp_path, monkeypatch, capsys):
    argv = [*SHORT, "--workdir", tmp_path / "run", *flags]
    assert call(multiscale_video, argv, monkeypatch) == 2
    assert words in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "run").exists()
