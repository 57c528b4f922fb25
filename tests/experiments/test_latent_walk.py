"""Walks through a run, and through generators whose walks are known."""

import json

import jax
import jax.numpy as jnp
import linear_faces
import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import latent_walk
from experiments.latent_walk import measuring
from jaxgan.lab import inference, painting
from jaxgan.lab.judges import factors as lab_factors

FEW = ["--stops", 3, "--frames", 2, "--walks", 2]
PICTURES = {
    *("walk_linear.png", "walk_linear.gif", "walk_spherical.png"),
    *("walk_spherical.gif", "grid.png", "steps.png"),
}


def walked(argv, monkeypatch, out, trained=None):
    """The results of a command; of a given model, if any."""
    if trained is not None:
        monkeypatch.setattr(inference, "open_run", lambda run, ema: trained)
        monkeypatch.setattr(
            lab_factors, "trained", lambda size, second=False: linear_faces.Regressor()
        )
        argv = ["--run", "somewhere", *argv]
    assert call(latent_walk, [*argv, "--workdir", out], monkeypatch) == 0
    return json.loads((out / "results.json").read_text())


def test_a_run_is_walked_and_left_as_it_was(
    tiny_run, untouched, tmp_path, monkeypatch, capsys
):
    before = untouched(tiny_run)
    found = walked(["--run", tiny_run, *FEW], monkeypatch, tmp_path / "out")
    assert before == untouched(tiny_run)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == PICTURES | {"results.json"}
    assert found["step"] == 2
    assert "factors" not in found["linear"]
    for kind in ("linear", "spherical"):
        numbers = found[kind]
        assert 0 < numbers["mean_step"] <= numbers["largest_step"]
        with Image.open(tmp_path / "out" / f"walk_{kind}.gif") as gif:
            # 6 frames of 2 walks side by side, 16 pixels and gaps of 2, doubled.
            assert (gif.n_frames, gif.size) == (6, (2 * 38, 2 * 20))
    assert "great circles: the largest step is" in capsys.readouterr().err


def test_the_walk_is_that_of_the_seed_and_of_the_path(tiny_run, tmp_path, monkeypatch):
    argv = ["--run", tiny_run, *FEW, "--path", "linear", "--rows", 1]
    one = walked(argv, monkeypatch, tmp_path / "one")
    again = walked(argv, monkeypatch, tmp_path / "again")
    other = walked([*argv, "--seed", 1], monkeypatch, tmp_path / "other")
    assert one["linear"] == again["linear"] != other["linear"]
    assert "spherical" not in one
    names = {path.name for path in (tmp_path / "one").iterdir()}
    wanted = {name for name in PICTURES if "spherical" not in name}
    assert names == wanted | {"results.json"}


def test_a_linear_generator_takes_known_steps(tmp_path, monkeypatch):
    trained = linear_faces.generator("npz:other")
    argv = ["--stops", 4, "--frames", 2, "--walks", 3]
    argv += ["--path", "linear", "--rows", 1]
    found = walked(argv, monkeypatch, tmp_path, trained)["linear"]
    key = jax.random.fold_in(jax.random.key(0), latent_walk.WALK)
    stops = np.asarray(painting.painter(trained).vectors(key, 12)).reshape(4, 3, -1)
    legs = np.roll(stops, -1, 0) - stops
    steps = linear_faces.SLOPE * np.sqrt(np.square(legs).mean(-1)) / 2
    ratio = steps.max(0) / steps.mean(0)
    expected = {
        "mean_step": steps.mean(),
        "largest_step": steps.max(),
        "largest_over_independent": steps.max() / (2 * steps).mean(),
        "halved": 0.5,
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=0.03), name
    assert found["largest_over_mean"]["median"] == pytest.approx(
        np.median(ratio), rel=0.03
    )
    assert found["independent"]["least"] == pytest.approx(2 * steps.min(), rel=0.03)


def test_a_generator_that_jumps_is_caught(tmp_path, monkeypatch):
    # It knows two pictures only, as one that had memorised them would.
    def draw(z):
        return jnp.broadcast_to((z[:, :1, None, None] > 0) * 1.0, (len(z), 8, 8, 3))

    trained = linear_faces.generator("npz:other", draw=draw)
    argv = [*FEW, "--frames", 8, "--rows", 1]
    found = walked(argv, monkeypatch, tmp_path, trained)
    for kind in ("linear", "spherical"):
        assert found[kind]["largest_step"] == 1
        assert found[kind]["halved"] == 1
        # Two of 24 steps are jumps, there and back, and all others nothing.
        assert found[kind]["largest_over_mean"]["worst"] == pytest.approx(12)


