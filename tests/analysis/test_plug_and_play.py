"""PPGN's sampler beside theory: the sizes of its steps, and Gaussians as targets."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.analysis import plug_and_play as ppgn


def scanned(sampled, code, count, seed=0):
    keys = jax.random.split(jax.random.key(seed), count)
    return jax.lax.scan(sampled.step, sampled.init(code), keys)[1]


def test_a_step_moves_by_the_rate_in_mean_and_rates_may_fall():
    sampled = ppgn.sampler(
        lambda h: 0.3 * h,
        lambda h: jnp.sin(h).sum(),
        ppgn.Steps(prior=0.2, noise=0.1),
        rate=lambda step: 0.5 / (1 + step),
        within=None,
    )
    code = jnp.asarray(np.random.default_rng(0).normal(size=7), jnp.float32)
    chain = np.concatenate(
        [code[None], jax.jit(lambda h: scanned(sampled, h, 4))(code)]
    )
    sizes = np.abs(np.diff(chain, axis=0)).mean(1)
    np.testing.assert_allclose(sizes, 0.5 / np.arange(1, 5), rtol=1e-4)


def test_only_ratios_of_the_weights_matter():
    def end(times):
        steps = ppgn.Steps(*(times * x for x in (0.2, 1.0, 0.3, 0.1)))
        sampled = ppgn.sampler(
            lambda h: 0.3 * h,
            lambda h: jnp.cos(h).sum(),
            steps,
            context=lambda h: -jnp.square(h - 1).sum(),
        )
        return scanned(sampled, jnp.ones(3), 5)

    one, other = jax.jit(lambda: (end(1.0), end(1e3)))()
    np.testing.assert_allclose(one, other, rtol=1e-3)


def test_langevin_chains_reach_the_known_mean_and_variance():
    """The prior is N(0, 1), whose R(h) - h is its score -h, times a likelihood of 2.

    With the likelihood of 2 observed with variance 1, the posterior is N(1, 1/2).
    """
    epsilon = 0.02
    steps = ppgn.Steps(prior=epsilon, wanted=epsilon, noise=(2 * epsilon) ** 0.5)
    sampled = ppgn.sampler(
        lambda h: jnp.zeros_like(h),
        lambda h: -0.5 * jnp.square(h - 2).sum(),
        steps,
        within=None,
        normalised=False,
    )

    @jax.jit
    def chains():
        start = jnp.zeros((1000, 4))
        return jax.vmap(lambda h, seed: scanned(sampled, h, 250, seed)[-1])(
            start, jnp.arange(1000)
        )

    found = np.asarray(chains())
    assert abs(found.mean() - 1) < 4 * (0.5 / found.size) ** 0.5
    # Steps of this size add a little: 1/2 / (1 - epsilon).
    np.testing.assert_allclose(found.var(), 0.5 / (1 - epsilon), rtol=0.08)


def test_codes_are_clipped_but_not_the_first():
    sampled = ppgn.sampler(lambda h: h, lambda h: -h.sum(), ppgn.INPAINTING)
    state = sampled.init(jnp.asarray([-1.0, 3.0]))
    assert state.code[0] == -1
    state, _ = sampled.step(state, jax.random.key(0))
    np.testing.assert_allclose(state.code, [0, 2])


def test_a_chain_that_wants_nothing_stays():
    sampled = ppgn.sampler(lambda h: h, lambda h: 0 * h.sum(), ppgn.INPAINTING)
    state, _ = sampled.step(sampled.init(jnp.ones(2)), jax.random.key(0))
    np.testing.assert_array_equal(state.code, [1, 1])


def test_the_released_gradient_keeps_the_target_s_logit_alone():
    logits = jnp.asarray([0.3, -1.0, 2.0])
    released = jax.grad(ppgn.target_logit)(logits, 1)
    whole = jax.grad(lambda x: jax.nn.log_softmax(x)[1])(logits)
    p = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(released, [0, 1 - p[1], 0], rtol=1e-5)
    np.testing.assert_allclose(whole, [-p[0], 1 - p[1], -p[2]], rtol=1e-5)
