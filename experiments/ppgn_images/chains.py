"""Chains of codes: towards a class, and into a hole."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import bounds
from jaxgan.analysis import plug_and_play
from jaxgan.models import ppgn


@dataclasses.dataclass(frozen=True)
class Chains:
    """How chains are made; the paper's numbers are for its own networks."""

    each: bounds.Count = 10
    """Chains of each class."""
    iterations: bounds.Count = 200
    """Steps of a chain."""
    prior: bounds.Weight = 0.1
    """Weight of the step towards the code of a code's own image; that of the step
    towards the class is 1."""
    noise: bounds.Weight = 1e-17
    """Standard deviation of the noise in a step."""
    context: bounds.Weight = 1.0
    """Weight of what is known of an image with a hole."""
    start: bounds.Rate = 2.5
    """Standard deviation of the random codes that chains begin at; 1 in the paper."""
    rate: bounds.Rate = 0.03
    """Mean size of a step at the beginning of a chain; it falls to a hundredth."""
    released: bool = False
    """Keep only the class's own logit in the gradient towards a class, as the released
    code does."""
    seed: bounds.Seed = 0
    """Seed of the codes that chains begin at."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def classes(
    config: Chains, model: ppgn.Config, variables: Any, labels: jax.Array
) -> jax.Array:
    """Makes chains that begin at random codes and go towards classes.

    Args:
        config: the flags.
        model: the model's config.
        variables: the variables of its nets.
        labels: the class of each chain, `[N]`.

    Returns:
        The codes of all steps, `[N, steps, Z]`.
    """

    def chain(label, key):
        first, rest = jax.random.split(key)

        def again(code):
            return _see(model, variables, _draw(model, variables, code)).code

        def wanted(code):
            seen = _see(model, variables, _draw(model, variables, code))
            return _likely(config, seen.logits, label)

        return _run(
            config,
            plug_and_play.sampler(again, wanted, _steps(config), rate=_rate(config)),
            config.start * jax.random.normal(first, (model.code,)),
            rest,
        )

    keys = jax.random.split(jax.random.key(config.seed), len(labels))
    return jax.jit(jax.vmap(chain))(labels, keys)


def holes(
    config: Chains,
    model: ppgn.Config,
    variables: Any,
    images: jax.Array,
    labels: jax.Array,
    hole: jax.Array,
) -> jax.Array:
    """Makes chains that begin at the codes of images with a hole, and fill it.

    In every step the known pixels are put over the drawn image before the encoder sees
    it, so that the class is only asked of the hole.

    Args:
        config: the flags.
        model: the model's config.
        variables: the variables of its nets.
        images: `[N, R, R, C]` in [-1, 1].
        labels: their classes, `[N]`.
        hole: `[R, R]`, true where nothing is known.

    Returns:
        Images with filled holes, `[N, R, R, C]`.
    """
    over = hole[:, :, None]

    def chain(image, label, key):
        def filled(code):
            return jnp.where(over, _draw(model, variables, code), image)

        def again(code):
            return _see(model, variables, filled(code)).code

        def wanted(code):
            return _likely(config, _see(model, variables, filled(code)).logits, label)

        def context(code):
            off = jnp.where(over, 0.0, _draw(model, variables, code) - image)
            return -0.5 * jnp.square(off).sum()

        sampled = plug_and_play.sampler(
            again, wanted, _steps(config), rate=_rate(config), context=context
        )
        first = _see(model, variables, jnp.where(over, 0.0, image)).code
        return filled(_run(config, sampled, first, key)[-1])

    keys = jax.random.split(jax.random.key(config.seed), len(labels))
    return jax.jit(jax.vmap(chain))(images, labels, keys)


def _run(config, sampled, code, key):
    keys = jax.random.split(key, config.iterations)
    return jax.lax.scan(sampled.step, sampled.init(code), keys)[1]


def _steps(config):
    return plug_and_play.Steps(config.prior, 1.0, config.noise, config.context)


def _rate(config) -> Callable[[jax.Array], Any]:
    """Falls along a line, from the first step to the last."""
    last = max(config.iterations - 1, 1)
    return lambda step: config.rate * (1 - 0.99 * step / last)


def _likely(config, logits, label):
    """A number whose gradient leads towards a class."""
    if config.released:
        return plug_and_play.target_logit(logits, label)
    return jax.nn.log_softmax(logits)[label]


def _draw(model, variables, code):
    return ppgn.draw(model, variables, code[None])[0]


def _see(model, variables, image):
    seen = ppgn.see(model, variables, image[None])
    return jax.tree.map(lambda x: x[0], seen)
