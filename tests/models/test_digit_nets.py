"""Networks of digits: without norm, each layer starts as lively as the one before.

Theory: with kernels of variance gain / fan-in, the gain of He et al. (arXiv:1502.01852)
keeps the mean square of units on the way up, and the squared length of gradients on the
way down; a kernel's gradient then has the length of the gradient behind it times the
root of its fan-in. A layer without ReLU behind it has a gain of 1.
"""

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from jaxgan.models.parts import digit_nets

COUNT, HIDDEN, OUT, SLOPE = 64, 128, 32, 0.2
CLOSE = 1.35  # the largest factor between a length that is seen and its expectation


def gradients(net, x, seed):
    """Outputs of a fresh net, and kernels' gradients behind random cotangents."""

    @jax.jit
    def play(key):
        start, back = jax.random.split(key)
        params = net.init(start, x)["params"]
        out, pull = jax.vjp(lambda p: net.apply({"params": p}, x), params)
        (found,) = pull(jax.random.normal(back, out.shape))
        return out, found

    out, found = play(jax.random.key(seed))
    lengths = {name: np.linalg.norm(x) for name, x in kernels(found).items()}
    return np.asarray(out), lengths


def kernels(params):
    """The kernels of a net, flat, by the path of their layer."""
    return {
        "/".join(path[:-1]): np.asarray(x).ravel()
        for path, x in flatten_dict(params).items()
        if path[-1] == "kernel"
    }


def is_close(seen, expected):
    assert 1 / CLOSE < seen / expected < CLOSE, (seen, expected)


@pytest.mark.parametrize("width", [8, 64])
def test_a_generator_without_norm_starts_alive(width):
    latent = np.random.default_rng(0).normal(size=(COUNT, 32)).astype("float32")
    net = digit_nets.Generator(width, HIDDEN, norm=False, logits=True)
    out, lengths = gradients(net, latent, 1)
    # How alike logits of two latents are: one arc-cosine kernel (Cho and Saul, 2009)
    # for each ReLU layer. The rest is what latents change.
    alike = 0.0
    for _ in range(3):
        angle = np.arccos(alike)
        alike = (np.sin(angle) + (np.pi - angle) * alike) / np.pi
    is_close(np.sqrt((out**2).mean()), 1)
    is_close(out.std(0).mean(), np.sqrt(1 - alike))  # 0.63
    fans = {"Dense_0": 32, "Dense_1": HIDDEN, "ConvTranspose_0": 8 * width}
    behind = COUNT * 28 * 28
    is_close(lengths.pop("to_image"), np.sqrt(behind * 4 * width))
    assert set(lengths) == set(fans)
    for name, fan in fans.items():
        is_close(lengths[name], np.sqrt(behind / 2 * fan))


@pytest.mark.parametrize("width", [8, 64])
def test_a_discriminator_without_norm_starts_alive(width):
    image = np.random.default_rng(0).normal(size=(COUNT, 28, 28, 1)).astype("float32")
    net = digit_nets.Discriminator(width, HIDDEN, OUT, norm=False)
    out, lengths = gradients(net, image, 1)
    is_close(np.sqrt((out**2).mean()), 1)
    behind = COUNT * OUT
    is_close(lengths.pop("Dense_0"), np.sqrt(behind * HIDDEN))
    fans = {"Conv_0": 16, "Conv_1": 16 * width, "Dense_0": 49 * 2 * width}
    assert set(lengths) == {f"Trunk_0/{name}" for name in fans}
    for name, fan in fans.items():
        expected = np.sqrt(behind * (1 + SLOPE**2) / 2 * fan)
        is_close(lengths[f"Trunk_0/{name}"], expected)


def test_nets_with_norm_start_as_dcgan():
    latent, image = np.zeros((2, 4), "float32"), np.zeros((2, 28, 28, 1), "float32")
    for net, x in (
        (digit_nets.Generator(8, 64), latent),
        (digit_nets.Discriminator(8, 64), image),
    ):
        params = jax.jit(net.init)(jax.random.key(0), x)["params"]
        for name, kernel in kernels(params).items():
            spread = kernel.std() / 0.02
            assert abs(spread - 1) < 3 / np.sqrt(kernel.size), (name, spread)
