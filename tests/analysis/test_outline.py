"""Layers of modules: counted by hand, and for every model of the library."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

from jaxgan import nn
from jaxgan.analysis.outline import geometry, outline
from jaxgan.models import dcgan
from jaxgan.models.model import find


class Part(linen.Module):
    @linen.compact
    def __call__(self, x):
        scale = self.param("scale", linen.initializers.ones, (3,))
        return self.twice(linen.Dense(3)(x)) * scale[None, :]

    def twice(self, x):
        return 2 * x


class Net(linen.Module):
    @linen.compact
    def __call__(self, x, label=None, *, flag=True):
        shared = linen.Dense(4, name="shared")
        x = linen.relu(shared(shared(x)))
        x = linen.Dropout(0.5, deterministic=flag)(x)
        return Part(name="part")(x), x


def test_layers_in_order_with_shapes_and_parameters():
    calls = outline(Net(), jnp.zeros((2, 4)), None)
    found = [(x.path, x.kind, x.inputs, x.output, x.parameters, x.again) for x in calls]
    vector = ((2, 4),)
    assert found == [
        ("shared", "Dense", vector, (2, 4), 20, False),
        ("shared", "Dense", vector, (2, 4), 0, True),
        ("Dropout_0", "Dropout", vector, (2, 4), 0, False),
        ("part/Dense_0", "Dense", vector, (2, 3), 15, False),
        ("part", "Part", vector, (2, 3), 3, False),
    ]


def test_nothing_is_computed_and_shapes_are_enough():
    # 4 TB of weights.
    given = jax.ShapeDtypeStruct((1, 1_000_000), jnp.float32)
    (call,) = outline(linen.Dense(1_000_000), given)
    assert (call.path, call.parameters) == ("", 10**12 + 10**6)


def test_the_generator_of_the_dcgan_paper():
    calls = outline(dcgan.Generator(dcgan.Config()), jnp.zeros((1, 100)))
    layers = [x for x in calls if x.kind in ("Dense", "ConvTranspose")]
    assert [x.output[1:] for x in layers] == [
        (4 * 4 * 1024,), (8, 8, 512), (16, 16, 256), (32, 32, 128), (64, 64, 3)
    ]  # fmt: skip
    # 5x5 kernels; a bias on the last layer only.
    assert [x.parameters for x in layers] == [
        100 * 16384, 25 * 1024 * 512, 25 * 512 * 256, 25 * 256 * 128, 25 * 128 * 3 + 3
    ]  # fmt: skip
    norms = [x for x in calls if x.kind == "BatchNorm"]
    assert norms[0].inputs == ((1, 4, 4, 1024),)
    assert [x.parameters for x in norms] == [2048, 1024, 512, 256]


@pytest.mark.parametrize(("name", "model"), find().items())
def test_every_model_adds_up(name, model):
    game = model.game(model.tiny)
    batch = jax.eval_shape(lambda: model.batch(model.tiny, jax.random.key(0), 2))
    if game.repeats > 1:
        batch = jax.tree.map(
            lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), batch
        )
    given = jax.eval_shape(game.inputs, batch)
    for net, module in game.nets.items():
        calls = outline(module, *given[net])
        made = jax.eval_shape(
            lambda *x, module=module: module.init(jax.random.key(0), *x), *given[net]
        )
        expected = sum(x.size for x in jax.tree.leaves(made.get("params", {})))
        assert sum(x.parameters for x in calls) == expected
        assert calls


def test_geometry_of_this_librarys_layers():
    image = jnp.zeros((1, 8, 8, 3))
    layers = {
        nn.Conv(2, 4, 2): ((4, 4), (2, 2), (1, 1), False),
        nn.Conv(2, 5): ((5, 5), (1, 1), (2, 2), False),
        nn.Conv(2, (3, 5), padding=0): ((3, 5), (1, 1), (0, 0), False),
        nn.Conv(2, 4, 2, padding=((0, 1), (2, 1))): ((4, 4), (2, 2), (0, 2), False),
        nn.ConvTranspose(2, 5): ((5, 5), (2, 2), (2, 2), True),
        linen.Conv(2, (3, 3)): ((3, 3), (1, 1), (1, 1), False),
        linen.Conv(2, (3, 3), 2): ((3, 3), (2, 2), (0, 0), False),  # SAME pads behind
        linen.Conv(2, (5, 5), padding="VALID"): ((5, 5), (1, 1), (0, 0), False),
    }
    for layer, expected in layers.items():
        (call,) = outline(layer, image)
        assert geometry(call) == expected, layer
    (call,) = outline(linen.Dense(3), image)
    assert geometry(call) is None


@pytest.mark.parametrize("kernel", [3, 4, 5])
def test_geometry_says_where_windows_begin(kernel):
    """The slope of output (1, 2) reaches from its first pixel on."""
    layer = nn.Conv(1, kernel, 2, kernel_init=linen.initializers.ones)
    x = jnp.zeros((1, 12, 12, 1))
    variables = layer.init(jax.random.key(0), x)
    slopes = jax.grad(lambda x: layer.apply(variables, x)[0, 1, 2, 0])(x)[0, :, :, 0]
    shape = geometry(outline(layer, x)[0])
    assert shape is not None
    first = [2 * i - p for i, p in zip((1, 2), shape.padding, strict=True)]
    rows, columns = np.nonzero(slopes)
    assert [rows.min(), columns.min()] == [max(0, x) for x in first]
    assert [rows.max(), columns.max()] == [x + kernel - 1 for x in first]
