"""Pictures from a CapsNet run: the files, the numbers beside them, and refusals."""

import dataclasses
import json
import math

import numpy as np
import pytest
from PIL import Image

from experiments import (
    capsnet_dimensions,
    capsnet_equivariance,
    capsnet_mnist,
    capsnet_reconstructions,
    capsnet_routing,
    capsule_squash,
)
from experiments.capsnet_equivariance import shifting
from experiments.capsnet_routing import routing
from jaxgan import capsules, train
from jaxgan.lab import capsnets
from jaxgan.lab.data import Data
from jaxgan.models import capsnet

CLASSES, DIM, TESTS = 3, 4, 12
FROM_RUN = (
    capsnet_dimensions,
    capsnet_equivariance,
    capsnet_reconstructions,
    capsnet_routing,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of two steps on 60 images; the other 12 of the file are its test set."""
    home = tmp_path_factory.mktemp("capsnet")
    count = 72
    images = np.random.default_rng(0).integers(0, 256, (count, 17, 17, 1), np.uint8)
    labels = np.arange(count) % CLASSES
    np.savez(home / "digits.npz", images=images, labels=labels)
    capsnet_mnist.main(
        capsnet_mnist.Config(
            run=train.Run(
                workdir=home / "run", steps=2, batch_size=4, devices=1, log_every=1,
                sample_every=2, checkpoint_every=2,
            ),
            data=Data(data=f"npz:{home / 'digits.npz'}"),
            model=capsnet.Config(
                resolution=17, classes=CLASSES, features=4, types=2, primary_dim=3,
                class_dim=DIM, decoder=(6,), iterations=2,
            ),
        )
    )  # fmt: skip
    return home / "run"


@pytest.fixture(scope="module")
def parts(run):
    """Its model, variables and data."""
    return capsnets.restore(run)


def read(path):
    return json.loads(path.read_text())


def is_picture(path):
    with Image.open(path) as image:
        return image.width > 300 and len(set(image.convert("L").tobytes())) > 10


@pytest.mark.slow
def test_dimensions(run, parts, tmp_path):
    config = capsnet_dimensions.Config(run=run, workdir=tmp_path, digits=(4, 0))
    capsnet_dimensions.main(config)
    for name in ("dimensions_1_4", "dimensions_0_0", "dimensions"):
        assert is_picture(tmp_path / f"{name}.png")
    found = read(tmp_path / "dimensions.json")
    assert found["offsets"] == [round(-0.25 + 0.05 * i, 9) for i in range(11)]
    assert [d["test_image"] for d in found["digits"]] == [4, 0]
    assert [d["label"] for d in found["digits"]] == [1, 0]

    # The ends of one row again, by hand.
    model, variables, sets = parts
    image = sets.test["image"][[4]] / np.float32(255)
    v = np.array(capsnets.encode(model, variables, image)).repeat(3, 0)
    v[:, [0, 2]] = 0
    v[:, 1, 2] += [-0.25, 0.0, 0.25]
    ends = np.asarray(capsnets.decode(model, variables, v))
    first = found["digits"][0]
    errors = [np.square(end - image).sum() for end in ends]
    np.testing.assert_allclose(first["squared_error"], errors[1], rtol=1e-5)
    np.testing.assert_allclose(
        first["squared_error_at_ends"][2], errors[::2], rtol=1e-5
    )
    change = np.abs(ends[2] - ends[0]).mean()
    np.testing.assert_allclose(first["visible_change"][2], change, rtol=1e-4)
    assert len(first["visible_change"]) == DIM
    for digit in found["principal"]:
        assert sum(digit["explained"]) == pytest.approx(1)
        assert len(digit["visible_change"]) == 3


def test_a_change_touches_one_capsule():
    v = np.arange(1.0, 7.0).reshape(3, 2)
    paths = np.array([[[-1, 0], [2, 0]], [[0.0, -1], [0, 2]], [[1, 1], [2, 2]]])
    changed = capsnet_dimensions.perturb(v, 1, paths)
    assert changed.shape == (3, 2, 3, 2)
    assert not changed[:, :, [0, 2]].any()
    np.testing.assert_array_equal(
        changed[:, :, 1], [[[2, 4], [5, 4]], [[3, 3], [3, 6]], [[4, 5], [5, 6]]]
    )


def test_principal_directions_are_those_of_most_variance():
    """Points at both ends of known axes, and none elsewhere."""
    units = np.array([[0.6, 0.8, 0], [0.8, -0.6, 0], [0, 0, 1]])
    ends = units * [[3], [1], [0]]
    found = capsnet_dimensions.principal(7.0 + np.concatenate([ends, -ends]))
    np.testing.assert_allclose(found.directions, units, atol=1e-9)
    # Two ends along each, and five degrees of freedom of six points.
    np.testing.assert_allclose(
        found.deviations, np.array([3, 1, 0]) * np.sqrt(2 / 5), atol=1e-6
    )
    np.testing.assert_allclose(found.explained, [0.9, 0.1, 0], atol=1e-9)


def test_a_capsule_moves_through_places_of_its_class():
    kind = capsnet_dimensions.Principal(
        np.array([1.0, 1, 1]), np.eye(3)[[2, 0, 1]], np.array([2.0, 0.5, 0])
    )
    v = np.array([4.0, 5, 6])
    paths = capsnet_dimensions.through(kind, v, np.array([-1.0, 0, 3]), 2)
    wanted = [[4, 5, -1], [4, 5, 1], [4, 5, 7]], [[0.5, 5, 6], [1, 5, 6], [2.5, 5, 6]]
    np.testing.assert_allclose(v + paths, wanted)


def test_reconstructions(run, parts, tmp_path):
    config = capsnet_reconstructions.Config(run=run, workdir=tmp_path, correct=3)
    capsnet_reconstructions.main(config)
    assert is_picture(tmp_path / "reconstructions.png")
    found = read(tmp_path / "reconstructions.json")
    assert found["test_images"] == TESTS
    assert found["test_error"] == read(run / "results.json")["test_error"]
    assert len(found["failures"]) == round(found["test_error"] * TESTS) > 0
    for failure in found["failures"]:
        assert failure["label"] == parts[2].test["label"][failure["test_image"]]
        assert failure["predicted"] != failure["label"]
        assert failure["longest"][0] >= failure["longest"][1]
    errors = found["squared_error"]
    if errors["right"]["label"]:
        assert errors["right"]["label"] == errors["right"]["prediction"]
    assert errors["wrong"]["label"] == pytest.approx(
        np.mean([f["squared_error_of_label"] for f in found["failures"]]), rel=1e-5
    )


def test_reconstructions_of_a_net_without_failures(run, parts, tmp_path, monkeypatch):
    """With the labels of its own predictions, a network is always right."""
    model, variables, sets = parts
    v = capsnets.encode(model, variables, capsnets.images(sets, np.arange(TESTS)))
    label = np.asarray(capsules.longest(v))[:, 0]
    sets = dataclasses.replace(sets, test={**sets.test, "label": label})
    monkeypatch.setattr(capsnets, "restore", lambda run: (model, variables, sets))
    config = capsnet_reconstructions.Config(run=run, workdir=tmp_path)
    capsnet_reconstructions.main(config)
    found = read(tmp_path / "reconstructions.json")
    assert (found["test_error"], found["failures"]) == (0, [])
    assert found["squared_error"]["wrong"] == {"label": None, "prediction": None}
    assert is_picture(tmp_path / "reconstructions.png")


def test_digits_that_are_right_come_from_different_classes():
    label = np.array([2, 2, 2, 0, 1, 0])
    chosen = capsnet_reconstructions.one_of_each(np.arange(10, 16), label, 3)
    assert chosen.tolist() == [13, 14, 10]
    chosen = capsnet_reconstructions.one_of_each(np.arange(10, 16), label, 5)
    assert chosen.tolist() == [13, 15, 14, 10, 11]


def test_routing(run, tmp_path):
    config = capsnet_routing.Config(run=run, workdir=tmp_path, digit=5, iterations=3)
    capsnet_routing.main(config)
    for name in ("digit", "mean", "entropy", "lengths"):
        assert is_picture(tmp_path / f"routing_{name}.png")
    found = read(tmp_path / "routing.json")
    assert found["sums_over_classes"] == pytest.approx([1, 1], abs=1e-5)
    assert (found["iterations"], found["images"]) == (3, TESTS)
    assert found["digit"]["label"] == 5 % CLASSES
    coupling = np.array(found["digit"]["mean_coupling"])
    assert coupling.shape == (3, CLASSES)
    np.testing.assert_allclose(coupling[0], 1 / CLASSES, rtol=1e-5)
    np.testing.assert_allclose(coupling.sum(1), 1, rtol=1e-5)
    for means in found["means"].values():
        assert means["entropy"][0] == pytest.approx(1)
        others = np.array(means["mean_other"]) * (CLASSES - 1)
        np.testing.assert_allclose(others + means["true_class"], 1, rtol=1e-5)
    assert 0 < means["true_class"][2] != means["true_class"][0]
    # The network was trained with two iterations, and tested so.
    stopped = found["after_iterations"]
    error = read(run / "results.json")["test_error"]
    assert stopped["error"][1] == pytest.approx(error)
    # The class capsules that were looked at are those of the last iteration.
    length = found["lengths"]["trained"]["true_class"]
    assert stopped["length"]["true_class"][2] == pytest.approx(length, rel=1e-4)
    assert found["lengths"]["untrained"]["primary"] > 0


def test_entropy_and_shares_of_classes():
    even, sure = [0.25] * 4, [0.0, 1.0, 0.0, 0.0]
    coupling = np.array([even, sure]).reshape(1, 1, 2, 4)
    weight, there = np.array([[3.0, 1.0]]), np.arange(4)[None] == 1
    found = routing.mean_coupling(coupling, weight, there)
    assert found["entropy"] == pytest.approx([0.75])
    assert found["true_class"] == pytest.approx([0.75 * 0.25 + 0.25])
    shares = np.array([[[0.5, 0.3, 0.2]], [[0.1, 0.6, 0.3]]])
    there = np.array([[True, False, False], [False, False, True]])
    found = routing.of_classes(shares, there)
    assert found["true_class"] == pytest.approx([(0.5 + 0.3) / 2])
    assert found["largest_other"] == pytest.approx([(0.3 + 0.6) / 2])
    assert found["mean_other"] == pytest.approx([(0.25 + 0.35) / 2])


def test_entropies_on_the_grid_are_weighted_by_length():
    even, sure = [0.25] * 4, [0.0, 1.0, 0.0, 0.0]
    coupling = np.array([even, sure, sure, sure]).reshape(1, 1, 4, 4)
    primary = np.array([0.6, 0.2, 0.5, 0.1]).reshape(1, 2, 1, 2)
    routed = routing.Routed(coupling, primary, np.zeros((1, 4)), primary[..., 0] > 0)
    np.testing.assert_allclose(
        routing.entropy_maps(routed)[0, 0, :, 0], [0.75, 0], atol=1e-9
    )


def test_the_length_before_the_squash():
    s = (
        np.random.default_rng(0).normal(size=(20, 3))
        * np.geomspace(0.01, 10, 20)[:, None]
    )
    length = np.linalg.norm(s, axis=1)
    squashed = np.linalg.norm(np.asarray(capsules.squash(s)), axis=1)
    np.testing.assert_allclose(routing.before_squash(squashed), length, rtol=1e-3)


@pytest.mark.parametrize(
    ("padding", "side", "first"), [("VALID", 6, 8), ("SAME", 14, 1)]
)
def test_a_capsule_is_inked_where_the_middle_of_its_field_has_ink(padding, side, first):
    """A dot makes exactly those fields inked whose middle is at most a pixel away."""
    image = np.zeros((1, 28, 28, 1), np.float32)
    image[0, 11, 16] = 1
    found = np.asarray(routing.inked(image, padding))[0]
    middles = first + 2 * np.arange(side)
    wanted = (abs(middles - 11) <= 1)[:, None] & (abs(middles - 16) <= 1)
    np.testing.assert_array_equal(found, wanted)


def test_every_primary_capsule_has_a_length_and_a_coupling(parts):
    model, variables, sets = parts
    found = routing.route(model, variables, capsnets.images(sets, np.arange(2)))
    assert found.primary.shape == (2, 1, 1, 2)  # 17 - 8 = 9, and (9 - 8 + 1) // 2 = 1
    assert found.coupling.shape == (2, 2, 1 * 1 * 2, CLASSES)
    assert 0 < found.primary.min() <= found.primary.max() < 1
    v = capsnets.encode(model, variables, capsnets.images(sets, np.arange(2)))
    np.testing.assert_allclose(found.classes, capsules.lengths(v), rtol=1e-4)


def test_equivariance(run, tmp_path):
    config = capsnet_equivariance.Config(run=run, workdir=tmp_path, most=1, count=4)
    capsnet_equivariance.main(config)
    assert is_picture(tmp_path / "equivariance_pooling.png")
    assert is_picture(tmp_path / "equivariance_pose.png")
    found = read(tmp_path / "equivariance.json")
    pooling = found["pooling"]
    assert pooling["inputs"] == [[0, 3, 2, 0, 0], [0, 0, 3, 2, 0]]
    assert pooling["detected"] == [[0, 1, 0, 0], [0, 0, 1, 0]]
    assert pooling["pooled"][0] == pooling["pooled"][1] == [1, 1]
    assert found["shifts"] == [-1, 0, 1]
    assert [c["digits"] for c in found["classes"]] == [4] * CLASSES
    for values in found["mean"].values():
        assert len(values) == 2  # rows and columns; unmoved, and moved by one
    # Digits that stay are test images: their share is that of the test.
    right = 1 - read(run / "results.json")["test_error"]
    assert found["mean"]["found"][0] == pytest.approx(right)


def test_shifts_are_read_off_what_holds_them():
    random = np.random.default_rng(0)
    offsets = np.array([(r, c) for r in range(-2, 3) for c in range(-2, 3)])
    direction = random.normal(size=(2, 5))
    moving = np.tile(offsets @ direction + 0.7, (6, 1, 1))
    read_off, r2 = shifting.fit(moving, offsets, 3)
    np.testing.assert_allclose(r2, 1, atol=1e-9)
    np.testing.assert_allclose(read_off[1], offsets, atol=1e-9)
    noise = random.normal(size=(40, 25, 5))
    assert np.abs(shifting.fit(noise, offsets, 20)[1]).max() < 0.1
    # Down is seen and right is not: one is explained, the other is not.
    down = np.tile(offsets[:, :1] * 1.0, (6, 1, 1))
    np.testing.assert_allclose(shifting.fit(down, offsets, 3)[1], [1, 0], atol=1e-9)


def test_squash(tmp_path):
    capsule_squash.main(capsule_squash.Config(workdir=tmp_path))
    assert is_picture(tmp_path / "squash.png")
    found = read(tmp_path / "squash.json")
    assert found["half_at"] == pytest.approx(1, abs=1e-4)
    assert found["steepest_at"] == pytest.approx(math.sqrt(1 / 3), abs=0.01)
    at = np.array(found["length"])
    np.testing.assert_allclose(found["squashed"], at**2 / (1 + at**2), rtol=1e-6)
    slope = 2 * at / (1 + at**2) ** 2
    np.testing.assert_allclose(found["slope"], slope, rtol=1e-5)
    assert found["squashed"][found["length"].index(1.0)] == 0.5


@pytest.mark.parametrize("module", FROM_RUN)
def test_without_a_run_the_command_that_makes_one_is_named(module, tmp_path):
    wanted = rf"no config\.json.*experiments\.capsnet_mnist --workdir {tmp_path}/none"
    with pytest.raises(ValueError, match=wanted):
        module.main(module.Config(run=tmp_path / "none"))
    assert not list(tmp_path.iterdir())


def restored(parts, monkeypatch, **changes):
    """Makes the run one of another model."""
    model, variables, sets = parts
    model = dataclasses.replace(model, **changes)
    monkeypatch.setattr(capsnets, "restore", lambda run: (model, variables, sets))


@pytest.mark.parametrize("module", [capsnet_dimensions, capsnet_reconstructions])
def test_a_run_without_a_decoder_cannot_draw(module, parts, tmp_path, monkeypatch):
    restored(parts, monkeypatch, reconstruction=0.0)
    with pytest.raises(ValueError, match=r"no decoder.*--model\.reconstruction"):
        module.main(module.Config(workdir=tmp_path))


def test_two_objects_an_image_are_refused(parts, tmp_path, monkeypatch):
    restored(parts, monkeypatch, objects=2)
    with pytest.raises(ValueError, match="2 objects.*capsnet_mnist"):
        capsnet_routing.main(capsnet_routing.Config(workdir=tmp_path))


@pytest.mark.parametrize(
    ("module", "flags"),
    [
        (capsnet_dimensions, {"step": 0.0}),
        (capsnet_dimensions, {"step": 0.07}),
        (capsnet_dimensions, {"overview": 0}),
        (capsnet_reconstructions, {"correct": 0}),
        (capsnet_reconstructions, {"tests": 0}),
        (capsnet_routing, {"iterations": -1}),
        (capsnet_routing, {"images": 0}),
        (capsnet_equivariance, {"most": 0}),
        (capsnet_equivariance, {"count": 1}),
        (capsule_squash, {"reach": 1.0}),
    ],
)
def test_impossible_flags_are_named(module, flags):
    ((name, value),) = flags.items()
    with pytest.raises(ValueError, match=rf"--{name} is {value}"):
        module.Config(**flags)


@pytest.mark.parametrize(
    ("module", "flags"),
    [
        (capsnet_dimensions, {"digits": (3, TESTS)}),
        (capsnet_routing, {"digit": TESTS}),
    ],
)
def test_images_that_are_not_there_are_named(
    module, flags, parts, tmp_path, monkeypatch
):
    restored(parts, monkeypatch)
    with pytest.raises(ValueError, match=f"has {TESTS}.*0 to {TESTS - 1}"):
        module.main(module.Config(workdir=tmp_path, **flags))
