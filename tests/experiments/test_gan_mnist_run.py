"""GAN and CGAN as commands, and how they are measured."""

import dataclasses
import json
import re

import numpy as np
import pytest
import scipy.special
from commands import call
from PIL import Image

from experiments import cgan_mnist, gan_mnist
from jaxgan import metrics
from jaxgan.lab import feeds, figures, generator, scored
from jaxgan.lab.data import Data, Set
from jaxgan.lab.judges import parzen
from jaxgan.models import cgan, gan

BRIEF = [
    "--batch-size", 8, "--log-every", 1, "--sample-every", 2, "--checkpoint-every", 2,
    "--devices", 1, "--model.latent", 3,
]  # fmt: skip
TINY = {
    gan_mnist: ["--model.hidden", 6, "--model.maxout", 5, "--model.pieces", 2],
    cgan_mnist: [
        "--model.hidden", 6, "--model.hidden-latent", 5, "--model.hidden-class", 5,
        "--model.maxout-image", 5, 2, "--model.maxout-class", 4, 2, "--model.maxout", 5,
        2,
    ],
}  # fmt: skip


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Few samples, and no digit classifier, which has tests of its own."""
    monkeypatch.setattr(parzen, "SAMPLES", 90)
    monkeypatch.setattr(generator, "BLOCK", 50)
    monkeypatch.setattr(scored, "score", lambda *arguments: {})


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """72 images, dark on the left; 60 are trained on, the rest is for tests."""
    path = tmp_path_factory.mktemp("data") / "set.npz"
    images = np.random.default_rng(0).integers(0, 100, (72, 28, 28), np.uint8)
    images[:, :, 14:] += 150
    np.savez(path, images=images, labels=np.arange(72) % 10)
    return path


@pytest.fixture
def run(data, tmp_path, monkeypatch):
    """`run(module, folder, steps, flags)` calls a command; returns its directory."""

    def run(module, folder, steps, *flags):
        command = [*TINY[module], *BRIEF, "--data", f"npz:{data}", "--steps", steps]
        command += ["--workdir", tmp_path / folder, *flags]
        assert call(module, command, monkeypatch) == 0
        return tmp_path / folder

    return run


def results(folder):
    return json.loads((folder / "results.json").read_text())


@pytest.fixture
def seen(monkeypatch):
    """The images to train on, those that choose the bandwidth, and those measured."""
    seen = {}
    feed, likelihood = feeds.feed, parzen.likelihood

    def spied_feed(opened, *rest):
        seen["train"] = opened.train["image"]
        return feed(opened, *rest)

    def spied_likelihood(samples, validation, test):
        seen["validation"], seen["test"] = validation, test
        return likelihood(samples, validation, test)

    monkeypatch.setattr(feeds, "feed", spied_feed)
    monkeypatch.setattr(parzen, "likelihood", spied_likelihood)
    return seen


def check(folder, seen, data, counts):
    """Checks the files of a run; `counts` are the sizes of the parts of the set."""
    found = results(folder)
    assert found["parzen_samples"] == 90
    assert found["parzen_bandwidth"] in metrics.BANDWIDTHS
    assert "weak measure" in found["parzen_of_the_paper"]
    assert "parzen log likelihood" in (folder / "report.html").read_text()
    with np.load(data) as held:
        images = held["images"][..., None]
    for name, count in counts.items():
        assert len(seen[name]) == count
    # Each image of the set is in one of the parts, and in one only.
    parts = np.concatenate([seen[name] for name in counts])
    assert len(np.unique(parts.reshape(len(parts), -1), axis=0)) == len(images)
    # Pixels start at the mean of the training images: the first sheet is that image.
    with Image.open(folder / "samples" / "raw_0000000.png") as sheet:
        tile = np.asarray(sheet, np.float64)[2:30, 2:30]
    np.testing.assert_allclose(tile, seen["train"].mean(0)[..., 0], atol=6)


def test_a_gan_trains_and_is_measured(run, seen, data):
    straight = run(gan_mnist, "run", 2)
    assert results(straight)["steps"] == 2
    assert (straight / "gan_mnist.png").is_file()
    check(straight, seen, data, {"train": 52, "validation": 10, "test": 10})


def test_a_cgan_trains_and_is_measured(run, seen, data):
    folder = run(cgan_mnist, "run", 1, "--parzen")
    check(folder, seen, data, {"train": 62, "validation": 1, "test": 9})


def test_ten_thousand_of_mnist_are_held_out():
    image, label = np.arange(60_000)[:, None], np.repeat(np.arange(10), 6000)
    train, test = {"image": image, "label": label}, {"image": image[:10]}
    sets = Set(Data(), "MNIST", "print", train, test, (1, 1, 1))
    kept, held = gan_mnist.hold_out(sets)
    assert np.bincount(held["label"]).tolist() == [1000] * 10
    both = np.concatenate([kept.train["image"], held["image"]])
    np.testing.assert_array_equal(np.sort(both, 0), image)
    assert "a sixth of each class of those to train held out" in kept.about
    # Another split is another run; those of the last sixth are known by the whole.
    assert kept.fingerprint != "print"
    last = dataclasses.replace(sets, data=Data(set_aside="last"))
    kept, held = gan_mnist.hold_out(last)
    np.testing.assert_array_equal(held["image"], image[50_000:])
    assert kept.fingerprint == "print"


def test_the_protocol_of_the_paper(monkeypatch):
    """The mean over test images, its standard error, and the bandwidth, by hand."""
    monkeypatch.setattr(parzen, "VALIDATION", 20)
    monkeypatch.setattr(parzen.data, "some", lambda count, most: np.arange(most))
    rng = np.random.default_rng(0)
    near, far = (rng.integers(0, top, (40, 28, 28, 1), np.uint8) for top in (30, 255))
    samples = (near[:25] / 255).astype("float32")
    validation = np.concatenate([near[20:], far[20:]])  # only the first 20 may count
    found = parzen.likelihood(samples, validation, far)

    def mean(points, sigma):
        points = points.reshape(-1, 784) / 255
        square = np.square(points[:, None] - samples.reshape(25, 784)).sum(2)
        each = scipy.special.logsumexp(-square / 2 / sigma**2, axis=1)
        return each - np.log(25) - 392 * np.log(2 * np.pi * sigma**2)

    sigmas = np.logspace(-1, 0, 10)
    sigma = sigmas[np.argmax([mean(near[20:], s).mean() for s in sigmas])]
    each = mean(far, sigma)
    assert found["parzen_bandwidth"] == pytest.approx(sigma)
    assert found["parzen_log_likelihood"] == pytest.approx(each.mean(), rel=1e-5)
    error = each.std() / np.sqrt(40)
    assert found["parzen_standard_error"] == pytest.approx(error, rel=1e-4)


def test_beside_the_last_sample_of_a_row_is_its_nearest_neighbour(
    tmp_path, monkeypatch
):
    drawn = []
    tiles = figures.tiles

    def spied(axes, rows, *labels):
        drawn.append(np.asarray(rows))
        tiles(axes, rows, *labels)

    monkeypatch.setattr(figures, "tiles", spied)
    rng = np.random.default_rng(0)
    samples = rng.integers(0, 256, (90, 28, 28, 1), np.uint8)
    data = rng.integers(0, 256, (60, 28, 28, 1), np.uint8)
    last = samples[8::9].astype(int)
    data[5:15] = np.clip(last + rng.integers(-9, 9, last.shape), 0, 255)[::-1]
    gan_mnist._draw(tmp_path / "it.png", samples, data)
    rows, nearest = drawn
    assert rows.shape == (10, 9, 28, 28, 1)
    np.testing.assert_allclose(nearest[:, 0] * 255, data[5:15][::-1], atol=1e-3)
    assert (tmp_path / "it.png").is_file()


def test_the_presets_called_paper_are_the_paper_s():
    assert gan_mnist.PRESETS["paper"].model == gan.Config()
    assert cgan_mnist.PRESETS["paper"].model == cgan.Config(classes=None)
    assert cgan_mnist.PRESETS["paper"].parzen
    for module in (gan_mnist, cgan_mnist):
        assert module.PRESETS["paper"].run.batch_size == 100


@pytest.mark.parametrize(
    ("module", "changes", "words"),
    [
        (gan_mnist, ["--model.keep-hidden", 0], "keep_hidden is 0"),
        (gan_mnist, ["--model.learning-rate", 0.1], "learning_rate is 0.1.*Adam"),
        (cgan_mnist, ["--model.classes", 4], "classes is 4.*has 10 classes"),
        (cgan_mnist, ["--steps", 0], "--steps is 0"),
    ],
)
def test_what_cannot_be_is_refused(
    module, changes, words, data, tmp_path, monkeypatch, capsys
):
    command = [*TINY[module], *BRIEF, "--data", f"npz:{data}", *changes]
    command += ["--workdir", tmp_path / "run"]
    assert call(module, command, monkeypatch) == 2
    error = " ".join(re.sub("[│╭╮╰╯─]", " ", capsys.readouterr().err).split())
    assert re.search(words, error), error
    assert not (tmp_path / "run").exists()
