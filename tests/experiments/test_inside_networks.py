"""The pictures of a trained net show the right images, patches and numbers."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from commands import call
from flax import linen
from PIL import Image

from experiments import inside_networks
from experiments.inside_networks import looks, pictures
from experiments.inside_networks.layers import (
    Layer,
    fields,
    find_layers,
    first_filters,
)
from jaxgan import checkpoint, game, nn, train
from jaxgan.analysis import inside
from jaxgan.analysis.outline import outline
from jaxgan.analysis.rectifiers import observed
from jaxgan.lab import inference
from jaxgan.models import fgan, gan

FEW = ["--images", 40, "--maps", 3, "--shown", 2]
PICTURES = ("weights", "activations", "projections", "guided", "patches")


def results(folder):
    return json.loads((folder / "results.json").read_text())


def digits(folder, module, config):
    """A run on 12 noise images of 28x28 in grey, at its initial weights."""
    images = np.random.default_rng(0).integers(0, 256, (12, 28, 28, 1), np.uint8)
    np.savez(folder / "digits.npz", images=images)
    batch = module.MODEL.batch(config, jax.random.key(0), 2)
    state = jax.jit(game.algorithm(module.game(config)).init)(jax.random.key(1), batch)
    plain = {
        "game": f"{module.__name__}.Config",
        "model": dataclasses.asdict(config),
        "run": {"batch_size": 2},
        "data": {"data": f"npz:{folder / 'digits.npz'}"},
    }
    (folder / "config.json").write_text(json.dumps(plain))
    with checkpoint.manager(folder / train.LATEST) as checkpoints:
        checkpoint.save(checkpoints, 1, state, plain)
    return folder


@pytest.mark.slow
def test_a_dcgan_is_looked_into_and_left_alone(
    tiny_run, tmp_path, monkeypatch, untouched
):
    before = untouched(tiny_run)
    argv = ["--run", tiny_run, "--workdir", tmp_path, *FEW]
    assert call(inside_networks, argv, monkeypatch) == 0
    assert before == untouched(tiny_run)
    for picture in PICTURES:
        with Image.open(tmp_path / f"{picture}.png") as image:
            assert min(image.size) > 200
    found = results(tmp_path)
    assert (found["model"], found["step"], found["layer"]) == ("dcgan", 2, 1)
    # Two convolutions of 4x4 at stride 2, padded by 1.
    assert [(x["shape"], list(x["field"].values())) for x in found["layers"]] == [
        ([8, 8, 4], [4, 2, -1]), ([4, 4, 8], [10, 4, -3])
    ]  # fmt: skip
    for numbers in (found["trained"], found["random"]):
        assert 0 < numbers["guided_spread"] < 1
        assert numbers["maps_measured"] == 8
        assert len(numbers["patch_agreement_of_maps"]) == 8
        mean = np.mean(numbers["patch_agreement_of_maps"])
        np.testing.assert_allclose(numbers["patch_agreement"], mean, rtol=1e-5)
        assert numbers["dead_maps"] == [0, 0]
    assert found["trained"] != found["random"]


def test_images_patches_and_projections_are_those_of_the_strongest(tiny_run):
    trained = inference.open_run(tiny_run)
    images, labels = inference.training_images(trained)
    assert labels is not None
    layers = find_layers(trained, "discriminator", images, labels)
    net = looks.net(trained, "discriminator", images, labels, layers, 0)
    seen = looks.look(net, "x", maps=2, shown=3)
    judge = inference.judging(trained, images)
    pixels = inference.from_uint8(trained, images)
    maps = [np.asarray(x) for x in jax.jit(observed(judge))(pixels)[1]]
    best = maps[0].max((1, 2))
    np.testing.assert_array_equal(seen.chosen, np.argsort(-best, 0)[:3, :2])
    for ours, expected in zip(seen.activations, maps, strict=True):
        np.testing.assert_allclose(ours, expected[0], rtol=1e-3, atol=1e-4)
    padded = np.pad(pixels, [(0, 0), (1, 1), (1, 1), (0, 0)], constant_values=np.nan)
    for k in range(3):
        number = seen.chosen[k, 1]
        i, j = np.unravel_index(maps[0][number, ..., 1].argmax(), (8, 8))
        expected = padded[number, 2 * i : 2 * i + 4, 2 * j : 2 * j + 4]
        np.testing.assert_allclose(seen.patches[k, 1], expected, atol=1e-6)
    for rule in looks.RULES:
        sent = inside.project(judge, pixels[seen.chosen[0]], 0, jnp.arange(2), rule)
        np.testing.assert_allclose(seen.signals[rule], sent, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(seen.guided[0], seen.signals["guided"], atol=1e-6)
    kernel = trained.variables["discriminator"]["params"]["Conv_0"]["kernel"]
    own = np.asarray(kernel[..., 3])
    filters = first_filters(trained, "discriminator", images.shape[1:])
    assert filters is not None
    np.testing.assert_allclose(
        filters[3, 0], (own - own.min()) / (own.max() - own.min()), atol=1e-5
    )


def test_numbers_of_what_is_known():
    rng = np.random.default_rng(0)
    patches = np.repeat(rng.normal(size=(1, 4, 5, 5, 3)), 3, 0).astype("float32")
    chance = rng.normal(size=(3, 4, 25, 25, 3)).astype("float32")
    guided = np.zeros((3, 4, 5, 5, 3), "float32")
    guided[:, 0, 2, 2] = 1
    guided[:, 1] = -1
    found = looks.measure(patches, chance, guided)
    np.testing.assert_allclose(found["patch_agreement"], 1, rtol=1e-5)
    assert abs(found["patch_agreement_by_chance"]) < 0.05
    # One pixel of 25 and all of them; the two maps without a signal are left out.
    np.testing.assert_allclose(found["guided_spread"], (1 / 25 + 1) / 2, rtol=1e-5)
    assert looks.measure(patches, chance, 0 * guided)["guided_spread"] is None


def test_a_net_of_units_is_looked_into(tmp_path):
    model = fgan.Config(latent=3, hidden=(4, 5), variational=(6, 5))
    trained = inference.open_run(digits(tmp_path, fgan, model))
    images, _ = inference.training_images(trained)
    labels = np.zeros(12, int)
    layers = find_layers(trained, "discriminator", images, labels)
    whole = inside.Field(28, 0, 0)
    assert [(x.shape, x.field) for x in layers] == [
        ((1, 1, 6), whole),
        ((1, 1, 5), whole),
    ]
    net = looks.net(trained, "discriminator", images, labels, layers, 0)
    seen = looks.look(net, "x", maps=2, shown=2)
    # A patch is the whole image, and a filter the weights to all of it.
    pixels = inference.from_uint8(trained, images)
    np.testing.assert_array_equal(seen.patches, pixels[seen.chosen])
    filters = first_filters(trained, "discriminator", images.shape[1:])
    assert filters is not None
    assert filters.shape == (6, 1, 28, 28, 1)
    figure = pictures.draw_activations([seen] * 2, layers, images[0], "x")
    assert [len(x.images) for x in figure.axes] == [1, 1, 1, 0, 1, 1]


def test_a_net_of_maxout_is_refused(tmp_path, monkeypatch, capsys):
    config = gan.Config(latent=3, hidden=(4, 5), maxout=(4, 3), pieces=2)
    run, out = digits(tmp_path, gan, config), tmp_path / "out"
    assert call(inside_networks, ["--run", run, "--workdir", out], monkeypatch) == 2
    assert not out.exists()
    assert "'discriminator' of gan has no rectifiers" in capsys.readouterr().err


def test_responses_that_are_nan_are_refused():
    layer = Layer(0, (1, 1, 2), inside.Field(1, 0, 0))
    pixels, labels = np.array([[1, 2], [3, np.nan]], "float32"), np.zeros(2, int)
    net = looks.Net(lambda x, label: jax.nn.relu(x), pixels, labels, [layer], layer)
    with pytest.raises(ValueError, match="layer 0 gives responses that are NaN"):
        looks.peaks(net)
    fine = net._replace(pixels=np.nan_to_num(pixels))
    np.testing.assert_array_equal(looks.peaks(fine)[0].value, [[1, 2], [3, 0]])


class Pooled(linen.Module):
    """Convolutions with an operation between them that is not a layer."""

    pool: bool

    @linen.compact
    def __call__(self, x):
        x = nn.Conv(2, 3)(x)
        if self.pool:
            x = linen.max_pool(x, (2, 2), (2, 2))
        return nn.Conv(3, 4, 2)(x)


def test_fields_end_where_something_resizes_maps():
    image = jnp.zeros((1, 8, 8, 1))
    first = ((8, 8, 2), inside.Field(3, 1, -1))
    found = fields(outline(Pooled(False), image), 8)
    assert found == [first, ((4, 4, 3), inside.Field(6, 2, -2))]
    assert fields(outline(Pooled(True), image), 8) == [first]
    assert fields(outline(nn.Conv(2, (3, 5)), image), 8) == []
    assert fields(outline(nn.ConvTranspose(2), image), 8) == []


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--maps", 0], "--maps is 0; it must be at least 1"),
        (["--shown", 1], "--shown is 1; it must be at least 2"),
        (["--seed", -1], "--seed is -1; it must be at least 0"),
        (["--images", 5], "--shown is 8, but --images is 5"),
        (["--images", 8, "--image", 8], "--image is 8, but --images is 8"),
        (["--shown", 41], "was trained on 40 images; give a smaller --shown"),
        (["--image", 40], "was trained on 40 images"),
        (["--layer", 2], "--layer is 2, but the net has layers 0 to 1"),
        (["--layer", -3], "--layer is -3, but"),
        (["--net", "critic"], "no net 'critic'"),
        (["--net", "generator"], "does not look at images"),
    ],
)
def test_what_cannot_be_shown_is_one_sentence(
    argv, said, tiny_run, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "out"
    argv = ["--run", tiny_run, "--workdir", out, *argv]
    assert call(inside_networks, argv, monkeypatch) == 2
    assert not out.exists()
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_a_run_without_a_checkpoint_is_refused(
    unsaved_run, tmp_path, monkeypatch, capsys
):
    for run, said in ((unsaved_run, "no checkpoint yet"), (tmp_path, "is not a run")):
        assert call(inside_networks, ["--run", run], monkeypatch) == 2
        assert said in capsys.readouterr().err


def test_another_net_that_looks_at_images(classifier_run):
    trained = inference.open_run(classifier_run)
    images, labels = inference.training_images(trained, 8)
    assert labels is not None
    layers = find_layers(trained, "network", images, labels)
    assert {len(x.shape) for x in layers} == {3}
    assert min(x.shape[0] for x in layers) > 1
