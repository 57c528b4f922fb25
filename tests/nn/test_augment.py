"""Differentiable augmentation, against what each change does by hand."""

import jax
import jax.numpy as jnp
import jax.test_util
import numpy as np
import pytest
import scipy.stats

from jaxgan.nn import augment

CHANGES = {
    "colour": augment.colour,
    "translation": augment.translation,
    "cutout": augment.cutout,
}


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


@pytest.mark.parametrize("name", augment.POLICIES)
def test_each_policy_keeps_shape_and_dtype_and_changes_images(name, key):
    images = drawn(8, 8, 16, 3)
    for dtype in ("float32", "bfloat16"):
        out = augment.diff_augment(jnp.asarray(images, dtype), key, (name,))
        assert out.shape == images.shape
        assert out.dtype == dtype
        assert not np.array_equal(out, jnp.asarray(images, dtype))


@pytest.mark.parametrize("name", augment.POLICIES)
def test_each_example_is_changed_by_itself(name, key):
    one = drawn(1, 8, 8, 3)
    same = np.repeat(one, 32, axis=0)
    out = np.asarray(augment.diff_augment(same, key, (name,)))
    assert len(np.unique(out.reshape(32, -1), axis=0)) > 4  # draws of their own
    other = same.copy()
    other[0] = drawn(8, 8, 3, seed=1)
    changed = np.asarray(augment.diff_augment(other, key, (name,)))
    np.testing.assert_array_equal(changed[1:], out[1:])  # and no company to keep


@pytest.mark.parametrize("name", augment.POLICIES)
def test_gradients_are_those_of_the_change(name, key):
    images = jnp.asarray(drawn(3, 4, 8, 2))
    weights = drawn(3, 4, 8, 2, seed=2)

    @jax.jit
    def f(images):
        return augment.diff_augment(images, key, (name,)) * weights

    jax.test_util.check_grads(f, (images,), order=1, modes=["rev"], rtol=1e-2)
    gradient = jax.grad(lambda x: f(x).sum())(images)
    assert jnp.abs(gradient).max() > 0.1


def test_no_policy_is_the_identity(key):
    images = drawn(2, 4, 4, 3)
    assert augment.diff_augment(images, key, ()) is images


def test_policies_apply_in_the_order_given(key):
    images = 1 + drawn(16, 8, 8, 3)[..., :1] ** 2  # grey and far from zero
    blank = lambda policy: (  # noqa: E731
        np.asarray(augment.diff_augment(images, key, policy) == 0).mean((1, 2, 3))
    )
    assert (blank(("colour", "cutout")) >= 1 / 16).all()
    assert (blank(("cutout", "colour")) < 1 / 16).all()


def test_each_policy_of_a_list_draws_its_own_numbers(key):
    images = np.ones((64, 8, 8, 1), "float32")
    out = np.asarray(augment.diff_augment(images, key, ("cutout", "cutout")))
    once = np.asarray(augment.diff_augment(images, key, ("cutout",)))
    assert (out == 0).sum() > 1.2 * (once == 0).sum()


def test_unknown_policies_are_refused_by_name(key):
    with pytest.raises(ValueError, match=r"\['color'\].*'colour', 'translation'"):
        augment.diff_augment(drawn(1, 4, 4, 3), key, ("color", "cutout"))
    with pytest.raises(ValueError, match=r"\['flip'\]"):
        augment.check_policy(("flip",))


def test_an_image_without_a_batch_is_refused(key):
    with pytest.raises(AssertionError, match="rank"):
        augment.diff_augment(drawn(4, 4, 3), key)


# --- translation ---------------------------------------------------------------------

HEIGHT, WIDTH = 16, 24  # an eighth of them: 2 and 3


