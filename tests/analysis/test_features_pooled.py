"""Pooled maps against torch's adaptive pooling and the paper's count."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import game
from jaxgan.analysis import rectifiers
from jaxgan.analysis.features import pooled
from jaxgan.models import dcgan


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def torch_pooled(x, size):
    torch = pytest.importorskip("torch")
    cells = torch.nn.AdaptiveMaxPool2d(size)(torch.from_numpy(x).permute(0, 3, 1, 2))
    return cells.permute(0, 2, 3, 1).reshape(len(x), -1).numpy()


@pytest.mark.parametrize(
    ("height", "width", "size"),
    [(16, 16, 4), (4, 4, 4), (7, 7, 4), (14, 5, 4), (2, 3, 4), (9, 8, 1), (5, 6, 5)],
)
def test_a_map_is_pooled_as_torch_pools_it(height, width, size):
    x = drawn(2, height, width, 3)
    np.testing.assert_array_equal(
        jax.jit(pooled, static_argnums=1)([x], size), torch_pooled(x, size)
    )


def test_maps_stand_one_after_the_other_and_vectors_are_left_out():
    maps = [drawn(2, 8, 8, 3), drawn(2, 5, seed=1), drawn(2, 7, 7, 2, seed=2)]
    found = pooled([jnp.asarray(x) for x in maps], 4)
    assert found.shape == (2, 16 * 3 + 16 * 2)
    # Cell (row 1, column 2) of a map of 8 is places 2 and 3, 4 and 5; channel 1.
    np.testing.assert_array_equal(
        found[:, (1 * 4 + 2) * 3 + 1], maps[0][:, 2:4, 4:6, 1].max((1, 2))
    )
    np.testing.assert_array_equal(found[:, 48:50], maps[2][:, :2, :2].max((1, 2)))


def test_the_count_of_the_paper():
    config = dcgan.Config(resolution=32, kernel=3, latent=256, double=True)
    judge = game.pure(dcgan.Discriminator(config), "discriminator")

    def features(variables, image):
        looked = rectifiers.observed(lambda x: judge(variables, x)[0])
        maps = looked(image)[1]
        return maps, pooled(maps)

    image = jax.ShapeDtypeStruct((2, 32, 32, 3), jnp.float32)
    init = jax.eval_shape(dcgan.Discriminator(config).init, jax.random.key(0), image)
    maps, rows = jax.eval_shape(features, {"discriminator": init}, image)
    assert [x.shape[-1] for x in maps] == [128, 128, 256, 256, 512, 512]
    assert [x.shape[1] for x in maps] == [32, 16, 16, 8, 8, 4]
    assert rows.shape == (2, 28_672)


def test_the_count_of_the_official_svhn_script():
    maps = [jnp.zeros((1, r, r, c)) for r, c in ((16, 64), (8, 128), (4, 256))]
    assert jax.eval_shape(pooled, maps).shape == (1, 7168)


@pytest.mark.parametrize(
    ("maps", "size", "words"),
    [
        ([np.zeros((2, 4, 4, 3))], 0, "size is 0; pool to a grid of at least 1"),
        ([np.zeros((2, 5))], 4, r"the 1 maps have the shapes \[\(2, 5\)\], and none"),
        ([], 4, "the 0 maps have"),
    ],
)
def test_what_cannot_be_pooled_is_refused(maps, size, words):
    with pytest.raises(ValueError, match=words):
        pooled(maps, size)
