import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax  # twins: optax 0.2.8
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from jaxgan import losses

LOG_2 = math.log(2.0)
quick = settings(max_examples=8, deadline=None, database=None)
shapes = st.sampled_from([(3,), (2, 1, 3)])
dtypes = st.sampled_from([jnp.float32, jnp.bfloat16, jnp.float16, np.float64])


@st.composite
def logit_pairs(draw):
    shape, dtype = draw(shapes), draw(dtypes)
    values = hnp.arrays(np.float64, shape, elements=st.floats(-60, 60, width=32))
    # float64 references start from what the low-precision inputs really hold
    return tuple(np.asarray(draw(values)).astype(dtype) for _ in range(2))


def wide(array):
    return np.asarray(array, np.float64)


def softplus(x):
    return np.logaddexp(0.0, x)


def test_values_at_zero_logits():
    zero = jnp.zeros(3)
    values = {
        losses.minimax_discriminator_loss: 2 * LOG_2,
        losses.non_saturating_discriminator_loss: 2 * LOG_2,
        losses.boundary_seeking_discriminator_loss: 2 * LOG_2,
        losses.relativistic_average_discriminator_loss: 2 * LOG_2,
        losses.relativistic_average_generator_loss: 2 * LOG_2,
        losses.relativistic_discriminator_loss: LOG_2,
        losses.relativistic_generator_loss: LOG_2,
        losses.hinge_discriminator_loss: 2.0,
        losses.wasserstein_discriminator_loss: 0.0,
        losses.least_squares_discriminator_loss: 0.5,
    }
    for loss, value in values.items():
        np.testing.assert_allclose(loss(zero, zero), np.full(3, value), rtol=1e-6)
    values = {
        losses.minimax_generator_loss: -LOG_2,
        losses.non_saturating_generator_loss: LOG_2,
        losses.hinge_generator_loss: 0.0,
        losses.wasserstein_generator_loss: 0.0,
        losses.least_squares_generator_loss: 0.5,
        losses.boundary_seeking_generator_loss: 0.0,
    }
    for loss, value in values.items():
        np.testing.assert_allclose(loss(zero), np.full(3, value), rtol=1e-6)


@functools.partial(jax.jit, static_argnums=0)
def each(functions, *args):
    return [function(*args) for function in functions]


@quick
@given(logit_pairs())
def test_formulas_in_float64(pair):
    real, fake = pair
    x, y = wide(real), wide(fake)
    mean_x, mean_y = x.mean(), y.mean()
    wanted = {
        losses.minimax_discriminator_loss: softplus(-x) + softplus(y),
        losses.least_squares_discriminator_loss: ((x - 1) ** 2 + y**2) / 2,
        losses.wasserstein_discriminator_loss: y - x,
        losses.hinge_discriminator_loss: np.maximum(0, 1 - x) + np.maximum(0, 1 + y),
        losses.relativistic_discriminator_loss: softplus(y - x),
        losses.relativistic_generator_loss: softplus(x - y),
        losses.relativistic_average_discriminator_loss: softplus(mean_y - x)
        + softplus(y - mean_x),
        losses.relativistic_average_generator_loss: softplus(mean_x - y)
        + softplus(x - mean_y),
    }
    for result, value in zip(
        each(tuple(wanted), real, fake), wanted.values(), strict=True
    ):
        assert result.shape == real.shape
        assert result.dtype == jnp.float32
        np.testing.assert_allclose(result, value, rtol=1e-5, atol=1e-5)
    wanted = {
        losses.minimax_generator_loss: -softplus(y),
        losses.non_saturating_generator_loss: softplus(-y),
        losses.least_squares_generator_loss: (y - 1) ** 2 / 2,
        losses.wasserstein_generator_loss: -y,
        losses.hinge_generator_loss: -y,
        losses.boundary_seeking_generator_loss: y**2 / 2,
    }
    for result, value in zip(each(tuple(wanted), fake), wanted.values(), strict=True):
        np.testing.assert_allclose(result, value, rtol=1e-5, atol=1e-5)


@jax.jit
@functools.partial(jax.grad, argnums=(0, 1), has_aux=True)
def smoothed(x, y, smoothing):
    loss = losses.minimax_discriminator_loss(x, y, label_smoothing=smoothing)
    return loss.sum(), loss


@quick
@given(logit_pairs(), st.floats(0.0, 0.9))
def test_minimax_is_the_cross_entropy_of_torch(pair, smoothing):
    torch = pytest.importorskip("torch")  # 2.13.0
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    real, fake = (torch.tensor(wide(x), requires_grad=True) for x in pair)
    ones = torch.ones_like(real)
    wanted = bce(real, (1 - smoothing) * ones, reduction="none")
    wanted = wanted + bce(fake, 0 * ones, reduction="none")
    wanted.sum().backward()

    as_float32 = [wide(x).astype(np.float32) for x in pair]
    gradients, result = smoothed(*as_float32, smoothing)
    np.testing.assert_allclose(result, wanted.detach(), rtol=1e-5, atol=1e-5)
    for gradient, twin in zip(gradients, (real, fake), strict=True):
        np.testing.assert_allclose(gradient, twin.grad, rtol=1e-5, atol=1e-6)


