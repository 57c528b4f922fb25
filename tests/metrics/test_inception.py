"""The Inception network without PyTorch: resize, pools, names, files, errors."""

import hashlib
import io
import os
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import data
from jaxgan.metrics import _inception_net, classifier_score, inception

# Facts about torch-fidelity 0.4.0's FeatureExtractorInceptionV3: names in its state
# dict but for the counters of its batch norms, and numbers in those.
ARRAYS, NUMBERS = 472, 23_885_392
SHAPES = {
    "Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3),
    "Conv2d_1a_3x3.bn.running_var": (32,),
    "Conv2d_4a_3x3.conv.weight": (192, 80, 3, 3),
    "Mixed_5b.branch1x1.conv.weight": (64, 192, 1, 1),
    "Mixed_5b.branch_pool.bn.weight": (32,),
    "Mixed_5d.branch5x5_2.conv.weight": (64, 48, 5, 5),
    "Mixed_6a.branch3x3dbl_3.conv.weight": (96, 96, 3, 3),
    "Mixed_6c.branch7x7_2.conv.weight": (160, 160, 1, 7),
    "Mixed_6c.branch7x7dbl_4.conv.weight": (160, 160, 7, 1),
    "Mixed_7a.branch7x7x3_3.bn.running_mean": (192,),
    "Mixed_7b.branch3x3_2a.conv.weight": (384, 384, 1, 3),
    "Mixed_7c.branch3x3dbl_1.conv.weight": (448, 2048, 1, 1),
    "fc.weight": (1008, 2048),
    "fc.bias": (1008,),
}


def resized(image, size):
    """TensorFlow 1's loop over the pixels of one image `[H, W, C]`, in float64."""
    height, width = image.shape[:2]
    out = np.zeros((size, size, image.shape[2]))
    for i in range(size):
        for j in range(size):
            y, x = i * height / size, j * width / size
            top, left = int(y), int(x)
            bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
            dy, dx = y - top, x - left
            out[i, j] = (1 - dy) * (
                (1 - dx) * image[top, left] + dx * image[top, right]
            ) + dy * ((1 - dx) * image[bottom, left] + dx * image[bottom, right])
    return out


def pooled(x, reduce, stride, border):
    """`reduce` of what of 3 x 3 pixels lies inside the image."""
    height, width = x.shape[1:3]
    rows, columns = (
        range(0 if border else 1, n if border else n - 1, stride)
        for n in (height, width)
    )
    return np.stack(
        [
            np.stack(
                [
                    reduce(
                        x[:, max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2], axis=(1, 2)
                    )
                    for j in columns
                ],
                1,
            )
            for i in rows
        ],
        1,
    )


def negative(*shape):
    """All below zero, so that a padding of zeros would be the maximum."""
    return -1 - np.random.default_rng(0).random(shape, "float32")


@pytest.fixture(scope="module")
def arrays():
    """Published arrays of constants, which differ from one to the next."""
    return {
        name: np.full(shape, i / 1000, "float32")
        for i, (name, shape) in enumerate(inception.expected_shapes().items())
    }


@pytest.fixture(scope="module")
def variables():
    return inception.random_variables(jax.random.key(0))