def shifted(count, seed=0):
    """Images whose every pixel tells where it was, moved; and the offsets (dy, dx)."""
    places = 1 + np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH)
    images = np.broadcast_to(places[None, :, :, None], (count, HEIGHT, WIDTH, 1))
    key = jax.random.key(seed)
    out = np.asarray(jax.jit(augment.translation)(images.astype("float32"), key))
    middle = out[:, HEIGHT // 2, WIDTH // 2, 0].astype(int) - 1
    offsets = np.stack([HEIGHT // 2 - middle // WIDTH, WIDTH // 2 - middle % WIDTH], 1)
    return images, out, offsets


def test_translation_moves_whole_images_and_brings_in_zeros():
    images, out, offsets = shifted(64)
    for image, moved, (dy, dx) in zip(images, out, offsets, strict=True):
        expected = np.roll(image, (dy, dx), (0, 1))
        expected[: max(dy, 0)] = expected[HEIGHT + min(dy, 0) :] = 0
        expected[:, : max(dx, 0)] = expected[:, WIDTH + min(dx, 0) :] = 0
        np.testing.assert_array_equal(moved, expected)


def test_offsets_are_uniform_over_an_eighth_of_each_side_both_ways():
    _, _, offsets = shifted(3500)
    seen = np.zeros((5, 7), int)
    np.add.at(
        seen, tuple((offsets + np.asarray([2, 3])).T), 1
    )  # would raise for larger ones
    assert offsets.min(0).tolist() == [-2, -3]
    assert scipy.stats.chisquare(seen.ravel()).pvalue > 1e-3


# --- cutout --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "visible"),
    # The centre is uniform over the image, and the hole is cut at its edge. Side 8,
    # hole 4: starts -2..6 show 2 3 4 4 4 4 4 3 2 rows; side 6, hole 3: -1..4 show
    # 2 3 3 3 3 2.
    [(8, {2: 2 / 9, 3: 2 / 9, 4: 5 / 9}), (6, {2: 2 / 6, 3: 4 / 6})],
)
def test_cutout_blanks_one_rectangle_with_its_centre_anywhere(size, visible):
    images = 1 + drawn(2000, size, size, 2) ** 2
    out = np.asarray(jax.jit(augment.cutout)(images, jax.random.key(1)))
    blank = out == 0
    np.testing.assert_array_equal(out[~blank], images[~blank])
    np.testing.assert_array_equal(blank[..., 0], blank[..., 1])
    rows, columns = blank.any((2, 3)), blank.any((1, 3))
    rectangle = rows[:, :, None] & columns[:, None, :]
    np.testing.assert_array_equal(blank[..., 0], rectangle)
    for lines in (rows, columns):
        starts = np.diff(lines.astype(int), axis=1, prepend=0) == 1
        assert (starts.sum(1) == 1).all()  # contiguous
        shown = np.bincount(lines.sum(1), minlength=size)
        expected = np.zeros(size)
        expected[list(visible)] = np.asarray(list(visible.values())) * len(images)
        assert (shown[expected == 0] == 0).all()
        known = expected > 0
        assert scipy.stats.chisquare(shown[known], expected[known]).pvalue > 1e-3
        first = lines.argmax(1)
        assert set(first) == set(range(first.max() + 1))
    # The two sides are drawn apart: holes are not all on the diagonal.
    assert abs(np.corrcoef(rows.argmax(1), columns.argmax(1))[0, 1]) < 0.1


# --- colour --------------------------------------------------------------------------


def test_colour_is_brightness_saturation_and_contrast_each_uniform():
    images = drawn(2000, 4, 4, 3).astype("float64")
    out = np.asarray(
        jax.jit(augment.colour)(images.astype("float32"), jax.random.key(2))
    ).astype("float64")

    def parts(x):
        """Level [B], grey against level, colour against grey."""
        grey, level = x.mean(3, keepdims=True), x.mean((1, 2, 3), keepdims=True)
        return level.ravel(), grey - level, x - grey

    def ratio(after, before):
        axes = (1, 2, 3)
        return (after * before).sum(axes) / (before * before).sum(axes)

    (level, light, tint), (new_level, new_light, new_tint) = parts(images), parts(out)
    # Saturation keeps each pixel's grey and contrast keeps the level, so the three
    # factors can be read off; and there is nothing else to the change.
    brightness = new_level - level
    contrast = ratio(new_light, light)
    saturation = ratio(new_tint, tint) / contrast
    scale = lambda x: x[:, None, None, None]  # noqa: E731
    again = (
        scale(level + brightness)
        + scale(contrast) * light
        + scale(contrast * saturation) * tint
    )
    np.testing.assert_allclose(out, again, atol=2e-6)
    for factor, low, high in (
        (brightness, -0.5, 0.5),
        (saturation, 0, 2),
        (contrast, 0.5, 1.5),
    ):
        assert low - 1e-5 <= factor.min() <= factor.max() <= high + 1e-5
        uniform = scipy.stats.uniform(low, high - low)
        assert scipy.stats.kstest(factor, uniform.cdf).pvalue > 1e-3
    between = np.corrcoef([brightness, saturation, contrast])
    assert np.abs(between - np.eye(3)).max() < 0.1


def test_colour_of_a_grey_image_is_brightness_and_contrast_alone(key):
    image = np.asarray([-0.5, 0.5], "float32").reshape(1, 1, 2, 1)
    low, high = np.asarray(augment.colour(image, key)).ravel()
    assert -0.5 <= (low + high) / 2 <= 0.5
    assert 0.5 <= high - low <= 1.5
