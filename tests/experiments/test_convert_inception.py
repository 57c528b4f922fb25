"""Converting Inception's weights: names and numbers stay, files say what they are."""

import hashlib

import jax
import numpy as np
import pytest
from commands import call

from experiments import convert_inception
from jaxgan.metrics import inception

torch = pytest.importorskip("torch", exc_type=ImportError)


@pytest.fixture
def published(tmp_path):
    path = tmp_path / "weights.pth"
    arrays = {
        name: torch.full(shape, i / 7)
        for i, (name, shape) in enumerate(inception.expected_shapes().items())
    }
    torch.save(arrays, path)
    return path


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_converts(published, tmp_path, monkeypatch, capsys):
    out = tmp_path / "made" / "weights.npz"
    argv = ["--weights", published, "--out", out]
    assert call(convert_inception, argv, monkeypatch) == 0
    said = capsys.readouterr().err
    assert f"weights.pth: SHA-256 {sha256(published)}, not the published file" in said
    assert f"weights.npz: SHA-256 {sha256(out)}" in said
    assert [path.name for path in out.parent.iterdir()] == ["weights.npz"]

    arrays = torch.load(published, weights_only=True)
    with np.load(out, allow_pickle=False) as file:
        found = dict(file)
    assert str(found.pop("source_sha256")) == sha256(published)
    assert found.keys() == arrays.keys()
    assert all(np.array_equal(found[name], arrays[name].numpy()) for name in arrays)

    one, other = inception.load(published), inception.load(out)
    assert one.source == other.source == sha256(published)
    assert jax.tree.all(jax.tree.map(np.array_equal, one.variables, other.variables))

    before = sha256(out)
    assert call(convert_inception, argv, monkeypatch) == 0
    assert sha256(out) == before


def test_what_is_not_there_is_named(tmp_path, monkeypatch, capsys):
    argv = ["--weights", tmp_path / "no.pth", "--out", tmp_path / "weights.npz"]
    assert call(convert_inception, argv, monkeypatch) == 2
    assert "there is no file of weights at" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_name_must_say_npz(published, monkeypatch, capsys):
    argv = ["--weights", published, "--out", published]
    assert call(convert_inception, argv, monkeypatch) == 2
    message = " ".join(capsys.readouterr().err.split())  # it is wrapped
    assert "a file whose name ends in .npz" in message