def test_factors_of_drawn_faces_have_paths(tmp_path, monkeypatch):
    trained = linear_faces.generator()
    argv = ["--stops", 5, "--walks", 4, "--frames", 5, "--rows", 1]
    found = walked(argv, monkeypatch, tmp_path, trained)
    assert found["regressor"] == {"exact": 1.0}
    factors = found["linear"]["factors"]
    assert set(factors) == set(linear_faces.NAMES)
    # Along straight lines every factor goes straight; glasses are signs, 1 or -1, half
    # of which change from stop to stop by 0.9.
    assert factors["yaw"]["detour"] == pytest.approx(1, abs=0.02)
    share = factors["glasses"]["length"] / 0.9
    assert 0.2 < share < 0.8
    assert found["spherical"]["factors"]["yaw"]["detour"] > 1.02


def test_lengths_by_hand():
    # Two walks of two stops and two frames: one goes straight, one makes a detour.
    values = np.array([[0.0, 0.0], [1.0, 3.0], [2.0, 2.0], [1.0, 1.0]])
    found = measuring.lengths(values, 2)
    assert found == {"length": (2 + 2 + 4 + 2) / 4, "detour": 2.5 / 2}
    assert measuring.lengths(np.ones((4, 2)), 2)["length"] == 0


def test_a_class_is_kept_along_a_walk(tmp_path, monkeypatch):
    trained = linear_faces.generator("digits", classes=3)
    paint = painting.painter(trained).paint
    images = paint(np.zeros((2, 3, 8)), np.array([0, 1, 2]))
    np.testing.assert_array_equal(images[:, :, -1, 0, 0], [[0, 26, 51]] * 2)
    found = walked(FEW, monkeypatch, tmp_path, trained)
    assert "of the same class" in found["about"]["independent"]
    with Image.open(tmp_path / "walk_linear.gif") as gif:
        for frame in range(gif.n_frames):
            gif.seek(frame)
            pixels = np.asarray(gif.convert("RGB"))
            # Doubled tiles of 8 pixels and gaps of 2: the last rows of both walks.
            rows = pixels[2 * 9, [2 * 5, 2 * 15], 0]
            np.testing.assert_allclose(rows, [0, 26], atol=2)


def test_blocks_do_not_show(monkeypatch):
    painter = painting.painter(linear_faces.generator())
    z = np.random.default_rng(0).normal(size=(7, 8)).astype("float32")
    whole = painter.paint(z)
    monkeypatch.setattr(painting, "BLOCK", 3)
    np.testing.assert_array_equal(painter.paint(z), whole)
    expected = np.round(255 * (0.5 + linear_faces.SLOPE * z))
    np.testing.assert_allclose(whole[:, :, 0, 0], expected, atol=1)


def test_latents_with_seeds_keep_them():
    def latent(key, count):
        return jax.random.normal(key, (count, 8)), jax.random.bits(key, (count,))

    def draw(pair):
        z, seed = pair
        assert seed.shape == (len(z),)
        return jnp.broadcast_to(0.5 + 0.1 * z[:, :, None, None], (len(z), 8, 8, 3))

    painter = painting.painter(linear_faces.generator(latent=latent, draw=draw))
    z = painter.vectors(jax.random.key(1), 4)
    assert z.shape == (4, 8)
    assert painter.paint(z).shape == (4, 8, 8, 3)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--stops", 1], "--stops is 1"),
        (["--frames", 1], "--frames is 1"),
        (["--walks", 0], "--walks is 0"),
        (["--rows", 10], "--rows is 10, but there are 9 rows"),
        ([], "no checkpoint"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    argv, said, unsaved_run, tmp_path, monkeypatch, capsys
):
    argv = ["--run", unsaved_run, "--workdir", tmp_path / "out", *argv]
    assert call(latent_walk, argv, monkeypatch) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_model_without_a_generator_is_refused(
    classifier_run, tmp_path, monkeypatch, capsys
):
    argv = ["--run", classifier_run, "--workdir", tmp_path / "out"]
    assert call(latent_walk, argv, monkeypatch) == 2
    assert "draws no images from latents" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
