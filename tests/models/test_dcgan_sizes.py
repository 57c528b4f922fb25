"""DCGAN: layers, numbers of parameters and initial weights, by arithmetic."""

import dataclasses

import jax
import numpy as np
import pytest
import scipy.stats
from dcgans import PAPER, TINY, images, latents, started

from jaxgan.compose import parameter_count
from jaxgan.game import algorithm, pure, variables
from jaxgan.models import dcgan

TORCH = dcgan.Config(kernel=4, width=64, latent_distribution="normal")


def sizes(config):
    """The shape of every parameter, and how many there are; nothing is computed."""
    init = algorithm(dcgan.game(config)).init
    params = jax.eval_shape(
        init, jax.random.key(0), {"image": images(config, 1)}
    ).params
    return params, {net: parameter_count(tree) for net, tree in params.items()}


def kernels_of(config):
    params, _ = sizes(config)
    return {
        net: [
            leaf.shape
            for path, leaf in jax.tree.leaves_with_path(tree)
            if path[-1].key == "kernel"
        ]
        for net, tree in params.items()
    }


def test_the_layers_of_the_paper():
    kernels = kernels_of(PAPER)
    assert kernels["generator"] == [
        (5, 5, 512, 1024),
        (5, 5, 256, 512),
        (5, 5, 128, 256),
        (100, 4 * 4 * 1024),
        (5, 5, 3, 128),
    ]
    assert kernels["discriminator"] == [
        (5, 5, 3, 128),
        (5, 5, 128, 256),
        (5, 5, 256, 512),
        (5, 5, 512, 1024),
        (4 * 4 * 1024, 1),
    ]


def test_the_network_that_the_paper_trains_on_imagenet():
    """Strides 2, 1, 2, 1, 2, 1 up; 1, 2, 1, 2, 1, 2 down; 3x3 all of them."""
    config = dcgan.Config(resolution=32, kernel=3, latent=256, double=True)
    kernels = kernels_of(config)
    assert kernels["generator"] == [
        (3, 3, 512, 512),  # transposed: channels made, channels given
        (3, 3, 256, 256),
        (3, 3, 128, 128),
        (3, 3, 512, 256),
        (3, 3, 256, 128),
        (256, 4 * 4 * 512),
        (3, 3, 128, 3),
    ]
    assert kernels["discriminator"] == [
        (3, 3, 3, 128),
        (3, 3, 128, 128),
        (3, 3, 128, 256),
        (3, 3, 256, 256),
        (3, 3, 256, 512),
        (3, 3, 512, 512),
        (4 * 4 * 512, 1),
    ]


def test_a_double_network_draws_and_judges():
    config = dataclasses.replace(TINY, kernel=3, double=True)
    variables_ = variables(started(config))
    drawn = dcgan.sample(config, variables_, latents(config))
    assert drawn.shape == (8, 16, 16, 3)
    judge = pure(dcgan.Discriminator(config), "discriminator")
    assert judge(variables_, drawn)[0].shape == (8,)
    with pytest.raises(ValueError, match="kernel is 4, which cannot keep the size"):
        dcgan.Config(kernel=4, double=True)


# Beside what the published code has, these nets have a bias on the generator's last
# layer (3), on the discriminator's first (its width) and on the logit (1).
@pytest.mark.parametrize(
    ("config", "generator", "discriminator"),
    [
        pytest.param(
            PAPER,
            100 * 16 * 1024
            + 25 * (1024 * 512 + 512 * 256 + 256 * 128 + 128 * 3)
            + 2 * (1024 + 512 + 256 + 128)
            + 3,
            25 * (3 * 128 + 128 * 256 + 256 * 512 + 512 * 1024)
            + 2 * (256 + 512 + 1024)
            + 16 * 1024
            + 128
            + 1,
            id="paper",
        ),
        # 3,576,704 and 2,765,568 are what PyTorch's example with these sizes counts.
        pytest.param(TORCH, 3_576_704 + 3, 2_765_568 + 64 + 1, id="torch"),
        pytest.param(
            dataclasses.replace(TORCH, resolution=32, channels=1),
            100 * 16 * 256
            + 16 * (256 * 128 + 128 * 64 + 64 * 1)
            + 2 * (256 + 128 + 64)
            + 1,
            16 * (1 * 64 + 64 * 128 + 128 * 256) + 2 * (128 + 256) + 16 * 256 + 64 + 1,
            id="32",
        ),
        pytest.param(
            dataclasses.replace(TORCH, resolution=128),
            100 * 16 * 1024
            + 16 * (1024 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3)
            + 2 * (1024 + 512 + 256 + 128 + 64)
            + 3,
            16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512 * 1024)
            + 2 * (128 + 256 + 512 + 1024)
            + 16 * 1024
            + 64
            + 1,
            id="128",
        ),
    ],
)
def test_parameter_counts(config, generator, discriminator):
    _, counts = sizes(config)
    assert counts == {"generator": generator, "discriminator": discriminator}


@pytest.mark.parametrize("resolution", [8, 32, 64, 128])
def test_images_have_the_resolution_asked_for(resolution):
    config = dataclasses.replace(TORCH, resolution=resolution, channels=1)
    init = algorithm(dcgan.game(config)).init
    state = jax.eval_shape(init, jax.random.key(0), {"image": images(config, 1)})
    image = jax.eval_shape(
        lambda state: dcgan.sample(config, variables(state), latents(config, 2)), state
    )
    assert image.shape == (2, resolution, resolution, 1)
    logits, _ = jax.eval_shape(
        pure(dcgan.Discriminator(config), "discriminator"), variables(state), image
    )
    assert logits.shape == (2,)


def test_there_is_no_bias_before_a_norm():
    config = dataclasses.replace(TORCH, resolution=32)
    params, _ = sizes(config)
    biased = {
        net: {name for name, layer in tree.items() if "bias" in layer}
        for net, tree in params.items()
    }
    norms = {"BatchNorm_0", "BatchNorm_1"}
    assert biased["generator"] == {"to_image", "BatchNorm_2", *norms}
    assert biased["discriminator"] == {"Conv_0", "to_logit", *norms}
    params, _ = sizes(dataclasses.replace(config, norm="spectral"))
    assert {n for n, layer in params["discriminator"].items() if "bias" in layer} == {
        "Conv_0", "Conv_1", "Conv_2", "to_logit",
    }  # fmt: skip


def test_weights_start_at_n_0_002_and_gains_at_n_1_002():
    state = started(dcgan.Config(resolution=32, width=16, latent=20))
    gains = []
    for net in ("generator", "discriminator"):
        for path, leaf in jax.tree.leaves_with_path(state.params[net]):
            kind = path[-1].key
            if kind == "kernel":
                # A kernel's numbers are drawn in one go, so a few thousand tell.
                drawn = np.ravel(leaf)[:4000] / 0.02
                assert scipy.stats.kstest(drawn, "norm").pvalue > 1e-3, path
            elif kind == "scale":
                gains.append((leaf - 1) / 0.02)
            else:
                assert not leaf.any(), path
    gains = np.concatenate(gains)
    assert len(gains) == (64 + 32 + 16) + (32 + 64)
    assert scipy.stats.kstest(gains, "norm").pvalue > 1e-3
