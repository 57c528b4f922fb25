"""R3GAN at image size: its networks' sizes, first values, and a block in PyTorch."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import nn
from jaxgan.compose import parameter_count
from jaxgan.models import r3gan_images
from jaxgan.models.parts import r3gan_nets


def made(config):
    """Shapes of the parameters of both networks, and of what they make."""
    key, label = jax.random.key(0), (jnp.zeros(1, jnp.int32),) * (config.classes > 0)
    generator, discriminator = r3gan_images._nets(config)
    latent = jnp.zeros((1, config.latent))
    image, drawn = jax.eval_shape(generator.init_with_output, key, latent, *label)
    image = jnp.zeros(image.shape)
    score, judged = jax.eval_shape(discriminator.init_with_output, key, image, *label)
    assert score.shape == (1,)
    return image.shape, drawn["params"], judged["params"]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (r3gan_images.Config(), (20_781_952, 21_280_512)),
        (r3gan_images.FFHQ64, (22_429_824, 22_381_440)),
    ],
)
def test_networks_are_as_large_as_the_authors(config, expected):
    image, *params = made(config)
    assert image == (1, config.resolution, config.resolution, 3)
    assert tuple(parameter_count(x) for x in params) == expected


def test_blocks_begin_as_the_identity_and_keep_the_scale_of_a_signal():
    block = r3gan_nets.Block(group=16, gain=0.8246)
    x = np.random.default_rng(0).normal(size=(1, 4, 4, 32)).astype("float32")
    params = jax.jit(block.init)(jax.random.key(0), x)["params"]
    np.testing.assert_array_equal(block.apply({"params": params}, x), x)
    spread = np.std(params["mix"]["kernel"])
    np.testing.assert_allclose(spread, 0.8246 / math.sqrt(9 * 16), rtol=0.05)
    assert math.sqrt(2 / 1.04) * 8**-0.25 == pytest.approx(0.8246, abs=1e-4)
    assert math.sqrt(2 / 1.04) * 10**-0.25 == pytest.approx(0.7798, abs=1e-4)


def test_a_block_and_the_filters_are_those_of_torch():
    torch = pytest.importorskip("torch")
    f = torch.nn.functional
    rng = np.random.default_rng(0)
    x, wide, mix, narrow = (
        rng.normal(size=shape).astype("float32")
        for shape in [(2, 6, 6, 8), (1, 1, 8, 16), (3, 3, 4, 16), (1, 1, 16, 8)]
    )
    first, second = rng.normal(size=(2, 16)).astype("float32")
    params = {
        "widen": {"kernel": wide, "bias": first},
        "mix": {"kernel": mix},
        "narrow": {"kernel": narrow},
        "bias": second,
    }
    ours = jax.jit(r3gan_nets.Block(group=4, gain=1.0).apply)({"params": params}, x)

    def tensor(array, *order):
        return torch.from_numpy(array.transpose(order).copy())

    image = tensor(x, 0, 3, 1, 2)
    y = f.conv2d(image, tensor(wide, 3, 2, 0, 1), torch.from_numpy(first))
    y = f.conv2d(f.leaky_relu(y, 0.2), tensor(mix, 3, 2, 0, 1), padding=1, groups=4)
    y = f.leaky_relu(y + torch.from_numpy(second)[:, None, None], 0.2)
    theirs = image + f.conv2d(y, tensor(narrow, 3, 2, 0, 1))
    np.testing.assert_allclose(
        ours, theirs.numpy().transpose(0, 2, 3, 1), rtol=1e-4, atol=1e-4
    )

    line = torch.tensor([1.0, 3.0, 3.0, 1.0])
    filters = (torch.outer(line, line) / 64).repeat(8, 1, 1, 1)
    smaller = f.conv2d(image, filters, stride=2, padding=1, groups=8)
    larger = f.conv_transpose2d(image, 4 * filters, stride=2, padding=1, groups=8)
    for theirs, ours in ((smaller, nn.halve_filtered), (larger, nn.double_filtered)):
        np.testing.assert_allclose(
            jax.jit(ours)(x), theirs.numpy().transpose(0, 2, 3, 1), atol=1e-5
        )


def test_grouped_convolutions_refuse_channels_that_do_not_fit():
    with pytest.raises(ValueError, match="6 channels do not make groups of 4"):
        nn.GroupedConv(4).init(jax.random.key(0), jnp.zeros((1, 4, 4, 6)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": 1}, "classes is 1; it must be at least 2, or 0"),
        ({"resolution": 40}, "resolution 40 is not a power of two.*use 32 or 64"),
        ({"width": 20}, "width 20 leaves 20 channels at 4x4.*give a multiple of 16"),
        ({"gamma": -1.0}, r"gamma is -1\.0"),
    ],
)
def test_wrong_settings_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        r3gan_images.Config(**change)
