"""Forward mode, reverse mode and both through routing, against the plain procedure."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.capsules import _routing_forms, dynamic_routing, predict, route


def arguments():
    rng = np.random.default_rng(0)
    return tuple(
        (rng.normal(size=shape), rng.normal(size=shape))
        for shape in ((5, 6, 3), (6, 3, 4, 2), (4, 2))
    )


def plain(u, w, bias):
    return dynamic_routing(predict(u, w), bias=bias, leaky=True, iterations=2)


def fused(u, w, bias):
    return route(u, w, bias=bias, leaky=True, iterations=2)


def derivatives(f, values, directions):
    def loss(*values):
        return jnp.square(f(*values)).sum()

    gradient = jax.grad(loss, (0, 1, 2))

    def slope(*values):
        return jax.jvp(loss, values, directions)[1]

    w_axes = (None, 0, None)
    many = values[0], jnp.stack([values[1], directions[1]]), values[2]
    return {
        "jvp": jax.jvp(f, values, directions),
        "jvp of grad": jax.jvp(gradient, values, directions),
        "grad of jvp": jax.grad(slope, (0, 1, 2))(*values),
        "jacfwd": jax.jacfwd(f, 2)(*values),
        "jacrev": jax.jacrev(f, 2)(*values),
        "hessian": jax.hessian(loss, 2)(*values),
        "many": jax.vmap(partial(jax.jvp, gradient), (w_axes, None))(many, directions),
    }


@pytest.mark.slow
def test_every_composition_of_both_modes_agrees(monkeypatch):
    monkeypatch.setattr(_routing_forms, "_VOTES", 100)  # several chunks and blocks
    values, directions = zip(*arguments(), strict=True)
    with jax.enable_x64(True):
        both = jax.jit(lambda *x: (derivatives(fused, *x), derivatives(plain, *x)))
        found, expected = jax.device_get(both(values, directions))

    def close(a, b):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-11 * np.abs(b).max())

    jax.tree.map(close, found, expected)
    close(found["jacfwd"], found["jacrev"])
    square = found["hessian"].reshape(8, 8)
    close(square, square.T)


@pytest.mark.parametrize("of", ["value", "gradient"])
def test_derivatives_against_finite_differences(of):
    values, directions = zip(*arguments(), strict=True)

    def function(*values):
        def loss(*values):
            return jnp.square(fused(*values)).sum()

        return fused(*values) if of == "value" else jax.grad(loss)(*values)

    @jax.jit
    def found(t):
        at = tuple(x + t * d for x, d in zip(values, directions, strict=True))
        return jax.jvp(function, at, directions)

    step = 1e-5
    with jax.enable_x64(True):
        (after, _), (before, _), (_, slope) = jax.device_get(
            [found(t) for t in (step, -step, 0.0)]
        )
    difference = (after - before) / (2 * step)
    np.testing.assert_allclose(slope, difference, rtol=0, atol=1e-6)
