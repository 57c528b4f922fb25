"""Networks from images to images: numbers of weights, patches, the pool, PyTorch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.models.parts import patches, pool, translation, unet
from jaxgan.models.parts.rates import falling
from jaxgan.models.parts.residual import ResidualGenerator
from jaxgan.nn import conv

IMAGE = np.random.default_rng(0).uniform(-1, 1, (2, 16, 24, 3)).astype("float32")


def count(module, channels=3, side=256):
    image = jax.ShapeDtypeStruct((1, side, side, channels), "float32")
    made = jax.eval_shape(module.init, jax.random.key(0), image)
    return sum(x.size for x in jax.tree.leaves(made["params"]))


def test_numbers_of_weights_are_those_of_the_released_code():
    """PyTorch's own have biases before plain norms, one for each normalised channel."""
    assert count(unet.UNet(3)) == count(unet.UNet(3, norm="batch")) == 54_413_955
    assert count(unet.UNet(3, depth=7), side=128) == 41_828_995
    judge = patches.PatchDiscriminator
    assert count(judge(), 6) == 2_768_705
    assert count(judge(16), 6) == 139_585
    assert count(judge(286), 6) == 11_159_361
    assert count(judge(1), 6) == 9_024 + 1  # theirs has no bias at the end
    assert count(judge(norm="plain")) == 2_764_737 - (128 + 256 + 512)
    for blocks, plain, affine in (6, 7_837_699, 7_841_408), (9, 11_378_179, 11_383_424):
        normalised = 2 * (64 + 128) + 256 + 2 * blocks * 256
        ours = count(ResidualGenerator(blocks=blocks, norm="plain"))
        assert ours == plain - normalised
        # The affine one of Torch has no bias at the end.
        assert count(ResidualGenerator(blocks=blocks)) == affine + 3


@pytest.mark.parametrize("patch", [1, 16, 70, 286])
def test_patches_have_the_sides_of_their_names(patch):
    layers = patches.layers(patch)
    assert patches.receptive_field(layers) == patch
    side = patches.smallest_side(patch)
    judge = patches.PatchDiscriminator(patch, width=1)
    for size, expected in ((side, 1), (256, {1: 256, 16: 126, 70: 30, 286: 6}[patch])):
        image = jax.ShapeDtypeStruct((1, size, size, 3), "float32")
        logits, _ = jax.eval_shape(judge.init_with_output, jax.random.key(0), image)
        assert logits.shape == (1, expected, expected)


def test_a_logit_depends_on_its_patch_alone(key):
    """Without norms, whose statistics are those of whole images."""
    judge = patches.PatchDiscriminator(16, width=2)
    layers = patches.layers(16, 2)
    weights = judge.init(key, IMAGE)["params"]

    def logits(image):
        for i, layer in enumerate(layers):
            name = f"Conv_{i}" if i + 1 < len(layers) else "to_logit"
            kernel = jnp.asarray(weights[name]["kernel"])
            image = conv.conv(image, kernel, stride=layer.stride, padding=1)
        return image

    image = np.ones((1, 48, 48, 3), "float32")
    slopes = jax.grad(lambda image: logits(image)[0, 10, 12, 0])(image)
    rows, columns = (np.flatnonzero(np.abs(slopes[0]).sum((axis, 2)) > 0)
                     for axis in (1, 0))  # fmt: skip
    assert rows[-1] - rows[0] + 1 == columns[-1] - columns[0] + 1 == 16


def test_halvings_and_sides():
    assert unet.halvings(256, 256) == 8
    assert unet.halvings(64, 128) == 6
    assert unet.halvings(96, 64) == 5
    assert unet.halvings(1024, 512) == 8
    assert translation.sides("64x128") == (64, 128)
    assert translation.sides("32") == (32, 32)
    translation.check_sides("64x128", 8, 24, "it")
    with pytest.raises(ValueError, match="multiples of 8; use 96x64 or 104x64"):
        translation.check_sides("100x64", 8, 24, "it")
    with pytest.raises(ValueError, match="at least 24 that are .*; use 24x24$"):
        translation.check_sides("8x8", 8, 24, "it")
    with pytest.raises(ValueError, match="give a height and a width"):
        translation.sides("64x-2")


def test_the_pool_is_that_of_the_released_code(key):
    """Against a plain simulation that takes the same random numbers."""
    size, memory = 3, pool.ImagePool(3)
    images = np.arange(24, dtype="float32").reshape(4, 6, 1, 1, 1)
    state = jax.tree.map(np.asarray, memory.init(key, images[0], key))
    assert not state["memory"]["filled"].any()
    apply = jax.jit(lambda s, x, k: memory.apply(s, x, k, mutable="memory"))
    stored, returned, expected = [], [], []
    for i, batch in enumerate(images):
        step = jax.random.fold_in(key, i)
        shown, state = apply(state, batch, step)
        returned += [int(x) for x in shown.ravel()]
        for image, one in zip(
            batch.ravel(), jax.random.split(step, len(batch)), strict=True
        ):
            swap, place = jax.random.split(one)
            if len(stored) < size:
                stored.append(int(image))
                expected.append(int(image))
            elif jax.random.bernoulli(swap):
                chosen = int(jax.random.randint(place, (), 0, size))
                expected.append(stored[chosen])
                stored[chosen] = int(image)
            else:
                expected.append(int(image))
    assert returned == expected
    assert returned[:3] == [0, 1, 2]
    assert returned != list(range(24))  # some are exchanged
    assert [int(x) for x in np.ravel(state["memory"]["images"])] == stored


