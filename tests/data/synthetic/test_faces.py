"""Procedural faces: the picture obeys the factors, the boxes and the caption agree."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people import SIZE, changed, draw, find, inside, parts, pictures, sample

from jaxgan.data.synthetic import faces


@pytest.fixture(scope="module")
def people():
    return sample(jax.random.split(jax.random.key(3), 8))


def test_a_picture_is_uint8_and_has_contrast(people):
    images = np.asarray(draw(people))
    chex.assert_shape(images, (8, SIZE, SIZE, 3))
    assert images.dtype == np.uint8
    assert (images.reshape(8, -1).std(1) > 20).all()
    assert len(np.unique(images.reshape(8, -1), axis=0)) == 8


def test_a_mirrored_person_is_the_mirrored_picture(people):
    images = np.asarray(draw(people)).astype(int)
    mirrored = np.asarray(draw(jax.vmap(faces.mirror)(people))).astype(int)
    assert np.abs(images[:, :, ::-1] - mirrored).max() <= 2


def test_mirroring_twice_changes_nothing(people):
    chex.assert_trees_all_equal(faces.mirror(faces.mirror(people)), people)


def test_smile_changes_the_mouth_and_leaves_the_forehead():
    before, after = (faces.neutral(smile=smile) for smile in (-0.6, 0.8))
    difference = changed(*pictures(before, after))
    mouth = inside(parts(after)["mouth"]) | inside(parts(before)["mouth"])
    assert difference[mouth].mean() > 5 * difference[~mouth].mean()
    forehead = int(0.25 * SIZE)
    assert difference[:forehead].max() <= 1


def test_opening_the_mouth_darkens_or_bares_teeth_only_below():
    before, after = (faces.neutral(mouth_open=opened) for opened in (0.0, 0.9))
    difference = changed(*pictures(before, after))
    assert difference[inside(parts(after)["mouth"])].mean() > 10
    assert difference[: SIZE // 2].max() <= 1


@pytest.mark.parametrize("kind", ["round", "rectangular"])
def test_glasses_add_ink_in_their_box(kind):
    before, after = pictures(faces.neutral(), faces.neutral(glasses=kind))
    box = parts(faces.neutral(glasses=kind))["glasses"]
    difference = changed(before, after)
    lenses = inside(box, 1 / SIZE)
    assert difference[lenses].max() > 60
    assert difference[lenses].mean() > 10 * difference[~lenses].mean()
    assert parts(faces.neutral())["glasses"].tolist() == [0, 0, 0, 0]


def test_the_nose_turns_with_the_head_and_the_far_eye_narrows():
    left, ahead, right = (parts(faces.neutral(yaw=yaw)) for yaw in (-0.5, 0.0, 0.5))
    centre = [0.5 * (box["nose"][1] + box["nose"][3]) for box in (left, ahead, right)]
    assert centre[0] < 0.42 < centre[1] < 0.58 < centre[2]
    np.testing.assert_allclose(centre[1], 0.5, atol=1e-5)
    wide = {name: right[name][3] - right[name][1] for name in ("left_eye", "right_eye")}
    assert wide["right_eye"] < 0.8 * wide["left_eye"]


def test_nodding_moves_the_eyes_up_and_tilting_lifts_one():
    up, down = (parts(faces.neutral(pitch=pitch)) for pitch in (0.25, -0.25))
    assert up["left_eye"][0] < down["left_eye"][0] - 0.05
    tilted = parts(faces.neutral(roll=0.25))
    assert tilted["right_eye"][0] > tilted["left_eye"][0] + 0.02


def test_features_are_drawn_where_their_boxes_are():
    """A change of a feature shows in its box at any pose, not only from the front."""
    pose = {"yaw": 0.4, "pitch": -0.15, "roll": 0.2}
    person = faces.neutral(**pose)
    edits = {
        "left_eye": faces.neutral(**pose, eye_open=0.0),
        "right_eye": faces.neutral(**pose, eye_open=0.0),
        "mouth": faces.neutral(**pose, makeup=1.0, mouth_open=0.6),
    }
    before, *after = pictures(person, *edits.values())
    found = parts(person)
    for name, image in zip(edits, after, strict=True):
        difference = changed(before, image)
        assert difference[inside(found[name])].mean() > 4 * difference.mean(), name


def test_bald_and_long_hair_differ_around_the_head_not_in_the_face():
    bald, long = faces.neutral(hair_style="bald"), faces.neutral(hair_style="long")
    difference = changed(*pictures(bald, long))
    assert difference[: int(0.2 * SIZE)].max() > 60
    assert difference[int(0.7 * SIZE) :, : int(0.35 * SIZE)].max() > 60
    assert difference[inside(parts(bald)["mouth"])].max() <= 1
    boxes = [parts(person)["hair"] for person in (bald, long)]
    assert boxes[0].tolist() == [0, 0, 0, 0]
    assert boxes[1][2] > 0.95


def test_skin_hair_and_light_do_as_they_say():
    light, dark, black, blond, lamp_left, lamp_right = pictures(
        faces.neutral(skin_tone=0.0),
        faces.neutral(skin_tone=1.0),
        faces.neutral(hair_colour="black"),
        faces.neutral(hair_colour="blond"),
        faces.neutral(light_azimuth=-1.0, light_strength=1.0),
        faces.neutral(light_azimuth=1.0, light_strength=1.0),
    )
    cheek = np.s_[int(0.55 * SIZE) : int(0.65 * SIZE), int(0.35 * SIZE) : SIZE // 2]
    assert light[cheek].mean() > dark[cheek].mean() + 60
    crown = np.s_[int(0.15 * SIZE) : int(0.2 * SIZE), int(0.4 * SIZE) : int(0.6 * SIZE)]
    assert blond[crown].mean() > black[crown].mean() + 60
    assert lamp_left[cheek].mean() > lamp_right[cheek].mean() + 20


def test_boxes_lie_in_the_image_and_eyes_in_the_face(people):
    found = {name: np.asarray(box) for name, box in find(people).items()}
    for name, box in found.items():
        chex.assert_shape(box, (8, 4))
        assert (box >= 0).all(), name
        assert (box <= 1).all(), name
        assert (box[:, 2:] >= box[:, :2]).all(), name
    face = found["face"]
    for name in ("left_eye", "right_eye", "nose", "mouth"):
        centre = 0.5 * (found[name][:, :2] + found[name][:, 2:])
        assert (centre > face[:, :2]).all(), name
        assert (centre < face[:, 2:]).all(), name
    assert (found["left_eye"][:, 3] < found["right_eye"][:, 1]).all()
    assert (found["nose"][:, 2] < found["mouth"][:, 2]).all()


def test_sizes_agree_with_each_other(people):
    """Edges are blended, so shrinking a large picture gives the small one."""
    small = np.asarray(draw(people)).astype(float)  # 64 samples a line, in pairs
    large = np.asarray(draw(people, 96)).astype(float)
    blocks = (large**2).reshape(8, SIZE, 3, SIZE, 3, 3)
    assert np.abs(np.sqrt(blocks.mean((2, 4))) - small).mean() < 2.5


@pytest.mark.parametrize("size", [15, 257])
def test_a_size_out_of_range_is_refused_with_both_values(size):
    with pytest.raises(ValueError, match=rf"size is {size}; expected 16 to 256"):
        faces.render(faces.neutral(), size)
    with pytest.raises(ValueError, match=rf"size is {size}; expected 16 to 256"):
        faces.dataset(0, 1, size)


def test_wrong_names_and_counts_are_refused():
    with pytest.raises(ValueError, match=r"unknown factors \['ears'\]; there are yaw"):
        faces.neutral(ears=1)
    with pytest.raises(ValueError, match="hair_style is 'mohawk'; expected one of"):
        faces.neutral(hair_style="mohawk")
    with pytest.raises(ValueError, match="count is 0; expected 1 or more"):
        faces.dataset(0, 0, 16)


def test_every_factor_is_described_once():
    described = set(faces.RANGES) | set(faces.CATEGORIES)
    assert described == set(faces.Factors._fields)
    assert not set(faces.RANGES) & set(faces.CATEGORIES)
    for name in faces.Factors._fields:
        assert f"| {name} |" in (faces.Factors.__doc__ or "")


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31 - 1))
def test_sampled_factors_stay_in_their_ranges(seed):
    person = sample(jax.random.split(jax.random.key(seed), 8))
    for name, value in person._asdict().items():
        value = np.asarray(value)
        if name in faces.CATEGORIES:
            assert value.dtype == np.int32
            low, high = 0, len(faces.CATEGORIES[name]) - 1
        else:
            assert value.dtype == np.float32
            low, high = faces.RANGES[name]
        assert (value >= low).all(), name
        assert (value <= high).all(), name


def test_people_are_plausible_in_number():
    crowd = sample(jax.random.split(jax.random.key(0), 2000))
    crowd = {name: np.asarray(value) for name, value in crowd._asdict().items()}
    men = crowd["masculinity"] >= 0.5
    assert 0.45 < men.mean() < 0.55
    assert (crowd["beard"][~men] == 0).all()
    assert 0.2 < (crowd["glasses"] > 0).mean() < 0.3
    assert 0.04 < (crowd["hair_style"] == 0).mean() < 0.12
    assert np.quantile(np.abs(crowd["yaw"]), 0.9) < np.deg2rad(35)
    old = crowd["age"] > 0.7
    assert crowd["grey"][old].mean() > crowd["grey"][~old].mean() + 0.4


def test_captions_name_what_is_to_be_seen():
    person = faces.neutral(
        smile=0.6,
        age=0.05,
        masculinity=0.1,
        hair_style="wavy",
        hair_colour="red",
        eye_colour="green",
        glasses="round",
        yaw=-0.4,
        clothes="vee",
        clothes_hue=0.6,
        clothes_value=0.1,
        background="plain",
        background_hue=0.3,
        background_value=0.5,
    )
    assert faces.caption(person) == (
        "A smiling young woman with long wavy red hair, green eyes and round glasses, "
        "looking left, in a dark blue v-neck top before a plain green wall."
    )
    person = faces.neutral(
        smile=-0.5,
        age=0.9,
        grey=0.8,
        masculinity=0.9,
        hair_style="bald",
        beard="full",
        pitch=0.2,
    )
    assert faces.caption(person).startswith(
        "A frowning elderly bald man with brown eyes and a full beard, looking up, in"
    )


@pytest.mark.parametrize("name", sorted(faces.CATEGORIES))
def test_every_category_changes_the_caption(name):
    words = {
        faces.caption(faces.neutral(**{name: index}))
        for index in range(len(faces.CATEGORIES[name]))
    }
    assert len(words) == len(faces.CATEGORIES[name])


@pytest.mark.slow
def test_a_dataset_depends_on_seed_and_index_alone():
    """Not on how many are drawn; and each is what `render` makes of its factors."""
    few = faces.dataset(5, 35, SIZE, batch=32)
    many = faces.dataset(5, 70, SIZE, batch=32)
    chex.assert_shape(many["image"], (70, SIZE, SIZE, 3))
    assert many["image"].dtype == np.uint8
    np.testing.assert_array_equal(few["image"], many["image"][:35])
    assert set(many["factors"]) == set(faces.Factors._fields)
    for name, values in many["factors"].items():
        np.testing.assert_array_equal(few["factors"][name], values[:35])
    other = faces.dataset(6, 8, SIZE, batch=32)
    assert (other["image"] != few["image"][:8]).any((1, 2, 3)).all()
    places = [0, 1, 31, 32, 33, 63, 64, 69]
    keys = [jax.random.fold_in(jax.random.key(5), i) for i in places]
    expected = sample(jnp.stack(keys))
    for name, values in expected._asdict().items():
        found = many["factors"][name][places]
        np.testing.assert_allclose(found, values, rtol=1e-5, atol=1e-6)
    drawn = np.asarray(draw(expected)).astype(int)
    assert np.abs(drawn - many["image"][places]).max() <= 1


def test_tiles_drawn_by_one_call_are_those_of_several(monkeypatch):
    """With a renderer that compiles at once: only how faces are dealt out is tested."""

    def fake_factors(key):
        drawn = jax.random.uniform(key, (len(faces.Factors._fields),))
        return faces.Factors(*drawn)

    def fake_render(factors, size, aligned):
        return jnp.full((size, size, 3), 255 * factors.yaw).astype(jnp.uint8)

    monkeypatch.setitem(faces.PAINTERS, "portrait", fake_render)
    monkeypatch.setattr(faces, "sample_factors", fake_factors)
    draw = jax.jit(
        faces._draw.__wrapped__, static_argnames=("size", "painter", "aligned")
    )
    monkeypatch.setattr(faces, "_draw", draw)
    several, one = (faces.dataset(5, 70, 16, batch=batch) for batch in (32, 96))
    np.testing.assert_array_equal(several["image"], one["image"])
    assert len(np.unique(several["image"])) > 30
    for name, values in several["factors"].items():
        np.testing.assert_array_equal(values, one["factors"][name])


def test_portraits_have_the_eyes_in_one_place_and_the_same_people():
    keys = [jax.random.fold_in(jax.random.key(5), i) for i in range(8)]
    people = sample(jnp.stack(keys))
    factors = faces.level(people)
    for name, values in factors._asdict().items():
        part = {"yaw": 0.5, "pitch": 0.5, "roll": 0.25}.get(name, 1)
        np.testing.assert_array_equal(values, part * getattr(people, name))
    boxes = jax.jit(jax.vmap(functools.partial(faces.boxes, aligned=True)))(factors)
    eyes = np.stack([boxes["left_eye"], boxes["right_eye"]])
    middle = (eyes[..., :2] + eyes[..., 2:]) / 2
    np.testing.assert_allclose(middle.mean(0)[:, 0], 0.47, atol=0.015)
    np.testing.assert_allclose(middle.mean(0)[:, 1], 0.5, atol=0.015)
    # The faces are larger by the ratio of both scales.
    before = find(factors)["face"]
    height = boxes["face"][:, 2] - boxes["face"][:, 0]
    ratio = height / (before[:, 2] - before[:, 0])
    np.testing.assert_allclose(ratio, 0.45 / 0.345, rtol=0.06)
