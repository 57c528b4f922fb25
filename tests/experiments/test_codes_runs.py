"""VAE/GAN and α-GAN as commands: what is measured, and what edits are compared with."""

import json

import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import alpha_gan_faces, vaegan_faces
from jaxgan.lab import codes, domains, inference
from jaxgan.lab.data import Data, Set

SHORT = ["--steps", 1, "--batch-size", 4, "--devices", 1, "--tests", 8]
SHORT += ["--model.width", 2, "--model.code", 3, "--model.resolution", 16]


@pytest.mark.slow
def test_three_models_are_measured_side_by_side(photos, tmp_path, monkeypatch):
    data = ["--data", f"npz:{photos}", "--upscale", "yes"]
    first, second = tmp_path / "vaegan", tmp_path / "alpha"
    argv = [*SHORT, *data, "--workdir", first, "--vae-steps", 1]
    assert call(vaegan_faces, argv, monkeypatch) == 0
    # One small step of VAE/GAN hardly changes what it begins with.
    nets = [inference.open_run(first / name) for name in ("vae", "vaegan")]
    kernels = [x.variables["decoder"]["params"]["Dense_0"]["kernel"] for x in nets]
    np.testing.assert_allclose(*kernels, atol=1e-3)
    argv = [*SHORT, *data, "--workdir", second, "--beside", first]
    assert call(alpha_gan_faces, argv, monkeypatch) == 0
    found = [json.loads((x / "results.json").read_text()) for x in (first, second)]
    one, other = (x["reconstructions"] for x in found)
    assert set(one) == {"VAE", "VAE/GAN", "nearest", "mean"}
    assert set(other) == {*one, "alpha-GAN"}
    for name, row in one.items():
        np.testing.assert_allclose(row["psnr"], other[name]["psnr"], rtol=1e-5)
        assert row["features"] > 0
    assert found[0]["edits"]["VAE"] == {}  # nobody knows these people otherwise
    with Image.open(second / "rows.png") as picture:
        assert min(picture.size) > 100


class Judge:
    """Reads age off the first pixel, and everything else off the second."""

    def read(self, images):
        first, second = images[:, 0, 0, 0] / 100, images[:, 0, 1, 0] / 1.0
        names = domains.factors.NUMBERS
        return {name: first if name == "age" else second for name in names}


def identity():
    """A model whose codes are pixels."""
    return codes.Coder(
        lambda images: images.reshape(len(images), -1).astype(np.float32),
        lambda code: np.clip(code, 0, 255).astype(np.uint8).reshape(-1, 2, 2, 3),
        lambda key, count: np.zeros((count, 12)),
    )


@pytest.fixture
def _people(monkeypatch):
    """Views whose first pixel tells young from old; all else is one's own."""

    def opened(data, other, shape):
        def view(spec, seed):
            old = spec.endswith(("old", "glasses", "smiling"))
            image = np.random.default_rng(seed).integers(50, 99, (20, *shape), np.uint8)
            image[:, 0, 0] = 100 * old
            return image

        sets = [
            Set(
                data, "", "", {"image": view(spec, half)}, {"image": view(spec, 7)},
                shape,
            )
            for half, spec in enumerate((data.data, other))
        ]  # fmt: skip
        return domains.Domains(sets[0], sets[1], True, "age")

    monkeypatch.setattr(domains, "open_domains", opened)


@pytest.mark.usefixtures("_people")
def test_a_vector_of_pixels_is_the_difference_of_means():
    found = codes.attributes(identity(), Data("portraits:8"), (2, 2, 3), 20)
    assert set(found) == set(codes.EDITS)
    age = found["age"]
    np.testing.assert_allclose(age.vector, age.pixels.ravel(), atol=1e-3)
    np.testing.assert_allclose(age.pixels[0, 0], 100, atol=1e-4)
    numbers = codes.edited(identity(), age, Judge())
    for way in ("gain", "lose"):
        row = numbers[way]
        assert row["output"]["rate"] == row["truth"]["rate"] == 1
        assert row["again"]["rate"] == row["input"]["rate"] == 0
        assert row["again"]["l1"] == row["input"]["l1"]  # the identity codes exactly
        np.testing.assert_allclose(row["input"]["l1"], 100 / 255 / 4, rtol=1e-5)
        np.testing.assert_allclose(row["output"]["l1"], row["pixels"]["l1"], atol=3e-3)
        assert row["output"]["l1"] < row["input"]["l1"]


def test_photographs_have_no_vectors():
    assert codes.attributes(identity(), Data("folder:x"), (2, 2, 3), 8) == {}


@pytest.mark.parametrize(
    ("command", "flags", "words"),
    [
        (vaegan_faces, ["--model.similarity", "pixels"], "leave it at learned"),
        (vaegan_faces, ["--steps", 5, "--model.decay", 4], "has fallen to 0 after 4"),
        (vaegan_faces, ["--people", 2], "--people is 2"),
        (alpha_gan_faces, ["--beside", "no"], "no"),
    ],
)
def test_flags_that_cannot_be_are_refused(
    command, flags, words, photos, tmp_path, monkeypatch, capsys
):
    argv = [*SHORT, "--data", f"npz:{photos}", "--workdir", tmp_path / "run", *flags]
    assert call(command, argv, monkeypatch) == 2
    assert words in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "run").exists()
