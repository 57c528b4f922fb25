"""Searches for latents by gradient descent on a loss of what a network makes of them.

A search is a pair of pure functions, like an optimiser:

    found = search(loss, optax.adam(0.1), project=lambda z: z.clip(-1, 1))
    state, step = found.init(latent), jax.jit(found.step)
    for _ in range(200):
        state = step(state, images)
    state.best, state.loss

Every example is searched by itself: rows of a batch share a compiled step and nothing
else. So to start an example several times, give it several rows; `best_of` then picks
the best.

Such losses have local minima, so the start of a search matters more than its settings:
on the drawn faces of a DCGAN, 20 of 32 searches from random latents found the image
again (30 dB and more), and 32 of 32 from the nearest of 1,024 random latents
(`starts`).
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

Loss = Callable[..., jax.Array]


class State(NamedTuple):
    """Where a search is.

    Attributes:
        latent: the latents to look at next, `[B, ...]` or a tree of such arrays.
        optimizer: the state of the optax optimiser.
        best: the latents of least loss so far.
        loss: the loss of `best`, float32 `[B]`; infinite before the first step.
        steps: the number of steps taken so far.
    """

    latent: Any
    optimizer: optax.OptState
    best: Any
    loss: jax.Array
    steps: jax.Array


class Search(NamedTuple):
    """A search as two functions.

    Attributes:
        init: `init(latent) -> State`, at latents to start from.
        step: `step(state, *data) -> State`: computes the loss of the state's latents,
            keeps those that are the best of their row so far, and moves on.
    """

    init: Callable[[Any], State]
    step: Callable[..., State]


def search(
    loss: Loss,
    optimizer: optax.GradientTransformation,
    *,
    project: Callable[[Any], Any] | None = None,
) -> Search:
    """Minimises a loss over latents, row by row.

    Args:
        loss: `loss(latent, *data) -> [B]`: one number for each row, which must not
            depend on other rows; so batch norms have to be fixed (see `norms`).
        optimizer: an optax optimiser that treats every element by itself, such as
            `optax.adam`. A schedule in it counts the steps of the search.
        project: applied to the latents after every step to keep them in their range,
            such as `jnp.clip` to [-1, 1] for uniform ones.

    References:
        Zhu et al., "Generative Visual Manipulation on the Natural Image Manifold",
        arXiv:1609.03552, section 3.1; Lipton and Tripathi, "Precise Recovery of Latent
        Vectors from Generative Adversarial Networks", arXiv:1702.04782.
    """

    def init(latent):
        rows = len(jax.tree.leaves(latent)[0])
        return State(
            latent,
            optimizer.init(latent),
            latent,
            jnp.full(rows, jnp.inf, jnp.float32),
            jnp.zeros((), jnp.int32),
        )

    def step(state, *data):
        def total(latent):
            losses = loss(latent, *data)
            if losses.shape != state.loss.shape:
                raise ValueError(
                    f"the loss has shape {losses.shape}, expected"
                    f" {state.loss.shape}: one number for each row of the latents"
                )
            return losses.sum(), losses

        gradient, losses = jax.grad(total, has_aux=True)(state.latent)
        better = losses < state.loss  # false where a loss is NaN
        updates, moved = optimizer.update(gradient, state.optimizer, state.latent)
        latent = optax.apply_updates(state.latent, updates)
        return State(
            latent if project is None else project(latent),
            moved,
            _chosen(better, state.latent, state.best),
            jnp.where(better, losses.astype(jnp.float32), state.loss),
            state.steps + 1,
        )

    return Search(init, step)


def starts(losses: jax.Array, candidates: Any, count: int = 1) -> Any:
    """Chooses the candidates to start each example from: those of least loss.

    Args:
        losses: the loss of every candidate for every example, `[B, N]`.
        candidates: latents `[N, ...]`, or a tree of such arrays.
        count: the number of starts for each example, 1 to N.

    Returns:
        `[B * count, ...]`: the starts of an example follow each other, best first, as
        `best_of` expects.

    Raises:
        ValueError: `count` is not from 1 to N.
    """
    if not 1 <= count <= losses.shape[1]:
        raise ValueError(
            f"count is {count}; it must be from 1 to the {losses.shape[1]} candidates"
            " there are"
        )
    known = jnp.where(jnp.isfinite(losses), losses, jnp.inf)
    _, index = jax.lax.top_k(-known, count)
    return jax.tree.map(lambda x: jnp.asarray(x)[index.reshape(-1)], candidates)


def within(latents: Any) -> Callable[[Any], Any]:
    """Makes a projection that clips each number of latents to its range in random ones.

    For uniform latents on [-1, 1] it is the clipping of the papers. Gaussian latents
    stay within about three standard deviations, and codes of 0 and 1 between 0 and 1.

    Args:
        latents: random latents, a thousand or so, `[N, ...]`, or a tree of such arrays.

    Returns:
        `project(latents)`, for `search`.
    """
    low, high = (
        jax.tree.map(lambda x, f=f: f(x, 0), latents) for f in (jnp.min, jnp.max)
    )

    def project(latent):
        return jax.tree.map(
            lambda x, low, high: jnp.clip(x, low[None], high[None]), latent, low, high
        )

    return project


def best_of(losses: jax.Array, latents: Any, restarts: int) -> tuple[jax.Array, Any]:
    """Picks the best of several searches of each example.

    Args:
        losses: `[B * restarts]`; the losses of an example follow each other.
        latents: the latents of the same rows, or a tree of such arrays.
        restarts: the number of searches for each example.

    Returns:
        `(losses, latents)` of `B` rows. A loss of NaN is never the best.

    Raises:
        ValueError: the number of rows is not a multiple of `restarts`.
    """
    if restarts < 1 or len(losses) % restarts:
        raise ValueError(
            f"restarts is {restarts}, but there are {len(losses)} rows: give a divisor"
            " of that number"
        )
    known = jnp.where(jnp.isfinite(losses), losses, jnp.inf).reshape(-1, restarts)
    row = known.argmin(1) + jnp.arange(len(known)) * restarts
    return losses[row], jax.tree.map(lambda x: x[row], latents)


def pixel_loss(
    draw: Callable[[Any], jax.Array],
    *,
    features: Callable[[jax.Array], jax.Array] | None = None,
    weight: float = 0.0,
) -> Loss:
    """Makes the loss of an inversion: how far drawn images are from given ones.

    Args:
        draw: takes latents `[B, ...]` to images `[B, H, W, C]`; its batch norms are
            fixed.
        features: takes images to features `[B, ...]`, for a second term.
        weight: the weight of the second term.

    Returns:
        `loss(latent, image) -> [B]`: the mean squared difference of pixels, and
        `weight` times that of features.
    """

    def loss(latent, image):
        drawn = draw(latent)
        pixels = _mean_square(drawn - image)
        if features is None:
            return pixels
        return pixels + weight * _mean_square(features(drawn) - features(image))

    return loss


def invert(
    draw: Callable[[Any], jax.Array],
    images: jax.Array,
    candidates: Any,
    *,
    restarts: int = 2,
    steps: int = 200,
    learning_rate: float = 0.1,
    features: Callable[[jax.Array], jax.Array] | None = None,
    weight: float = 0.0,
    project: Callable[[Any], Any] | None = None,
    progress: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> tuple[Any, jax.Array]:
    """Finds the latents of images.

    Searches start from the candidates whose images are nearest by pixels. Adam's step
    size falls to zero along half a cosine.

    Args:
        draw: takes latents `[B, Z]`, or a tree of them, to images; its batch norms are
            fixed.
        images: `[B, H, W, C]`, in the range of those that `draw` returns.
        candidates: random latents `[N, Z]`, about a thousand; with more of them, more
            images are found.
        restarts: the number of searches for each image.
        steps: the number of steps of each search.
        learning_rate: Adam's, at the start.
        features: as in `pixel_loss`.
        weight: as in `pixel_loss`.
        project: as in `search`.
        progress: wraps the range of steps, as `tqdm` does.

    Returns:
        `(latents, losses)`: `[B, Z]`, and their `pixel_loss`, `[B]`.

    Raises:
        ValueError: `steps` is below 1, or `restarts` is not from 1 to N.
    """
    if steps < 1:
        raise ValueError(f"steps is {steps}; it must be at least 1")
    images = jnp.asarray(images)
    drawn = drawn_in_blocks(draw, candidates)
    far = jax.jit(
        lambda x: jax.lax.map(lambda image: _mean_square(drawn - image[None]), x)
    )
    start = starts(far(images), candidates, restarts)
    schedule = optax.cosine_decay_schedule(learning_rate, steps)
    loss = pixel_loss(draw, features=features, weight=weight)
    found = search(loss, optax.adam(schedule), project=project)
    repeated = jnp.repeat(images, restarts, 0)
    state = found.init(start)
    step = jax.jit(found.step)
    for _ in progress(range(steps)):
        state = step(state, repeated)
    losses, latents = best_of(state.loss, state.best, restarts)
    return latents, losses


def drawn_in_blocks(
    draw: Callable[[Any], jax.Array], latents: Any, size: int = 128
) -> jax.Array:
    """Draws the images of many latents, `[N, H, W, C]`, `size` at a time.

    Args:
        draw: takes latents `[B, ...]` to images, each row by itself.
        latents: `[N, ...]`, or a tree of such arrays.
        size: the number of latents in a block.
    """
    compiled, count = jax.jit(draw), len(jax.tree.leaves(latents)[0])
    size = min(size, count)
    parts = []
    for first in range(0, count, size):  # the last block is padded
        index = jnp.arange(first, first + size) % count
        parts.append(compiled(jax.tree.map(lambda x, i=index: x[i], latents)))
    return jnp.concatenate(parts)[:count]


def _mean_square(x):
    return jnp.square(x).mean(tuple(range(1, x.ndim)))


def _chosen(better, one, other):
    """Takes rows of `one` where `better` is true, and those of `other` elsewhere."""

    def choose(a, b):
        return jnp.where(better.reshape(-1, *[1] * (a.ndim - 1)), a, b)

    return jax.tree.map(choose, one, other)
