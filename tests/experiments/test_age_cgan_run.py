"""Age-cGAN as a command: classes of ages, both stages, and the search."""

import json
from typing import Any

import jax
import numpy as np
import pytest
from commands import call

from experiments import age_cgan_faces
from experiments.age_cgan_faces import measuring
from jaxgan import game
from jaxgan.data.synthetic import faces
from jaxgan.data.synthetic import people as known
from jaxgan.lab import inference
from jaxgan.models import age_cgan

SHORT = ["--steps", 1, "--encoder-steps", 1, "--batch-size", 4, "--devices", 1]
SHORT += ["--model.width", 2, "--model.latent", 3, "--model.resolution", 16]
SHORT += ["--model.encoder-width", 2, "--model.encoder-hidden", 4]


@pytest.mark.slow
def test_both_stages_are_trained_on_labelled_photographs(tmp_path, monkeypatch):
    out, rng = tmp_path / "run", np.random.default_rng(0)
    images = rng.integers(0, 255, (12, 16, 16, 3), np.uint8)
    np.savez(tmp_path / "set.npz", images=images, labels=np.arange(12) % 3)
    argv = [*SHORT, "--data", f"npz:{tmp_path / 'set.npz'}", "--workdir", out]
    assert call(age_cgan_faces, argv, monkeypatch) == 0
    for stage in ("gan", "encoder"):
        found = json.loads((out / stage / "results.json").read_text())
        assert found["setting"]["model"]["stage"] == stage
    nets = [inference.open_run(out / stage).variables for stage in ("gan", "encoder")]
    one, other = (jax.tree.leaves(x["generator"]["params"]) for x in nets)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def test_classes_are_those_of_adults_in_the_paper():
    age = (np.array([18, 28.9, 29, 38.9, 40, 49, 59, 80]) - 18) / 62
    assert measuring.classes(age).tolist() == [0, 0, 1, 1, 2, 3, 4, 4]


def test_people_are_those_that_are_drawn():
    people, drawn = known.people(5, 3), faces.dataset(5, 3, 16)["factors"]
    assert set(people) == set(drawn)
    for name, value in drawn.items():
        np.testing.assert_allclose(people[name], value, atol=1e-6, err_msg=name)


def test_a_search_never_ends_worse_than_the_encoder_s_guess():
    config = age_cgan.MODEL.tiny
    batch = age_cgan.batch(config, jax.random.key(1), 4)
    init = jax.jit(game.algorithm(age_cgan.game(config)).init)
    nets: Any = game.variables(init(jax.random.key(0), batch))
    trained: Any = inference.Trained("", age_cgan.MODEL, config, nets, 0, {})
    image = np.random.default_rng(0).integers(0, 255, (4, 16, 16, 3), np.uint8)
    was = np.asarray(batch["label"])
    people = measuring.People(image, image, was, was)
    z = measuring.latents(trained, people, lambda x: x.mean((1, 2)), 3)

    def far(z):
        drawn = age_cgan.sample(config, nets, z, batch["label"])
        return np.square(drawn - (image / 127.5 - 1)).mean((1, 2, 3))

    assert (far(z["pixels"]) <= far(z["encoder"].clip(-3, 3)) + 1e-6).all()
    assert not np.allclose(z["pixels"], z["encoder"])
    assert not np.allclose(z["pixels"], z["identity"])


def test_a_stage_cannot_be_chosen(tmp_path, monkeypatch, capsys):
    argv = [*SHORT, "--model.stage", "encoder", "--workdir", tmp_path / "run"]
    assert call(age_cgan_faces, argv, monkeypatch) == 2
    assert "both stages are trained in turn" in " ".join(
        capsys.readouterr().err.split()
    )
