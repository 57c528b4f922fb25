"""Filling holes by a run: what is written, and what is refused."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import inpaint
from jaxgan import losses
from jaxgan.analysis import inpainting
from jaxgan.lab import filling, inference, sets
from jaxgan.lab.sets import Reading

SHAPE = (16, 16, 3)
KEY, OTHER = jax.random.split(jax.random.key(3))


def config(run, **options):
    return inpaint.Config(run=run, **options)


def saved_mask(path, missing):
    Image.fromarray(np.where(missing, np.uint8(255), np.uint8(0))).save(path)
    return path


def decibels(error):
    return 10 * np.log10(255**2 / np.mean(np.square(error)))


@pytest.mark.slow
def test_holes_are_filled_and_measured(tiny_run, untouched, tmp_path, monkeypatch):
    before = untouched(tiny_run)
    missing = np.zeros(SHAPE[:2], bool)
    missing[2:5, 10:] = True
    argv = ["--run", tiny_run, "--workdir", tmp_path / "out", "--images", 2]
    argv += ["--iterations", 12, "--candidates", 8, "--mask", "random"]
    argv += [saved_mask(tmp_path / "hole.png", missing)]
    assert call(inpaint, argv, monkeypatch) == 0
    assert before == untouched(tiny_run)
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    assert "TRAINED ON" in found["images"]
    np.testing.assert_allclose(found["missing"]["hole"], 18 / 256)
    np.testing.assert_allclose(found["missing"]["random"], round(0.8 * 256) / 256)
    photos = np.load(tiny_run.parent / "photos.npz")["images"].astype(float)
    index = np.sort(np.random.default_rng(0).permutation(40)[:2])
    for image, hole, whole in zip(
        photos[index], *found["psnr"]["hole"]["mean"].values(), strict=True
    ):
        error = (image - image[~missing].mean(0)) * missing[..., None]
        np.testing.assert_allclose(hole, decibels(error[missing]), rtol=1e-4)
        np.testing.assert_allclose(whole, decibels(error), rtol=1e-4)
    mean = found["psnr_mean"]["hole"]
    assert set(mean) == {"mean", "laplace", "drawn", "pasted", "blended"}
    # Pasting leaves the hole as it was drawn, and the rest as it should be.
    np.testing.assert_allclose(mean["drawn"]["hole"], mean["pasted"]["hole"])
    np.testing.assert_allclose(
        mean["pasted"]["whole"], mean["pasted"]["hole"] - 10 * np.log10(18 / 256)
    )
    for name in ("random.png", "random_steps.png", "hole.png", "hole_steps.png"):
        with Image.open(tmp_path / "out" / name) as picture:
            assert min(picture.size) > 300


def test_a_search_gets_nearer(tiny_run):
    trained = inference.open_run(tiny_run)
    draw = inference.drawing(trained)
    latents = inference.latents(trained, KEY, 8)
    drawn = draw(latents)
    options = config(tiny_run, iterations=12, restarts=2, candidates=8)
    nets = filling.Nets(draw, None, latents, {0: drawn}, (-1.0, 1.0))
    known = inpainting.half_mask(16, 16)
    images = draw(inference.latents(trained, OTHER, 2))
    kept = filling.searched(nets, images, jnp.zeros(2, int), known, options)
    assert list(kept) == [0, 10, 12]
    weights = losses.inpainting_weights(known[None, :, :, None])
    distance = losses.inpainting_contextual_loss
    found = [np.asarray(distance(images, draw(z), weights)) for z in kept.values()]
    every = [distance(jnp.stack([x] * 8), drawn, weights) for x in images]
    np.testing.assert_allclose(found[0], np.min(every, 1), rtol=1e-4)
    assert (found[1] < found[0]).all()
    assert (found[2] <= found[1]).all()


@pytest.mark.parametrize(
    ("trained_on", "asked"), [("faces:8192", "faces:3"), ("idx:DIGITS", "idx:DIGITS")]
)
def test_images_are_held_out(trained_on, asked, tiny_run, monkeypatch):
    trained = inference.open_run(tiny_run)
    opened, given = sets.open_set, []

    def spy(spec, reading, count, seed):
        given.append((spec, reading.split))
        return opened(f"npz:{tiny_run.parent / 'photos.npz'}", Reading(), count, seed)

    monkeypatch.setattr(sets, "open_set", spy)
    data = trained.plain["data"] | {"data": trained_on}
    trained = trained._replace(plain=trained.plain | {"data": data})
    block, about = inpaint.held_out(trained, SHAPE, config(tiny_run, images=3))
    assert block.images.shape == (3, *SHAPE)
    assert given == [(asked, "test")]
    assert about.endswith("not trained on")


def refused(argv, monkeypatch, capsys, out):
    assert call(inpaint, [*argv, "--workdir", out], monkeypatch) == 2
    assert not out.exists()
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--images", 0], "--images is 0; it must be at least 1"),
        (["--share", 1], "--share is 1.0; it must be above 0 and below 1"),
        (["--learning-rate", 0], "--learning-rate is 0.0; it must be above 0"),
        (["--candidates", 1], "--candidates is 1, fewer than the 2 restarts"),
        (["--mask", "half", "half"], "--mask is half half; name one or more masks"),
        (["--mask", "hexagon"], "--mask hexagon is not a file; choose from centre,"),
        (["--images", 41], "--images is 41, but there are 40; give fewer"),
    ],
)
def test_flags_that_cannot_be_are_refused(
    flags, words, tiny_run, tmp_path, monkeypatch, capsys
):
    argv = ["--run", tiny_run, *flags]
    assert words in refused(argv, monkeypatch, capsys, tmp_path / "out")


def test_runs_that_cannot_draw_are_refused(
    unsaved_run, classifier_run, tmp_path, monkeypatch, capsys
):
    for run, words in (
        (unsaved_run, "no checkpoint"),
        (classifier_run, "draws no images from latents"),
    ):
        assert words in refused(["--run", run], monkeypatch, capsys, tmp_path / "out")


def test_masks_that_do_not_fit_are_refused(tmp_path):
    some = np.zeros((16, 16), bool)
    some[3] = True
    options = config(tmp_path)
    np.testing.assert_array_equal(
        inpaint.known_pixels(
            str(saved_mask(tmp_path / "good.png", some)), SHAPE, options
        ),
        ~some,
    )
    (tmp_path / "text.png").write_text("no picture")
    for name, missing, words in (
        ("size", some[:12], "is 16x12, but the run draws 16x16"),
        ("all", some | True, "is all white"),
        ("none", some & False, "is nowhere white"),
        ("text", None, "is not a picture; give a PNG"),
    ):
        path = tmp_path / f"{name}.png"
        if missing is not None:
            saved_mask(path, missing)
        with pytest.raises(ValueError, match=words):
            inpaint.known_pixels(str(path), SHAPE, options)


def test_images_that_do_not_fit_are_refused(tiny_run, tmp_path, monkeypatch):
    trained = inference.open_run(tiny_run)
    np.savez(tmp_path / "x.npz", images=np.zeros((9, 12, 12, 3), np.uint8))
    options = config(tiny_run, data=f"npz:{tmp_path / 'x.npz'}")
    with pytest.raises(ValueError, match=r"of 12x12 colour, but the run draws 16x16"):
        inpaint.held_out(trained, SHAPE, options)
    np.savez(tmp_path / "x.npz", images=np.zeros((9, *SHAPE), np.uint8))
    block, about = inpaint.held_out(trained, SHAPE, options)
    assert "given by --data" in about
    assert len(block.images) == 8
    monkeypatch.setattr(inference.Trained, "classes", property(lambda self: 4))
    with pytest.raises(ValueError, match=r"needs the class of every image.* no labels"):
        inpaint.held_out(trained, SHAPE, options)


def test_a_discriminator_without_one_logit_is_refused(tiny_run, monkeypatch):
    trained = inference.open_run(tiny_run)
    monkeypatch.setattr(inference, "judging", lambda *args: lambda image: image)
    with pytest.raises(ValueError, match="does not give one logit for an image"):
        filling.nets_of(trained, [0], config(tiny_run, candidates=8))


def test_a_negative_weight_is_refused(tiny_run):
    with pytest.raises(ValueError, match="--weight is -1"):
        dataclasses.replace(config(tiny_run), weight=-1)
