"""The regressor of drawn faces: what it is asked, what it learns, where it is kept."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.data.synthetic import faces
from jaxgan.lab.judges import augmentation
from jaxgan.lab.judges import factors as lab_factors
from jaxgan.models import factor_regressor

ALL = {*lab_factors.NUMBERS, *lab_factors.BINARIES, "glasses_box"}


def pretended(seed, count, size, aligned=False):
    """Faces that are grey, as bright as their skin, with a bright half for a beard."""
    rng = np.random.default_rng(seed)
    factors = {
        name: rng.integers(0, len(faces.CATEGORIES[name]), count).astype("int32")
        if name in faces.CATEGORIES
        else rng.uniform(*faces.RANGES[name], count).astype("float32")
        for name in faces.Factors._fields
    }
    image = np.empty((count, size, size, 3), np.uint8)
    image[:] = (40 + 100 * factors["skin_tone"])[:, None, None, None]
    image[factors["beard"] > 0, size // 2 :] += 100
    return {"image": image, "factors": factors}


@pytest.fixture
def quick(tmp_path, monkeypatch):
    """A cache of the test's own, faces of no cost and a few steps of small batches."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(faces, "dataset", pretended)
    for name, value in (
        *(("SIDE", 16), ("COUNT", 64), ("TESTED", 22), ("STEPS", 60), ("BATCH", 16)),
        ("BLOCK", 10),
    ):
        monkeypatch.setattr(lab_factors, name, value)
    return tmp_path / "cache" / "jaxgan" / "factor_regressor"


def test_is_trained_once_kept_and_reads_what_it_learned(quick, monkeypatch, capsys):
    made = lab_factors.trained(16)
    said = capsys.readouterr().err
    assert "training the regressor" in said
    assert f"{made.quality['glasses']:.1%} of glasses on 22 unseen faces" in said
    assert set(made.quality) == ALL
    (path,) = quick.iterdir()

    monkeypatch.setattr(lab_factors, "_train", None)  # what is kept needs no training
    found = lab_factors.trained(16)
    assert capsys.readouterr().err == ""
    assert found.quality == made.quality
    halves = [pretended(seed, 11, 16) for seed in lab_factors.SEEDS[1]]
    test = jax.tree.map(lambda *x: np.concatenate(x), *halves)
    read, again = made.read(test["image"]), found.read(test["image"])
    assert set(read) == ALL
    for name, values in read.items():
        assert values.shape == ((22, 4) if name == "glasses_box" else (22,))
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values, again[name])
    # Quality is what an independent count finds, and what can be seen is learned.
    tone = test["factors"]["skin_tone"]
    explained = 1 - np.square(read["skin_tone"] - tone).mean() / tone.var()
    np.testing.assert_allclose(made.quality["skin_tone"], explained, rtol=1e-3)
    assert explained > 0.5
    beard = (read["beard"] > 0.5) == (test["factors"]["beard"] > 0)
    assert made.quality["beard"] == pytest.approx(beard.mean())
    assert beard.mean() > 0.85

    # Larger faces are read at the size of the network, with the same weights.
    larger = lab_factors.trained(32)
    assert larger.size == 32
    assert [*quick.iterdir()] == [path]
    seen = larger.read(test["image"].repeat(2, 1).repeat(2, 2))
    for name, values in seen.items():
        np.testing.assert_allclose(values, read[name], rtol=1e-5, atol=1e-5)

    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(TypeError):  # it would be trained, by nobody here
        lab_factors.trained(16)
    assert "is damaged: training the factor regressor again" in capsys.readouterr().err


