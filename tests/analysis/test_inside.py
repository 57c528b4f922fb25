"""Tiles, projections, fields, patches: against arithmetic, numpy and autodiff."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from jaxgan.analysis import inside
from jaxgan.nn.conv import conv, conv_transpose

RNG = np.random.default_rng(0)
KERNELS = [RNG.normal(size=s).astype("float32") for s in ((4, 4, 3, 5), (3, 3, 5, 4))]
STRIDES = (2, 1)
IMAGES = RNG.normal(size=(4, 8, 8, 3)).astype("float32")


def network(x, slope=0.2):
    """Two convolutions: maps `[N, 4, 4, 5]` and `[N, 4, 4, 4]`."""
    for kernel, stride in zip(KERNELS, STRIDES, strict=True):
        x = jax.nn.leaky_relu(conv(x, kernel, stride=stride), slope)
    return x.sum((1, 2, 3))


def maps_of(x):
    first = conv(x, KERNELS[0], stride=2)
    second = conv(jnp.where(first > 0, first, 0.2 * first), KERNELS[1])
    return np.asarray(first), np.asarray(jnp.where(second > 0, second, 0.2 * second))


def test_each_map_is_stretched_by_itself():
    maps = RNG.normal(size=(5, 6, 3)).astype("float32")
    maps[..., 2] = 7
    tiles = inside.map_tiles(maps)
    assert tiles.shape == (3, 5, 6, 1)
    for i in range(2):
        low, high = maps[..., i].min(), maps[..., i].max()
        np.testing.assert_allclose(
            tiles[i, ..., 0], (maps[..., i] - low) / (high - low), rtol=1e-5, atol=1e-6
        )
    np.testing.assert_array_equal(tiles[2], 0)


@pytest.mark.parametrize("channels", [1, 3])
def test_filters_of_images_are_one_tile_each(channels):
    kernel = RNG.normal(size=(3, 4, channels, 6))
    tiles = inside.kernel_tiles(kernel)
    assert tiles.shape == (6, 1, 3, 4, channels)
    for i in range(6):
        own = kernel[..., i]
        expected = (own - own.min()) / (own.max() - own.min())
        np.testing.assert_allclose(tiles[i, 0], expected, rtol=1e-4, atol=1e-5)


def test_filters_of_many_channels_are_a_tile_a_channel():
    kernel = RNG.normal(size=(3, 3, 4, 2))
    tiles = inside.kernel_tiles(kernel)
    assert tiles.shape == (2, 4, 3, 3, 1)
    own = kernel[..., 1]
    expected = (own - own.min()) / (own.max() - own.min())  # all channels together
    np.testing.assert_allclose(tiles[1, 2, ..., 0], expected[..., 2], rtol=1e-4)


def test_signals_are_drawn_around_the_middle():
    signals = np.zeros((3, 2, 2, 1), "float32")
    signals[0, :, :, 0] = [[2, -4], [0, 1]]
    signals[1, 0, 0] = 1e-20
    pictures = inside.centred(signals)
    np.testing.assert_allclose(pictures[0, :, :, 0], [[0.75, 0], [0.5, 0.625]])
    np.testing.assert_allclose(pictures[1].ravel(), [1, 0.5, 0.5, 0.5])
    np.testing.assert_array_equal(pictures[2], 0.5)


def back_by_hand(rule, layer, channels):
    """The rules of each layer, with numpy's masks between two transposed kernels."""
    first, second = maps_of(IMAGES)
    chosen = second if layer == 1 else np.where(first > 0, first, 0.2 * first)

    def mask(signal, x):
        if rule == "gradient":
            return signal * np.where(x > 0, 1, 0.2)
        signal = np.maximum(signal, 0)
        return signal * (x > 0) if rule == "guided" else signal

    signal = np.zeros_like(chosen)
    for n, channel in enumerate(channels):
        at = np.unravel_index(chosen[n, ..., channel].argmax(), chosen.shape[1:3])
        start = chosen[(n, *at, channel)] if rule == "deconvnet" else 1
        signal[(n, *at, channel)] = start
    if layer == 1:
        through = jax.linear_transpose(
            lambda x: jax.lax.conv_general_dilated(
                x, KERNELS[1], (1, 1), [(1, 1)] * 2,
                dimension_numbers=("NHWC", "HWIO", "NHWC"),
            ),
            first,
        )  # fmt: skip
        (signal,) = through(jnp.asarray(mask(signal, second)))
    signal = mask(np.asarray(signal), first)
    return np.asarray(conv_transpose(jnp.asarray(signal), KERNELS[0]))


