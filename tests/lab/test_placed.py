"""Portraits in frames: pixels, boxes and key-points go together."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import nn
from jaxgan.lab import placed
from jaxgan.lab.judges import places

SIZE = 32


def blobs(at, sharp=3.0):
    """Pictures `[B, S, S, 1]` of a soft dot at rows and columns `[B, 2]`."""
    pixel = (np.arange(SIZE) + 0.5) / SIZE
    rows, columns = ((pixel[None] - at[:, i, None]) * SIZE / sharp for i in (0, 1))
    return np.exp(-(rows[:, :, None] ** 2) - columns[:, None] ** 2)[..., None]


def middles(image):
    """Where the mass of pictures is, `[B, 2]`."""
    pixel, image = (np.arange(SIZE) + 0.5) / SIZE, np.asarray(image)[..., 0]
    mass = image.sum((1, 2))[:, None]
    both = [(image.sum(2) * pixel).sum(1), (image.sum(1) * pixel).sum(1)]
    return np.stack(both, 1) / mass


def test_what_is_in_a_picture_is_where_its_points_and_boxes_say():
    rng = np.random.default_rng(0)
    at = rng.uniform(0.4, 0.6, (40, 2)).astype(np.float32)
    head = np.concatenate([at - 0.25, at + 0.3], 1)
    points = np.concatenate([at, np.ones((40, 1), np.float32)], 1)[:, None]
    frame = placed.frames(rng.random((40, 4), np.float32), head)
    where = placed.places(frame, head, points)
    moved = np.asarray(placed.moved(jnp.asarray(blobs(at, 1.5), jnp.float32), frame))
    np.testing.assert_allclose(
        middles(moved), where["points"][:, 0, :2], atol=0.1 / SIZE
    )
    box = np.asarray(where["box"])
    assert box.min() >= 0
    assert box.max() <= 1
    # Inside the box, the point lies where it lies in the head.
    share = (at - head[:, :2]) / (head[:, 2:] - head[:, :2])
    inside = box[:, :2] + share * (box[:, 2:] - box[:, :2])
    np.testing.assert_allclose(inside, where["points"][:, 0, :2], atol=1e-5)
    np.testing.assert_allclose(placed.framed(head, box), frame, atol=1e-5)


def test_heads_at_a_border_stay_there_and_places_use_the_whole_picture():
    chance = np.random.default_rng(1).random((500, 4), np.float32)
    head = np.tile(np.array([0.2, 0.3, 0.8, 0.7], np.float32), (500, 1))
    where = placed.places(placed.frames(chance, head), head, np.ones((500, 1, 3)))
    box = np.asarray(where["box"])
    assert box.min(0).max() < 0.4
    assert box.max(0).min() > 0.6
    head[:, 0] = 0.0
    frame = placed.frames(chance, head)
    np.testing.assert_allclose(frame[:, 0], 0, atol=1e-6)


def test_a_frame_and_its_inverse_give_the_picture_back():
    image = blobs(np.array([[0.5, 0.5], [0.4, 0.6]]))
    frame = jnp.array([[0.1, -0.2, 1.2, 0.9], [-0.3, -0.1, 1.1, 1.3]])
    whole = placed.within(frame, placed.inverse(frame))
    np.testing.assert_allclose(whole, [[0, 0, 1, 1]] * 2, atol=1e-6)
    back = placed.moved(placed.moved(jnp.asarray(image), frame), placed.inverse(frame))
    np.testing.assert_allclose(back, image, atol=0.1)  # sampled twice
    same = placed.moved(jnp.asarray(image), jnp.array([[0.0, 0, 1, 1]] * 2))
    np.testing.assert_allclose(same, image, atol=1e-6)


def test_mirrored_pictures_have_mirrored_places():
    own = {"head": jnp.array([[0.1, 0.2, 0.5, 0.4]] * 2), "points": jnp.ones((2, 9, 3))}
    found = placed.turned(own, jnp.array([True, False]))
    np.testing.assert_allclose(found["head"][0], [0.1, 0.6, 0.5, 0.8], atol=1e-6)
    np.testing.assert_allclose(found["head"][1], own["head"][1])
    assert found["points"][0, 0, 1] == 0


def test_distances_are_those_of_boxes_and_of_visible_points():
    found = {
        "box": np.array([[0.0, 0.0, 0.4, 0.4]]),
        "points": np.array([[[0.3, 0.4], [0.5, 0.5]]]),
    }
    asked = {
        "box": np.array([[0.0, 0.2, 0.4, 0.6]]),
        "points": np.array([[[0.0, 0.0, 1], [0.0, 0.0, 0]]]),
    }
    apart = places.apart(found, asked)
    assert apart.points == pytest.approx(50)
    assert apart.centre == pytest.approx(20)
    assert apart.overlap == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match=r"expected uint8 \[N, 64, 64, 3\]"):
        places.Judge({}, {}).read(np.zeros((2, 32, 32, 3), np.uint8))


def test_cutting_out_a_box_of_maps_agrees_with_a_moved_picture():
    image = blobs(np.array([[0.5, 0.5]]))
    box = np.array([[0.25, 0.25, 0.75, 0.75]], np.float32)
    ours = placed.moved(jnp.asarray(image), placed.inverse(box))
    theirs = nn.crop(jnp.asarray(image), jnp.asarray(box))
    assert float(jax.numpy.abs(ours - theirs).max()) < 0.05