def test_an_empty_pool_lets_all_images_pass(key):
    memory = pool.ImagePool(0)
    assert not memory.init(key, IMAGE, key)
    assert memory.apply({}, IMAGE, key) is IMAGE


class Torch:
    """The functions of PyTorch by the weights of ours, in the order of our layers."""

    def __init__(self, params):
        self.torch = pytest.importorskip("torch")  # 2.13
        self.f, self.params, self.seen = self.torch.nn.functional, params, {}

    def tensor(self, x, order=None):
        x = np.asarray(x)
        return self.torch.tensor(x if order is None else x.transpose(order))

    def weights(self, kind, name=None):
        number = self.seen[kind] = self.seen.get(kind, -1) + (name is None)
        return self.params[name or f"{kind}_{number}"]

    def conv(self, x, stride, padding, name=None):
        w = self.weights("Conv", name)
        bias = self.tensor(w["bias"]) if "bias" in w else None
        kernel = self.tensor(w["kernel"], (3, 2, 0, 1))
        return self.f.conv2d(x, kernel, bias, stride, padding)

    def up(self, x, extra=0):
        w = self.weights("ConvTranspose")
        bias = self.tensor(w["bias"]) if "bias" in w else None
        kernel = self.tensor(w["kernel"], (3, 2, 0, 1))  # [in, out, kh, kw]
        return self.f.conv_transpose2d(x, kernel, bias, 2, 1, extra)

    def norm(self, x):
        w = self.weights("InstanceNorm")
        scale, bias = self.tensor(w["scale"]), self.tensor(w["bias"])
        return self.f.instance_norm(x, weight=scale, bias=bias, eps=1e-5)


def compared(module, twin):
    """Our output and that of a twin, with every weight drawn at random."""
    params = module.init(jax.random.key(1), IMAGE)["params"]
    rng = np.random.default_rng(2)

    # Weights of 0.02 leave little of an image after a few layers.
    def draw(x):
        return rng.normal(0, 0.2, x.shape).astype("float32")

    params = jax.tree.map(draw, params)
    ours = np.asarray(jax.jit(module.apply)({"params": params}, IMAGE))
    library = Torch(params)
    theirs = twin(library, library.tensor(IMAGE, (0, 3, 1, 2))).numpy()
    np.testing.assert_allclose(ours.reshape(-1), theirs.reshape(-1), atol=1e-5)
    assert ours.std() > 0.01


def test_the_unet_agrees_with_torch():
    def twin(t, x):
        levels = []
        for i in range(3):
            x = t.conv(t.f.leaky_relu(x, 0.2) if i else x, 2, 1)
            x = t.norm(x) if i == 1 else x
            levels.append(x)
        for skipped in (levels[1], levels[0]):
            x = t.torch.cat([t.norm(t.up(t.f.relu(x))), skipped], 1)
        return t.up(t.f.relu(x)).permute(0, 2, 3, 1)

    compared(unet.UNet(2, depth=3, width=3), twin)


def test_the_patch_discriminator_agrees_with_torch():
    def twin(t, x):
        x = t.f.leaky_relu(t.conv(x, 2, 1), 0.2)
        x = t.f.leaky_relu(t.norm(t.conv(x, 1, 1)), 0.2)
        return t.conv(x, 1, 1, "to_logit")

    compared(patches.PatchDiscriminator(16, width=3), twin)


def test_the_residual_generator_agrees_with_torch():
    def twin(t, x):
        def layer(x, stride, padding, mirrored=0):
            x = t.f.pad(x, [mirrored] * 4, mode="reflect") if mirrored else x
            return t.norm(t.conv(x, stride, padding))

        x = t.f.relu(layer(x, 1, 0, 3))
        x = t.f.relu(layer(x, 2, 1))
        x = t.f.relu(layer(x, 2, 1))
        x = x + layer(t.f.relu(layer(x, 1, 0, 1)), 1, 0, 1)
        for _ in range(2):
            x = t.f.relu(t.norm(t.up(x, 1)))
        x = t.conv(t.f.pad(x, [3] * 4, mode="reflect"), 1, 0, "to_image")
        return t.torch.tanh(x).permute(0, 2, 3, 1)

    compared(ResidualGenerator(width=2, blocks=1), twin)


def test_the_rate_is_constant_and_then_falls_to_zero():
    rate = falling(1e-3, 20, after=10)
    assert callable(rate)
    steps = [0, 9, 10, 20, 30, 50]
    expected = [1e-3, 1e-3, 1e-3, 5e-4, 0, 0]
    found = [float(rate(step)) for step in steps]
    np.testing.assert_allclose(found, expected, atol=1e-9)
    at_once = falling(1e-3, 20)
    assert callable(at_once)
    np.testing.assert_allclose(float(at_once(10)), 5e-4, atol=1e-9)
    assert falling(1e-3, 0, after=10) == 1e-3


def test_a_generator_of_changes_that_draws_nothing_keeps_the_image():
    module = ResidualGenerator(width=2, blocks=1, residual=True)
    image = np.clip(2 * IMAGE, -1, 1)
    variables = module.init(jax.random.key(0), image)
    last = jax.tree.map(jnp.zeros_like, variables["params"]["to_image"])
    out = np.asarray(
        module.apply({"params": {**variables["params"], "to_image": last}}, image)
    )
    np.testing.assert_allclose(out, image, atol=1 / 255)
    assert np.abs(out).max() < 1
