"""Key-points lie where labels and boxes of the same faces say."""

import functools

import jax
import numpy as np
import pytest
from people import SIZE, find, sample

from jaxgan.data.synthetic import faces, landmarks

COUNT = 48


@pytest.fixture(scope="module")
def people():
    """Bare and beardless people: labels, points, those of mirrors and aligned, boxes.

    Eight at a time, by the programs that other tests of faces compile too.
    """
    factors = jax.device_get(sample(jax.random.split(jax.random.key(3), COUNT)))
    buzz = faces.CATEGORIES["hair_style"].index("buzz")
    bare = {"glasses": 0, "beard": 0, "hair_style": buzz}
    bare |= {"eye_open": 0.8, "brow_thickness": 1, "lip_fullness": 1}
    fixed = {name: np.full_like(getattr(factors, name), x) for name, x in bare.items()}
    factors = factors._replace(**fixed)
    labelled = jax.jit(jax.vmap(lambda factors: faces.labels(factors, SIZE)))

    @jax.jit
    def points(batch):
        found = jax.vmap(landmarks.landmarks)
        close = jax.vmap(functools.partial(landmarks.landmarks, aligned=True))
        return found(batch), found(jax.vmap(faces.mirror)(batch)), close(batch)

    parts = []
    for first in range(0, COUNT, 8):
        batch = jax.tree.map(lambda x, i=first: x[i : i + 8], factors)
        parts.append((labelled(batch), *points(batch), find(batch)))
    return jax.tree.map(lambda *x: np.concatenate(x), *jax.device_get(parts))


def around(label, point, reach):
    """The labels of the pixels around a point, by name."""
    row, column = (int(SIZE * x) for x in point[:2])
    rows = slice(max(0, row - reach), row + reach + 1)
    part = label[rows, max(0, column - reach) : column + reach + 1]
    return {faces.LABELS[x] for x in np.unique(part)}


@pytest.mark.parametrize(
    ("name", "shown", "reach"),
    [
        ("left_eye", "eyes", 1),
        ("right_eye", "eyes", 1),
        ("left_brow", "brows", 1),
        ("right_brow", "brows", 1),
        ("nose", "skin", 0),
        ("mouth", "mouth", 0),
        ("mouth_left", "mouth", 1),
        ("mouth_right", "mouth", 1),
        ("chin", "skin", 1),
    ],
)
def test_points_lie_in_the_pixels_of_their_parts(people, name, shown, reach):
    labels, points, *_ = people
    own = points[:, landmarks.POINTS.index(name)]
    seen = own[:, 2] > 0
    assert seen.mean() > 0.8
    right = [
        shown in around(label, point, reach)
        for label, point in zip(labels[seen], own[seen], strict=True)
    ]
    assert np.mean(right) > 0.9, f"{np.mean(right)} of {len(right)}"


def test_points_lie_in_their_boxes(people):
    _, points, _, _, boxes = people
    pairs = {name: name for name in ("left_eye", "right_eye", "nose", "mouth")}
    pairs |= {"mouth_left": "mouth", "mouth_right": "mouth", "chin": "face"}
    for name, box in pairs.items():
        row, column, seen = points[:, landmarks.POINTS.index(name)].T
        top, left, bottom, right = boxes[box].T
        slack = 0.012  # less than a pixel
        inside = (row > top - slack) & (row < bottom + slack)
        inside &= (column > left - slack) & (column < right + slack)
        assert inside[seen > 0].all(), name


def test_a_mirrored_face_has_mirrored_points(people):
    _, points, other, _, _ = people
    np.testing.assert_allclose(landmarks.mirrored(points), other, atol=2e-5)
    assert not np.allclose(points, other, atol=1e-2)


def test_points_outside_the_picture_are_told_and_aligned_eyes_do_not_move(people):
    _, points, _, close, _ = people
    for found in (points, close):
        inside = ((found[..., :2] >= 0) & (found[..., :2] < 1)).all(-1)
        np.testing.assert_array_equal(found[..., 2], inside)
    assert points[..., 2].all()
    eyes = close[:, :2, :2].mean(1)  # the middle of both eyes' lids
    np.testing.assert_allclose(eyes[:, 1], 0.5, atol=0.02)
    np.testing.assert_allclose(eyes[:, 0], 0.47, atol=0.04)
