"""The VAE and the plain autoencoder, against sums in NumPy and SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

from jaxgan.game import algorithm, variables
from jaxgan.models import autoencoder, vae

CONFIG = vae.Config(resolution=3, code=2, hidden=(6, 5))
PLAIN = autoencoder.Config(resolution=3, code=2, hidden=(6, 5))


def started(module, config, image):
    run = algorithm(module.game(config))
    state = jax.jit(run.init)(jax.random.key(0), {"image": image})
    # Biases begin at zero, and would hide what is left out or added twice.
    params = jax.tree.map(
        lambda x: x + 0.1 * jnp.cos(jnp.arange(x.size)).reshape(x.shape), state.params
    )
    return run, state.replace(params=params)


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).random((4, 3, 3, 1), np.float32)


@pytest.fixture(scope="module")
def model(image):
    return started(vae, CONFIG, image)


def mlp(params, x):
    """The layers of one net in numpy, in double precision."""
    layers = params["MLP_0"]
    for i in range(len(layers)):
        layer = layers[f"Dense_{i}"]
        x = x @ np.asarray(layer["kernel"], float) + np.asarray(layer["bias"], float)
        if i < len(layers) - 1:
            x = np.maximum(x, 0)
    return x


def by_hand(state, image, noise):
    """log p(x|z) and KL with the noise given, from SciPy: `[B]` each."""
    flat = np.asarray(image, float).reshape(len(image), -1)
    mean, log_variance = np.split(mlp(state.params["encoder"], flat), 2, axis=-1)
    logits = mlp(state.params["decoder"], mean + np.exp(log_variance / 2) * noise)
    likelihood = flat * logits - np.logaddexp(0, logits)
    # E_q[log q - log p], as SciPy knows the entropy of q.
    deviation = np.exp(log_variance / 2)
    cross = 0.5 * (np.log(2 * np.pi) + mean**2 + deviation**2)
    kl = cross - scipy.stats.norm.entropy(mean, deviation)
    return likelihood.sum(-1), kl.sum(-1), mean, log_variance


def draws(key, count):
    return np.asarray(jax.random.normal(key, (count, 2)), float)


def test_the_bound_is_likelihood_minus_divergence_summed_over_pixels(model, image, key):
    _, state = model
    bound = vae.log_likelihood_bound(CONFIG, variables(state), image, key)
    noise = draws(jax.random.split(key, 1)[0], 4)
    likelihood, divergence, *_ = by_hand(state, image, noise)
    np.testing.assert_allclose(bound, likelihood - divergence, rtol=1e-5)


def test_more_draws_are_averaged(model, image, key):
    _, state = model
    bound = vae.log_likelihood_bound(CONFIG, variables(state), image, key, draws=3)
    parts = [by_hand(state, image, draws(k, 4)) for k in jax.random.split(key, 3)]
    expected = np.mean([p[0] for p in parts], 0) - parts[0][1]
    np.testing.assert_allclose(bound, expected, rtol=1e-5)
    with pytest.raises(ValueError, match="draws is 0"):
        vae.log_likelihood_bound(CONFIG, variables(state), image, key, draws=0)


def test_the_loss_is_minus_the_mean_bound(model, image):
    run, state = model
    _, metrics = jax.jit(run.step)(state, {"image": image})
    move_key = jax.random.fold_in(jax.random.fold_in(state.key, 0), 0)
    likelihood, divergence, *_ = by_hand(state, image, draws(move_key, 4))
    expected = {
        "loss": (divergence - likelihood).mean(),
        "likelihood": likelihood.mean(),
        "divergence": divergence.mean(),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(metrics[f"vae/{name}"], value, rtol=1e-5)


def test_the_bound_is_below_the_likelihood(model, image, key):
    """log p(x) by a sum over a fine grid of codes, which two of them still allow."""
    _, state = model
    side = np.linspace(-6, 6, 161)
    codes = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)
    logits = mlp(state.params["decoder"], codes)
    x = np.asarray(image, float).reshape(4, 1, -1)
    likelihood = (x * logits - np.logaddexp(0, logits)).sum(-1)
    prior = scipy.stats.norm.logpdf(codes).sum(-1)
    cell = 2 * np.log(side[1] - side[0])
    evidence = np.logaddexp.reduce(likelihood + prior + cell, axis=1)
    many = jnp.repeat(image, 500, 0)
    bound = vae.log_likelihood_bound(CONFIG, variables(state), many, key)
    bound = np.reshape(bound, (4, 500)).mean(1)
    assert (bound < evidence).all()
    assert (bound > evidence - 1).all()


def test_encode_gives_mean_and_log_variance_and_decode_the_mean_of_pixels(model, image):
    _, state = model
    mean, log_variance = vae.encode(CONFIG, variables(state), image)
    *_, expected_mean, expected_log_variance = by_hand(state, image, 0.0)
    np.testing.assert_allclose(mean, expected_mean, rtol=1e-5)
    np.testing.assert_allclose(log_variance, expected_log_variance, rtol=1e-5)
    drawn = vae.decode(CONFIG, variables(state), mean)
    logits = mlp(state.params["decoder"], expected_mean)
    expected = scipy.special.expit(logits).reshape(4, 3, 3, 1)
    np.testing.assert_allclose(drawn, expected, rtol=1e-5)
    again = vae.sample(CONFIG, variables(state), mean)
    np.testing.assert_array_equal(again, drawn)


def test_codes_are_drawn_from_a_standard_normal(key):
    drawn = vae.latent(CONFIG, key, 500)
    assert drawn.shape == (500, 2)
    assert scipy.stats.kstest(np.ravel(drawn), "norm").pvalue > 0.01


def test_the_autoencoder_s_error_is_summed_over_pixels(image):
    run, state = started(autoencoder, PLAIN, image)
    _, metrics = jax.jit(run.step)(state, {"image": image})
    flat = np.asarray(image, float).reshape(4, -1)
    code = mlp(state.params["encoder"], flat)
    drawn = 1 / (1 + np.exp(-mlp(state.params["decoder"], code)))
    expected = ((drawn - flat) ** 2).sum(-1).mean()
    np.testing.assert_allclose(metrics["autoencoder/loss"], expected, rtol=1e-5)
    found = autoencoder.encode(PLAIN, variables(state), image)
    np.testing.assert_allclose(found, code, rtol=1e-5)
    again = autoencoder.decode(PLAIN, variables(state), found)
    np.testing.assert_allclose(again, drawn.reshape(4, 3, 3, 1), rtol=1e-5)


@pytest.mark.parametrize("module", [autoencoder, vae])
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"code": 0}, "code is 0"),
        ({"resolution": 0}, "resolution is 0"),
        ({"hidden": (4, 0)}, r"hidden is \(4, 0\)"),
    ],
)
def test_sizes_that_cannot_be_are_refused(module, changes, words):
    with pytest.raises(ValueError, match=words):
        module.Config(**changes)
