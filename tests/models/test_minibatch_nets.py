"""The convolutional nets of the improved GAN: sizes of the scripts', and dropout."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.game import algorithm
from jaxgan.models import improved_gan
from jaxgan.models.parts import minibatch_nets


@pytest.mark.parametrize(
    ("config", "channels", "seen", "moves"),
    [
        (improved_gan.MINIBATCH, 1, 292, 3),
        (improved_gan.CIFAR10_MINIBATCH, 3, 292, 3),
        (improved_gan.CIFAR10, 3, 192, 1),
    ],
)
def test_convolutional_nets_are_those_of_the_released_scripts(
    config, channels, seen, moves
):
    """Sizes of all weights, from the scripts'.

    With minibatch discrimination, logits see 100 numbers beside the 192 features.
    """
    made = jax.eval_shape(
        lambda: algorithm(improved_gan.game(config)).init(
            jax.random.key(0), improved_gan.batch(config, jax.random.key(1), 2)
        )
    ).params
    found = {
        name: sorted(x.shape for x in jax.tree.leaves(made[name]) if x.ndim > 1)
        for name in made
    }

    def square(a, b, k=3):
        return k, k, a, b

    kernels = [(192, 100, 5), (100, 5)] if seen > 192 else []
    assert found["discriminator"] == sorted(
        [square(channels, 96), *[square(96, 96)] * 2, square(96, 192),
         *[square(192, 192)] * 3, *[square(192, 192, 1)] * 2, *kernels, (seen, 10)]
    )  # fmt: skip
    assert found["generator"] == sorted(
        [
            (100, 4 * 4 * 512),
            square(256, 512, 5),
            square(128, 256, 5),
            square(channels, 128, 5),
        ]
    )
    assert [move.players for move in improved_gan.game(config).moves] == [
        ("discriminator",), *[("generator",)] * moves,
    ]  # fmt: skip


@pytest.mark.parametrize("side", [28, 32])
def test_the_last_maps_are_as_large_for_digits_as_for_colour_images(side):
    """Both become 32x32 or are it, then 16, 8 and, without a border, 6."""
    net = minibatch_nets.Discriminator(classes=3, width=2, kernels=0)
    image = jnp.zeros((2, side, side, 3))

    def outputs():
        at = net.init(jax.random.key(0), image)
        return net.apply(at, image, capture_intermediates=True, mutable="intermediates")

    _, seen = jax.eval_shape(outputs)
    layers = [seen["intermediates"][f"WeightNormConv_{i}"] for i in range(9)]
    sides = [layer["__call__"][0].shape[1] for layer in layers]
    assert sides == [32, 32, 16, 16, 16, 8, 6, 6, 6]


def test_dropout_of_pixels_is_for_training_only():
    """At 32x32 where a third of the image is kept, the others three times as bright."""
    net = minibatch_nets.Discriminator(
        classes=3, width=2, kernels=0, input_noise=0.0, keep=1.0, input_keep=1 / 3
    )
    image = jnp.ones((2, 32, 32, 1))
    at = net.init(jax.random.key(0), image)
    seen = []
    for rngs in ({}, {"dropout": jax.random.key(1)}, {"dropout": jax.random.key(2)}):
        _, features = net.apply(at, image, rngs=rngs)
        seen.append(np.asarray(features))
    assert np.abs(seen[1] - seen[2]).max() > 1e-3
    np.testing.assert_array_equal(seen[0], net.apply(at, image)[1])