@pytest.fixture(scope="module")
def npz(arrays, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "weights.npz"
    np.savez_compressed(path, **arrays)
    return path


def written(path, **arrays):
    np.savez_compressed(path, **arrays)
    return path


@pytest.mark.parametrize(("height", "width", "size"), [(5, 7, 11), (13, 8, 4)])
def test_resize_is_tensorflows_loop(height, width, size):
    images = np.random.default_rng(0).integers(0, 256, (2, height, width, 3), "uint8")
    found, as_floats = jax.jit(
        lambda x: (inception.resize(x, size), inception.resize(x.astype("f4"), size))
    )(images)
    assert found.dtype == jnp.float32
    expected = np.stack([resized(image.astype("float64"), size) for image in images])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(as_floats, found)


def test_resize_reads_left_and_up_of_the_centre():
    ramp = np.tile(np.arange(4.0, dtype="float32")[None, None, :, None], (1, 4, 1, 1))
    up, down = jax.jit(lambda x: [inception.resize(x, size) for size in (8, 2)])(ramp)
    np.testing.assert_allclose(up[0, 0, :, 0], [0, 0.5, 1, 1.5, 2, 2.5, 3, 3])
    np.testing.assert_allclose(down[0, 0, :, 0], [0, 2])


def test_resize_to_the_same_size_changes_nothing():
    images = np.random.default_rng(0).integers(0, 256, (1, 299, 299, 1), "uint8")
    np.testing.assert_array_equal(jax.jit(inception.resize)(images), images)


def test_pixels_are_normalised_and_grey_repeated():
    pixels = np.array([0, 64, 128, 255], "uint8").reshape(1, 2, 2, 1)
    normalize = jax.jit(inception.normalize)
    grey = np.asarray(normalize(pixels))
    assert grey.shape == (1, 2, 2, 3)
    for channel in range(3):
        np.testing.assert_array_equal(
            np.ravel(grey[..., channel]), [-1, -0.5, 0, 127 / 128]
        )
    colours = normalize(pixels.repeat(3, -1))
    np.testing.assert_array_equal(grey, colours)


@pytest.mark.parametrize("shape", [(2, 4, 5, 3), (1, 8, 8, 1)])
def test_average_pool_does_not_count_the_border(shape):
    x = negative(*shape)
    np.testing.assert_allclose(
        jax.jit(_inception_net.average_pool)(x),
        pooled(x, np.mean, 1, True),
        rtol=1e-6,
    )


@pytest.mark.parametrize("shape", [(2, 5, 7, 3), (1, 8, 6, 1)])
def test_max_pool(shape):
    x = negative(*shape)
    one, two = jax.jit(lambda x: [_inception_net.max_pool(x, n) for n in (1, 2)])(x)
    np.testing.assert_array_equal(one, pooled(x, np.max, 1, True))
    np.testing.assert_array_equal(two, pooled(x, np.max, 2, False))


def test_the_last_block_pools_by_the_maximum_and_the_one_before_by_the_average():
    """Only the pool's branch sees a bright pixel's neighbours when the rest is 0."""
    x = np.zeros((1, 5, 5, 2), "float32")
    x[0, 2, 2] = 9.0
    for last, expected in ((False, 2.0), (True, 18.0)):
        block = _inception_net.BlockE(last=last)
        shapes = jax.eval_shape(block.init, jax.random.key(0), x)
        variables = jax.tree.map(lambda leaf: np.zeros(leaf.shape, "float32"), shapes)
        pool = variables["params"]["branch_pool"]
        pool["conv"]["kernel"] = np.ones((1, 1, 2, 192), "float32")
        pool["bn"]["scale"] = np.ones(192, "float32")
        seen = np.asarray(jax.jit(block.apply)(variables, x))[0, ..., -192:]
        bright = expected / np.sqrt(1e-3)  # a running variance of 0, and the epsilon
        square = np.zeros((5, 5, 192))
        square[1:4, 1:4] = bright
        np.testing.assert_allclose(seen, square, rtol=1e-5)


def test_names_and_shapes_are_those_of_the_published_file():
    shapes = inception.expected_shapes()
    assert {name: shapes[name] for name in SHAPES} == SHAPES
    assert len(shapes) == ARRAYS
    assert sum(np.prod(shape) for shape in shapes.values()) == NUMBERS


def test_features_of_grey_images_of_any_size(variables):
    """Colour images are compared with torch-fidelity's features."""
    images = jax.ShapeDtypeStruct((5, 64, 48, 1), jnp.uint8)
    pool3, logits = jax.eval_shape(inception.features, variables, images)
    assert (pool3.shape, logits.shape) == ((5, 2048), (5, 1008))
    assert pool3.dtype == logits.dtype == jnp.float32


def test_random_variables_are_the_networks_and_keep_the_scale(variables):
    flat = inception.to_published(variables)
    assert {n: x.shape for n, x in flat.items()} == inception.expected_shapes()
    kernel = flat["Mixed_6c.branch7x7_2.conv.weight"]
    np.testing.assert_allclose(kernel.std(), np.sqrt(2 / (7 * 160)), rtol=0.02)
    assert flat["Mixed_6c.branch7x7_2.bn.running_var"].min() >= 0.8


def test_an_npz_is_read_and_written_to_the_bit(npz, arrays, tmp_path):
    weights = inception.load(npz)
    checksum = hashlib.sha256(npz.read_bytes()).hexdigest()
    assert weights[1:] == (checksum, "weights.npz", checksum)
    assert not weights.published
    assert weights._replace(source=inception.PUBLISHED).published
    kernel = weights.variables["params"]["Mixed_5b"]["branch1x1"]["conv"]["kernel"]
    assert kernel.shape == (1, 1, 192, 64)
    found = inception.to_published(weights.variables)
    assert found.keys() == arrays.keys()
    assert all(np.array_equal(found[name], arrays[name]) for name in arrays)

    one, other = io.BytesIO(), io.BytesIO()
    inception.save(one, weights)
    inception.save(other, weights)
    assert one.getvalue() == other.getvalue()
    copy = tmp_path / "copy.npz"
    copy.write_bytes(one.getvalue())
    again = inception.load(str(copy))
    assert (again.source, again.name) == (weights.source, "copy.npz")
    assert again.checksum == hashlib.sha256(one.getvalue()).hexdigest()
    assert jax.tree.all(jax.tree.map(np.array_equal, again[0], weights[0]))


def test_kernels_are_turned_and_not_only_reshaped(variables):
    flat = inception.to_published(variables)
    kernel = variables["params"]["Mixed_6b"]["branch7x7_2"]["conv"]["kernel"]
    theirs = flat["Mixed_6b.branch7x7_2.conv.weight"]  # [O, C, 1, 7]
    assert theirs.shape == (128, 128, 1, 7)
    assert theirs[3, 5, 0, 6] == kernel[0, 6, 5, 3]
    matrix = variables["params"]["fc"]["kernel"]
    assert flat["fc.weight"][7, 9] == matrix[9, 7]
    back = inception.from_published(flat)
    assert jax.tree.all(jax.tree.map(np.array_equal, back, variables))


def test_counters_of_batches_are_passed_over(npz, arrays, tmp_path):
    counters = {
        name.replace("running_var", "num_batches_tracked"): np.array(0)
        for name in arrays
        if name.endswith("running_var")
    }
    path = written(tmp_path / "w.npz", **arrays, **counters)
    found = inception.to_published(inception.load(path).variables)
    assert found.keys() == arrays.keys()


def test_a_file_that_is_not_there(tmp_path):
    for path in (tmp_path / "no.pth", tmp_path):
        with pytest.raises(ValueError, match=r"no file of weights.*pt_inception-2015"):
            inception.load(path)


def test_a_file_of_another_kind(tmp_path):
    path = tmp_path / "weights.msgpack"
    path.write_bytes(b"x")
    with pytest.raises(ValueError, match=r"ends in '.msgpack', expected .npz or .pth"):
        inception.load(path)
    path = tmp_path / "weights.npz"
    single, pickled = io.BytesIO(), io.BytesIO()
    np.save(single, np.zeros(3))
    np.savez(pickled, a=np.array([{}], object))
    for content in (b"x", b"", single.getvalue(), pickled.getvalue()):
        path.write_bytes(content)
        with pytest.raises(
            ValueError, match=r"is not an npz file of arrays, or it is damaged"
        ):
            inception.load(path)


def test_a_cut_npz(npz, tmp_path):
    path = tmp_path / "cut.npz"
    path.write_bytes(npz.read_bytes()[:-1000])
    with pytest.raises(ValueError, match=r"cut.npz is not an npz file of arrays"):
        inception.load(path)


def test_pytorch_absent(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    path = tmp_path / "weights.pth"
    path.write_bytes(b"x")
    with pytest.raises(ValueError, match=r"torch==2.13.0.*convert_inception"):
        inception.load(path)


def test_another_network_is_described(tmp_path, arrays):
    few = dict(list(arrays.items())[5:])
    few["fc.weight"] = np.zeros((1000, 2048))
    few |= {f"AuxLogits.{i}.weight": np.zeros(1) for i in range(3)}
    with pytest.raises(ValueError, match="another network") as caught:
        inception.load(written(tmp_path / "w.npz", **few))
    names = list(arrays)
    for part in (
        f"missing: {names[0]}, {names[1]}, {names[2]} and 2 more",
        "unexpected: AuxLogits.0.weight, AuxLogits.1.weight, AuxLogits.2.weight;",
        "with another shape: fc.weight (1000, 2048), expected (1008, 2048)",
    ):
        assert part in str(caught.value)


def test_nan_weights(tmp_path, arrays):
    bad = np.array([np.inf, *arrays["fc.bias"][1:]])
    path = written(tmp_path / "w.npz", **arrays | {"fc.bias": bad})
    with pytest.raises(ValueError, match=r"NaN or infinite weights \(fc.bias\)"):
        inception.load(path)


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((2, 8, 8, 3), "float32"), ((8, 8, 3), "uint8"), ((2, 8, 8, 4), "uint8")],
)
def test_images_that_are_none(shape, dtype):
    with pytest.raises(ValueError, match=r"images is .*, expected uint8 \[N, H, W"):
        inception.features({}, jnp.zeros(shape, dtype))