@pytest.mark.parametrize("rule", ["gradient", "deconvnet", "guided"])
@pytest.mark.parametrize("layer", [0, 1])
def test_projections_are_by_the_rule_from_the_strongest_response(rule, layer):
    channels = np.array([0, 3, 2, 2])
    sent = jax.jit(
        lambda x: inside.project(network, x, layer - 2, jnp.asarray(channels), rule)
    )(IMAGES)
    expected = back_by_hand(rule, layer, channels)
    assert sent.shape == IMAGES.shape
    np.testing.assert_allclose(sent, expected, rtol=1e-3, atol=1e-4)
    assert abs(expected).max() > 0.1


def test_the_gradient_is_that_of_the_largest_response():
    sent = inside.project(network, IMAGES, 1, 3, "gradient")

    def largest(x):
        x = jax.nn.leaky_relu(conv(x, KERNELS[0], stride=2), 0.2)
        x = jax.nn.leaky_relu(conv(x, KERNELS[1]), 0.2)
        return x[..., 3].max((1, 2)).sum()

    np.testing.assert_allclose(sent, jax.grad(largest)(IMAGES), rtol=1e-3, atol=1e-5)
    np.testing.assert_array_equal(
        inside.project(network, IMAGES, -1, -1, "gradient"), sent
    )


def test_a_map_that_does_not_answer_sends_nothing_back_through_relu():
    dark = -np.abs(IMAGES)

    def bright(x):
        return jax.nn.relu(conv(x, np.abs(KERNELS[0]), stride=2))

    for rule in ("gradient", "deconvnet", "guided"):
        sent = inside.project(bright, dark, 0, 1, rule)
        np.testing.assert_array_equal(sent, 0)


def test_units_without_places_are_projected_too():
    weights = RNG.normal(size=(8 * 8 * 3, 6)).astype("float32")

    def dense(x):
        return jax.nn.relu(x.reshape(len(x), -1) @ weights)

    sent = inside.project(dense, IMAGES, 0, 4, "deconvnet")
    response = np.maximum(IMAGES.reshape(4, -1) @ weights[:, 4], 0)
    expected = response[:, None] * weights[None, :, 4]
    np.testing.assert_allclose(sent.reshape(4, -1), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("layer", "channel", "rule", "said"),
    [
        (2, 0, "guided", "layer is 2, but the network has 2 rectifiers"),
        (-3, 0, "guided", "layer is -3, but"),
        (0, 5, "guided", "channel is 5, but layer 0 has 5 channels"),
        (1, -5, "guided", "channel is -5, but layer 1 has 4 channels"),
        (0, 0, "backwards", "unknown rule 'backwards'"),
    ],
)
def test_what_cannot_be_projected_is_refused(layer, channel, rule, said):
    with pytest.raises(ValueError, match=said):
        inside.project(network, IMAGES, layer, channel, rule)


def test_the_field_of_a_dcgan_by_arithmetic():
    # Kernels 4, strides 2, paddings 1: 1 + 3 (1 + 2 + 4 + 8) pixels, 16 apart.
    field = inside.receptive_field([(4, 2, 1)] * 4)
    assert field == (46, 16, -15)
    assert inside.receptive_field([]) == (1, 1, 0)
    assert inside.receptive_field([(5, 2, 2)] * 4) == (61, 16, -30)
    assert inside.receptive_field([(9, 1, 0), (9, 2, 0)]) == (17, 2, 0)


