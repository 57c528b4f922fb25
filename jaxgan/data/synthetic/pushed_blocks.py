"""A table with blocks and a finger that pushes them, drawn on the device.

An action is where the finger is told to go. What a scene looks like after *any* action
follows from `push` and `draw`, so a prediction for an action that was not taken has a
true answer too. Everything is a pure function of its arguments; a clip is one of a key.

Positions are (row, column) in units of the table: 0 and 1 are its edges.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

BLOCKS = 3
FINGER = 0.06  # half of the finger's side
STEP = 0.0625  # the largest step along an axis: two pixels of 32
TABLE, TIP = (0.82, 0.80, 0.76), (0.12, 0.12, 0.14)
COLOURS = (
    (0.86, 0.22, 0.18),
    (0.16, 0.44, 0.78),
    (0.95, 0.72, 0.15),
    (0.20, 0.62, 0.34),
    (0.55, 0.30, 0.65),
)


class Scene(NamedTuple):
    """What lies on the table.

    Attributes:
        finger: its centre, `[2]`.
        blocks: the centres of the blocks, `[N, 2]`; later ones lie on earlier ones.
        halves: half of the height and width of each block, `[N, 2]`.
        colours: of the blocks, `[N, 3]` in [0, 1].
    """

    finger: jax.Array
    blocks: jax.Array
    halves: jax.Array
    colours: jax.Array


class Clip(NamedTuple):
    """What is seen while the finger moves.

    Attributes:
        clip: the frames, `[T, S, S, 3]` in [0, 1].
        state: where the finger is, `[T, 2]`, in [-1, 1].
        action: how far it is told to go after each frame, `[T, 2]`, in shares of the
            largest step; the last frame has an action too, which no frame shows.
        scenes: what lies on the table in each frame, arrays `[T, ...]`.
    """

    clip: jax.Array
    state: jax.Array
    action: jax.Array
    scenes: Scene


def scene(key: jax.Array) -> Scene:
    """Lays blocks of random sizes and colours on the table, and the finger anywhere."""
    keys = jax.random.split(key, 4)
    halves = jax.random.uniform(keys[0], (BLOCKS, 2), minval=0.08, maxval=0.16)
    blocks = jax.random.uniform(keys[1], (BLOCKS, 2), minval=0.2, maxval=0.8)
    finger = jax.random.uniform(keys[2], (2,), minval=FINGER, maxval=1 - FINGER)
    colours = jax.random.permutation(keys[3], jnp.array(COLOURS))[:BLOCKS]
    return Scene(finger, blocks, halves, colours)


def push(scene: Scene, step: jax.Array) -> Scene:
    """Moves the finger, which pushes every block out of its way.

    A block moves by the least distance that makes room, along one axis. The edges of
    the table stop the finger and blocks; blocks slide over each other.

    Args:
        scene: before.
        step: how far the finger goes, `[2]`.
    """
    finger = jnp.clip(scene.finger + step, FINGER, 1 - FINGER)
    gap = scene.blocks - finger[None]
    overlap = FINGER + scene.halves - jnp.abs(gap)
    hit = (overlap > 0).all(-1, keepdims=True)
    least = overlap <= overlap[:, ::-1]
    least = least.at[:, 1].set(~least[:, 0])  # one axis alone, where both are equal
    away = jnp.where(gap < 0, -1.0, 1.0)
    blocks = scene.blocks + jnp.where(hit & least, away * overlap, 0.0)
    return scene._replace(
        finger=finger, blocks=jnp.clip(blocks, scene.halves, 1 - scene.halves)
    )


def draw(scene: Scene, size: int) -> jax.Array:
    """Draws a scene from above, `[size, size, 3]` in [0, 1]; edges are smooth."""

    def covered(centre, half):
        """The share of each pixel along an axis that lies inside."""
        edge = jnp.arange(size + 1) / size
        inside = jnp.clip(edge, centre - half, centre + half)
        return jnp.diff(inside) * size

    def laid(image, centre, half, colour):
        rows, columns = (covered(centre[i], half[i]) for i in (0, 1))
        share = (rows[:, None] * columns[None, :])[..., None]
        return image + share * (colour[None, None] - image)

    image = jnp.broadcast_to(jnp.array(TABLE), (size, size, 3))
    for i in range(len(scene.blocks)):
        image = laid(image, scene.blocks[i], scene.halves[i], scene.colours[i])
    tip = jnp.full((2,), FINGER)
    return laid(image, scene.finger, tip, jnp.array(TIP))


def play(first: Scene, action: jax.Array, size: int, step: float = STEP) -> Clip:
    """Shows what happens to a scene under any actions.

    Args:
        first: what lies on the table at first.
        action: `[T, 2]`, in shares of the largest step.
        size: height and width of the frames.
        step: the largest step of the finger along an axis.
    """

    def move(before, one):
        return push(before, step * one), before

    _, scenes = jax.lax.scan(move, first, action)
    shown = jax.vmap(lambda one: draw(one, size))(scenes)
    return Clip(shown, 2 * scenes.finger - 1, action, scenes)


def clip(key: jax.Array, *, frames: int, size: int, step: float = STEP) -> Clip:
    """Pushes across a random block: towards it and on, with some noise in each step.

    Args:
        key: a random key.
        frames: T.
        size: height and width of the frames.
        step: the largest step of the finger along an axis.
    """
    for_scene, for_block, for_noise = jax.random.split(key, 3)
    first = scene(for_scene)
    target = first.blocks[jax.random.randint(for_block, (), 0, BLOCKS)]
    ahead = target - first.finger
    ahead = ahead / jnp.maximum(jnp.abs(ahead).max(), 1e-3)
    noise = jax.random.uniform(for_noise, (frames, 2), minval=-1, maxval=1)
    return play(first, 0.75 * ahead[None] + 0.25 * noise, size, step)
