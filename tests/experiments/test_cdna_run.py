"""CDNA as a command: actions that were not taken, what is measured and refused."""

import json

import numpy as np
import pytest
from commands import call

from experiments import cdna_blocks
from experiments.cdna_blocks import measuring
from jaxgan.models import cdna

SHORT = ["--steps", 2, "--batch-size", 2, "--devices", 1, "--tests", 4]


def test_other_actions_have_their_own_true_clips():
    model = cdna.Config(resolution=16, frames=5, context=2, states=2, actions=2)
    test = measuring.unseen(model, 6)
    known = slice(None, 2)
    np.testing.assert_allclose(
        test["clip"][:, known], test["other_clip"][:, known], atol=1e-6
    )
    assert not np.allclose(test["clip"][:, 2:], test["other_clip"][:, 2:], atol=0.05)
    np.testing.assert_array_equal(test["other_action"][1:, 1:], test["action"][:-1, 1:])


@pytest.mark.slow
def test_actions_are_compared(tmp_path, monkeypatch):
    out = tmp_path / "run"
    argv = [*SHORT, "--workdir", out, "--nets", "cdna", "--model.resolution", 16]
    argv += ["--model.width", 1, "--model.frames", 3, "--model.kernels", 2]
    assert call(cdna_blocks, argv, monkeypatch) == 0
    found = json.loads((out / "results.json").read_text())
    assert set(found["errors"]["cdna"]) == set(measuring.TOLD)
    assert len(found["psnr"]["cdna"]) == len(found["psnr"]["last frame"]) == 1
    for name in ("clips.png", "motion.png", "psnr.png"):
        assert (out / name).stat().st_size > 1000


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--model.actions", 3], "two for its action"),
        (["--model.motion", "stp"], "leave it out, as --nets chooses it"),
        (["--nets", "dna", "dna"], "give one or more, each once"),
        (["--tests", 1], "--tests is 1; it must be at least 2"),
    ],
)
def test_other_actions_than_the_fingers_and_one_clip_are_refused(
    argv, words, tmp_path, monkeypatch, capsys
):
    argv = [*SHORT, "--workdir", tmp_path / "run", *argv]
    assert call(cdna_blocks, argv, monkeypatch) == 2
    assert words in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "run").exists()
