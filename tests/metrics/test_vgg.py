"""VGG19's features: torchvision's layout, PyTorch's values, files of other networks."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.metrics import vgg

# Facts about torchvision 0.20's vgg19: its `features` in order ("M" is a pool), and the
# numbers in them.
LAYOUT = [64, 64, "M", 128, 128, "M", *[256] * 4, "M", *[512] * 4, "M", *[512] * 4, "M"]
NUMBERS = 20_024_384
# The layers whose features are taken, their place, and the shape of maps of 20x32.
LAYERS: tuple[tuple[vgg.Layer, int, tuple[int, ...]], ...] = (
    ("vgg22", 8, (10, 16, 128)),
    ("vgg54", 35, (1, 2, 512)),
)


@pytest.fixture(scope="module")
def arrays():
    rng = np.random.default_rng(0)
    return {
        name: rng.standard_normal(shape, "float32")
        * (np.sqrt(2 / np.prod(shape[1:])) if len(shape) > 1 else 0.1)
        for name, shape in vgg.expected_shapes().items()
    }


def test_names_and_shapes_are_torchvisions():
    shapes = vgg.expected_shapes()
    assert sum(np.prod(shape) for shape in shapes.values()) == NUMBERS
    assert shapes["features.0.weight"] == (64, 3, 3, 3)
    assert shapes["features.28.weight"] == (512, 512, 3, 3)
    assert list(shapes)[-1] == "features.34.bias"


def test_features_agree_with_torch(arrays, tmp_path):
    """The network by PyTorch's own layers, to the activation after the convolution."""
    torch = pytest.importorskip("torch", exc_type=ImportError)
    modules, last = [], 3
    for width in LAYOUT:
        if width == "M":
            modules.append(torch.nn.MaxPool2d(2))
            continue
        modules += [torch.nn.Conv2d(last, width, 3, padding=1), torch.nn.ReLU()]
        last = width
    net = torch.nn.Module()
    net.features = torch.nn.Sequential(*modules)
    state = {name: torch.from_numpy(x) for name, x in arrays.items()}
    net.load_state_dict(state)
    path = tmp_path / "weights.pth"
    torch.save(state | {"classifier.6.bias": torch.zeros(1000)}, path)
    weights = vgg.load(path)
    assert weights.name == path.name

    image = np.random.default_rng(1).uniform(-1, 1, (2, 20, 32, 3)).astype("float32")
    x = torch.from_numpy(image.transpose(0, 3, 1, 2)) / 2 + 0.5
    mean, deviation = (
        torch.tensor(x).reshape(3, 1, 1) for x in (vgg.MEAN, vgg.DEVIATION)
    )
    x, expected = (x - mean) / deviation, {}
    with torch.no_grad():
        for place, module in enumerate(net.features[:-1]):
            x = module(x)
            expected[place] = x.permute(0, 2, 3, 1).numpy()
    for layer, place, shape in LAYERS:
        found = vgg.features(weights.layers, jnp.asarray(image), layer)
        assert found.shape == (2, *shape)
        np.testing.assert_allclose(found, expected[place], rtol=1e-5, atol=1e-5)


def test_grey_images_become_colour(arrays):
    layers = vgg.from_published(arrays)
    grey = jnp.linspace(-1, 1, 16).reshape(1, 4, 4, 1)
    one, three = (
        vgg.features(layers, x, "vgg22") for x in (grey, jnp.repeat(grey, 3, -1))
    )
    np.testing.assert_array_equal(one, three)


def test_files_of_other_networks_are_described(arrays, tmp_path):
    path = tmp_path / "w.npz"
    with pytest.raises(ValueError, match=r"no file of weights at .*vgg19-dcbb9e9d.pth"):
        vgg.load(path)
    few: Any = {name: x for name, x in arrays.items() if name != "features.34.bias"}
    few["features.35.bias"] = np.zeros(512)  # as vgg19_bn has
    np.savez(path, **few)
    with pytest.raises(
        ValueError, match="another network than torchvision's VGG19"
    ) as e:
        vgg.load(path)
    assert "missing: features.34.bias; unexpected: features.35.bias" in str(e.value)
    bad: Any = arrays | {"features.0.bias": np.full(64, np.nan)}
    np.savez(path, **bad)
    with pytest.raises(ValueError, match=r"NaN or infinite weights \(features.0.bias"):
        vgg.load(path)
