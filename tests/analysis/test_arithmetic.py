"""Sizes of convolutions against PyTorch, and transposed ones against the matrix."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest
from commands import call

from experiments import conv_arithmetic
from jaxgan.analysis import arithmetic

RNG = np.random.default_rng(0)


def test_four_by_four_and_back():
    assert arithmetic.small_side(4, 3) == 2
    assert arithmetic.large_side(2, 3) == 4
    assert arithmetic.left_over(6, 3, 2, 1) == 1  # the last column is never read
    kernel = np.arange(1.0, 10).reshape(3, 3).astype("float32")
    found = arithmetic.convolution_matrix(jnp.asarray(kernel), 4)
    first = np.zeros((4, 4))
    first[:3, :3] = kernel
    np.testing.assert_array_equal(found[0], first.reshape(-1))
    np.testing.assert_array_equal(found[3], np.roll(first, (1, 1), (0, 1)).reshape(-1))


def test_sizes_and_values_are_those_of_torch():
    torch = pytest.importorskip("torch", reason="PyTorch is the other side")
    for i, k, s, p in itertools.product(range(2, 8), range(1, 5), range(1, 4), (0, 1)):
        if k > i + 2 * p or p >= k:
            continue
        x, w = torch.zeros(1, 1, i, i), torch.ones(1, 1, k, k)
        small = torch.nn.functional.conv2d(x, w, stride=s, padding=p)
        assert small.shape[2] == arithmetic.small_side(i, k, s, p)
        extra = arithmetic.left_over(i, k, s, p)
        back = torch.nn.functional.conv_transpose2d(
            small, w, stride=s, padding=p, output_padding=extra
        )
        assert back.shape[2] == arithmetic.large_side(small.shape[2], k, s, p, extra)
        assert back.shape[2] == i
    for case in ((4, 3, 1, 0), (6, 3, 2, 1)):
        i, k, s, p = case
        small = arithmetic.small_side(*case)
        y, w = (RNG.normal(size=(n, n)).astype("float32") for n in (small, k))
        expected = torch.nn.functional.conv_transpose2d(
            *(torch.tensor(a)[None, None] for a in (y, w)),
            stride=s, padding=p, output_padding=arithmetic.left_over(*case),
        )[0, 0].numpy()  # fmt: skip
        found = arithmetic.transposed(jnp.asarray(y), jnp.asarray(w), i, s, p)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: arithmetic.small_side(3, 4), "kernel 4 is larger than the image 3"),
        (lambda: arithmetic.small_side(3, 2, 0), "stride 0 must be at least 1"),
        (lambda: arithmetic.large_side(2, 3, 2, 1, 2), "output_padding is 2"),
        (lambda: arithmetic.large_side(1, 1, 1, 1), "cuts off all of the result"),
        (
            lambda: arithmetic.transposed(jnp.ones((3, 3)), jnp.ones((3, 3)), 4),
            "becomes one of side 2",
        ),
    ],
)
def test_impossible_sizes_are_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_the_command_finds_layers_and_formulas_equal(tmp_path, monkeypatch):
    argv = ["--cases", 4, 3, 1, 0, 6, 3, 2, 1, "--workdir", tmp_path]
    assert call(conv_arithmetic, argv, monkeypatch) == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "arithmetic.png", "arithmetic.md", "arithmetic.json"
    }  # fmt: skip
    row = conv_arithmetic.measured((6, 3, 2, 1))
    assert row["difference_to_matrix"] == row["difference_to_layer"] == 0
    assert (row["convolved"], row["transposed"], row["output_padding"]) == (3, 6, 1)
