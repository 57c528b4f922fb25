"""Layers whose weights are scaled when they are used, and pixel norm."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import nn


def test_weights_start_at_one_and_are_scaled_by_gain_and_fan_in():
    rng = np.random.default_rng(0)
    image = jnp.asarray(rng.normal(size=(2, 6, 6, 50)), jnp.float32)
    layers = {
        "conv": (nn.EqualisedConv(40), image, 450),
        "one": (nn.EqualisedConv(40, 1, gain=1.0), image, 50),
        "dense": (nn.EqualisedDense(400), image[:, 0, 0], 50),
    }
    for name, (layer, x, fan_in) in layers.items():
        params = layer.init(jax.random.key(0), x)["params"]
        kernel = np.asarray(params["kernel"])
        np.testing.assert_allclose(kernel.std(), 1, atol=0.05, err_msg=name)
        assert not params["bias"].any()
        # A kernel of ones adds up all inputs that it sees.
        ones = {"kernel": jnp.ones_like(kernel), "bias": params["bias"] + 3}
        out = np.asarray(layer.apply({"params": ones}, x))
        seen = x[:, :3, :3] if name == "conv" else x[:, :1, :1] if x.ndim == 4 else x
        total = np.asarray(seen).reshape(2, -1).sum(1)
        at = out[:, 1, 1, 0] if name == "conv" else out.reshape(2, -1)[:, 0]
        gain = 1.0 if name == "one" else 2**0.5
        expected = total * gain / fan_in**0.5 + 3
        np.testing.assert_allclose(at, expected, rtol=1e-4, err_msg=name)


def test_pixel_norm_by_hand():
    out = nn.pixel_norm(jnp.asarray([3.0, -4.0]))
    np.testing.assert_allclose(out, np.asarray([3, -4]) / 12.5**0.5, rtol=1e-6)
    assert not nn.pixel_norm(jnp.zeros(2)).any()
