"""Every transformation of JAX through convolutions, against plain `lax` in float64."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxgan import losses
from jaxgan.models import dcgan
from jaxgan.nn.conv import conv, conv_transpose, filter_gradient
from jaxgan.train import compile

LAYOUT = ("NHWC", "HWIO", "NHWC")


def plain(x, w, stride=1):
    pads = [((k - 1) // 2,) * 2 for k in w.shape[:2]]
    return lax.conv_general_dilated(x, w, (stride,) * 2, pads, dimension_numbers=LAYOUT)


def plain_transpose(y, w):
    x = jnp.zeros((len(y), 2 * y.shape[1], 2 * y.shape[2], w.shape[2]), y.dtype)
    return jax.linear_transpose(lambda x: plain(x, w, 2), x)(y)[0]


def plain_filter(x, y, size):
    w = jnp.zeros((*size, x.shape[-1], y.shape[-1]), x.dtype)
    return jax.linear_transpose(lambda w: plain(x, w, 2), w)(y)[0]


# Ours, the plain map, and the shapes of both arguments: every form for CPU is reached.
CASES = {
    "stride 1, few channels": (conv, plain, (2, 5, 4, 3), (3, 3, 3, 4)),
    "stride 1, wide": (conv, plain, (2, 4, 4, 128), (3, 3, 128, 128)),
    "stride 2, even kernel": (
        partial(conv, stride=2),
        partial(plain, stride=2),
        (2, 6, 8, 3),
        (4, 4, 3, 5),
    ),
    "stride 2, odd kernel": (
        partial(conv, stride=2),
        partial(plain, stride=2),
        (2, 7, 5, 16),
        (5, 3, 16, 5),
    ),
    "up": (conv_transpose, plain_transpose, (2, 3, 4, 5), (3, 4, 16, 5)),
    "filter": (
        partial(filter_gradient, size=(4, 3)),
        partial(plain_filter, size=(4, 3)),
        (2, 6, 4, 3),
        (2, 3, 2, 5),
    ),
}


def loss(f, a, b):
    return jnp.square(jnp.tanh(f(a, b))).sum()


def penalty(f, a, b):
    return jnp.square(jax.grad(partial(loss, f))(a, b)).sum()


def derivatives(f, a, b, da, db):
    """By every composition of forward and reverse mode, to the third order."""
    f_loss, gradient = partial(loss, f), jax.grad(partial(loss, f), (0, 1))

    def slope(a, b):
        return jax.jvp(f_loss, (a, b), (da, db))[1]

    return {
        "jvp": jax.jvp(f, (a, b), (da, db)),
        "jvp in the first": jax.jvp(lambda a: f(a, b), (a,), (da,))[1],
        "jvp in the second": jax.jvp(lambda b: f(a, b), (b,), (db,))[1],
        "jvp of jvp": jax.jvp(slope, (a, b), (da, db))[1],
        "jvp of grad": jax.jvp(gradient, (a, b), (da, db)),
        "grad of jvp": jax.grad(slope, (0, 1))(a, b),
        "grad of grad": jax.grad(partial(penalty, f), (0, 1))(a, b),
    }


def over(f, a, b, da, db):
    """First and second derivatives of many at once: of images, kernels, and both."""
    many_a, many_b = jnp.stack([a, da, -a]), jnp.stack([b, db, -b])
    gradient = jax.grad(partial(loss, f), (0, 1))

    def second(a, b):
        return jax.jvp(gradient, (a, b), (da, db))

    def sum_of_many(axes, a, b):
        return jax.vmap(partial(penalty, f), axes)(a, b).sum()

    found = {}
    for axes, args in {
        (0, None): (many_a, b),
        (None, 0): (a, many_b),
        (0, 0): (many_a, many_b),
    }.items():
        found[str(axes)] = (
            jax.vmap(second, axes)(*args),
            jax.grad(partial(sum_of_many, axes), (0, 1))(*args),
        )
    return found


def close(actual, expected, tolerance):
    def leaf(a, e):
        assert a.shape == e.shape
        scale = np.abs(e).max()
        np.testing.assert_allclose(a, e, rtol=0, atol=tolerance * scale)

    jax.tree.map(leaf, jax.device_get(actual), jax.device_get(expected))


def arguments(shape, other):
    rng = np.random.default_rng(0)
    a, da = rng.normal(size=(2, *shape))
    b, db = rng.normal(size=(2, *other)) / np.sqrt(np.prod(other[:3]))
    return a, b, da, db


def compared(cases, transformed):
    """Ours and the plain maps through a transformation, in one program in float64."""
    with jax.enable_x64(True):
        args = {case: arguments(*CASES[case][2:]) for case in cases}

        @jax.jit
        def both(args):
            ours = {c: transformed(CASES[c][0], *x) for c, x in args.items()}
            return ours, {c: transformed(CASES[c][1], *x) for c, x in args.items()}

        close(*both(args), 1e-12)


@pytest.mark.slow
def test_forward_and_reverse_mode_compose_in_any_order():
    compared(CASES, derivatives)


def test_derivatives_of_many_images_and_kernels_at_once():
    compared(["stride 2, odd kernel", "up"], over)


def test_jacobians_by_both_modes_agree_and_a_hessian_is_symmetric():
    a, b, _, _ = arguments((1, 4, 4, 2), (3, 3, 2, 3))

    @jax.jit
    def found(a, b):
        down = partial(conv, stride=2)
        square = jax.hessian(partial(loss, down), 1)(a, b)
        push = jax.linearize(lambda b: jnp.tanh(down(a, b)), b)[1]
        by_mode = [
            j(lambda b: jnp.tanh(down(a, b)))(b) for j in (jax.jacfwd, jax.jacrev)
        ]
        return square, push(a[0, :3, :3, :, None] * b), by_mode

    with jax.enable_x64(True):
        square, pushed, (forward, reverse) = found(a, b)
    square = np.reshape(square, (b.size, b.size))
    close(square, square.T, 1e-12)
    close(forward, reverse, 1e-12)
    direction = a[0, :3, :3, :, None] * b
    close(pushed, np.tensordot(forward, direction, 4), 1e-12)


@pytest.mark.parametrize("inside", ["scan", "checkpoint", "while"])
def test_forward_mode_inside_of_control_flow(inside):
    a, b, da, db = arguments((2, 6, 6, 3), (4, 4, 3, 5))
    f = partial(loss, partial(conv, stride=2))

    def run(a, b):
        if inside == "checkpoint":
            return jax.checkpoint(f)(a, b) + jax.checkpoint(f)(2 * a, b)
        if inside == "scan":

            def step(total, x):
                return (total + f(x, b), None)

            return lax.scan(step, 0.0, jnp.stack([a, 2 * a]))[0]
        return lax.fori_loop(1, 3, lambda i, total: total + f(i * a, b), 0.0)

    def written_out(a, b):
        return f(a, b) + f(2 * a, b)

    def slopes(f):
        found = jax.jvp(f, (a, b), (da, db))
        if inside == "while":  # which reverse mode cannot pass
            return found
        return found, jax.jvp(jax.grad(f, (0, 1)), (a, b), (da, db))

    with jax.enable_x64(True):
        close(*jax.jit(lambda: (slopes(run), slopes(written_out)))(), 1e-12)


def test_shapes_without_values():
    x, w = (
        jax.ShapeDtypeStruct((2, 8, 8, 3), "f4"),
        jax.ShapeDtypeStruct((4, 4, 3, 5), "f4"),
    )

    def slope(x, w):
        return jax.jvp(jax.grad(partial(loss, conv)), (x, w), (x, w))

    assert [y.shape for y in jax.eval_shape(slope, x, w)] == [x.shape, x.shape]


def slopes_of_penalised(critic, params, image, direction):
    """The score's slope along a direction, and its Hessian times the direction."""

    def score(params):
        judge = partial(critic, params)
        return judge(image).sum() + losses.r1_penalty(judge, image).sum()

    value, slope = jax.jvp(score, (params,), (direction,))
    gradient, product = jax.jvp(jax.grad(score), (params,), (direction,))
    return (value, gradient), (slope, product)


