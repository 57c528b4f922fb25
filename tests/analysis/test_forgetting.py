"""Forgetting an object, with a generator whose maps for the object are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sklearn.linear_model
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxgan.analysis import forgetting, rectifiers

SIDE = 8
BOX = (0.25, 0.5, 0.75, 1.0)  # rows 2 to 5, columns 4 to 7


def generator(latent):
    """Latents `[B, 2]` to images `[B, 8, 8, 1]`: map 2 of 5 draws the object.

    The object is in the box, as bright as the first number says where it is positive.
    The others are a background that it hides, one that is always there, one that is
    never, and a texture of both.
    """
    on = jnp.asarray(forgetting.inside([BOX], SIDE, SIDE)[0])
    texture = jnp.asarray(np.random.default_rng(0).random((SIDE, SIDE)), jnp.float32)
    strength, shade = (latent[:, i, None, None] for i in (0, 1))
    there = on[None] & (strength > 0)
    maps = [
        jnp.where(there, -1.0, jnp.abs(shade) + 0.5),
        jnp.full((len(latent), SIDE, SIDE), 3.0),
        jnp.where(there, strength, -1.0),
        jnp.full((len(latent), SIDE, SIDE), -1.0),
        texture[None] * jnp.abs(shade) - 9.0 * there,
    ]
    maps = jax.nn.relu(jnp.stack(maps, -1))
    colours = jnp.asarray([0.1, 0.2, 1.0, 5.0, 0.05])
    return jnp.einsum("bhwc,c->bhw", maps, colours)[..., None]


def latents(count, seed=1):
    return jax.random.normal(jax.random.key(seed), (count, 2))


def test_the_map_that_draws_an_object_is_found_and_dropped_alone():
    z = latents(40)
    worn = z[:, 0] > 0
    image, (maps,) = rectifiers.observed(generator)(z)
    boxes = np.tile(BOX, (int(worn.sum()), 1))
    features, labels = forgetting.positions(jax.random.key(2), maps[worn], boxes)
    known = features.std(0) > 0  # a map that never changes says nothing
    model = sklearn.linear_model.LogisticRegression().fit(features * known, labels)
    chosen = forgetting.heaviest(model.coef_[0])
    assert chosen.tolist() == [False, False, True, False, False]

    after = rectifiers.edited(generator, {-1: forgetting.drop(chosen)})(z)
    on = forgetting.inside([BOX], SIDE, SIDE)[0]
    gone = np.asarray(image - after)[..., 0]
    strength = np.where(worn, z[:, 0], 0)
    np.testing.assert_allclose(gone[:, on], strength[:, None].repeat(16, 1), rtol=1e-6)
    np.testing.assert_array_equal(gone[:, ~on], 0)

    odds = forgetting.evidence(maps, model.coef_[0] * known, model.intercept_[0])
    np.testing.assert_allclose(
        odds.reshape(-1),
        model.decision_function(np.asarray(maps).reshape(-1, 5) * known),
        rtol=1e-4,
        atol=1e-4,
    )
    seen = np.asarray(odds > 0)
    assert (seen == (on[None] & np.asarray(worn)[:, None, None])).all()


def test_positions_are_those_of_boxes_and_as_many_others_of_the_same_images():
    # Every position holds its own number, so that it can be followed.
    maps = np.arange(3 * 4 * 6, dtype="float32").reshape(3, 4, 6, 1)
    boxes = [(0, 0, 0.5, 0.5), (0.5, 0.25, 1.0, 1.5), (0.1, 0.1, 0.2, 0.2)]
    features, labels = forgetting.positions(jax.random.key(0), maps, boxes)
    assert (features.dtype, labels.dtype) == (np.float32, bool)
    wanted = [0, 1, 6, 7, *range(24 + 13, 24 + 18), *range(24 + 19, 24 + 24), 48]
    assert features[labels, 0].tolist() == wanted
    others = features[~labels, 0]
    assert len(set(others.tolist())) == len(others) == 15
    assert not set(others.tolist()) & set(wanted)
    assert np.bincount((others // 24).astype(int)).tolist() == [4, 10, 1]
    again = forgetting.positions(jax.random.key(1), maps, boxes)[0]
    assert sorted(again[15:, 0]) != sorted(others.tolist())


def test_all_that_is_outside_of_a_large_box_is_taken():
    maps = np.zeros((1, 4, 4, 2))
    _, labels = forgetting.positions(jax.random.key(0), maps, [(0, 0, 1, 0.75)])
    assert (labels.sum(), len(labels)) == (12, 16)


def test_the_same_places_of_images_without_the_object_are_not_on_it():
    maps = np.arange(3 * 4 * 4, dtype="float32").reshape(3, 4, 4, 1)
    boxes, there = [(0, 0, 0.25, 0.5), (0.5, 0, 0.75, 1), (0, 0, 1, 0.25)], [0, 1, 0]
    features, labels = forgetting.positions(
        jax.random.key(0), maps, boxes, there, outside=False
    )
    assert features[labels, 0].tolist() == [24, 25, 26, 27]
    assert features[~labels, 0].tolist() == [0, 1, 32, 36, 40, 44]
    both, more = forgetting.positions(jax.random.key(0), maps, boxes, there)
    assert both[more, 0].tolist() == [24, 25, 26, 27]
    assert both[~more, 0][4:].tolist() == [0, 1, 32, 36, 40, 44]
    random = both[~more, 0][:4]
    assert len(set(random)) == 4
    assert all(16 <= x < 32 and not 24 <= x < 28 for x in random)


def test_other_positions_are_drawn_evenly():
    maps = np.arange(16, dtype="float32").reshape(1, 4, 4, 1).repeat(4000, 0)
    boxes = np.tile((0, 0, 0.25, 0.5), (4000, 1))  # two of the sixteen
    features, labels = forgetting.positions(jax.random.key(3), maps, boxes)
    counts = np.bincount(features[~labels, 0].astype(int), minlength=16)
    assert counts[:2].tolist() == [0, 0]
    # Each of 14 is one of two drawn: 4000 / 7, with a deviation of about 22.
    assert abs(counts[2:] - 4000 / 7).max() < 5 * 22.2


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(0, 100), min_size=4, max_size=4, unique=True),
    st.integers(1, 9),
    st.integers(1, 9),
)
def test_a_box_has_the_positions_whose_middles_it_holds(ends, height, width):
    top, bottom = sorted(ends[:2])
    left, right = sorted(ends[2:])
    box = np.array([top, left, bottom, right]) / 100
    box[[1, 3]] *= width / height
    found = forgetting.inside([box], height, width)[0]
    wanted = np.zeros((height, width), bool)
    for r in range(height):
        for c in range(width):
            y, x = (r + 0.5) / height, (c + 0.5) / height
            wanted[r, c] = box[0] <= y < box[2] and box[1] <= x < box[3]
    if wanted.any():
        np.testing.assert_array_equal(found, wanted)
    else:  # too small for a middle: never nothing, never more than a line
        assert found.any()
        assert min(found.any(1).sum(), found.any(0).sum()) == 1


@pytest.mark.parametrize(
    ("most", "wanted"),
    [
        (0, [True, False, True, True, False]),
        (1, [False, False, True, False, False]),
        (2, [True, False, True, False, False]),
        (9, [True, False, True, True, False]),
    ],
)
def test_the_heaviest_maps_are_of_positive_weight(most, wanted):
    found = forgetting.heaviest([0.5, -2.0, 3.0, 0.25, 0.0], most)
    assert found.tolist() == wanted


def test_maps_to_drop_may_be_known_when_the_program_runs_only():
    z = latents(4)

    @jax.jit
    def without(maps, z):
        return rectifiers.edited(generator, {0: forgetting.drop(maps)})(z)

    np.testing.assert_array_equal(without(np.zeros(5, bool), z), generator(z))
    np.testing.assert_array_equal(without(np.ones(5, bool), z), 0)
    assert without._cache_size() == 1  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ((-0.1, 0, 1, 1), r"box 1 is \[-0.1, 0.0, 1.0, 1.0\]"),
        ((0, 0, 1.2, 1), "in image heights"),
        ((0, 0, 1, 1.6), "right <= 1.5"),
        ((0.5, 0, 0.5, 1), "top < bottom"),
        ((0, np.nan, 1, 1), "box 1 is"),
    ],
)
def test_boxes_outside_of_the_image_are_refused(box, words):
    with pytest.raises(ValueError, match=words):
        forgetting.inside([(0, 0, 1, 1), box], 4, 6)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"boxes are \[4\], expected \[N, 4\]"):
        forgetting.inside(BOX, 4, 4)
    key, maps = jax.random.key(0), np.zeros((2, 4, 4, 3))
    with pytest.raises(ValueError, match=r"shape \[2, 4, 4, 3\], with 1 boxes"):
        forgetting.positions(key, maps, [BOX])
    with pytest.raises(ValueError, match="2 boxes and 1 answers"):
        forgetting.positions(key, maps, [BOX, BOX], [True])
    with pytest.raises(ValueError, match="32 positions are on the object and 0 are"):
        forgetting.positions(key, maps, 2 * [(0, 0, 1, 1)])
    with pytest.raises(ValueError, match="0 positions are on the object and 8 are"):
        forgetting.positions(key, maps, [BOX, BOX], [False, False])
    with pytest.raises(ValueError, match=r"with 0 boxes.*1 or more"):
        forgetting.positions(key, maps[:0], np.zeros((0, 4)))
    maps[1, 2, 3, 0] = np.inf
    with pytest.raises(ValueError, match="not finite: the network has diverged"):
        forgetting.positions(key, maps, [BOX, BOX])
    with pytest.raises(ValueError, match="finite numbers"):
        forgetting.heaviest([1.0, np.nan])
    with pytest.raises(ValueError, match=r"weights have shape \[1, 2\]"):
        forgetting.heaviest([[1.0, 2.0]])
    with pytest.raises(ValueError, match="most is -1"):
        forgetting.heaviest([1.0], -1)
    with pytest.raises(ValueError, match=r"\[3\], but the layer has 5"):
        rectifiers.edited(generator, {0: forgetting.drop(np.ones(3))})(latents(1))
