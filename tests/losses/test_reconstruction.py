"""Losses of a target and a prediction, against formulas and torch."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import losses

RNG = np.random.default_rng(0)


TARGET, PREDICTION = RNG.uniform(size=(2, 2, 24, 24, 3)).astype("float32")


def test_pixel_losses_of_torch():
    torch = pytest.importorskip("torch")  # 2.13.0
    functional = torch.nn.functional
    t, p = torch.tensor(TARGET).double(), torch.tensor(PREDICTION).double()
    twins = {
        losses.l1_loss: functional.l1_loss(t, p, reduction="none"),
        losses.l2_loss: functional.mse_loss(t, p, reduction="none"),
        losses.charbonnier_loss: torch.sqrt((t - p) ** 2 + 1e-6),
    }
    for loss, twin in twins.items():
        wanted = twin.mean(dim=(1, 2, 3))
        np.testing.assert_allclose(loss(TARGET, PREDICTION), wanted, rtol=1e-5)


@pytest.mark.parametrize("loss", [losses.cycle_consistency_loss, losses.identity_loss])
def test_losses_of_two_domains_add_the_directions(loss):
    a, b = np.zeros((2, 4, 4, 3)), np.zeros((2, 8, 8, 1))
    value = loss(a, a + np.array([1.0, 2.0]).reshape(2, 1, 1, 1), b, b - 0.5)
    np.testing.assert_allclose(value, [1.5, 2.5])
    with pytest.raises(ValueError, match=r"real_a \(2, 4, 4, 3\), real_b \(1, 8, 8, 1"):
        loss(a, a, b[:1], b[:1])


def test_perceptual_distance_over_layers():
    def layers(x):
        return {"shallow": jnp.tanh(x), "deep": [x.mean(axis=(1, 2)), 2.0 * x]}

    loss = losses.perceptual_loss(TARGET, PREDICTION, layers)
    t, p = np.float64(TARGET), np.float64(PREDICTION)
    wanted = (
        ((np.tanh(t) - np.tanh(p)) ** 2).mean(axis=(1, 2, 3))
        + ((t.mean(axis=(1, 2)) - p.mean(axis=(1, 2))) ** 2).mean(axis=1)
        + 4 * ((t - p) ** 2).mean(axis=(1, 2, 3))
    )
    np.testing.assert_allclose(loss, wanted, rtol=1e-4)
    same = losses.perceptual_loss(TARGET, PREDICTION, lambda x: x)
    np.testing.assert_allclose(same, losses.l2_loss(TARGET, PREDICTION))


def test_bad_input_is_refused():
    small = jnp.zeros((1, 8, 8, 3))
    cases = [
        (
            lambda: losses.charbonnier_loss(small, small, epsilon=0.0),
            r"epsilon is 0.0, expected more than 0",
        ),
        (
            lambda: losses.masked_reconstruction_loss(small, small, small[0]),
            r"weights has shape \(8, 8, 3\), expected rank 4",
        ),
        (
            lambda: losses.masked_reconstruction_loss(small, small, small[:, :4]),
            r"weights has shape \(1, 4, 8, 3\), expected rank 4 with every axis 1 or",
        ),
        (lambda: losses.overlap_weights(8, 8, overlap=5), r"overlap is 5"),
        (
            lambda: losses.perceptual_loss(small, small, lambda x: []),
            r"feature_fn returned no arrays",
        ),
        (
            lambda: losses.perceptual_loss(small, small, lambda x: x[0]),
            r"feature_fn returned shape \(8, 8, 3\), expected \(1, ...\)",
        ),
    ]
    for call, message in cases:
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match="target has dtype uint8"):
        losses.l1_loss(small.astype(jnp.uint8), small)
    with pytest.raises(
        ValueError, match=r"target \(1, 8, 8, 3\), prediction \(1, 8, 8"
    ):
        losses.l1_loss(small, small[..., :1])
