"""The GANs that take a label, as commands."""

import json
import re

import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import acgan_mnist, cdcgan_mnist
from jaxgan.lab import scored

RUN = [
    "--batch-size", 8, "--log-every", 1, "--sample-every", 2, "--checkpoint-every", 2,
    "--devices", 1, "--model.hidden", 5, "--model.width", 2,
]  # fmt: skip
CDCGAN = [*RUN, "--model.latent", 4, "--model.discriminator", 2, 3]
ACGAN = [*RUN, "--model.noise", 4]


@pytest.fixture(autouse=True)
def unscored(monkeypatch):
    """Without the digit classifier, which has tests of its own."""
    monkeypatch.setattr(
        scored, "score", lambda record, config, *_: {"asked": config.model.classes}
    )


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 28, 28), np.uint8)
    np.savez(tmp_path / "set.npz", images=images, labels=np.arange(60) % 10)
    return ["--data", f"npz:{tmp_path / 'set.npz'}"]


def results(folder):
    return json.loads((folder / "results.json").read_text())


@pytest.mark.slow
def test_trains_with_labels_and_without_and_repeats_nothing(
    tmp_path, data, monkeypatch, capsys
):
    command = [*CDCGAN, *data, "--workdir", tmp_path, "--steps", 1]
    assert call(cdcgan_mnist, command, monkeypatch) == 0
    assert capsys.readouterr().err.count(" training  ") == 2
    found = results(tmp_path)
    assert found["with labels"]["asked"]
    assert not found["without labels"]["asked"]
    assert found["without labels"]["setting"]["model"]["classes"] == 0
    with Image.open(tmp_path / "sheets.png") as both:
        width, height = both.size
    assert call(cdcgan_mnist, [*command, "--no-compare"], monkeypatch) == 0
    assert " training  " not in capsys.readouterr().err
    with Image.open(tmp_path / "sheets.png") as alone:
        assert (2 * alone.width, alone.height) == (width, height)


@pytest.mark.slow
def test_acgan_draws_a_row_a_digit(tmp_path, data, monkeypatch):
    command = [*ACGAN, *data, "--workdir", tmp_path / "run", "--steps", 1]
    assert call(acgan_mnist, command, monkeypatch) == 0
    assert results(tmp_path / "run")["asked"]
    with Image.open(tmp_path / "run" / "samples" / "ema_0000001.png") as sheet:
        assert sheet.size == (10 * 30 + 2, 10 * 30 + 2)


@pytest.mark.parametrize("module", [cdcgan_mnist, acgan_mnist])
def test_pictures_without_labels_are_refused(tmp_path, module, monkeypatch, capsys):
    np.savez(tmp_path / "plain.npz", images=np.zeros((12, 28, 28), np.uint8))
    own = CDCGAN if module is cdcgan_mnist else ACGAN
    command = [*own, "--data", f"npz:{tmp_path / 'plain.npz'}"]
    assert call(module, [*command, "--workdir", tmp_path / "r"], monkeypatch) == 2
    assert "has no labels; every image needs its class" in capsys.readouterr().err


@pytest.mark.parametrize("module", [cdcgan_mnist, acgan_mnist])
def test_the_data_has_as_many_classes(tmp_path, data, module, monkeypatch, capsys):
    command = [*data, "--model.classes", 3, "--workdir", tmp_path / "run"]
    assert call(module, command, monkeypatch) == 2
    error = " ".join(re.sub("[│╭╮╰╯─]", " ", capsys.readouterr().err).split())
    assert re.search("classes is 3, but .* has 10 classes", error), error
    assert not (tmp_path / "run").exists()
