"""The fast forms against the plain sums in float64, and how many digits they keep."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxgan.nn.conv import forms, winograd

LAYOUT = ("NHWC", "HWIO", "NHWC")
TAPS = [(2, 2), (3, 3), (2, 3), (4, 2), (5, 5), (7, 2)]


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def plain(x, w):
    """Convolution as the sum it is, in float64."""
    height, width = x.shape[1] - w.shape[0] + 1, x.shape[2] - w.shape[1] + 1
    return sum(
        x[:, i : i + height, j : j + width].astype(np.float64) @ w[i, j]
        for i, j in np.ndindex(w.shape[:2])
    )


def adjoints(x, w, y):
    """Those of `plain`, in x and in w."""
    in_x, in_w = np.zeros(x.shape), np.zeros(w.shape)
    height, width = y.shape[1:3]
    for i, j in np.ndindex(w.shape[:2]):
        seen = np.s_[:, i : i + height, j : j + width]
        in_x[seen] += y.astype(np.float64) @ w[i, j].T
        in_w[i, j] = np.einsum("bhwc,bhwo->co", x[seen].astype(np.float64), y)
    return in_x, in_w


def error(actual, expected):
    assert actual.shape == expected.shape
    return np.abs(np.asarray(actual) - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("taps", TAPS, ids=str)
@pytest.mark.parametrize("size", [(4, 4), (5, 3), (1, 2)], ids=str)
def test_all_three_maps_equal_the_plain_sums(taps, size):
    x = normal(0, 2, size[0] + taps[0] - 1, size[1] + taps[1] - 1, 8)
    w, y = normal(1, *taps, 8, 4), normal(2, 2, *size, 4)
    in_x, in_w = adjoints(x, w, y)

    @jax.jit
    def maps(x, w, y):
        return (
            winograd.conv(x, w),
            winograd.conv_transpose(y, w),
            winograd.filter_gradient(x, y),
        )

    for found, expected in zip(maps(x, w, y), (plain(x, w), in_x, in_w), strict=True):
        assert error(found, expected) < 2e-6


@pytest.mark.parametrize("taps", TAPS, ids=str)
@pytest.mark.parametrize("spare", [(True, False), (False, True), (True, True)])
def test_channels_without_last_taps_are_left_out(taps, spare):
    """The entries of a kernel that are said to be zero are never looked at."""
    x = normal(0, 2, taps[0] + 3, taps[1] + 3, 8)
    w, y = normal(1, *taps, 8, 4), normal(2, 2, 4, 4, 4)
    needed = np.ones(w.shape, bool)
    channels = np.arange(8).reshape(2, 2, 2)
    if spare[0]:
        needed[-1, :, channels[1].ravel()] = False
    if spare[1]:
        needed[:, -1, channels[:, 1].ravel()] = False
    w = w * needed
    conv = jax.jit(winograd.conv, static_argnums=2)
    gradient = jax.jit(winograd.filter_gradient, static_argnums=2)
    assert error(conv(x, w, spare), plain(x, w)) < 2e-6
    found = np.where(needed, gradient(x, y, spare), 0)
    assert error(found, np.where(needed, adjoints(x, w, y)[1], 0)) < 2e-6


def test_rounding_is_at_most_a_few_times_that_of_the_plain_form():
    x, w = normal(0, 4, 16, 16, 256), 0.1 * normal(1, 3, 3, 256, 8)
    expected = plain(x, w)
    by_lax = lax.conv_general_dilated(x, w, (1, 1), "VALID", dimension_numbers=LAYOUT)

    def spread(actual):
        return float(np.sqrt(np.square(np.asarray(actual) - expected).mean()))

    assert spread(winograd.conv(x, w)) < 4 * spread(by_lax)


@pytest.mark.parametrize(("taps", "count"), [(2, 3), (3, 4), (4, 6), (5, 7), (9, 13)])
def test_products_of_two_results(taps, count):
    assert winograd.products(taps) == count
    starts = [run.first for run in winograd.runs(taps)]
    lengths = [run.taps for run in winograd.runs(taps)]
    assert starts == list(itertools.accumulate(lengths, initial=0))[:-1]
    assert sum(lengths) == taps


def axes(stride, large, kernel, low):
    small = (large + 2 * low - kernel) // stride + 1
    return (forms.Axis(stride, large, small, kernel, low),) * 2


@pytest.mark.parametrize(
    ("axis", "channels", "pays"),
    [
        (axes(2, 16, 4, 1), (64, 128), True),  # the second layer of a DCGAN
        (axes(2, 32, 4, 1), (32, 64), False),  # narrow: the sums cost too much
        (axes(2, 20, 9, 0), (256, 256), True),  # the primary capsules
        (axes(1, 16, 3, 1), (128, 128), True),
        (axes(1, 4, 4, 0), (512, 512), False),  # one result: most of a tile is waste
        (axes(2, 8, 2, 0), (256, 256), False),  # one tap of blocks
    ],
)
def test_where_the_saved_products_outweigh_the_sums(axis, channels, pays):
    assert forms._winograd_pays(axis, *channels) is pays


def test_bfloat16_is_summed_in_float32():
    axis = axes(2, 8, 4, 1)
    x, w = normal(0, 2, 8, 8, 64), normal(1, 4, 4, 64, 64)
    x, w = (jnp.asarray(a, jnp.bfloat16) for a in (x, w))
    y = forms.down_cpu(x, w, axis)
    assert y.dtype == jnp.bfloat16
    exact = forms.down_plain(*(a.astype(jnp.float32) for a in (x, w)), axis)
    # Once rounded, and nowhere before.
    assert error(y.astype(jnp.float32), exact) < 2**-8
