"""Moving digits and pushed blocks: paths, futures, and what an action changes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.data.synthetic import moving_digits, pushed_blocks


def dots(count=1):
    """Digits of 6x6 with four white pixels in the middle."""
    image = np.zeros((count, 6, 6, 1), np.uint8)
    image[:, 2:4, 2:4] = 255
    return image


def centres(clip):
    """The mean position of what is white in each frame."""
    ink = np.asarray(clip, np.float64)[..., 0]
    where = np.indices(ink.shape[1:])
    return np.stack([(ink * axis).sum((1, 2)) for axis in where], 1) / ink.sum(
        (1, 2)
    ).reshape(-1, 1)


def test_walls_throw_back():
    """A ball that goes step by step and turns where it meets a wall."""
    position, velocity, path = 0.5, 0.7, []
    for _ in range(40):
        path.append(position)
        position += velocity
        if abs(position) > 2:
            position = np.sign(position) * 4 - position
            velocity = -velocity
    free = 0.5 + 0.7 * np.arange(40)
    np.testing.assert_allclose(moving_digits.reflected(free, 2.0), path, atol=1e-5)


def test_digits_bounce_at_constant_speed_and_stay_whole():
    make = jax.jit(
        jax.vmap(
            lambda key: moving_digits.bouncing(
                key, dots(), frames=12, size=16, speed=2.0
            )
        )
    )
    clips = make(jax.random.split(jax.random.key(0), 8))
    assert clips.shape == (8, 12, 16, 16, 1)
    assert clips.dtype == jnp.uint8
    for clip in np.asarray(clips):
        assert (clip.sum((1, 2, 3), int) == 4 * 255).all()
        steps = np.linalg.norm(np.diff(centres(clip), axis=0), axis=1)
        assert steps.max() < 2 + np.sqrt(2)  # and what rounding adds
        assert np.median(steps) > 1
    assert not np.array_equal(clips[0], clips[1])


def test_two_digits_are_added_up():
    key = jax.random.key(1)
    both = moving_digits.bouncing(key, dots(2), frames=3, size=12)
    assert set(np.unique(both)) == {0, 255}
    assert both.sum() > 3 * 4 * 255


def test_futures_part_at_the_crossing():
    make = jax.jit(
        jax.vmap(
            lambda key: moving_digits.turning(
                key, dots()[0], frames=7, past=4, size=32, speed=3.0
            )
        )
    )
    left, right = np.swapaxes(make(jax.random.split(jax.random.key(0), 6)), 0, 1)
    np.testing.assert_array_equal(left[:, :4], right[:, :4])
    ways = set()
    for one, other in zip(left, right, strict=True):
        one, other = (np.diff(centres(clip), axis=0) for clip in (one, other))
        ahead = one[0]
        assert abs(ahead).sum() == pytest.approx(3)
        np.testing.assert_allclose(one[:3], np.tile(ahead, (3, 1)), atol=1e-9)
        aside = np.array([ahead[1], -ahead[0]])
        assert abs(one[3] @ ahead) < 1e-9
        np.testing.assert_allclose(one[3:], -other[3:], atol=1e-9)
        assert abs(one[3] @ aside) == pytest.approx(9)
        ways.add(tuple(ahead.round()))
    assert len(ways) > 1


def test_a_canvas_too_small_is_refused():
    with pytest.raises(ValueError, match="size is 6 for digits of 6 pixels"):
        moving_digits.bouncing(jax.random.key(0), dots(), frames=2, size=6)


def table(blocks, finger=(0.5, 0.2)):
    """Blocks of 0.2 on a side."""
    blocks = jnp.array(blocks)
    return pushed_blocks.Scene(
        jnp.array(finger),
        blocks,
        jnp.full(blocks.shape, 0.1),
        jnp.zeros((len(blocks), 3)),
    )


def test_what_is_touched_moves_by_as_much_and_the_rest_stays():
    """The finger's side is at 0.26; the near block's begins at 0.3, 0.04 away."""
    before = table([(0.5, 0.4), (0.8, 0.4)])
    after = pushed_blocks.push(before, jnp.array([0.0, 0.06]))
    np.testing.assert_allclose(after.finger, [0.5, 0.26], rtol=1e-6)
    np.testing.assert_allclose(after.blocks, [(0.5, 0.42), (0.8, 0.4)], rtol=1e-6)
    back = pushed_blocks.push(after, jnp.array([0.0, -0.06]))
    np.testing.assert_allclose(back.blocks, after.blocks)


def test_the_edges_of_the_table_stop_all():
    before = table([(0.5, 0.88)], finger=(0.5, 0.7))
    after = pushed_blocks.push(before, jnp.array([0.0, 0.1]))
    np.testing.assert_allclose(after.blocks, [(0.5, 0.9)], rtol=1e-6)
    after = pushed_blocks.push(after, jnp.array([0.0, 0.9]))
    np.testing.assert_allclose(after.finger[1], 1 - pushed_blocks.FINGER, rtol=1e-6)


def test_pixels_are_shares_of_colour():
    """A black block over a quarter of the table, drawn at four sizes."""
    scene = table([(0.3, 0.4)])._replace(halves=jnp.array([[0.25, 0.25]]))
    scene = scene._replace(finger=jnp.array([-1.0, -1.0]))
    light = np.array(pushed_blocks.TABLE)
    for size in (4, 7, 16):
        drawn = pushed_blocks.draw(scene, size)
        np.testing.assert_allclose(drawn.mean((0, 1)), 0.75 * light, rtol=1e-5)


def test_a_clip_is_a_function_of_its_key_and_its_actions():
    make = jax.jit(lambda key: pushed_blocks.clip(key, frames=6, size=16))
    made = make(jax.random.key(3))
    assert made.clip.shape == (6, 16, 16, 3)
    assert made.state.shape == made.action.shape == (6, 2)
    np.testing.assert_array_equal(made.clip, make(jax.random.key(3)).clip)
    assert not np.array_equal(made.clip, make(jax.random.key(4)).clip)
    # Each frame follows from the one before and its action.
    scene = jax.tree.map(lambda x: x[2], made.scenes)
    after = pushed_blocks.push(scene, 0.0625 * made.action[2])
    np.testing.assert_allclose(pushed_blocks.draw(after, 16), made.clip[3], atol=1e-6)
    np.testing.assert_allclose(2 * after.finger - 1, made.state[3], atol=1e-6)


def test_most_clips_have_a_block_that_moves():
    many = jax.jit(jax.vmap(lambda key: pushed_blocks.clip(key, frames=8, size=8)))
    scenes = many(jax.random.split(jax.random.key(0), 64)).scenes
    moved = np.abs(scenes.blocks[:, -1] - scenes.blocks[:, 0]).max((1, 2)) > 0.05
    assert moved.mean() > 0.6