def test_sizes_that_are_none():
    with pytest.raises(ValueError, match=r"shape \(8, 8, 3\)"):
        inception.resize(jnp.zeros((8, 8, 3)))
    with pytest.raises(ValueError, match="size is 0"):
        inception.resize(jnp.zeros((1, 8, 8, 3)), 0)
    with pytest.raises(ValueError, match=r"shape \(1, 0, 8, 3\)"):
        inception.resize(jnp.zeros((1, 0, 8, 3)))


@pytest.mark.slow
@pytest.mark.timeout(0)  # hours on a CPU
def test_the_inception_score_of_cifar10_is_the_published_one():
    """Salimans et al., arXiv 1606.03498, table 3: real data score 11.24 ± 0.12."""
    names = ("JAXGAN_INCEPTION", "JAXGAN_CIFAR10")
    if absent := [name for name in names if name not in os.environ]:
        pytest.skip(
            f"{' and '.join(absent)} not set: the file of Inception's weights, and the"
            " 50,000 training images as a set that jaxgan.data.open_source opens"
        )
    weights = inception.load(os.environ["JAXGAN_INCEPTION"])
    assert weights.published, f"{weights.name} is not the published file"
    source = data.open_source(os.environ["JAXGAN_CIFAR10"], split="train")
    images = data.load(source, size=32, channels=3)["image"]
    assert images.shape == (50_000, 32, 32, 3)
    images = np.random.default_rng(0).permutation(images)
    seen = jax.jit(inception.features)
    logits = [seen(weights.variables, part)[1] for part in np.split(images, 500)]
    score = classifier_score(np.concatenate(logits), 10)
    assert abs(score.mean() - 11.24) <= 0.12
