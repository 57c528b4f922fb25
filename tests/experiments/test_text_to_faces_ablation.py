"""The table of GAN-CLS with and without its parts, from runs that are pretended."""

import json

import pytest
from commands import call

from experiments import text_to_faces_ablation
from jaxgan.lab import told
from jaxgan.lab.session import Result


def test_variants_are_compared_over_seeds_and_beside_the_truth(
    tmp_path, monkeypatch, capsys
):
    trained = []

    def fit(part):
        trained.append(part)
        share = 0.2 + 0.3 * part.model.matching + 0.1 * part.run.seed
        pair = {"likeness": 0.5, "unstated": 0.4, "scales": 2}
        return Result(
            {
                **{"data": "people", "steps": 1, "batch_size": 2, "device": "cpu"},
                "drawn": {"share": share},
                "drawn_unseen": {"share": 0.1},
                "real": {"share": 0.9},
                "real_unseen": {"share": 0.8},
                "chance": {"share": 0.3},
                "variety": {"drawn": pair, "real": pair | {"likeness": 0.1}},
            },
            {},
        )

    monkeypatch.setattr(told, "train", fit)
    monkeypatch.setattr(text_to_faces_ablation, "_picture", lambda config: None)
    argv = ["--workdir", tmp_path / "out", "--variants", "int", "cls"]
    argv += ["--seeds", 0, 2]
    assert call(text_to_faces_ablation, argv, monkeypatch) == 0
    said = capsys.readouterr().err
    assert "cls       0.600 ± 0.141     0.100 ± 0.000     0.500 ± 0.000" in said
    assert "true      0.900             0.800             0.100" in said
    parts = [(x.model.matching, x.model.between, x.run.seed) for x in trained]
    assert [x[:2] for x in parts] == [(False, True)] * 2 + [(True, False)] * 2
    assert [x[2] for x in parts] == [0, 2, 0, 2]
    assert {x.model.text for x in trained} == {43}
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    assert found["variants"]["int"]["stated"]["mean"] == pytest.approx(0.3)
    assert found["chance"] == {"stated": 0.3}


@pytest.mark.parametrize(
    ("argv", "words"),
    [(["--seeds", 1, 1], "each once"), (["--model.no-between"], "as --variants")],
)
def test_a_seed_twice_and_a_variant_by_the_model_are_refused(
    argv, words, monkeypatch, capsys
):
    assert call(text_to_faces_ablation, argv, monkeypatch) == 2
    assert words in " ".join(capsys.readouterr().err.split())