def test_twins_in_optax():
    x = jnp.linspace(-8.0, 8.0, 9)
    bce = optax.sigmoid_binary_cross_entropy
    pairs = [
        (losses.minimax_discriminator_loss(x, x), bce(x, 1.0) + bce(x, 0.0)),
        (losses.non_saturating_generator_loss(x), bce(x, 1.0)),
        (losses.minimax_generator_loss(x), -bce(x, 0.0)),
        (
            losses.hinge_discriminator_loss(x, x),
            optax.hinge_loss(x, jnp.ones(9)) + optax.hinge_loss(x, -jnp.ones(9)),
        ),
        (
            losses.least_squares_discriminator_loss(x, x),
            optax.l2_loss(x, jnp.ones(9)) + optax.l2_loss(x),
        ),
    ]
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


@quick
@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.sampled_from([0.0, 0.25]))
def test_the_best_discriminator_is_the_density_ratio(p, q, smoothing):
    logits = jnp.linspace(-8.0, 8.0, 16001)
    real, fake = losses.minimax_discriminator_terms(
        logits, logits, label_smoothing=smoothing
    )
    best = jax.nn.sigmoid(logits[jnp.argmin(p * real + q * fake)])
    # one-sided smoothing only scales the optimum: no mode of q stays in it
    np.testing.assert_allclose(best, (1 - smoothing) * p / (p + q), atol=1e-3)


@quick
@given(hnp.arrays(np.float64, (2, 6), elements=st.floats(0.01, 1.0)))
def test_the_value_of_the_game_is_the_jensen_shannon_divergence(weights):
    p, q = weights / weights.sum(axis=1, keepdims=True)
    real, fake = losses.minimax_discriminator_terms(jnp.log(p / q), jnp.log(p / q))
    value = -(p * np.asarray(real) + q * np.asarray(fake)).sum()
    middle = (p + q) / 2
    jsd = (p * np.log(p / middle) + q * np.log(q / middle)).sum() / 2
    np.testing.assert_allclose(value, -math.log(4.0) + 2 * jsd, atol=1e-5)


def test_the_minimax_generator_saturates_and_the_other_does_not():
    slope = jax.grad(lambda y: losses.minimax_generator_loss(y).sum())
    np.testing.assert_allclose(slope(jnp.array([-5.0])), [-0.0066929], rtol=1e-4)
    slope = jax.grad(lambda y: losses.non_saturating_generator_loss(y).sum())
    np.testing.assert_allclose(slope(jnp.array([-5.0])), [-0.9933071], rtol=1e-6)


def test_minimax_generator_is_minus_the_fake_term():
    y = jnp.linspace(-20.0, 20.0, 9)
    _, fake = losses.minimax_discriminator_terms(y, y)
    np.testing.assert_array_equal(losses.minimax_generator_loss(y), -fake)


def test_smoothing_punishes_confidence():
    # a logit of 10 against a target of 0.75
    loss = losses.minimax_discriminator_terms(
        jnp.array([10.0]), jnp.zeros(1), label_smoothing=0.25
    )[0]
    target, probability = 0.75, 1 / (1 + math.exp(-10.0))
    wanted = -target * math.log(probability) - 0.25 * math.log1p(-probability)
    np.testing.assert_allclose(loss, [wanted], rtol=1e-5)
    assert wanted > 2.4


def test_smoothing_may_be_traced():
    def loss(s):
        return losses.minimax_discriminator_loss(
            jnp.ones(2), jnp.ones(2), label_smoothing=s
        )

    np.testing.assert_allclose(jax.jit(loss)(0.1), loss(0.1), rtol=1e-6)


@pytest.mark.parametrize("wrong", [1.0, -0.1, float("nan")])
def test_impossible_smoothing_is_refused(wrong):
    with pytest.raises(ValueError, match=r"label_smoothing is .*expected 0 <= s < 1"):
        losses.minimax_discriminator_loss(
            jnp.ones(2), jnp.ones(2), label_smoothing=wrong
        )


@pytest.mark.parametrize(
    "loss",
    [
        losses.wasserstein_discriminator_loss,
        losses.relativistic_discriminator_loss,
        losses.relativistic_generator_loss,
        losses.relativistic_average_discriminator_loss,
        losses.relativistic_average_generator_loss,
    ],
)
def test_only_differences_of_logits_count(loss):
    x, y = jnp.array([1.0, -2.0, 0.5]), jnp.array([0.3, 2.0, -1.0])
    np.testing.assert_allclose(loss(x + 7.0, y + 7.0), loss(x, y), atol=1e-5)