LAYERS = st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(0, 2))


@given(st.lists(LAYERS, max_size=4), st.integers(0, 3))
def test_a_field_is_what_a_unit_depends_on(layers, unit):
    """Walked back from the unit, layer by layer."""
    reached = {unit}
    for kernel, stride, padding in reversed(layers):
        reached = {
            i * stride - padding + k
            for i, k in itertools.product(reached, range(kernel))
        }
    field = inside.receptive_field(layers)
    assert min(reached) == field.start + field.stride * unit
    assert max(reached) - min(reached) + 1 == field.size


def test_a_field_holds_the_slopes_of_a_unit():
    field = inside.receptive_field([(4, 2, 1), (3, 1, 1)])
    image = np.ones((1, 12, 12, 3), "float32")

    def unit(x):
        x = conv(x, np.abs(KERNELS[0]), stride=2)
        return conv(x, np.abs(KERNELS[1]))[0, 2, 3, 0]

    rows, columns = (abs(jax.grad(unit)(image)).sum((0, 3, i)) for i in (2, 1))
    for found, at in ((rows, 2), (columns, 3)):
        first = field.start + field.stride * at
        expected = np.arange(first, first + field.size)
        np.testing.assert_array_equal(np.flatnonzero(found), expected)


@pytest.mark.parametrize("layer", [(0, 1, 0), (3, 0, 1), (3, 1, -1)])
def test_layers_that_cannot_be_have_no_field(layer):
    kernel, stride, padding = layer
    said = f"layer 1 has kernel {kernel}, stride {stride} and padding {padding}"
    with pytest.raises(ValueError, match=said):
        inside.receptive_field([(3, 1, 1), layer])


def test_peaks_are_the_largest_and_where_they_are():
    maps = RNG.normal(size=(7, 3, 5, 4)).astype("float32")
    found = jax.jit(inside.peaks)(maps)
    np.testing.assert_array_equal(found.value, maps.max((1, 2)))
    for n, c in itertools.product(range(7), range(4)):
        row, column = found.position[n, c]
        assert maps[n, row, column, c] == found.value[n, c]


def test_the_strongest_are_the_first_of_a_sorted_list():
    maps = RNG.normal(size=(7, 3, 5, 4)).astype("float32")
    image, position = jax.jit(lambda x: inside.strongest(inside.peaks(x), 3))(maps)
    expected = np.argsort(-maps.max((1, 2)), axis=0)[:3]
    np.testing.assert_array_equal(image, expected)
    for k, c in itertools.product(range(3), range(4)):
        row, column = position[k, c]
        assert maps[image[k, c], row, column, c] == maps[image[k, c], ..., c].max()


@pytest.mark.parametrize("count", [0, 8])
def test_more_images_than_there_are_cannot_be_the_strongest(count):
    found = inside.peaks(np.zeros((7, 2, 2, 3), "float32"))
    with pytest.raises(ValueError, match=f"count is {count}; .* 1 to the 7 images"):
        inside.strongest(found, count)


def test_patches_are_what_numpy_cuts_from_padded_images():
    field = inside.Field(5, 2, -3)
    position = np.array([[0, 3], [1, 1], [3, 0], [2, 2]])
    found = jax.jit(lambda x, at: inside.patches(x, at, field))(IMAGES, position)
    padded = np.pad(
        IMAGES, [(0, 0), (8, 8), (8, 8), (0, 0)], constant_values=np.nan
    )  # fmt: skip
    for n, (i, j) in enumerate(position):
        y, x = 8 - 3 + 2 * i, 8 - 3 + 2 * j
        np.testing.assert_array_equal(found[n], padded[n, y : y + 5, x : x + 5])
    assert np.isnan(found[0]).any()
    assert not np.isnan(found[3]).any()


