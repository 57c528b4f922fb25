"""The commands of matrix capsules: one trains, the other looks into its run."""

import json
import types

import numpy as np
import pytest
from commands import call

from experiments import matrix_capsnet_mnist, matrix_capsnet_routing
from jaxgan.models import capsnet


@pytest.mark.slow
def test_trains_and_looks_into_the_routing(tmp_path, bars, monkeypatch):
    run = tmp_path / "run"
    command = [
        "--model.features", 3, "--model.types", 2, 2, 2, "--model.resolution", 17,
        "--batch-size", 8, "--steps", 2, "--devices", 1, "--data", f"npz:{bars}",
        "--workdir", run,
    ]  # fmt: skip
    assert call(matrix_capsnet_mnist, command, monkeypatch) == 0
    found = json.loads((run / "results.json").read_text())
    assert found["test_images"] == 10
    assert set(found["error_at_iterations"]) == {"1", "2", "3", "5"}
    assert found["error_at_iterations"]["3"] == found["test_error"]

    look = ["--run", run, "--workdir", tmp_path / "seen", "--iterations", 3]
    assert call(matrix_capsnet_routing, look, monkeypatch) == 0
    seen = json.loads((tmp_path / "seen" / "routing.json").read_text())
    assert (tmp_path / "seen" / "routing.png").is_file()
    assert seen["images"] == 10
    assert seen["error"][2] == pytest.approx(found["test_error"])
    # In the first iteration all capsules are alike, so none is preferred.
    np.testing.assert_allclose(seen["share_of_true_class"][0], 1 / 3, rtol=1e-5)
    for relative in seen["relative_entropy"].values():
        assert relative[0] == 1
        assert all(0 <= x <= 1 + 1e-5 for x in relative)


def test_a_run_of_another_model_is_refused(tmp_path, monkeypatch, capsys):
    other = types.SimpleNamespace(name="capsnet", config=capsnet.Config())
    monkeypatch.setattr(matrix_capsnet_routing.restored, "restore", lambda run: other)
    assert call(matrix_capsnet_routing, ["--run", tmp_path], monkeypatch) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "run of capsnet, not of matrix capsules" in said
