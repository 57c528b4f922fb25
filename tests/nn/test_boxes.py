"""Maps in boxes: PyTorch's samples, identities, inverses, and where things land."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import nn


def maps(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


BOXES = np.array(
    [[0, 0, 1, 1], [0.25, 0.25, 0.75, 0.75], [0.1, 0.3, 0.5, 1.2]], np.float32
)
cut, put = jax.jit(nn.crop), jax.jit(nn.paste)


def test_samples_are_torch_s():
    torch = pytest.importorskip("torch")
    x = maps(3, 6, 5, 2)
    nchw = torch.tensor(x).permute(0, 3, 1, 2)
    size = BOXES[:, 2:] - BOXES[:, :2]
    shift = BOXES[:, :2] + BOXES[:, 2:] - 1
    for function, s, t in ((cut, size, shift), (put, 1 / size, -shift / size)):
        matrix = np.zeros((3, 2, 3), np.float32)  # columns first
        matrix[:, 0, 0], matrix[:, 1, 1] = s[:, 1], s[:, 0]
        matrix[:, 0, 2], matrix[:, 1, 2] = t[:, 1], t[:, 0]
        grid = torch.nn.functional.affine_grid(
            torch.tensor(matrix), nchw.shape, align_corners=True
        )
        wanted = torch.nn.functional.grid_sample(nchw, grid, align_corners=True)
        np.testing.assert_allclose(
            function(x, BOXES), wanted.permute(0, 2, 3, 1), atol=1e-5
        )


def test_the_whole_is_left_as_it_is_and_half_of_each_side_is_pasted_and_cut_out():
    x = maps(2, 9, 9, 1)
    whole, half = (np.tile(BOXES[i], (2, 1)) for i in (0, 1))
    for function in (cut, put):
        np.testing.assert_allclose(function(x, whole), x, atol=1e-6)
    pasted = np.asarray(put(x, half))
    inner = np.s_[:, 2:7, 2:7]  # 9 pixels onto 5, every second of them
    np.testing.assert_allclose(pasted[inner], x[:, ::2, ::2], atol=1e-6)
    assert np.abs(pasted).sum() == pytest.approx(np.abs(x[:, ::2, ::2]).sum(), rel=1e-5)
    np.testing.assert_allclose(
        np.asarray(cut(pasted, half))[:, ::2, ::2], x[:, ::2, ::2], atol=1e-6
    )


def test_a_bright_place_lands_where_the_box_has_it():
    x = np.zeros((1, 17, 17, 1), np.float32)
    x[0, 8, 4] = 1  # in the middle of the height, at a quarter of the width
    box = np.array([[0.5, 0.25, 1.0, 0.75]], np.float32)
    found = np.asarray(put(x, box))[0, ..., 0]
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert (row, column) == (12, 6)  # 0.75 of the height, 0.375 of the width


def test_sampling_has_slopes_in_the_maps_and_the_box():
    x, box = jnp.asarray(maps(3, 6, 5, 2)), jnp.asarray(BOXES)
    slopes = jax.jit(jax.grad(lambda *a: jnp.square(nn.paste(*a)).sum(), (0, 1)))(
        x, box
    )
    for slope in slopes:
        assert np.isfinite(slope).all()
        assert np.abs(slope).max() > 0