def test_a_penalised_critic_against_finite_differences():
    def critic(params, x):
        x = jnp.tanh(conv(x, params["same"]))
        x = jnp.tanh(conv_transpose(x, params["up"]))
        return conv(x, params["down"], stride=2).sum((1, 2, 3))

    shapes = {"same": (3, 3, 2, 3), "up": (4, 4, 4, 3), "down": (5, 5, 4, 2)}
    rng = np.random.default_rng(1)
    image = rng.normal(size=(2, 4, 6, 2))
    params, direction = (
        {name: rng.normal(size=shape) / 6 for name, shape in shapes.items()}
        for _ in range(2)
    )

    @jax.jit
    def found(t):
        at = jax.tree.map(lambda x, d: x + t * d, params, direction)
        return slopes_of_penalised(critic, at, image, direction)

    step = 1e-5
    with jax.enable_x64(True):
        (after, _), (before, _), (_, slopes) = (found(t) for t in (step, -step, 0.0))
    after, before = jax.device_get((after, before))
    differences = jax.tree.map(lambda a, b: (a - b) / (2 * step), after, before)
    close(slopes, differences, 1e-8)


def test_a_penalised_discriminator_of_dcgan_against_plain_convolutions(monkeypatch):
    config = dcgan.Config(resolution=16, width=4, latent=4)
    net = dcgan.Discriminator(config)
    rng = np.random.default_rng(1)
    image = rng.normal(size=(3, 16, 16, 3)).astype("f4")
    params = jax.jit(net.init)(jax.random.key(0), image)["params"]
    direction = jax.tree.map(lambda x: rng.normal(size=x.shape).astype("f4"), params)

    def critic(params, x):
        return net.apply({"params": params}, x, mutable=["batch_stats"])[0]

    run = jax.jit(lambda *args: slopes_of_penalised(critic, *args))
    ours = run(params, image, direction)
    monkeypatch.setattr(
        "jaxgan.nn.conv.conv", lambda x, w, *, stride, padding: plain(x, w, stride)
    )
    expected = jax.jit(lambda *args: slopes_of_penalised(critic, *args))(
        params, image, direction
    )
    close(ours, expected, 1e-4)


def test_the_training_loop_sees_convolutions_and_their_gradients():
    """It takes steps with convolutions one by one on a CPU."""
    x, w = jnp.zeros((2, 8, 8, 3)), jnp.zeros((4, 4, 3, 5))
    for f in (conv, lambda x, w: conv_transpose(conv(x, w, stride=2), w)):
        gradient = jax.jit(jax.grad(partial(loss, f), 1))
        assert compile._convolves(jax.make_jaxpr(gradient)(x, w).jaxpr)
