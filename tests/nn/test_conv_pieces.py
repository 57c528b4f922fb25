"""Forms that take a batch in pieces: the same values, each device by itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxgan.nn.conv import forms

AXIS = forms.Axis(stride=2, large=8, small=4, kernel=4, low=1)
AXES = (AXIS, AXIS)


def problem(batch, dtype=jnp.float32):
    """x of 3 channels, y of 5, and the kernel between them."""
    keys = jax.random.split(jax.random.key(0), 3)
    shapes = (batch, 8, 8, 3), (batch, 4, 4, 5), (4, 4, 3, 5)
    return [
        jax.random.normal(key, shape).astype(dtype)
        for key, shape in zip(keys, shapes, strict=True)
    ]


@pytest.mark.parametrize(
    ("batch", "near", "pieces"),
    [(12, 160, 6), (12, 240, 4), (12, 1, 6), (11, 1, 1), (40, 1, 8), (2, 2**17, 1)],
)
def test_filter_gradient_is_the_sum_over_pieces(batch, near, pieces, monkeypatch):
    x, y, _ = problem(batch)
    monkeypatch.setattr(forms, "_NEAR", near)
    program = jax.make_jaxpr(lambda x, y: forms.filter_cpu(x, y, AXES))(x, y)
    assert str(program).count("conv_general_dilated[") == pieces
    np.testing.assert_allclose(
        forms.filter_cpu(x, y, AXES),
        forms.filter_plain(x, y, AXES),
        rtol=0,
        atol=2e-4,
    )


def test_pieces_of_bfloat16_are_summed_in_float32(monkeypatch):
    x, y, _ = problem(16, jnp.bfloat16)
    monkeypatch.setattr(forms, "_NEAR", 1)
    exact = forms.filter_plain(
        x.astype(jnp.float32), y.astype(jnp.float32), AXES
    ).astype(jnp.bfloat16)
    w = forms.filter_cpu(x, y, AXES)
    assert w.dtype == jnp.bfloat16
    np.testing.assert_allclose(w.astype("f4"), exact.astype("f4"), rtol=2**-7)


@pytest.mark.parametrize("batch", [1, 5, 6])
def test_halves_of_a_batch_are_put_back_in_order(batch):
    x, _, w = problem(batch)
    np.testing.assert_allclose(
        forms.down_cpu(x, w, AXES),
        forms.down_plain(x, w, AXES),
        rtol=0,
        atol=2e-5,
    )


def test_a_batch_over_devices_is_cut_within_each(monkeypatch):
    monkeypatch.setattr(forms, "_NEAR", 320)  # four pieces
    mesh = jax.make_mesh((4,), ("data",), axis_types=(AxisType.Auto,))
    split = NamedSharding(mesh, PartitionSpec("data"))
    x, y, w = problem(16)
    x, y = jax.device_put((x, y), split)

    def both(x, y, w):
        down = forms.down_cpu(x, w, AXES)
        return down, forms.filter_cpu(x, y, AXES)

    text = jax.jit(both).lower(x, y, w).compile().as_text()
    moved = ("collective-permute(", "all-gather(", "all-to-all(")
    assert [word for word in moved if word in text] == []
    assert "all-reduce" in text
