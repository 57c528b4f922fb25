"""PPGN as a command: chains by networks whose answers are known, and a short run."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import ppgn_images
from experiments.ppgn_images import chains, measuring
from jaxgan.lab.judges import classifier
from jaxgan.models import ppgn

SIDE, CLASSES = 4, 3
MODEL = ppgn.Config(classes=CLASSES, resolution=8, channels=1, code=16)
TINY = [
    "--steps", 2, "--encoder-steps", 2, "--batch-size", 8, "--devices", 1,
    "--sample-every", 2, "--checkpoint-every", 2, "--model.resolution", 14,
    "--model.width", 8, "--model.encoder-width", 2, "--model.code", 6,
    "--model.hidden", 7, "--chains.iterations", 3, "--chains.each", 2,
]  # fmt: skip


@pytest.fixture
def known_nets(monkeypatch):
    """Codes are images of 4x4, and the first pixels are the logits of classes."""

    def draw(model, variables, code):
        return code.reshape(-1, SIDE, SIDE, 1)

    def see(model, variables, image):
        code = image.reshape(-1, SIDE * SIDE)
        return ppgn.Seen(image, code, code[:, :CLASSES])

    monkeypatch.setattr(ppgn, "draw", draw)
    monkeypatch.setattr(ppgn, "see", see)


@pytest.mark.parametrize("released", [False, True])
def test_chains_end_where_their_class_is_likely(known_nets, released):
    config = chains.Chains(iterations=20, rate=0.3, released=released)
    labels = jnp.array([0, 1, 2, 2])
    codes = chains.classes(config, MODEL, {}, labels)
    assert codes.shape == (4, 20, 16)
    assert codes.min() >= 0
    likely = jax.nn.softmax(codes[:, -1, :CLASSES])[jnp.arange(4), labels]
    assert (likely > 0.8).all()
    # Chains do not depend on each other.
    alone = chains.classes(config, MODEL, {}, labels[:1])
    np.testing.assert_allclose(alone[0], codes[0], rtol=1e-5, atol=1e-6)
    first = jnp.abs(codes[:, 1] - codes[:, 0]).mean(1)
    assert (first <= 0.3 * (1 - 0.99 / 19) + 1e-5).all()


def test_what_is_known_of_an_image_stays_and_the_hole_gets_its_class(known_nets):
    rng = np.random.default_rng(0)
    images = jnp.asarray(rng.uniform(-1, 1, (2, SIDE, SIDE, 1)), jnp.float32)
    hole = jnp.zeros((SIDE, SIDE), bool).at[0].set(True)  # has the logits
    config = chains.Chains(iterations=30, rate=0.3)
    labels = jnp.array([1, 2])
    filled = chains.holes(config, MODEL, {}, images, labels, hole)
    np.testing.assert_array_equal(filled[:, 1:], images[:, 1:])
    logits = filled[:, 0, :CLASSES, 0]
    assert (logits.argmax(1) == labels).all()


class Judge:
    """Sees the class in the brightness of an image."""

    accuracy, tested = 1.0, 10

    def logits(self, images):
        level = images.reshape(len(images), -1).mean(1) / 100
        return -np.abs(np.arange(CLASSES)[None] - level[:, None])


def test_scores_are_shares_and_distances_of_pixels():
    labels = np.array([0, 0, 1, 2, 2])
    level = np.array([0, 51, 100, 200, 20])
    images = np.broadcast_to(level[:, None, None, None], (5, 8, 8, 1)).astype(np.uint8)
    found = measuring.scored(Judge(), images, labels)
    assert found["right"] == pytest.approx(3 / 5)  # 51 looks like a 1, and 20 like a 0
    assert found["different"] == pytest.approx((51 + 180) / 2 / 255)


@pytest.mark.slow
def test_a_run_trains_both_stages_once_and_draws(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(classifier, "trained", lambda opened: Judge())
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 14, 14), np.uint8)
    np.savez(tmp_path / "set.npz", images=images, labels=np.arange(60) % CLASSES)
    argv = [*TINY, "--data", f"npz:{tmp_path / 'set.npz'}"]
    argv += ["--workdir", tmp_path / "run"]
    assert call(ppgn_images, argv, monkeypatch) == 0
    found = json.loads((tmp_path / "run" / "results.json").read_text())
    assert set(found["seen"]) == {"chains", "drawn again", "random codes", "real"}
    assert set(found["holes"]) == {"chains", "first", "nearest"}
    for name in ("classes.png", "holes.png"):
        with Image.open(tmp_path / "run" / name) as picture:
            assert min(picture.size) > 50
    capsys.readouterr()
    assert call(ppgn_images, argv, monkeypatch) == 0
    assert " training  " not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["--model.stage", "encoder"], "both stages are trained"),
        (["--chains.each", 0], "each is 0"),
        (["--data", "npz:set.npz"], "has no labels"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, monkeypatch, capsys, changes, words):
    monkeypatch.chdir(tmp_path)
    np.savez("set.npz", images=np.zeros((20, 14, 14), np.uint8))
    argv = [*TINY, "--workdir", tmp_path / "run", *changes]
    assert call(ppgn_images, argv, monkeypatch) != 0
    error = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert words in error
    assert not (tmp_path / "run").exists()
