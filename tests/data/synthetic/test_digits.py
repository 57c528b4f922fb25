"""Digits moved, laid over each other and warped."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from digit_cases import box, keys, moved
from scipy import stats

from jaxgan.data.sources import open_source
from jaxgan.data.synthetic import digits

RNG = np.random.default_rng(0)
BYTES = RNG.integers(1, 256, (4, 5, 2), dtype=np.uint8)
FLOATS = RNG.uniform(0.1, 1, (4, 5, 2)).astype(np.float32)
# Unbalanced, unsorted, and without a class 2.
LABELS = np.array([3, 0, 1, 1, 3, 0, 1, 4, 1, 1], np.int32)
IDENTITY = np.array([[1, 0, 0], [0, 1, 0]], np.float32)

many_multi = jax.jit(digits.multi_digits, static_argnames=("size", "most"))


@pytest.mark.parametrize("image", [BYTES, FLOATS])
def test_shift_moves_and_fills_with_black_at_every_offset(image):
    offsets = [(r, c) for r in range(-6, 7) for c in range(-7, 8)]
    offsets += [(1000, 0), (0, -1000)]
    many = jax.jit(jax.vmap(digits.shift, in_axes=(None, 0)))
    out = many(image, jnp.array(offsets))
    assert out.dtype == image.dtype
    np.testing.assert_array_equal(out, [moved(image, *o) for o in offsets])


@pytest.mark.parametrize("size", [5, 8, 9])
def test_place_centres_on_a_canvas(size):
    offsets = [(0, 0), (2, -3), (-2, 1), (-9, 9), (30, 0)]
    place = jax.jit(jax.vmap(digits.place, (None, 0, None)), static_argnums=2)
    out = place(BYTES, jnp.array(offsets), size)
    assert out.dtype == np.uint8
    np.testing.assert_array_equal(out, [moved(BYTES, *o, size) for o in offsets])


@pytest.mark.parametrize(
    ("image", "offset", "match"),
    [
        (BYTES[None], (0, 0), r"image is uint8 \(1, 4, 5, 2\).*vmap"),
        (BYTES[..., 0], (0, 0), r"\[H, W, C\]"),
        (BYTES.astype(np.int32), (0, 0), "image is int32"),
        (BYTES, (0, 0, 0), r"offset is int32 \(3,\): give two integers"),
        (BYTES, (0.0, 1.0), "offset is float32"),
    ],
)
def test_what_cannot_be_shifted(image, offset, match):
    with pytest.raises(ValueError, match=match):
        digits.shift(image, np.array(offset, np.float32 if "fl" in match else np.int32))


def test_a_canvas_must_hold_the_image():
    with pytest.raises(ValueError, match=r"size is 4 .* at least 5, or use shift"):
        digits.place(BYTES, np.zeros(2, int), 4)


def test_offsets_are_uniform_and_reach_both_ends():
    drawn = jax.jit(jax.vmap(lambda k: digits.random_offset(k, 2)))(keys(5000))
    assert drawn.dtype == np.int32
    counts = np.zeros((5, 5))
    np.add.at(counts, tuple(np.asarray(drawn).T + 2), 1)  # outside: an error
    assert stats.chisquare(counts.ravel()).pvalue > 1e-4
    with pytest.raises(ValueError, match="most is -1: give the largest shift"):
        digits.random_offset(jax.random.key(0), -1)


def test_overlay_clips_at_white():
    first = np.array([0, 1, 100, 200, 255, 255], np.uint8)[None, :, None]
    second = np.array([0, 2, 155, 100, 0, 255], np.uint8)[None, :, None]
    out = digits.overlay(first, second)
    assert out.dtype == np.uint8
    assert out.ravel().tolist() == [0, 3, 255, 255, 255, 255]
    first = np.array([0.0, 0.25, 0.5, 0.75, 1.0])[None, :, None]
    second = np.array([0.0, 0.25, 0.5, 0.5, 1.0])[None, :, None]
    for kind in (jnp.float32, jnp.bfloat16):
        out = digits.overlay(jnp.asarray(first, kind), jnp.asarray(second, kind))
        assert out.dtype == kind
        assert out.ravel().tolist() == [0, 0.5, 1, 1, 1]


@pytest.mark.parametrize("second", [FLOATS, BYTES[:3], BYTES[..., :1]])
def test_overlay_refuses_images_of_two_kinds(second):
    with pytest.raises(ValueError, match="give two images of one shape and type"):
        digits.overlay(BYTES, second)


def test_the_table_lists_each_class():
    table = digits.by_class(LABELS)
    assert table.counts.tolist() == [2, 5, 0, 2, 1]
    assert table.start.tolist() == [0, 2, 7, 7, 9]
    assert table.order.tolist() == [1, 5, 2, 3, 6, 8, 9, 0, 4, 7]
    assert {a.dtype for a in table} == {np.dtype(np.int32)}


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        ([[0, 1]], r"int64 \(1, 2\): give integers"),
        ([0.0, 1.0], "float64"),
        ([0, -1, 1], "labels has -1: leave out"),
        ([2, 2, 2], "labels has 1 classes.* at least 2"),
        (np.zeros(0, int), "labels has 0 classes"),
    ],
)
def test_labels_without_pairs(labels, match):
    with pytest.raises(ValueError, match=match):
        digits.by_class(labels)


def test_the_ranks_are_the_examples_of_all_other_classes():
    table = digits.by_class(LABELS)
    chosen = jax.jit(jax.vmap(digits.other_at, in_axes=(0, None, None)))
    for label in range(5):
        others = np.flatnonzero(label != LABELS)
        found = chosen(jnp.arange(10), label, table)[: len(others)]
        assert sorted(found.tolist()) == others.tolist()


def test_the_other_class_is_uniform_over_examples():
    table = digits.by_class(LABELS)
    draw = jax.jit(jax.vmap(digits.other_class, in_axes=(0, None, None)))
    for label in (0, 1, 3, 4):
        counts = np.bincount(draw(keys(3000), label, table), minlength=len(LABELS))
        others = label != LABELS
        assert counts[~others].sum() == 0
        assert stats.chisquare(counts[others]).pvalue > 1e-4


def test_an_example_depends_on_its_place_and_index_alone():
    images = RNG.uniform(0, 1, (10, 6, 6, 1)).astype(np.float32)
    table = digits.by_class(LABELS)

    def make(seed, positions, index):
        positions, index = jnp.array(positions), jnp.array(index)
        arrays = (images, LABELS, table, positions, index)
        out = many_multi(seed, *arrays, size=10, most=2)
        return {name: np.asarray(value) for name, value in out.items()}

    batch = make(7, [100, 101, 102, 103], [0, 5, 7, 7])
    turned = make(7, [103, 999, 101, 100], [7, 0, 5, 0])
    single = jax.jit(digits.multi_digit, static_argnames=("size", "most"))
    key = jax.random.fold_in(jax.random.key(7), 101)
    alone = single(key, images, LABELS, table, 5, size=10, most=2)
    for name, value in batch.items():
        np.testing.assert_array_equal(value[[3, 1, 0]], turned[name][[0, 2, 3]])
        np.testing.assert_array_equal(value[1], alone[name])
    assert not np.array_equal(batch["parts"][2, 0], batch["parts"][3, 0])
    other = make(8, [100, 101, 102, 103], [0, 5, 7, 7])
    assert not np.array_equal(other["image"], batch["image"])
    assert batch["image"].dtype == batch["parts"].dtype == np.float32
    np.testing.assert_array_equal(
        batch["image"], np.minimum(batch["parts"].sum(axis=1), 1)
    )


def test_a_seed_may_be_a_key():
    expected = jax.random.fold_in(jax.random.key(3), 5)
    for seed in (3, np.uint32(3), jax.random.key(3)):
        assert digits.example_key(seed, 5) == expected
    assert digits.example_key(3, 6) != expected


def test_pairs_are_two_digits_of_the_set_of_different_classes():
    # Each image is one bright pixel that says which it is; some sums are clipped.
    images = np.zeros((10, 4, 4, 1), np.uint8)
    images[:, 1, 2, 0] = 100 + 10 * np.arange(10)
    count = 400
    index = np.arange(count) % 10
    table = digits.by_class(LABELS)
    out = many_multi(
        0, images, LABELS, table, jnp.arange(count), jnp.array(index), size=8, most=2
    )
    image, label, parts = (np.asarray(out[k]) for k in ("image", "label", "parts"))
    assert image.shape == (count, 8, 8, 1)
    assert parts.shape == (count, 2, 8, 8, 1)
    assert label.dtype == np.int32
    which = (parts.max((2, 3, 4)).astype(int) - 100) // 10
    np.testing.assert_array_equal(which[:, 0], index)
    np.testing.assert_array_equal(LABELS[which], label)
    assert (label[:, 0] != label[:, 1]).all()
    np.testing.assert_array_equal(image, np.minimum(parts.sum(1, dtype=int), 255))
    assert (parts.sum(1, dtype=int) > 255).any()
    assert ((parts > 0).sum((2, 3, 4)) == 1).all()
    at = parts[..., 0].reshape(count, 2, 64).argmax(2)
    offsets = np.stack([at // 8 - 3, at % 8 - 4], -1)
    for part in range(2):  # each is shifted by itself, over the whole range
        assert len(np.unique(offsets[:, part], axis=0)) == 25
        assert np.abs(offsets[:, part]).max() == 2
    assert abs(np.corrcoef(offsets.reshape(count, 4).T) - np.eye(4)).max() < 0.25


def pairs(seed, images, labels):
    """One example for each image."""
    table, places = digits.by_class(labels), jnp.arange(len(labels))
    return many_multi(seed, images, labels, table, places, places)


def test_frames_overlap_as_much_as_shifts_of_four_let_them():
    """Overlap: the share of one frame of 28×28 that the other's covers.

    The difference d of two uniform shifts in -4..4 has E|d| = 80/27, so the mean is
    (1 - 80/27/28)² = 0.80, which is the figure of the paper.
    """
    images, labels = np.full((1000, 28, 28, 1), 255, np.uint8), np.arange(1000) % 10
    out = pairs(0, images, labels)
    both = np.asarray(out["parts"] > 0).all(1)
    share = both.sum((1, 2, 3)) / 28**2
    assert np.asarray(out["image"] > 0).any((0, 3)).all()  # all of 36×36 is used
    assert share.min() >= (20 / 28) ** 2  # shifts apart by 8, both ways
    np.testing.assert_allclose(share.mean(), (1 - 80 / 27 / 28) ** 2, atol=0.01)


def overlap(first, second):
    """The share of the smaller box that lies in the other."""
    top, left = max(first[0], second[0]), max(first[2], second[2])
    bottom, right = min(first[1], second[1]), min(first[3], second[3])
    area = min((b[1] - b[0]) * (b[3] - b[2]) for b in (first, second))
    return max(0, bottom - top) * max(0, right - left) / area


def test_real_pairs_overlap_as_drawn_with_numpy():
    """Overlap: the share of the smaller tight box that the other covers, 0.73."""
    arrays = open_source("digits", split="test").arrays
    images, labels = arrays["image"], arrays["label"]
    out = pairs(1, images, labels)
    parts = np.asarray(out["parts"])[..., 0]
    share = np.mean([overlap(box(a), box(b)) for a, b in parts])
    rng, boxes, expected = (
        np.random.default_rng(0),
        [box(i[..., 0]) for i in images],
        [],
    )
    for first in range(len(labels)):
        second = rng.choice(np.flatnonzero(labels != labels[first]))
        d, r = rng.integers(-4, 5, 2) - rng.integers(-4, 5, 2)
        expected.append(overlap(boxes[first], boxes[second] + np.array([d, d, r, r])))
    np.testing.assert_allclose(share, np.mean(expected), atol=0.03)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"images": np.zeros((10, 4, 4), np.uint8)}, r"expected \[N, H, W, C\]"),
        ({"labels": LABELS[:9]}, r"take all three from one set"),
        ({"table": digits.by_class(LABELS[:9])}, r"of \(9,\): take all three"),
        ({"positions": np.arange(3)}, r"positions has shape \(3,\) and index \(2,\)"),
        ({"size": 3}, "size is 3 .* at least 4"),
        ({"most": -2}, "most is -2"),
        ({"seed": 0.5}, "seed is float32"),
        ({"seed": np.zeros(2, np.uint32)}, r"seed is uint32 \(2,\)"),
    ],
)
def test_sets_that_do_not_match(change, match):
    args = {
        "seed": 0,
        "images": np.zeros((10, 4, 4, 1), np.uint8),
        "labels": LABELS,
        "table": digits.by_class(LABELS),
        "positions": np.arange(2),
        "index": np.arange(2),
    }
    with pytest.raises(ValueError, match=match):
        jax.eval_shape(lambda: digits.multi_digits(**args | change))
