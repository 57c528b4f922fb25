"""The semi-supervised table as a command: what is trained, and what is written."""

import itertools
import json

import jax
import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import improved_gan_mnist
from experiments.improved_gan_mnist import tables
from jaxgan import parallel, train
from jaxgan.lab import few_labels
from jaxgan.lab.data import Data, open_set

TINY = [
    "--model.discriminator", 8, 6, "--model.generator", 5, "--model.latent", 3,
    "--batch-size", 8, "--devices", 1, "--constant", 1, "--labels", 10,
]  # fmt: skip


@pytest.fixture(scope="module")
def squares(tmp_path_factory):
    """An npz of 120 labelled pictures: each class has a square of its own."""
    path = tmp_path_factory.mktemp("data") / "squares.npz"
    labels = np.random.default_rng(0).permutation(np.arange(120) % 10)
    images = np.random.default_rng(1).integers(0, 60, (120, 28, 28), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[4 * (label // 2) : 4 * (label // 2) + 8, 12 * (label % 2) + 2 :][
            :, :8
        ] += 190
    np.savez(path, images=images, labels=labels)
    return path


def results(folder):
    return json.loads((folder / "results.json").read_text())


def run(tmp_path, squares, monkeypatch, *flags):
    command = [*TINY, "--data", f"npz:{squares}", "--workdir", tmp_path, *flags]
    return call(improved_gan_mnist, command, monkeypatch)


@pytest.mark.slow
def test_trains_both_ways_goes_on_and_repeats_nothing(
    tmp_path, squares, monkeypatch, capsys
):
    monkeypatch.setattr(
        few_labels.scored, "score", lambda *_: {"frechet_distance": 1.0}
    )
    both = ["--minibatch-steps", 2, "--minibatch-labels", 10, "--minibatch-batch", 4]
    both += ["--minibatch.kernels", 2, "--minibatch.width", 2]
    both += ["--minibatch.generator-steps", 1]
    both += ["--minibatch.generator-width", 2, "--steps"]
    assert run(tmp_path / "a", squares, monkeypatch, *both, 2) == 0
    assert "100 images to train, 20 to test" in capsys.readouterr().err
    ended = tmp_path / "a/discrimination_10_0/results.json"
    written = ended.stat().st_mtime_ns
    assert run(tmp_path / "a", squares, monkeypatch, *both, 4) == 0
    said = capsys.readouterr().err
    assert said.count("training  Improved GAN, features") == 1
    assert said.count("training  Improved GAN, discrimination") == 0
    assert ended.stat().st_mtime_ns == written
    with Image.open(tmp_path / "a" / "samples.png") as picture:
        assert picture.width > 1.5 * picture.height

    resumed = tmp_path / "a" / "features_10_0"
    assert len(list((resumed / "samples").iterdir())) == 5
    (found,) = results(tmp_path / "a")["labels"]["10"]["runs"]
    assert found == results(resumed)
    for run_of in (resumed, ended.parent):
        assert results(run_of)["frechet_distance"] == 1


def test_the_table_has_means_and_what_was_published(tmp_path):
    config = improved_gan_mnist.Config(
        data=Data(), model=improved_gan_mnist.NARROW, workdir=tmp_path
    )
    runs = [
        {"test_errors": errors, "test_images": 10_000, "data": "MNIST"}
        for errors in (100, 120, 140)
    ]
    found = {100: runs, 30: runs[:1], 50: []}
    tables.write(config, found, {})
    table = (tmp_path / "table.md").read_text()
    assert "| 100 | 3 | 120 ± 20 | 1.20 ± 0.20 | 93 ± 6.5 |" in table
    assert "| 30 | 1 | 100 | 1.00 |  |" in table
    assert "| 50 |" not in table
    row = results(tmp_path)["labels"]["100"]
    assert (row["mean_errors"], row["standard_deviation"]) == (120, 20)


@pytest.mark.slow
def test_labelled_images_are_balanced_and_drawn_by_the_seed():
    labels = np.random.default_rng(0).permutation(np.arange(200) % 10)
    chosen = [few_labels.subset(labels, 10, 50, seed) for seed in (0, 1, 0)]
    for index in chosen:
        assert len(set(index.tolist())) == 50
        np.testing.assert_array_equal(np.bincount(labels[index]), 5)
    np.testing.assert_array_equal(chosen[0], chosen[2])
    assert set(chosen[0]) != set(chosen[1])
    with pytest.raises(ValueError, match=r"20 images of the class 0.*takes 21"):
        few_labels.subset(labels, 10, 210, 0)


def test_batches_are_functions_of_seed_and_step(squares):
    sets = open_set(Data(f"npz:{squares}"), (28, 28, 1), test=True)
    chosen = few_labels.subset(sets.train["label"], 10, 10, 0)
    mesh = parallel.mesh(jax.devices()[:1])

    def feed(seed=0):
        run = train.Run(workdir=squares.parent, batch_size=5, seed=seed)
        labelled = {name: x[chosen] for name, x in sets.train.items()}
        return few_labels.feed(sets.train["image"], labelled, run, mesh)

    made = feed()
    items = list(itertools.islice(made.items(0), 20))
    later = next(made.items(7))
    for name in ("image", "labelled"):
        np.testing.assert_array_equal(later[name]["index"], items[7][name]["index"])
        # An epoch has everything once.
        epoch = 100 if name == "image" else 10
        seen = np.concatenate([item[name]["index"] for item in items])[:epoch]
        assert sorted(seen) == list(range(epoch))
        other = next(feed(seed=1).items(7))[name]
        assert not np.array_equal(other["index"], later[name]["index"])
    batch = made.prepare(made.arrays, items[3])
    index = chosen[items[3]["labelled"]["index"]]
    np.testing.assert_array_equal(batch["label"], sets.train["label"][index])
    for name, where in (("labelled", index), ("image", items[3]["image"]["index"])):
        expected = sets.train["image"][where].astype("float32") / np.float32(255)
        np.testing.assert_allclose(batch[name], expected, rtol=1e-6)


def test_images_without_a_label_are_trained_on(tmp_path, squares, monkeypatch):
    """They stay among the unlabelled ones; only classes and tests need labels."""
    held = dict(np.load(squares))
    held["labels"][np.arange(120) % 3 == 0] = -1  # of 100 to train and 20 to test
    path, seen = tmp_path / "few.npz", {}
    np.savez(path, **held)

    def stop(work, game, batches, **_):
        seen.update(batches.arrays)
        raise ValueError("enough")

    monkeypatch.setattr(few_labels.session, "train", stop)
    assert run(tmp_path, path, monkeypatch, "--minibatch-steps", 0) == 2
    assert len(seen["image"]) == 100
    assert len(seen["labelled"]) == 10
    assert sorted(seen["label"]) == list(range(10))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["--labels", 5], "--labels has 5, but the data has 10 classes"),
        (["--labels", 10, 10], "--labels is (10, 10); give different ones"),
        (["--labels", 200], "but --labels 200 takes 20"),
        (["--constant", 1.5], "--constant is 1.5"),
        (["--minibatch-steps", -1], "--minibatch-steps is -1"),
        (
            ["--model.matching", "discrimination"],
            "--model.matching is 'discrimination'",
        ),
        (["--model.decay", 1, 2], "the decay of a model is set for each run"),
        (["--model.classes", 5], "classes is 5, but"),
    ],
)
def test_what_cannot_be_is_refused(
    tmp_path, squares, monkeypatch, capsys, changes, words
):
    assert run(tmp_path, squares, monkeypatch, *changes) == 2
    assert words in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.rglob("checkpoints"))