def test_the_second_regressor_is_another(quick, monkeypatch):
    """Other people, other weights, another file; each is found again."""
    seen = []

    def people(seeds, count, side):
        seen.append(seeds)
        return lab_people(seeds, count, side)

    lab_people = lab_factors._people
    monkeypatch.setattr(lab_factors, "_people", people)
    made = [lab_factors.trained(16, second=second) for second in (False, True)]
    assert len({seed for pair in seen for seed in pair}) == 8
    assert len([*quick.iterdir()]) == 2
    monkeypatch.setattr(lab_factors, "_train", None)
    again = [lab_factors.trained(16, second=second) for second in (False, True)]
    one, two = (jax.tree.leaves(x.variables) for x in made)
    assert not any(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    for before, after in zip(made, again, strict=True):
        assert before.quality == after.quality


def test_another_recipe_has_a_file_of_its_own(quick, monkeypatch):
    path = lab_factors.file(lab_factors.recipe(16))
    assert path.parent == quick
    assert lab_factors.file(lab_factors.recipe(256)) == path  # read at the same size
    monkeypatch.setattr(augmentation, "STRENGTHS", (0.5, 0.5, 0.5))
    assert lab_factors.file(lab_factors.recipe(16)) != path


def test_what_is_asked_of_a_face():
    ask = jax.jit(lab_factors.answers)
    plain = faces.neutral(hair_colour="black", yaw=0.3, smile=-0.2, glasses="round")
    number, known, binary = map(np.asarray, ask(plain))
    values = dict(zip(lab_factors.NUMBERS, number.tolist(), strict=False))
    assert values["yaw"] == pytest.approx(0.3)
    assert values["smile"] == pytest.approx(-0.2)
    # Black is (36, 30, 30) of 255, whose squares are linear light.
    light = np.sqrt(np.mean(np.square(np.array([36, 30, 30]) / 255)))
    assert values["hair_brightness"] == pytest.approx(light, rel=1e-3)
    box = np.asarray(jax.jit(faces.boxes)(plain)["glasses"])
    np.testing.assert_allclose(number[-4:], box, atol=1e-6)
    assert 0 < box[0] < box[2] < 1
    assert (known == 1).all()
    assert binary.tolist() == [1, 0, 0]

    number, known, binary = ask(faces.neutral(hair_style="bald", beard="full"))
    assert binary.tolist() == [0, 1, 0]
    assert known[-4:].tolist() == [0, 0, 0, 0]
    missing = [n for n, x in zip(lab_factors.NUMBERS, known, strict=False) if not x]
    assert missing == ["hair_brightness"]
    long = [
        style
        for style in faces.CATEGORIES["hair_style"]
        if ask(faces.neutral(hair_style=style)).binary[2]
    ]
    assert long == ["bob", "long", "wavy"]


def test_a_box_moves_with_its_picture(monkeypatch):
    monkeypatch.setattr(augmentation, "NOISE", 0.0)
    image = np.zeros((32, 32, 3), "float32")
    image[10:16, 12:22] = 1
    box = np.array([10, 12, 16, 22]) / 32
    move = jax.jit(jax.vmap(augmentation.augmented, (0, None, None)))
    images, boxes = move(jax.random.split(jax.random.key(0), 50), image, box)
    assert images.min() >= 0
    assert images.max() <= 1
    places = set()
    for moved, found in zip(np.asarray(images), np.asarray(boxes), strict=True):
        bright = moved.mean(-1) > (moved.min() + moved.max()) / 2
        rows, columns = np.flatnonzero(bright.any(1)), np.flatnonzero(bright.any(0))
        ends = rows[0], columns[0], rows[-1] + 1, columns[-1] + 1
        np.testing.assert_allclose(32 * found, ends, atol=1.01)  # blur takes corners
        places.add(tuple(np.round(32 * found[:2]).astype(int).tolist()))
    assert {y for y, _ in places} == {8, 9, 10, 11, 12}  # two pixels are a sixteenth
    assert {x for _, x in places} == {10, 11, 12, 13, 14}


def test_blur_is_a_binomial():
    image = np.zeros((9, 9, 3), "float32")
    image[4, 4] = 1
    row = np.array([0, 0, 1, 4, 6, 4, 1, 0, 0]) / 16
    blurred = np.asarray(augmentation._blurred(jnp.asarray(image)))
    np.testing.assert_allclose(blurred[..., 1], np.outer(row, row), atol=1e-7)


def test_overlap():
    one = [[0.0, 0.0, 0.5, 0.5], [0, 0, 1, 1], [0, 0, 0.2, 0.2], [0.5, 0.5, 0.4, 0.6]]
    other = [[0.25, 0, 0.75, 0.5], [0, 0, 1, 1], [0.3, 0, 0.4, 1], [0, 0, 0, 0]]
    found = lab_factors.overlap(np.array(one), np.array(other))
    np.testing.assert_allclose(found, [1 / 3, 1, 0, 0], atol=1e-9)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((2, 8, 8, 3), np.uint8), r"expected uint8 \[N, 16, 16, 3\]"),
        (np.zeros((2, 16, 16, 1), np.uint8), r"uint8 \[2, 16, 16, 1\]"),
        (np.zeros((2, 16, 16, 3)), r"images are float64"),
        (np.zeros((0, 16, 16, 3), np.uint8), "there are no images"),
    ],
)
def test_images_it_cannot_read_are_refused(images, words):
    config = factor_regressor.Config(resolution=16)
    reader = lab_factors.Factors(16, config, {}, np.ones((2, 1)), {})
    with pytest.raises(ValueError, match=words):
        reader.read(images)


def test_sizes_that_are_not_drawn_are_refused():
    with pytest.raises(ValueError, match="size is 28; factors are read off faces of"):
        lab_factors.trained(28)


def test_a_census_counts_what_is_in_the_faces_of_two_sets():
    from jaxgan.lab.measure import census

    class Regressor:
        quality = dict.fromkeys((*lab_factors.BINARIES, *lab_factors.NUMBERS), 0.9)

        def read(self, images):
            shade = images[:, 0, 0, 0] / 255
            names = (*lab_factors.BINARIES, *lab_factors.NUMBERS)
            return {name: shade.astype("float32") for name in names}

    def seen(shades):
        images = np.broadcast_to(np.uint8(shades)[:, None, None, None], (4, 16, 16, 3))
        return types.SimpleNamespace(images=images)

    rows = census.taken(seen([0, 0, 0, 255]), seen([255] * 4), Regressor())
    assert rows[0] == {
        "factor": "share with glasses", "real": 0.25, "fake": 1.0, "distance": 0.75,
        "read": 0.9,
    }  # fmt: skip
    assert [row["real"] for row in rows] == pytest.approx([0.25] * len(rows))
    assert rows[-1]["factor"] == "mean background value"
    assert census.possible("faces:4096", (64, 64, 3))
    assert census.possible("portraits", (64, 64, 3))
    assert not census.possible("faces:4096#labels", (64, 64, 3))
    assert not census.possible("folder:faces", (64, 64, 3))
    assert not census.possible("faces:4096", (48, 48, 3))


def test_the_distance_of_numbers_is_their_total_variation():
    from jaxgan.lab.measure.census import total_variation

    data = np.linspace(0, 1, 1000)  # a tenth of the data is in each bin
    assert total_variation(data, data) == 0
    assert total_variation(data, data / 2) == pytest.approx(0.5, abs=0.002)
    assert total_variation(data, data + 9) == pytest.approx(0.9)  # all in the last bin
    # Two samples of a normal distribution: less apart than a shift of half its width,
    # whose total variation is 2 Phi(1/4) - 1 = 0.197.
    one, other = np.random.default_rng(0).normal(size=(2, 20000))
    assert total_variation(one, other) < 0.02
    assert total_variation(one, other + 0.5) == pytest.approx(0.197, abs=0.02)
