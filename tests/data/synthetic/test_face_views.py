"""Other pictures of the same people: maps of labels, and one factor changed."""

import chex
import jax
import numpy as np
import pytest
from people import SIZE, changed, inside, parts, pictures, stack

from jaxgan.data.synthetic import faces


@pytest.fixture(scope="module")
def labelled():
    """Pictures of people by the labels of their pixels, `[H, W]`."""
    return jax.jit(jax.vmap(lambda factors: faces.labels(factors, SIZE)))


def shows(label, name):
    return label == faces.LABELS.index(name)


def near(mask):
    """The mask and the pixels that touch it."""
    wide = np.pad(mask, 1)
    return np.max([np.roll(wide, (i, j), (0, 1)) for i in (-1, 0, 1)
                   for j in (-1, 0, 1)], 0)[1:-1, 1:-1]  # fmt: skip


def test_labels_are_where_the_picture_changes_with_their_factors(labelled):
    """Each change is of one part alone, in a picture that has all of them."""
    person = {"hair_style": "wavy", "glasses": "round", "beard": "full", "yaw": 0.2}
    edits = {
        ("clothes",): {"clothes_hue": 0.0},
        ("background",): {"background_hue": 0.0},
        ("hair", "beard", "brows"): {"hair_colour": "blond"},
    }
    base = faces.neutral(**person)
    others = [faces.neutral(**person, **change) for change in edits.values()]
    before, *after = pictures(base, *others)
    label = np.asarray(labelled(stack(base)))[0]
    assert label.dtype == np.uint8
    assert set(np.unique(label)) >= {0, 1, 2, 4, 5, 8, 9}
    for names, image in zip(edits, after, strict=True):
        part = np.any([shows(label, name) for name in names], 0)
        difference = changed(before, image) > 25
        assert difference.any(), names
        assert not (difference & ~near(part)).any(), names
        assert difference[part].mean() > 0.5, names


def test_labels_of_parts_lie_in_their_boxes_and_only_where_parts_are(labelled):
    turned = {"yaw": 0.35, "pitch": -0.1}
    plain = faces.neutral(**turned, hair_style="bald")
    dressed = faces.neutral(**turned, glasses="rectangular", hair_style="bun")
    bare, worn = np.asarray(labelled(stack(plain, dressed)))[:2]
    found = parts(plain)
    eyes = inside(found["left_eye"], 0.02) | inside(found["right_eye"], 0.02)
    assert not (shows(bare, "eyes") & ~eyes).any()
    assert shows(bare, "eyes").any()
    assert not (shows(bare, "mouth") & ~inside(found["mouth"], 0.02)).any()
    for name in ("hair", "glasses", "beard"):
        assert not shows(bare, name).any()
    assert shows(worn, "hair")[: SIZE // 5].any()
    rims = inside(parts(dressed)["glasses"], 0.03)
    assert shows(worn, "glasses").any()
    assert not (shows(worn, "glasses") & ~rims).any()


def test_views_change_what_they_say_and_nothing_else():
    person = faces.neutral(age=0.5, glasses="rectangular", yaw=0.3, smile=0.1)
    wanted = {
        "old": {"age": 0.875, "grey": 0.85},
        "bare": {"glasses": 0},
        "blond": {"hair_colour": 3, "hair_shade": 0, "grey": 0},
        "left": {"yaw": -0.45},
    }
    for name, change in wanted.items():
        made = faces.CHANGES[name](person)
        expected = person._replace(**change)
        chex.assert_trees_all_close(made, expected, rtol=1e-6)
        chex.assert_trees_all_equal_shapes_and_dtypes(made, person)
    assert int(faces.CHANGES["glasses"](person).glasses) == 2
    assert int(faces.CHANGES["glasses"](faces.neutral()).glasses) == 1
    for name, painter in faces.PAINTERS.items():
        drawn = jax.eval_shape(lambda f, paint=painter: paint(f, SIZE), person)
        assert (drawn.shape, drawn.dtype) == ((SIZE, SIZE, 3), np.uint8), name
    assert len(np.unique(faces.COLOURS, axis=0)) == len(faces.LABELS)
    with pytest.raises(ValueError, match="unknown view 'owl' .* choose from"):
        faces.dataset(0, 1, SIZE, view="owl")
