"""InfoGAN as a command, and how its codes are matched and swept."""

import json
import re

import jax
import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import infogan_mnist
from experiments.infogan_mnist import pictures, reading
from jaxgan import report
from jaxgan.lab import generator, scored
from jaxgan.lab.data import Data, Set
from jaxgan.models import infogan

TINY = [
    "--model.width", 2, "--model.hidden", 6, "--model.recogniser", 5, "--model.noise",
    4, "--batch-size", 8, "--log-every", 1, "--sample-every", 2, "--checkpoint-every",
    2, "--devices", 1,
]  # fmt: skip
MODEL = infogan.Config(noise=4, width=2, hidden=6, recogniser=5)


@pytest.fixture(autouse=True)
def unscored(monkeypatch):
    """Without the digit classifier, which has tests of its own."""
    monkeypatch.setattr(scored, "score", lambda *arguments: {})


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 28, 28), np.uint8)
    np.savez(tmp_path / "set.npz", images=images, labels=np.arange(60) % 10)
    return f"npz:{tmp_path / 'set.npz'}"


def results(folder):
    return json.loads((folder / "results.json").read_text())


@pytest.mark.slow
def test_trains_a_plain_gan_beside_it_goes_on_and_repeats_nothing(
    tmp_path, data, monkeypatch, capsys
):
    command = [*TINY, "--data", data, "--seeds", 4, "--workdir", tmp_path / "run"]
    alone = [*command, "--no-compare", "--steps", 1]
    assert call(infogan_mnist, alone, monkeypatch) == 0
    with Image.open(tmp_path / "run" / "sweeps.png") as sweeps:
        height = sweeps.height
    whole = [*command, "--steps", 2]
    assert call(infogan_mnist, whole, monkeypatch) == 0
    assert capsys.readouterr().err.count(" training  ") == 3
    assert call(infogan_mnist, whole, monkeypatch) == 0
    assert " training  " not in capsys.readouterr().err
    found = results(tmp_path / "run")["runs"]
    informed = {name: run["setting"]["model"]["inform"] for name, run in found.items()}
    assert informed == {"InfoGAN, seed 4": True, "plain GAN, seed 4": False}
    informed = tmp_path / "run" / "infogan_4"
    assert len(results(informed)["meanings"]) == 10
    assert 0 <= results(informed)["code_error"] <= 1
    rows = report.read_scalars(informed / "scalars.jsonl")
    assert [row["step"] for row in rows] == [1, 2]
    assert all(np.isfinite(row["generator/information"]) for row in rows)
    with Image.open(tmp_path / "run" / "sweeps.png") as sweeps:
        assert sweeps.height == 2 * height  # the plain GAN's rows below
    assert (tmp_path / "run" / "information.png").is_file()


def test_seeds_are_summed_up_by_mean_and_deviation():
    runs = {
        "InfoGAN, seed 0": {"code_error": 0.1},
        "InfoGAN, seed 1": {"code_error": 0.04},
        "plain GAN, seed 0": {"code_error": 0.8},
    }
    found = reading.summary(runs)
    assert found["code_error"] == pytest.approx(0.07)
    assert found["code_error_spread"] == pytest.approx(0.03 * 2**0.5)
    alone = reading.summary({"InfoGAN, seed 0": {"code_error": 0.1}})
    assert alone["code_error_spread"] is None
    assert reading.summary({"InfoGAN, seed 0": {}}) == {}


def test_a_category_means_what_it_is_read_off_most_often():
    category = np.array([2, 2, 2, 0, 0, 3, 3, 3, 3])
    label = np.array([7, 7, 1, 7, 7, 4, 0, 4, 1])
    np.testing.assert_array_equal(reading.match(category, label, 5), [7, -1, 7, 4, -1])


def test_the_error_is_that_of_test_images_after_matching(monkeypatch):
    """An image's brightness is its digit; categories are another order, 3 means 9."""
    order = np.array([3, 1, 4, 0, 5, 9, 2, 6, 8, 3])

    def recognise(model, variables, images):
        del model, variables
        digit = (images[:, 0, 0, 0] * 255 / 20).round().astype(int)
        return jax.nn.one_hot(jax.numpy.asarray(order)[digit], 10), None

    def images(labels):
        flat = np.full((len(labels), 28, 28, 1), 20, np.uint8)
        return {"image": flat * labels[:, None, None, None].astype(np.uint8),
                "label": labels}  # fmt: skip

    monkeypatch.setattr(infogan, "recognise", recognise)
    monkeypatch.setattr(generator, "BLOCK", 16)
    train = images(np.concatenate([np.arange(10), np.arange(1, 10)]))  # more of 9
    test = images(np.array([0, 1, 1, 2, 3, 9, 9, 5]))
    sets = Set(Data(), "about", "print", train, test, (28, 28, 1), tuple("0123456789"))
    found = reading.read_digits(MODEL, {}, sets)
    # 0 and 9 share category 3, which means 9; category 7 means nothing.
    assert found["meanings"] == [3, 1, 6, 9, 2, 4, 7, -1, 8, 5]
    assert found["digits_found"] == 9
    assert found["code_error"] == pytest.approx(1 / 8)
    plain = Set(Data(), "about", "print", {"image": train["image"]}, test, (28, 28, 1))
    assert reading.read_digits(MODEL, {}, plain) == {}


def test_along_a_row_one_code_changes_and_noise_stays():
    order = np.array([3, 1, 4, 0, 5, 9, 2, 6, 8, 7])
    made = pictures.sweeps(MODEL, jax.random.key(0), order)
    assert list(made) == ["c1", "c2", "c3"]
    for number, (code, latent) in enumerate(made.items()):
        noise, codes = infogan.split(MODEL, latent.reshape(-1, latent.shape[-1]))
        table = lambda x, n=latent.shape[1]: np.asarray(x).reshape(10, n, -1)  # noqa: E731
        values = {"noise": table(noise), "c1": table(codes.category)}
        values |= {f"c{i + 2}": table(codes.continuous[:, i]) for i in range(2)}
        for name, value in values.items():
            stays = (value == value[:, :1]).all()
            assert stays == (name != code), (code, name)
        swept = values[code][0, :, 0]
        expected = order if number == 0 else np.linspace(-2, 2, 9)
        np.testing.assert_allclose(swept, expected, atol=1e-6)
        assert len(np.unique(values["noise"][:, 0], axis=0)) == 10
    np.testing.assert_array_equal(values["c1"][:, 0, 0], order)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["--seeds", 1, 1], r"--seeds is \(1, 1\); give different ones"),
        (["--model.no-inform"], "plain GAN; --compare trains one"),
        (["--model.categories", 1], "categories is 1"),
        (["--model.categories", 0], "categories are what is read here"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, monkeypatch, capsys, changes, words):
    command = [*TINY, "--workdir", tmp_path / "run", *changes]
    assert call(infogan_mnist, command, monkeypatch) == 2
    error = " ".join(re.sub("[│╭╮╰╯─]", " ", capsys.readouterr().err).split())
    assert re.search(words, error), error
    assert not (tmp_path / "run").exists()
