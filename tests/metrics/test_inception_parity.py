"""The Inception network against torch-fidelity's, on the same weights."""

import hashlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fidelity import torch_fidelity

from jaxgan.metrics import inception

torch = pytest.importorskip("torch", exc_type=ImportError)


@pytest.fixture(scope="module")
def variables():
    return inception.random_variables(jax.random.key(0))


@pytest.fixture(scope="module")
def file(variables, tmp_path_factory):
    """The weights as PyTorch keeps them."""
    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    arrays = inception.to_published(variables)
    torch.save({name: torch.from_numpy(x.copy()) for name, x in arrays.items()}, path)
    return path


@pytest.fixture(scope="module")
def theirs(file):
    torch_fidelity()
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    return FeatureExtractorInceptionV3(
        "inception-v3-compat",
        ["2048", "logits_unbiased"],
        feature_extractor_weights_path=str(file),
    )


def drawn(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def channels_first(images):
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))


@pytest.mark.slow
def test_features_and_logits_agree(variables, theirs):
    seen = jax.jit(inception.features)  # a quarter of the work of layer by layer
    for height, width in ((32, 32), (350, 310)):
        images = drawn(1, height, width, 3)
        found = seen(variables, images)
        expected = theirs(channels_first(images))
        for ours, other in zip(found, expected, strict=True):
            assert 0.1 < other.std() < 10  # of order 1: the tolerance says something
            np.testing.assert_allclose(ours, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("height", "width", "size"), [(32, 32, 299), (28, 45, 299), (64, 96, 40)]
)
def test_resize_agrees(height, width, size):
    torch_fidelity()
    from torch_fidelity.interpolate_compat_tensorflow import (
        interpolate_bilinear_2d_like_tensorflow1x as interpolate,
    )

    images = drawn(2, height, width, 3)
    expected = interpolate(
        channels_first(images).float(), size=(size, size), align_corners=False
    )
    found = inception.resize(jnp.asarray(images), size)
    np.testing.assert_allclose(
        found, expected.numpy().transpose(0, 2, 3, 1), rtol=1e-5, atol=1e-5
    )


def test_names_and_shapes_are_those_of_its_state(theirs):
    shapes = {
        name: tuple(x.shape)
        for name, x in theirs.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    assert inception.expected_shapes() == shapes


def test_its_file_is_read(variables, theirs, file, tmp_path):
    weights = inception.load(file)
    assert weights.name == "weights.pth"
    assert weights.checksum == hashlib.sha256(file.read_bytes()).hexdigest()
    assert weights.source == weights.checksum
    assert not weights.published
    assert jax.tree.all(jax.tree.map(np.array_equal, weights.variables, variables))
    # With counters, as PyTorch writes the state of today's modules.
    path = tmp_path / "state.pth"
    torch.save(theirs.state_dict(), path)
    again = inception.load(path)
    assert jax.tree.all(jax.tree.map(np.array_equal, again.variables, variables))


def test_files_of_something_else(tmp_path):
    path = tmp_path / "weights.pth"
    for content in (b"", b"<html>Not found</html>"):
        path.write_bytes(content)
        with pytest.raises(
            ValueError, match=r"is not a file of PyTorch weights, or it is da"
        ):
            inception.load(path)
    torch.save(torch.nn.Linear(2, 2), path)  # a program, which is not run
    with pytest.raises(ValueError, match=r"is not a file of PyTorch weights"):
        inception.load(path)
    torch.save([torch.zeros(2)], path)
    with pytest.raises(ValueError, match=r"holds a list, expected names and arrays"):
        inception.load(path)
    torch.save({"epoch": 3, "state_dict": {}}, path)
    with pytest.raises(ValueError, match=r"missing.*unexpected: epoch, state_dict"):
        inception.load(path)