@pytest.mark.parametrize(
    "loss",
    [losses.relativistic_generator_loss, losses.relativistic_average_generator_loss],
)
def test_relativistic_generators_have_a_gradient_through_both_logits(loss):
    gradients = jax.grad(lambda x, y: loss(x, y).sum(), (0, 1))(
        jnp.array([1.0, 2.0]), jnp.array([0.5, -1.0])
    )
    for gradient in gradients:
        assert (jnp.abs(gradient) > 0.1).all()
    np.testing.assert_allclose(gradients[0].sum(), -gradients[1].sum(), rtol=1e-6)


def test_terms_add_up_and_take_batches_of_unequal_size():
    x, y = jnp.array([1.0, -2.0]), jnp.array([0.3, 2.0])
    more = jnp.array([0.3, 2.0, 5.0])
    for family in [
        "minimax",
        "non_saturating",
        "least_squares",
        "wasserstein",
        "hinge",
        "relativistic_average",
    ]:
        terms = getattr(losses, f"{family}_discriminator_terms")
        loss = getattr(losses, f"{family}_discriminator_loss")
        np.testing.assert_allclose(sum(terms(x, y)), loss(x, y), rtol=1e-6)
        real, fake = terms(x, more)
        assert (real.shape, fake.shape) == ((2,), (3,))


def test_infinite_logits_give_infinite_losses():
    inf, nan = jnp.full(1, jnp.inf), jnp.full(1, jnp.nan)
    one = jnp.ones(1)
    for loss in [
        losses.minimax_discriminator_loss,
        losses.hinge_discriminator_loss,
        losses.least_squares_discriminator_loss,
        losses.wasserstein_discriminator_loss,
        losses.relativistic_discriminator_loss,
    ]:
        assert jnp.isposinf(loss(-inf, one)).all()
        assert jnp.isposinf(loss(one, inf)).all()
        assert jnp.isnan(loss(nan, one)).all()
        assert jnp.isnan(loss(one, nan)).all()


def test_boundary_seeking_weights_are_normalised_density_ratios():
    logits = jnp.array([[0.0, 1.0, -1.0], [1e4, 0.0, -1e4]])
    weights = losses.boundary_seeking_weights(logits)
    ratio = np.exp([0.0, 1.0, -1.0])
    np.testing.assert_allclose(weights[0], ratio / ratio.sum(), rtol=1e-6)
    np.testing.assert_allclose(weights[1], [1.0, 0.0, 0.0])


def test_discrete_boundary_seeking_trains_through_the_likelihood_alone():
    logits = jnp.array([[0.0, 1.0, -1.0]])
    log_probs = jnp.log(jnp.array([[0.2, 0.3, 0.5]]))
    loss = losses.boundary_seeking_discrete_generator_loss
    to_logits, to_log_probs = jax.grad(lambda a, b: loss(a, b).sum(), (0, 1))(
        logits, log_probs
    )
    np.testing.assert_array_equal(to_logits, np.zeros((1, 3)))
    weights = losses.boundary_seeking_weights(logits)
    np.testing.assert_allclose(to_log_probs, -weights, rtol=1e-6)


def test_discrete_boundary_seeking_finds_the_data():
    # twenty samples for each latent, and a discriminator that knows the densities
    p = jnp.array([0.6, 0.3, 0.1])

    def loss(theta, key):
        samples = jax.random.categorical(key, theta, shape=(32, 20))
        log_g = jax.nn.log_softmax(theta)
        logits = (jnp.log(p) - log_g)[samples]
        return losses.boundary_seeking_discrete_generator_loss(
            logits, log_g[samples]
        ).mean()

    def update(theta, key):
        return theta - 0.3 * jax.grad(loss)(theta, key), None

    keys = jax.random.split(jax.random.key(0), 200)
    theta, _ = jax.jit(lambda t: jax.lax.scan(update, t, keys))(jnp.zeros(3))
    np.testing.assert_allclose(jax.nn.softmax(theta), p, atol=0.03)


def test_boundary_seeking_refuses_wrong_samples():
    with pytest.raises(
        ValueError, match=r"fake_logits has shape \(4, 1\).*two samples"
    ):
        losses.boundary_seeking_weights(jnp.zeros((4, 1)))
    loss = losses.boundary_seeking_discrete_generator_loss
    with pytest.raises(ValueError, match=r"fake_logits \(4, 2\), log_probs \(4, 3\)"):
        loss(jnp.zeros((4, 2)), jnp.zeros((4, 3)))
    with pytest.raises(TypeError, match="log_probs has dtype int32"):
        loss(jnp.zeros((4, 2)), jnp.zeros((4, 2), jnp.int32))
    with pytest.raises(ValueError, match="expected rank 2"):
        loss(jnp.zeros(4), jnp.zeros(4))
