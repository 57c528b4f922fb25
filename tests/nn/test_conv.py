"""The closed trio against plain lax and against PyTorch, to the second derivative."""

from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxgan.nn import Conv, ConvTranspose
from jaxgan.nn.conv import conv, conv_transpose, down, filter_gradient, up

LAYOUT = ("NHWC", "HWIO", "NHWC")


def close(actual, expected, tolerance=1e-5):
    """Compares leaves relative to the largest entry of each: sums lose digits."""

    def leaf(a, e):
        assert a.shape == e.shape
        scale = float(np.abs(e).max())
        np.testing.assert_allclose(a, e, rtol=0, atol=tolerance * scale)

    jax.tree.map(leaf, jax.device_get(actual), jax.device_get(expected))


def normal(seed, *shape):
    return jax.random.normal(jax.random.key(seed), shape)


def plain_conv(x, w, stride, pads):
    return lax.conv_general_dilated(
        x, w, (stride, stride), pads, dimension_numbers=LAYOUT
    )


def plain_down(x, w):
    # Torch: (k - 1) // 2 on both sides.
    return plain_conv(x, w, 2, [((k - 1) // 2,) * 2 for k in w.shape[:2]])


def plain_up(y, w):
    b, h, width, _ = y.shape
    x = jnp.zeros((b, 2 * h, 2 * width, w.shape[2]))
    return jax.vjp(lambda x: plain_down(x, w), x)[1](y)[0]


def to_second_order(f, a, b, cotangent):
    """Value, gradients, and the gradients of a penalty on the first gradient."""

    def penalty(a, b):
        gradient = jax.grad(lambda a: jnp.vdot(jnp.tanh(f(a, b)), cotangent))(a)
        return jnp.square(gradient).sum()

    value, pull_back = jax.vjp(f, a, b)
    return value, pull_back(cotangent), jax.grad(penalty, (0, 1))(a, b)


# (batch, rows and columns of the small image, kernel, C, O): every form is reached.
CASES = {
    "k4": (3, (4, 4), (4, 4), 24, 8),
    "k5": (3, (4, 4), (5, 5), 24, 8),
    "k3": (3, (4, 4), (3, 3), 24, 8),
    "k4 few channels": (3, (4, 4), (4, 4), 3, 8),
    "k5 few channels": (3, (4, 4), (5, 5), 3, 8),
    "k4 large map": (1, (16, 16), (4, 4), 16, 4),
    "k5 large map": (1, (16, 16), (5, 5), 16, 4),
    "k4 wide": (1, (4, 4), (4, 4), 64, 64),
    "k5 wide": (1, (6, 4), (5, 5), 64, 64),
    "k9 wide": (1, (4, 6), (9, 9), 64, 64),
    "k1": (2, (3, 3), (1, 1), 16, 4),
    "k9": (1, (6, 6), (9, 9), 16, 4),
    "oblong": (2, (3, 5), (3, 5), 16, 4),
    "oblong, few channels": (2, (3, 5), (5, 4), 2, 4),
    "one pixel": (2, (1, 1), (4, 4), 16, 4),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_down_and_up_and_their_derivatives_equal_plain_lax(case):
    b, (h, w), size, c, o = case
    x, y = normal(0, b, 2 * h, 2 * w, c), normal(1, b, h, w, o)
    kernel = normal(2, *size, c, o) / np.sqrt(c * size[0] * size[1])

    @jax.jit
    def ours_and_plain(x, kernel, y):
        return (
            (to_second_order(down, x, kernel, y), to_second_order(up, y, kernel, x)),
            (
                to_second_order(plain_down, x, kernel, y),
                to_second_order(plain_up, y, kernel, x),
            ),
        )

    close(*ours_and_plain(x, kernel, y))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_three_maps_are_adjoint(case):
    b, (h, w), size, c, o = case
    x, y = normal(0, b, 2 * h, 2 * w, c), normal(1, b, h, w, o)
    kernel = normal(2, *size, c, o)

    @jax.jit
    def maps(x, y, kernel):
        return down(x, kernel), up(y, kernel), filter_gradient(x, y, size)

    found = jax.device_get((*maps(x, y, kernel), x, y, kernel))
    small, large, weights, x, y, kernel = (array.astype("f8") for array in found)
    by_down = np.vdot(small, y)
    # Rounding goes by the size of the terms, not by what is left of their sum.
    scale = 1e-6 * np.linalg.norm(small) * np.linalg.norm(y)
    np.testing.assert_allclose(np.vdot(x, large), by_down, atol=scale)
    np.testing.assert_allclose(np.vdot(kernel, weights), by_down, atol=scale)


@pytest.mark.parametrize(
    ("size", "channels", "stride", "kernel", "padding"),
    [
        ((8, 8), 16, 1, (3, 3), None),
        ((7, 5), 3, 1, (4, 4), 1),
        ((4, 4), 16, 1, (4, 4), "VALID"),
        ((7, 7), 3, 2, (4, 4), None),
        ((7, 9), 16, 2, (5, 3), None),
        ((7, 8), 3, 2, (3, 3), "SAME"),
        ((12, 11), 16, 2, (9, 9), "VALID"),
        ((8, 7), 128, 2, (3, 4), None),
        ((16, 12), 1024, 2, (4, 5), [(0, 1), (3, 0)]),
        ((8, 10), 4096, 1, (3, 2), [(0, 3), (1, 0)]),
        ((8, 8), 3, 2, (3, 3), [(2, 0), (0, 3)]),
        ((10, 9), 16, 3, (2, 4), [(0, 1), (1, 2)]),
    ],
)
def test_conv_equals_plain_lax_at_any_stride_and_padding(
    size, channels, stride, kernel, padding
):
    x, w = normal(0, 2, *size, channels), normal(1, *kernel, channels, 4)
    w = w / np.sqrt(channels * kernel[0] * kernel[1])
    if padding is None:
        pads = [((k - 1) // 2,) * 2 for k in kernel]
    else:
        pads = [(padding, padding)] * 2 if isinstance(padding, int) else padding
    expected = plain_conv(x, w, stride, pads)
    cotangent = normal(2, *expected.shape)
    ours = partial(conv, stride=stride, padding=padding)
    plain = partial(plain_conv, stride=stride, pads=pads)

    @jax.jit
    def ours_and_plain(x, w, cotangent):
        return [to_second_order(f, x, w, cotangent) for f in (ours, plain)]

    close(*ours_and_plain(x, w, cotangent))


def test_padding_against_same():
    x = normal(0, 2, 8, 8, 3)
    even, odd = normal(1, 4, 4, 3, 5), normal(2, 5, 5, 3, 5)
    close(conv(x, even, stride=2), conv(x, even, stride=2, padding="SAME"))
    # "SAME" looks one pixel further: shift the kernel, and the two agree.
    shifted = jnp.pad(odd, ((0, 1), (0, 1), (0, 0), (0, 0)))
    later = jnp.pad(odd, ((1, 0), (1, 0), (0, 0), (0, 0)))
    close(
        conv(x, later, stride=2, padding=[(2, 2)] * 2),
        conv(x, odd, stride=2, padding="SAME"),
    )
    close(conv(x, shifted, stride=2, padding=[(2, 2)] * 2), conv(x, odd, stride=2))


@pytest.mark.parametrize("k", [3, 4, 5])
@pytest.mark.parametrize("channels", [3, 16])
def test_parity_with_torch(k, channels):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    x, y = normal(0, 3, 8, 8, channels), normal(1, 3, 4, 4, 5)
    w = normal(2, k, k, channels, 5)

    def tensor(array, order):
        return torch.tensor(np.asarray(array).transpose(order)).requires_grad_()

    def check(f, ours, theirs, image, cotangent):
        kernel = tensor(w, (3, 2, 0, 1))
        image_t = tensor(image, (0, 3, 1, 2))
        out = theirs(image_t, kernel)
        out.backward(tensor(cotangent, (0, 3, 1, 2)).detach())
        value, pull_back = jax.vjp(ours, image, w)
        expected = (out, image_t.grad, kernel.grad)
        orders = ((0, 2, 3, 1), (0, 2, 3, 1), (2, 3, 1, 0))
        close(
            (value, *pull_back(cotangent)),
            tuple(
                jnp.asarray(v.detach().numpy().transpose(order))
                for v, order in zip(expected, orders, strict=True)
            ),
        )

    pad = (k - 1) // 2
    check(
        down,
        partial(conv, stride=2),
        lambda x, w: functional.conv2d(x, w, stride=2, padding=pad),
        x,
        y,
    )
    check(
        up,
        conv_transpose,
        lambda y, w: functional.conv_transpose2d(
            y, w, stride=2, padding=pad, output_padding=k % 2
        ),
        y,
        x,
    )


def auto_encode(w, x):
    """Uses all three maps once differentiated."""
    return jnp.square(jnp.tanh(up(jnp.tanh(down(x, w)), w)) - x).mean()


@pytest.fixture
def problem():
    return 0.1 * normal(0, 4, 4, 16, 8), normal(1, 8, 8, 8, 16)


def test_jit_vmap_and_scan_agree(problem):
    w, x = problem
    gradient = jax.grad(auto_encode)
    expected = gradient(w, x)
    close(jax.jit(gradient)(w, x), expected)
    both = jax.jit(jax.vmap(gradient, (0, None)))(jnp.stack([w, 2 * w]), x)
    close(both, jnp.stack([expected, gradient(2 * w, x)]))
    images = jax.vmap(jax.grad(auto_encode, 1), (None, 0))(w, x[:, None])
    close(images[:, 0] / 8, jax.grad(auto_encode, 1)(w, x))

    def step(w, x):
        return w - 0.1 * gradient(w, x), None

    looped, _ = jax.jit(partial(lax.scan, step))(w, jnp.stack([x, x]))
    once = w - 0.1 * expected
    close(looped, once - 0.1 * gradient(once, x))


def test_batch_split_over_a_mesh_agrees(problem):
    w, x = problem
    mesh = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,))
    split = jax.device_put(x, NamedSharding(mesh, PartitionSpec("data")))
    gradient = jax.grad(auto_encode)
    close(jax.jit(gradient)(w, split), gradient(w, x))

    def penalty(w, x):
        return jnp.square(jax.grad(auto_encode, 1)(w, x)).sum()

    close(jax.jit(jax.grad(penalty))(w, split), jax.jit(jax.grad(penalty))(w, x))


def test_shard_map_sums_the_gradient_of_a_replicated_kernel(problem):
    w, x = problem
    mesh = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,))
    whole, split = PartitionSpec(), PartitionSpec("data")

    def loss(w, x):
        return lax.pmean(auto_encode(w, x), "data")

    gradient = jax.shard_map(
        jax.grad(loss), mesh=mesh, in_specs=(whole, split), out_specs=whole
    )
    close(jax.jit(gradient)(w, x), jax.grad(auto_encode)(w, x))


def loops_with_slow_convolutions(function, *args):
    """Convolutions in a compiled function that are not in the fast CPU layout."""
    text = jax.jit(function).lower(*args).compile().as_text()
    convolutions = [line for line in text.splitlines() if " convolution(" in line]
    assert convolutions
    return [line for line in convolutions if "dim_labels=b01f_01io->b01f" not in line]


@pytest.mark.parametrize("stride", [1, 2])
def test_loop_bodies_hold_convolutions_in_the_fast_layout_only(stride):
    w, x = 0.1 * normal(0, 3, 3, 16, 16), normal(1, 2, 8, 8, 16)

    def step(w, x):
        gradient = jax.grad(lambda w: jnp.tanh(conv(x, w, stride=stride)).sum())
        return w - gradient(w), None

    def penalised(w, x):
        def penalty(w):
            slope = jax.grad(lambda x: jnp.tanh(conv(x, w, stride=stride)).sum())(x)
            return jnp.square(slope).sum()

        return w - jax.grad(penalty)(w), None

    for body in (step, penalised):
        run = partial(lax.scan, body)
        assert not loops_with_slow_convolutions(run, w, jnp.stack([x, x, x]))


@pytest.mark.parametrize(("k", "channels"), [(3, 16), (4, 16), (5, 16), (3, 128)])
def test_bfloat16(k, channels):
    w, x = 0.1 * normal(0, k, k, channels, 8), normal(1, 2, 8, 8, channels)
    low = jnp.bfloat16

    def both(w, x):
        small = conv(x, w, stride=2)
        assert small.dtype == x.dtype
        return conv_transpose(jnp.tanh(small), w)

    gradient = jax.grad(lambda w, x: jnp.square(both(w, x).astype(jnp.float32)).mean())

    @jax.jit
    def found(w, x):
        return both(w, x), gradient(w, x)

    (out, slope), (expected, true_slope) = found(w, x.astype(low)), found(w, x)
    assert out.dtype == low
    close(out.astype(jnp.float32), expected, 0.03)
    assert slope.dtype == jnp.float32
    close(slope, true_slope, 0.05)


def test_errors_say_what_is_expected():
    x, w = jnp.zeros((2, 8, 8, 3)), jnp.zeros((4, 4, 3, 5))
    with pytest.raises(ValueError, match=r"3 channels, but the kernel .* takes 5"):
        conv_transpose(x, w)
    with pytest.raises(ValueError, match="expected an image"):
        conv(x[0], w)
    with pytest.raises(ValueError, match="stride is 3, .* use 2"):
        conv_transpose(jnp.zeros((2, 8, 8, 5)), w, stride=3)
    with pytest.raises(ValueError, match="larger than the image"):
        conv(x[:, :1], w, padding=0)


def test_layers():
    x = normal(0, 2, 8, 8, 3)
    layer = Conv(16, kernel_size=4, strides=2)
    variables = layer.init(jax.random.key(0), x)
    chex.assert_shape(variables["params"]["kernel"], (4, 4, 3, 16))
    np.testing.assert_allclose(variables["params"]["kernel"].std(), 0.02, rtol=0.1)
    y = layer.apply(variables, x)
    close(y, conv(x, variables["params"]["kernel"], stride=2))

    # A ConvTranspose takes the very kernel of the Conv it is the adjoint of.
    back = ConvTranspose(3, kernel_size=4, use_bias=False)
    kernel = variables["params"]["kernel"]
    chex.assert_shape(back.init(jax.random.key(0), y)["params"]["kernel"], kernel.shape)
    close(back.apply({"params": {"kernel": kernel}}, y), up(y, kernel))

    low = Conv(16, kernel_size=(3, 3), dtype=jnp.bfloat16)
    variables = low.init(jax.random.key(0), x)
    assert variables["params"]["kernel"].dtype == jnp.float32
    assert low.apply(variables, x).dtype == jnp.bfloat16
    chex.assert_shape(low.apply(variables, x), (2, 8, 8, 16))
