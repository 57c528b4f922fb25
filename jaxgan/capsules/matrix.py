"""EM routing between grids of matrix capsules, as functions of arrays.

Hinton, Sabour and Frosst, "Matrix capsules with EM routing" (ICLR 2018). The capsules
of a grid see those of a window of the grid below, as the units of a convolution do,
and a capsule below is shared among *all* capsules above whose windows contain it, at
whatever position. Weights are shared between positions. `em` has the procedure for
votes without a grid.

Shapes: `B` examples, a grid below `H × W` of `T` types of capsules, `J` types above.
A pose is a 4 × 4 matrix, and a vote the product of the pose and a weight matrix.

The cost of a capsule grows with the amount of data that it explains, Σ R·a. By default
that is divided by its mean over the capsules above when all below are active, so that
costs mean the same in layers of different sizes (Gritzman, arXiv:1907.00652, section
3.2); `share="sum"` takes the sum of Procedure 1.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.capsules.em import MIN_ACTIVATION, annealed

NEVER = -1e30
"""The log of a chance of zero; infinity would make gradients NaN."""

Share = Literal["mean", "sum"]
Temperature = Callable[[int], float]
Normalise = Callable[[jax.Array], jax.Array]


class Grid(NamedTuple):
    """Matrix capsules on a grid."""

    poses: jax.Array
    """`[B, H, W, T, 4, 4]`."""
    activations: jax.Array
    """In [0, 1], `[B, H, W, T]`."""


class Routing(NamedTuple):
    """How to route: what has no gradient.

    Attributes:
        iterations: the number of iterations of EM; the paper has 3 in most experiments.
        temperature: the inverse temperature λ of an iteration, counted from 0.
        share: whether the amount of data in a cost is relative to its mean, or the sum.
        variance: what is added to the variances of votes. With a small number, the R
            of an untrained network are nearly 0 and 1, and it hardly learns; with one
            as large as the votes, R begin nearly even, and become as sharp as training
            makes the votes large. The released code adds 0.0005.
    """

    iterations: int = 3
    temperature: Temperature = lambda iteration: annealed(iteration, 4.0)
    share: Share = "mean"
    variance: float = 1.0


def conv_em(
    below: Grid,
    weights: jax.Array,
    beta_u: jax.Array,
    beta_a: jax.Array,
    *,
    stride: int = 1,
    routing: Routing = Routing(),  # noqa: B008
    return_coupling: bool = False,
) -> Any:
    """Routes a grid of capsules to a smaller grid, window by window.

    Args:
        below: the capsules below.
        weights: of a window of `K × K` positions, `[K, K, T, J, 4, 4]`.
        beta_u: the cost of describing a vote, `[J]`.
        beta_a: the cost that a capsule must save to be active, `[J]`.
        stride: the distance between windows.
        routing: how to route.
        return_coupling: whether to return the R of every iteration as well.

    Returns:
        The grid above, without padding: `(H - K) // stride + 1` rows. If asked, also R,
        `[B, iterations, H', W', J, K, K, T]`, whose sum over all capsules above is 1
        for each capsule below that is in a window.

    Raises:
        ValueError: ranks or sizes do not fit, or `iterations` is below 1.
    """
    _check(below, weights, "[K, K, T, J, 4, 4]", 6, routing)
    kernel, types, above = weights.shape[0], *weights.shape[2:4]
    sides = below.poses.shape[1:3]
    rows, columns = (_windows_along(side, kernel, stride) for side in sides)
    positions = rows * columns
    seen = seen_by_windows(sides, kernel, stride)
    sees, count = _sees(seen, sides[0] * sides[1])
    scale = positions * above / (sides[0] * sides[1] * types)
    first = np.repeat(-np.log(above * count[seen]), types, 1)[:, None]

    def normalise(log_r):
        each = log_r.reshape(positions, above, kernel**2, types)
        own = jax.nn.logsumexp(each, 1).reshape(-1, types)
        own = jnp.pad(own, ((0, 1), (0, 0)), constant_values=NEVER)
        total = jax.nn.logsumexp(own[sees], 1)
        return (each - total[seen][:, None]).reshape(log_r.shape)

    def one(poses, a, weights, beta_u, beta_a):
        poses = poses.reshape(-1, types, 4, 4)[seen]
        kernels = weights.reshape(kernel**2, types, above, 4, 4)
        votes = jnp.einsum("nwtak,wtjkb->njwtab", poses, kernels)
        votes = votes.reshape(positions, above, -1, 16)
        children = a.reshape(-1, types)[seen].reshape(positions, -1)
        how = first, normalise, routing, scale
        mean, active, r = _fit(votes, children, (beta_u, beta_a), *how)
        r = r.reshape(-1, rows, columns, above, kernel, kernel, types)
        mean = mean.reshape(rows, columns, above, 4, 4)
        return mean, active.reshape(rows, columns, above), r

    return _batched(one, below, (weights, beta_u, beta_a), return_coupling)


def class_em(
    below: Grid,
    weights: jax.Array,
    beta_u: jax.Array,
    beta_a: jax.Array,
    *,
    routing: Routing = Routing(),  # noqa: B008
    coordinates: bool = True,
    return_coupling: bool = False,
) -> Any:
    """Routes a grid of capsules to one capsule for each class.

    As the weights do not depend on the position, each vote is told of it: "coordinate
    addition" adds the row and the column, scaled to [0, 1], to the first two elements
    of the vote's last column. A pattern that moves moves the pose of its class alike.

    Args:
        below: the capsules below.
        weights: a matrix for each pair of types, `[T, J, 4, 4]`.
        beta_u: the cost of describing a vote, `[J]`.
        beta_a: the cost that a capsule must save to be active, `[J]`.
        routing: how to route.
        coordinates: whether to add coordinates.
        return_coupling: whether to return the R of every iteration as well.

    Returns:
        Poses `[B, J, 4, 4]` and activations `[B, J]`; if asked, also R, `[B,
        iterations, J, H, W, T]`, which adds up to 1 over `J`.

    Raises:
        ValueError: ranks or sizes do not fit, or `iterations` is below 1.
    """
    _check(below, weights, "[T, J, 4, 4]", 4, routing)
    rows, columns, types = below.poses.shape[1:4]
    classes = weights.shape[1]
    scale = classes / (rows * columns * types)
    first = np.full((1, 1, rows * columns * types), -np.log(classes))

    def one(poses, a, weights, beta_u, beta_a):
        votes = jnp.einsum("hwtak,tjkb->jhwtab", poses, weights)
        if coordinates:
            votes = votes + _coordinates(rows, columns)[None, :, :, None]
        votes = votes.reshape(1, classes, -1, 16)
        betas = beta_u, beta_a
        how = first, _over_parents, routing, scale
        mean, active, r = _fit(votes, a.reshape(1, -1), betas, *how)
        r = r.reshape(-1, classes, rows, columns, types)
        return mean.reshape(classes, 4, 4), active[0], r

    return _batched(one, below, (weights, beta_u, beta_a), return_coupling)


def _over_parents(log_r: jax.Array) -> jax.Array:
    return jax.nn.log_softmax(log_r, 1)


def _fit(votes, a, betas, first, normalise: Normalise, routing: Routing, scale: float):
    """EM of one example.

    Args:
        votes: `[n, J, I, 16]`: `n` positions, each with `I` capsules in its window.
        a: activations of those below, `[n, I]`.
        betas: β_u and β_a, `[J]` each.
        first: logs of the first R, which is uniform, `[n, 1, I]`.
        normalise: from logs of joint probabilities `[n, J, I]` to those of R.
        routing: how to route.
        scale: one over the mean of Σ R·a where every a is 1.

    Returns:
        Means `[n, J, 16]`, activations `[n, J]`, and R, `[iterations, n, J, I]`.
    """
    log_a = jnp.log(jnp.maximum(a, MIN_ACTIVATION))[:, None]
    size = votes.shape[-1]

    def m_step(log_r, mean, square, temperature):
        variance = jnp.maximum(square - jnp.square(mean), 0.0) + routing.variance
        data = (jnp.exp(log_r) * a[:, None]).sum(-1)
        if routing.share == "mean":
            data = data * scale
        cost = size * betas[0][None] + 0.5 * jnp.log(variance).sum(-1)
        return mean, variance, temperature * (betas[1][None] - cost * data)

    def iterate(above, temperature):
        mean, variance, logit = above
        own = jnp.log(variance) + jnp.square(mean) / variance
        log_p = jnp.einsum("njip,njp->nji", votes, mean / variance)
        log_p -= 0.5 * jnp.einsum("njip,njp->nji", squares, 1 / variance)
        own = jax.nn.log_sigmoid(logit) - 0.5 * own.sum(-1)
        log_r = normalise(log_p + own[:, :, None])
        weight = jax.nn.softmax(log_r + log_a)
        moments = _average(weight, votes), _average(weight, squares)
        return m_step(log_r, *moments, temperature), jnp.exp(log_r)

    # Sums over votes are products with vectors, of votes and of their squares. Squares
    # are about the first means, since those of means are subtracted from them.
    log_r = jnp.broadcast_to(jnp.asarray(first, votes.dtype), votes.shape[:3])
    weight = jax.nn.softmax(log_r + log_a)
    centre = _average(weight, votes)
    votes = votes - centre[:, :, None]
    squares = jnp.square(votes)
    temperatures = [routing.temperature(i) for i in range(routing.iterations)]
    moments = jnp.zeros_like(centre), _average(weight, squares)
    above, r = m_step(log_r, *moments, temperatures[0]), jnp.exp(log_r)[None]
    if later := temperatures[1:]:
        above, more = lax.scan(iterate, above, jnp.asarray(later, votes.dtype))
        r = jnp.concatenate([r, more])
    return above[0] + centre, jax.nn.sigmoid(above[2]), r


def _average(weight: jax.Array, values: jax.Array) -> jax.Array:
    return jnp.einsum("nji,njip->njp", weight, values)


def _batched(one, below: Grid, weights, return_coupling: bool) -> Any:
    """Applies a function of one example to all of a batch.

    On a CPU one after the other: the votes of an example stay in the cache, and the
    backward pass computes them again.
    """

    def routed(poses, a, *weights):
        above, active, r = one(poses, a, *weights)
        return (above, active, r) if return_coupling else (above, active)

    def in_turn(poses, a, *weights):
        each = jax.checkpoint(lambda x: routed(*x, *weights))
        return lax.map(each, (poses, a))

    at_once = jax.vmap(routed, (0, 0, *[None] * len(weights)))
    found = lax.platform_dependent(*below, *weights, cpu=in_turn, default=at_once)
    poses, active, *r = found
    return (Grid(poses, active), *r) if return_coupling else Grid(poses, active)


def _windows_along(side: int, kernel: int, stride: int) -> int:
    if side < kernel:
        raise ValueError(
            f"a side of the grid below is {side}, but a window has {kernel} positions:"
            " give a larger grid, or a smaller kernel"
        )
    return (side - kernel) // stride + 1


def seen_by_windows(sides: Sequence[int], kernel: int, stride: int) -> np.ndarray:
    """The positions below that windows see, by number: `[windows, K * K]`.

    Args:
        sides: rows and columns of the grid below.
        kernel: the side of a window, K.
        stride: the distance between windows.

    Raises:
        ValueError: the grid is smaller than a window.
    """
    rows, columns = (
        stride * np.arange(_windows_along(side, kernel, stride))[:, None]
        + np.arange(kernel)
        for side in sides
    )
    seen = sides[1] * rows[:, None, :, None] + columns[None, :, None, :]
    return seen.reshape(-1, kernel**2)


def _sees(seen: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Where windows see each position: the inverse of `seen_by_windows`.

    Returns:
        Places in it, `[count, most]`, filled up with the one after the last, and how
        many there are, `[count]`.
    """
    flat = seen.ravel()
    number = np.bincount(flat, minlength=count)
    places = np.full((count, number.max()), flat.size)
    order = np.argsort(flat, kind="stable")
    rank = np.arange(flat.size) - np.repeat(np.cumsum(number) - number, number)
    places[flat[order], rank] = order
    return places, number


def _coordinates(rows: int, columns: int) -> np.ndarray:
    """What coordinate addition adds: `[H, W, 4, 4]`, the middles of the positions."""
    added = np.zeros((rows, columns, 4, 4), np.float32)
    added[:, :, 0, 3] = ((np.arange(rows) + 0.5) / rows)[:, None]
    added[:, :, 1, 3] = (np.arange(columns) + 0.5) / columns
    return added


def _check(below: Grid, weights, named: str, rank: int, routing: Routing) -> None:
    if routing.iterations < 1:
        raise ValueError(f"iterations is {routing.iterations}, expected 1 or more")
    poses, a = below.poses.shape, below.activations.shape
    if len(poses) != 6 or poses[4:] != (4, 4) or a != poses[:4]:
        raise ValueError(
            f"capsules have poses {poses} and activations {a}, expected [B, H, W, T, 4,"
            " 4] and [B, H, W, T]"
        )
    shape = weights.shape
    if len(shape) != rank or shape[-2:] != (4, 4) or shape[-4] != poses[3]:
        raise ValueError(
            f"the weights have the shape {shape}, expected {named} for {poses[3]} types"
            " below"
        )
