"""PPGN's sampler: codes that look like codes of data, and show what is wanted.

Nguyen, Clune, Bengio, Dosovitskiy and Yosinski, "Plug & Play Generative Networks:
Conditional Iterative Generation of Images in Latent Space", arXiv:1612.00005, in the
form of the noiseless joint PPGN-h. A generator draws images of codes, an encoder takes
images to codes again, and any network may say how likely an image is what is wanted:

    sampled = sampler(again, likely, ONE_CLASS, rate=lambda step: 1.0)
    codes, chain = jax.lax.scan(sampled.step, sampled.init(code), keys)

All is pure, and a chain does not depend on others, so `jax.vmap` makes many of them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp


class Steps(NamedTuple):
    """The weights of the parts of a step; only their ratios matter.

    Attributes:
        prior: ε1, towards the code of the code's own image.
        wanted: ε2, along the gradient of what is wanted.
        noise: ε3, the standard deviation of the noise.
        context: ε4, along the gradient of a known part of the image.
    """

    prior: float = 1e-5
    wanted: float = 1.0
    noise: float = 1e-17
    context: float = 0.0


ONE_CLASS = Steps()
CAPTION = Steps(prior=1e-3)
PLACES = Steps(prior=1e-7)
INPAINTING = Steps(noise=0.0, context=1e-9)
"""The weights of the authors' scripts, for their networks."""
HIGHEST = 30.0  # of a code, whose numbers come out of a rectifier


class State(NamedTuple):
    """Where a chain is.

    Attributes:
        code: `[Z]`.
        step: steps that were made.
    """

    code: jax.Array
    step: jax.Array


class Sampler(NamedTuple):
    """A chain as two pure functions.

    Attributes:
        init: `init(code) -> State`.
        step: `step(state, key) -> (state, code)`, as `jax.lax.scan` takes it.
    """

    init: Callable[[jax.Array], State]
    step: Callable[[State, jax.Array], tuple[State, jax.Array]]


def sampler(
    again: Callable[[jax.Array], jax.Array],
    wanted: Callable[[jax.Array], jax.Array],
    steps: Steps = ONE_CLASS,
    *,
    rate: Callable[[jax.Array], Any] = lambda step: 1.0,
    context: Callable[[jax.Array], jax.Array] | None = None,
    within: tuple[float, float] | None = (0.0, HIGHEST),
    normalised: bool = True,
) -> Sampler:
    """Makes a chain of codes.

    h <- clip(h + r d / mean |d|), where d = ε1 (R(h) - h) + ε2 ∇ log p(h) + ε3 n + ε4 ∇
    c(h), and n is normal noise, inside what is divided.

    Args:
        again: R, which takes a code `[Z]` to that of its own image.
        wanted: takes a code to a number, the log-probability of what is wanted.
        steps: the weights ε.
        rate: r, of the number of the step.
        context: c, takes a code to a number that is large where the image agrees with
            what is known of it.
        within: the least and the largest number of a code, to which steps are clipped;
            None clips nothing.
        normalised: whether d is divided by its mean absolute value, as in the authors'
            code. Without, and with ε2 = ε1, r ε1 = ε3² / 2 and a small r, chains are
            those of Langevin.
    """

    def init(code):
        chex.assert_rank(code, 1)
        return State(code, jnp.zeros((), jnp.int32))

    def step(state, key):
        h = state.code
        d = steps.prior * (again(h) - h) + steps.wanted * jax.grad(wanted)(h)
        if context is not None:
            d += steps.context * jax.grad(context)(h)
        d += steps.noise * jax.random.normal(key, h.shape)
        if normalised:
            size = jnp.abs(d).mean()
            d /= jnp.where(size > 0, size, 1.0)
        h = h + jnp.asarray(rate(state.step)) * d
        h = h if within is None else jnp.clip(h, *within)
        return State(h, state.step + 1), h

    return Sampler(init, step)


def target_logit(logits: jax.Array, label: Any) -> jax.Array:
    """What has the released code's gradient of log p(label): a number.

    The gradient of the log-probability is 1 - p at the logit of the class and -p at the
    others; the released code keeps the first and drops the others.

    Args:
        logits: `[K]`.
        label: the class.
    """
    chex.assert_rank(logits, 1)
    missing = jax.lax.stop_gradient(1 - jax.nn.softmax(logits)[label])
    return missing * logits[label]
