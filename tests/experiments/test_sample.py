"""Pictures of runs of any model that draws."""

import dataclasses
import json

import jax
import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import sample
from jaxgan import checkpoint, game, report, train
from jaxgan.models import cdcgan, cgan, infogan

FEW = ("--stops", 2, "--frames", 2, "--walkers", 3)


def begun(folder, module, config, **more):
    """A run at its first weights, saved as step 1, and as its best."""
    record = module.MODEL
    batch = record.batch(config, jax.random.key(0), 2)
    state = jax.jit(game.algorithm(record.game(config)).init)(jax.random.key(1), batch)
    plain = {
        "game": f"{module.__name__}.Config",
        "model": dataclasses.asdict(config),
        "run": {"batch_size": 2},
        "data": {"data": "digits"},
        **more,
    }
    (folder / "config.json").write_text(json.dumps(plain))
    for name in (train.LATEST, train.BEST):
        with checkpoint.manager(folder / name) as checkpoints:
            checkpoint.save(checkpoints, 1, state, plain)
    return folder


def frames(path):
    with Image.open(path) as animation:
        return getattr(animation, "n_frames", 1)


@pytest.fixture(scope="module")
def conditional(tmp_path_factory):
    """A run of a model of three classes, which have names."""
    config = cdcgan.Config(classes=3, latent=4, width=2, discriminator=(2, 2), hidden=6)
    folder = tmp_path_factory.mktemp("conditional")
    return begun(folder, cdcgan, config, class_names=["cat", "dog", "fox"])


def test_a_column_a_class_and_single_images(conditional, tmp_path, monkeypatch):
    argv = ["--run", conditional, "--workdir", tmp_path, "--count", 6, "--single"]
    assert call(sample, [*argv, *FEW, "--best"], monkeypatch) == 0
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == tuple(n * (28 + report.GAP) + report.GAP for n in (3, 2))
    assert len(list((tmp_path / "single").iterdir())) == 6
    assert frames(tmp_path / "walk.gif") == 4


def test_classes_are_chosen_by_name(conditional, tmp_path, monkeypatch):
    def drawn(out, *labels):
        argv = ["--run", conditional, "--workdir", tmp_path / out, "--stops", 0]
        assert call(sample, [*argv, "--count", 4, *labels], monkeypatch) == 0
        with Image.open(tmp_path / out / "sheet.png") as sheet:
            return np.asarray(sheet)

    fox = drawn("a", "--labels", "fox")
    assert not np.array_equal(fox, drawn("b", "--labels", "dog"))
    two = drawn("d", "--labels", "fox", "cat")
    np.testing.assert_array_equal(two, drawn("e", "--labels", "fox,cat"))
    with pytest.raises(AssertionError):
        drawn("c", "--labels", "3")


def test_what_cannot_be_drawn_is_one_sentence(
    conditional, classifier_run, tiny_run, monkeypatch, capsys
):
    for argv, said in (
        (
            ["--run", conditional, "--labels", "cow"],
            "no class cow; the classes are cat, dog, fox",
        ),
        (["--run", tiny_run, "--labels", "1"], "draws without labels"),
        (["--run", tiny_run, "--best"], "kept no best state"),
        (["--run", classifier_run], "draws no images"),
    ):
        assert call(sample, argv, monkeypatch) == 2
        assert said in capsys.readouterr().err


@pytest.mark.parametrize("statistics", ["running", "standing"])
def test_still_norms_make_images_independent(statistics, tiny_run):
    run = sample.inference.open_run(tiny_run)
    draw = sample.drawer(run, statistics, 0)
    z, label = sample.inference.latents(run, jax.random.key(3), 6), np.zeros(6, int)
    together, alone = draw(z, label), draw(z[:1], label[:1])
    assert np.abs(together[:1].astype(int) - alone).max() <= 1
    assert together.std() > 0


@pytest.mark.parametrize(
    ("module", "config"),
    [
        (cgan, cgan.MODEL.tiny),  # latents of two arrays, one of them keys
        (infogan, infogan.MODEL.tiny),
    ],
)
def test_latents_of_several_parts_can_be_walked(module, config, tmp_path, monkeypatch):
    run = begun(tmp_path, module, config)
    assert call(sample, ["--run", run, "--count", 5, *FEW], monkeypatch) == 0
    # Frames that do not differ, as few do at first weights, become one.
    assert 1 < frames(run / "pictures" / "walk.gif") <= 4
