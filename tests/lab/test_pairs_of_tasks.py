"""Pairs as a task makes them, and two feeds as one."""

import dataclasses

import jax
import numpy as np
import pytest
from PIL import Image

from jaxgan import parallel
from jaxgan.lab import data, feeds, pairs, runs

SHAPE = (16, 16, 3)


def taken(feed, count):
    """The first batches of a feed."""
    prepare = jax.jit(feed.prepare)
    items = feed.items(0)
    return [jax.device_get(prepare(feed.arrays, next(items))) for _ in range(count)]


def opened(folder, count=12):
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(count):
        picture = rng.integers(0, 256, (16, 32, 3), dtype=np.uint8)
        Image.fromarray(picture).save(folder / f"{i:02}.png")
    return data.Data(data=f"pairs:{folder}", flip=True, shift=2)


def test_both_ends_are_mirrored_and_shifted_alike_and_may_change_places(tmp_path):
    flags = opened(tmp_path / "set")
    found = pairs.open_pairs(flags, "pairs", SHAPE).opened
    assert found.train["input"].shape == (10, *SHAPE)
    assert len(found.test["input"]) == 2
    # The same end twice: whatever is done to one must have been done to the other.
    twice = {**found.train, "input": found.train["image"]}
    same = dataclasses.replace(found, train=twice)
    run = runs.run("x", steps=3, every=1, batch_size=8)
    seen = taken(feeds.feed(same, run, parallel.mesh(jax.devices()[:1])), 3)
    for batch in seen:
        np.testing.assert_array_equal(batch["image"], batch["input"])
    assert any(not x.any() for batch in seen for x in batch["image"][:, 0])
    back = pairs.open_pairs(flags, "reversed", SHAPE).opened
    np.testing.assert_array_equal(back.train["input"], found.train["image"])
    np.testing.assert_array_equal(back.test["image"], found.test["input"])
    with pytest.raises(ValueError, match="--task day-to-night does not go with --data"):
        pairs.open_pairs(flags, "day-to-night", SHAPE)
    with pytest.raises(ValueError, match="--task pairs does not go with --data digits"):
        pairs.open_pairs(data.Data("digits"), "pairs", SHAPE)
    with pytest.raises(ValueError, match="is of drawn people: give --data faces"):
        pairs.open_pairs(data.Data("digits"), "day-to-night", SHAPE)


def test_inputs_are_derived_in_the_step_and_for_tests(tmp_path):
    flags = data.Data(data=f"folder:{tmp_path / 'set'}", flip=True)
    opened(tmp_path / "set")
    found = pairs.open_pairs(flags, "grey-to-colour", SHAPE)
    assert "input" not in found.opened.train
    run = runs.run("x", steps=3, every=1, batch_size=4)
    mesh = parallel.mesh(jax.devices()[:1])
    (batch,) = taken(
        feeds.feed(found.opened, run, mesh, between=None, derive=found.derive), 1
    )
    np.testing.assert_array_equal(batch["input"], pairs.grey(batch["image"]))
    test = found.opened.test
    np.testing.assert_array_equal(test["input"], pairs.grey(test["image"]))
    answers = pairs.baselines(found)
    assert set(answers) == {"input", "mean", "nearest"}
    assert all(x.shape == test["image"].shape for x in answers.values())


def test_grey_has_the_weights_of_the_standard_and_edges_are_where_levels_change():
    image = np.zeros((2, 8, 10, 3), np.uint8)
    image[0, :, 5:] = (0, 200, 0)
    grey = np.asarray(pairs.grey(image))
    assert grey[0, 0, 9].tolist() == [round(0.587 * 200)] * 3
    drawn = np.asarray(pairs.edges(image))
    assert (drawn[1] == 255).all()
    dark = drawn[0, ..., 0].min(0)
    assert (dark[[4, 5]] < 100).all()
    assert (np.delete(dark, [4, 5]) == 255).all()
    np.testing.assert_array_equal(jax.jit(pairs.edges)(image), drawn)


def test_holes_are_grey_and_small_images_are_those_of_pillow():
    image = np.random.default_rng(0).integers(0, 256, (2, 16, 24, 3), dtype=np.uint8)
    holed, halved = np.asarray(pairs.hole(image)), np.asarray(pairs.half(image))
    kept = image.copy()
    kept[:, 4:12, 6:18] = 128
    np.testing.assert_array_equal(holed, kept)
    np.testing.assert_array_equal(halved[:, :, :12], image[:, :, :12])
    assert (halved[:, :, 12:] == 128).all()
    for one, made in zip(image, np.asarray(pairs.small(image)), strict=True):
        reduced = Image.fromarray(one).resize((6, 4), Image.Resampling.BICUBIC)
        expected = np.asarray(reduced.resize((24, 16), Image.Resampling.BICUBIC))
        # Pillow rounds to bytes on the way.
        assert abs(made.astype(int) - expected).max() <= 2
    with pytest.raises(ValueError, match="cannot be made 4 times smaller"):
        pairs.small(image[:, :10])


def test_two_feeds_go_through_their_sets_in_orders_of_their_own():
    mesh = parallel.mesh(jax.devices()[:1])
    sets = [data.of_arrays({"image": np.arange(n).reshape(n, 1, 1, 1)}) for n in (6, 9)]
    runs_ = [runs.run("x", steps=1, every=1, batch_size=3, seed=s) for s in (0, 1)]
    one, other = (
        feeds.feed(opened, run, mesh) for opened, run in zip(sets, runs_, strict=True)
    )
    batches = taken(feeds.both(one, other), 6)
    for name, count in (("a", 6), ("b", 9)):
        seen = np.concatenate([batch[name].ravel() for batch in batches])
        # All images come once before any comes again.
        assert sorted(seen[:count].tolist()) == list(range(count))
        assert sorted(seen[-count:].tolist()) == list(range(count))
    later = feeds.both(one, other).items(4)
    item = next(later)
    again = jax.jit(feeds.both(one, other).prepare)(
        {"a": one.arrays, "b": other.arrays}, item
    )
    np.testing.assert_array_equal(again["b"], batches[4]["b"])


def test_errors_are_those_of_arithmetic():
    truth = np.full((2, 2, 2, 3), 100, np.uint8)
    images = truth.copy()
    images[1] += 51
    found = pairs.error(truth, images)
    np.testing.assert_allclose(found.l1, 0.1, rtol=1e-6)
    expected = (100 + 10 * np.log10(1 / 0.04)) / 2
    np.testing.assert_allclose(found.psnr, expected, rtol=1e-5)