def test_padding_is_filled_as_asked_and_a_whole_image_is_a_patch():
    one = inside.patches(IMAGES, np.zeros((4, 2), int), inside.Field(3, 1, -1), 9.0)
    np.testing.assert_array_equal(one[:, 0], 9)
    np.testing.assert_array_equal(one[:, 1:, 1:], IMAGES[:, :2, :2])
    whole = inside.patches(IMAGES, np.full((4, 2), 5), inside.Field(8, 0, 0))
    np.testing.assert_array_equal(whole, IMAGES)


def test_agreement_is_scipys_mean_correlation():
    found = RNG.normal(size=(5, 3, 4, 2)).astype("float32")
    found += 2 * found[:1]
    pairs = [
        scipy.stats.pearsonr(a.ravel(), b.ravel()).statistic
        for a, b in itertools.combinations(found, 2)
    ]
    np.testing.assert_allclose(
        jax.jit(inside.agreement)(found), np.mean(pairs), rtol=1e-4
    )


def test_agreement_leaves_padding_out_pair_by_pair():
    found = RNG.normal(size=(3, 4, 4, 1)).astype("float32")
    found[0, 0], found[2, :, 3] = np.nan, np.nan
    flat, pairs = found.reshape(3, -1), []
    for a, b in itertools.combinations(flat, 2):
        both = np.isfinite(a) & np.isfinite(b)
        pairs.append(scipy.stats.pearsonr(a[both], b[both]).statistic)
    np.testing.assert_allclose(inside.agreement(found), np.mean(pairs), rtol=1e-4)


def test_agreement_of_copies_opposites_and_what_has_no_contrast():
    one = RNG.normal(size=(1, 4, 4, 1)).astype("float32")
    same = np.concatenate([one, 3 * one + 2])
    np.testing.assert_allclose(inside.agreement(same), 1, rtol=1e-5)
    opposite = np.concatenate([one, -one])
    np.testing.assert_allclose(inside.agreement(opposite), -1, rtol=1e-5)
    flat = np.concatenate([one, np.full_like(one, 2)])
    np.testing.assert_allclose(inside.agreement(flat), 0, atol=1e-6)
    apart = np.full((2, 4, 4, 1), np.nan, "float32")
    apart[0, :2], apart[1, 2:] = one[0, :2], one[0, 2:]
    assert inside.agreement(apart) == 0


def test_one_patch_agrees_with_none():
    with pytest.raises(ValueError, match="2 patches or more, but got 1"):
        inside.agreement(jnp.zeros((1, 2, 2, 1)))


def test_spread_counts_the_pixels_that_carry_the_signal():
    signals = np.zeros((5, 4, 5, 3), "float32")
    signals[0, 1, 2] = [0, -3, 4]  # one pixel
    signals[1, :2] = -1.5  # half of them, alike
    signals[2] = [1, 1, -1]  # all
    signals[4] = np.nan
    signals[4, :2] = 0
    signals[4, 0, :, 1] = 2  # half of those inside
    found = jax.jit(inside.spread)(signals)
    np.testing.assert_allclose(found, [1 / 20, 1 / 2, 1, 0, 1 / 2], rtol=1e-6)


def test_spread_of_noise_is_known():
    # Squares of a normal have mean 1 and mean square 3: the share is 1/3.
    noise = np.random.default_rng(1).normal(size=(1, 200, 200, 1)).astype("float32")
    np.testing.assert_allclose(inside.spread(noise), 1 / 3, rtol=0.03)


def test_infinite_values_are_no_padding():
    """NaN marks padding; an infinite response is a fault, and shows in the number."""
    drawn = np.random.default_rng(0).normal(size=(3, 4, 4, 2)).astype("float32")
    drawn[0, 0, 0, 0] = np.inf
    assert not np.isfinite(inside.agreement(drawn))
    assert np.isnan(inside.spread(drawn)[0])
    assert np.isfinite(inside.spread(drawn)[1:]).all()
