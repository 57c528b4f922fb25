"""Tiny runs and sets, for the tests of the laboratory and of the commands."""

import dataclasses
import json
import shutil

import jax
import numpy as np
import pytest
from commands import call

from experiments import dcgan_faces
from jaxgan import checkpoint, game, train
from jaxgan.lab import cli
from jaxgan.models import classifier
from jaxgan.train import owner


@pytest.fixture
def undisturbed(monkeypatch):
    """No compilation cache and no allocator settings, which would outlast the test."""
    monkeypatch.setattr(cli, "_cache_compilations", lambda: None)
    monkeypatch.setattr(cli, "tune_allocator", lambda: None)


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory):
    """The directory of a DCGAN on 40 noise images of 16x16 in colour, of four classes.

    Two steps; latents are normal `[6]`. The data lies beside the run as photos.npz.
    """
    folder = tmp_path_factory.mktemp("tiny")
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 16, 16, 3), np.uint8)
    np.savez(folder / "photos.npz", images=images, labels=np.arange(40) % 4)
    argv = [
        *("--data", f"npz:{folder / 'photos.npz'}", "--workdir", folder / "run"),
        *("--steps", 2, "--batch-size", 8, "--devices", 1),
        *("--model.resolution", 16, "--model.width", 4, "--model.latent", 6),
        *("--model.latent-distribution", "normal"),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "_cache_compilations", lambda: None)
        patch.setattr(cli, "tune_allocator", lambda: None)
        assert call(dcgan_faces, argv, patch) == 0
    return folder / "run"


@pytest.fixture(scope="session")
def unsaved_run(tiny_run, tmp_path_factory):
    """The directory of a run that has no checkpoint yet."""
    folder = tmp_path_factory.mktemp("unsaved")
    shutil.copy(tiny_run / "config.json", folder)
    return folder


@pytest.fixture(scope="session")
def classifier_run(tiny_run, tmp_path_factory):
    """The directory of a classifier of the same images: no generator, no judge."""
    folder = tmp_path_factory.mktemp("classifier")
    config = classifier.Config(resolution=16, channels=3, classes=4, width=2, hidden=3)
    batch = {"image": np.zeros((2, 16, 16, 3), "float32"), "label": np.zeros(2, int)}
    init = game.algorithm(classifier.game(config)).init
    state = jax.jit(init)(jax.random.key(0), batch)
    plain = {
        "game": "jaxgan.models.classifier.Config",
        "model": dataclasses.asdict(config),
        "run": {"batch_size": 2},
        "data": {"data": f"npz:{tiny_run.parent / 'photos.npz'}"},
    }
    (folder / "config.json").write_text(json.dumps(plain))
    with checkpoint.manager(folder / train.LATEST) as checkpoints:
        checkpoint.save(checkpoints, 1, state, plain)
    return folder


@pytest.fixture
def untouched():
    """`untouched(folder)` is a value that changes where a file of a folder does.

    Who tries to train in it leaves a lock, which says nothing of the run.
    """
    return lambda folder: {
        path: (path.stat().st_mtime_ns, path.stat().st_size)
        for path in folder.rglob("*")
        if path.is_file() and path.name != owner.LOCK
    }


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """An npz of 24 small pictures."""
    path = tmp_path_factory.mktemp("data") / "photos.npz"
    images = np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3), np.uint8)
    np.savez(path, images=images)
    return path


def checksums(workdir, step):
    """Checksums of all arrays of a run's state at a step."""
    path = workdir / "checkpoints" / str(step) / "record" / "metadata"
    return json.loads(path.read_text())["arrays"]
