"""The original GAN: its sizes and schedules by arithmetic, its step against Torch."""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from jax import lax

from jaxgan.compose import parameter_count
from jaxgan.game import algorithm, pure, variables
from jaxgan.models import gan
from jaxgan.models.parts import dense_digits

TINY = gan.Config(latent=3, hidden=(6, 5), maxout=(5, 4), pieces=2)
IN_TURN = dataclasses.replace(TINY, moves="in_turn")
SURE = dataclasses.replace(TINY, keep_input=1.0, keep_hidden=1.0)  # no dropout


def images(*leading, seed=0):
    drawn = np.random.default_rng(seed).uniform(size=(*leading, 28, 28, 1))
    return jnp.asarray(drawn, "float32")


@functools.cache
def started(config):
    """The state that training starts with, and the compiled step."""
    init, step = algorithm(gan.game(config))
    leading = (config.discriminator_steps,) * (config.discriminator_steps > 1)
    state = jax.jit(init)(jax.random.key(0), {"image": images(*leading, 8)})
    return state, jax.jit(step)


# --- networks -------------------------------------------------------------------------


def test_the_layers_of_the_paper():
    init = algorithm(gan.game(gan.Config())).init
    params = jax.eval_shape(init, jax.random.key(0), {"image": images(1)}).params
    assert parameter_count(params["generator"]) == (
        (100 + 1) * 1200 + (1200 + 1) * 1200 + (1200 + 1) * 784
    )
    assert parameter_count(params["discriminator"]) == (
        (784 + 1) * 240 * 5 + (240 + 1) * 240 * 5 + 240 + 1
    )
    assert params["discriminator"]["Maxout_0"]["kernel"].shape == (784, 5, 240)


def test_weights_start_uniform_each_player_s_its_own_width():
    state, _ = started(dataclasses.replace(TINY, hidden=(80, 80), maxout=(40, 40)))
    for net, width in (("generator", 0.05), ("discriminator", 0.005)):
        for name, layer in state.params[net].items():
            kernel = np.asarray(layer["kernel"]).ravel()
            assert np.abs(kernel).max() <= width
            if len(kernel) > 200:
                test = scipy.stats.kstest(kernel, "uniform", (-width, 2 * width))
                assert test.pvalue > 1e-3, (net, name)
            assert not np.any(layer["bias"])


def test_pixels_start_at_the_mean_of_the_data():
    mean = np.random.default_rng(0).uniform(0.01, 0.99, (28, 28, 1))
    mean[0, 0], mean[0, 1] = 0, 1
    init = algorithm(gan.game(TINY, mean)).init
    state = jax.jit(init)(jax.random.key(0), {"image": images(1)})
    # Other biases are zero, so the latent zero shows the last one alone.
    drawn = gan.sample(TINY, variables(state), jnp.zeros((1, 3)))[0]
    np.testing.assert_allclose(drawn, mean, atol=2e-6)
    bias = state.params["generator"]["to_image"]["bias"]
    np.testing.assert_allclose(bias[:2], [-math.log(1e7 - 1), math.log(1e7 - 1)])


@pytest.mark.parametrize(
    "mean", [np.zeros((784,)), np.full((28, 28, 1), 33.0), np.full((28, 28, 1), np.nan)]
)
def test_marginals_that_are_none_are_refused(mean):
    with pytest.raises(ValueError, match="marginals have shape.*mean of the training"):
        gan.game(TINY, mean)


def test_images_are_in_the_unit_range_however_large_the_latents():
    latent = 1e4 * jax.random.normal(jax.random.key(0), (64, 3))
    drawn = gan.sample(TINY, variables(started(TINY)[0]), latent)
    assert drawn.shape == (64, 28, 28, 1)
    assert 0 <= float(drawn.min()) < 0.1
    assert 0.9 < float(drawn.max()) <= 1


def test_latents_have_variance_one_in_either_distribution():
    for noise, *of in (
        ("normal", "norm"),
        ("uniform", "uniform", (-math.sqrt(3), 2 * math.sqrt(3))),
    ):
        drawn = np.asarray(gan.latent(gan.Config(noise=noise), jax.random.key(0), 200))
        assert drawn.shape == (200, 100)
        assert scipy.stats.kstest(drawn.ravel(), *of).pvalue > 1e-3
        assert drawn.var() == pytest.approx(1, rel=0.02)


def test_other_images_are_refused():
    with pytest.raises(ValueError, match=r"\(2, 14, 14, 1\).*28"):
        gan.Discriminator(TINY).init(jax.random.key(0), jnp.zeros((2, 14, 14, 1)))


# --- dropout --------------------------------------------------------------------------


def test_the_discriminator_drops_pixels_and_units_by_their_own_shares():
    config = dataclasses.replace(TINY, maxout=(50, 50))
    module, image = gan.Discriminator(config), images(200) + 1
    params = module.init(jax.random.key(0), image)
    _, seen = module.apply(
        params,
        image,
        rngs={"dropout": jax.random.key(1)},
        capture_intermediates=True,
        mutable="intermediates",
    )
    seen = {
        name: np.asarray(value["__call__"][0])
        for name, value in seen["intermediates"].items()
        if name != "__call__"
    }
    flat = np.asarray(image).reshape(200, 784)
    pairs = [
        (seen["Dropout_0"], flat, 0.8),
        (seen["Dropout_1"], seen["Maxout_0"], 0.5),
        (seen["Dropout_2"], seen["Maxout_1"], 0.5),
    ]
    for after, before, keep in pairs:
        kept = after != 0
        assert kept.mean() == pytest.approx(keep, abs=0.02)
        np.testing.assert_allclose(after[kept], before[kept] / keep, rtol=1e-5)


def test_nothing_is_dropped_but_while_they_play():
    # The step size is nothing, so that the weights stay as good as they are.
    config = dataclasses.replace(TINY, learning_rate=1e-12, final_learning_rate=0.0)
    state, step = started(config)
    image, held = images(8), variables(state)
    judge = pure(gan.Discriminator(TINY), "discriminator")
    one, two, plain = (
        judge(held, image, rngs=rngs)[0]
        for rngs in ({"dropout": jax.random.key(0)}, {"dropout": jax.random.key(1)}, {})
    )
    assert not np.array_equal(one, two)
    np.testing.assert_array_equal(plain, judge(held, image)[0])
    # In a game the same images and latents are judged differently each step.
    batch = {"image": image, "latent": jnp.ones((8, 3))}
    state, first = step(state, batch)
    _, second = step(state, batch)
    for name in ("discriminator/real", "discriminator/fake", "generator/loss"):
        assert first[name] != second[name]
    drawn = pure(gan.Generator(TINY), "generator")
    latent = jnp.ones((2, 3))
    np.testing.assert_array_equal(
        drawn(held, latent, rngs={"dropout": jax.random.key(0)})[0],
        gan.sample(TINY, held, latent),
    )


# --- the game -------------------------------------------------------------------------


@pytest.mark.parametrize(("loss", "sign"), [("non_saturating", 1), ("minimax", -1)])
def test_one_who_knows_nothing_loses_log_two(loss, sign):
    """Half the sum of two cross-entropies; the sum would double the step size."""
    config = dataclasses.replace(TINY, loss=loss)
    discriminator_loss, generator_loss = dense_digits.training(config)["losses"]
    logits = jnp.zeros(2)
    np.testing.assert_allclose(discriminator_loss(logits, logits), math.log(2))
    np.testing.assert_allclose(generator_loss(logits), sign * math.log(2))


def test_smoothing_is_of_the_targets_of_real_images_alone():
    config = dataclasses.replace(TINY, smoothing=0.25)
    real, fake = jnp.asarray([2.0, -1.0]), jnp.asarray([0.5, 3.0])
    d = 1 / (1 + np.exp(-np.asarray(real, "float64")))
    wanted = -(0.75 * np.log(d) + 0.25 * np.log(1 - d)) + np.log1p(np.exp([0.5, 3.0]))
    discriminator_loss, generator_loss = dense_digits.training(config)["losses"]
    np.testing.assert_allclose(discriminator_loss(real, fake), wanted / 2, rtol=1e-6)
    plain = dense_digits.training(TINY)["losses"][1]
    np.testing.assert_array_equal(generator_loss(fake), plain(fake))


def test_every_step_of_the_discriminator_and_the_generator_has_new_noise(monkeypatch):
    drawn = []

    def latent(config, key, count):
        z = jax.random.uniform(key, (count, config.latent))
        jax.debug.callback(lambda z: drawn.append(np.asarray(z)), z)
        return z

    monkeypatch.setattr(gan, "latent", latent)
    config = dataclasses.replace(IN_TURN, discriminator_steps=3)
    init, step = algorithm(gan.game(config))
    batch = {"image": images(3, 4)}
    state = jax.jit(init)(jax.random.key(0), batch)
    jax.block_until_ready(jax.jit(step)(state, batch))
    jax.effects_barrier()
    seen = np.stack(drawn)
    assert seen.shape == (3 + 1, 4, 3)
    assert len(np.unique(seen)) == seen.size


def torch_discriminator(params, image):
    torch = pytest.importorskip("torch")  # 2.13
    x = image.reshape(len(image), -1)
    for layer in ("Maxout_0", "Maxout_1"):
        kernel, bias = params[layer]["kernel"], params[layer]["bias"]
        x = (torch.einsum("bn,npu->bpu", x, kernel) + bias).amax(1)
    return (x @ params["to_logit"]["kernel"] + params["to_logit"]["bias"])[:, 0]


def torch_generator(params, latent):
    torch = pytest.importorskip("torch")  # 2.13
    x = latent
    for layer in ("Dense_0", "Dense_1"):
        x = torch.relu(x @ params[layer]["kernel"] + params[layer]["bias"])
    x = x @ params["to_image"]["kernel"] + params["to_image"]["bias"]
    return torch.sigmoid(x).reshape(-1, 28, 28, 1)


@pytest.mark.parametrize("moves", ["together", "in_turn"])
def test_two_steps_against_torch(moves):
    """Torch 2.13: cross-entropies, gradients, and v <- m v - r g in float64."""
    torch = pytest.importorskip("torch")  # 2.13
    config = dataclasses.replace(SURE, decay=1.25, rise=(0, 2), moves=moves)
    init, step = algorithm(gan.game(config))
    step = jax.jit(step)
    batch = {"image": images(6), "latent": gan.latent(config, jax.random.key(3), 6)}
    state = jax.jit(init)(jax.random.key(0), batch)
    # Wider weights than the paper's make gradients that can be told from rounding.
    state = state.replace(params=jax.tree.map(lambda x: 10 * x, state.params))

    params = jax.tree.map(
        lambda x: torch.tensor(np.asarray(x), dtype=torch.float64, requires_grad=True),
        state.params,
    )
    leaves = {net: jax.tree.leaves(tree) for net, tree in params.items()}
    speed = {net: [torch.zeros_like(x) for x in xs] for net, xs in leaves.items()}
    image, latent = (
        torch.tensor(np.asarray(batch[name]), dtype=torch.float64)
        for name in ("image", "latent")
    )
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    for count in range(2):
        grads = {}
        for net in ("discriminator", "generator"):
            fake = torch_generator(params["generator"], latent)
            logits = torch_discriminator(params["discriminator"], fake)
            if net == "discriminator":
                real = torch_discriminator(params["discriminator"], image)
                loss = 0.5 * (
                    entropy(real, torch.ones_like(real))
                    + entropy(logits, torch.zeros_like(logits))
                )
            else:
                loss = entropy(logits, torch.ones_like(logits))
            grads[net] = torch.autograd.grad(loss, leaves[net])
            if moves == "together" and net == "discriminator":
                continue  # until the generator's gradient is of the same state
            rate, momentum = 0.1 / 1.25**count, 0.5 + 0.1 * count
            with torch.no_grad():
                for owner in grads:
                    for x, v, g in zip(
                        leaves[owner], speed[owner], grads[owner], strict=True
                    ):
                        v.mul_(momentum).sub_(rate * g)
                        x.add_(v)
            grads = {}
    for _ in range(2):
        state, _ = step(state, batch)
    for net, wanted in leaves.items():
        for x, y in zip(jax.tree.leaves(state.params[net]), wanted, strict=True):
            np.testing.assert_allclose(x, y.detach().numpy(), rtol=2e-5, atol=1e-7)


# --- schedules ------------------------------------------------------------------------


def test_step_sizes_fall_with_every_update_and_momentum_rises():
    config = gan.Config(decay=2.0, final_learning_rate=0.01, rise=(2, 6))
    optimizer = dense_digits.optimizer(config)
    update = jax.jit(optimizer.update)
    state = optimizer.init(jnp.zeros(()))
    rates = [0.1, 0.05, 0.025, 0.0125, 0.01, 0.01, 0.01, 0.01]
    momenta = [0.5, 0.5, 0.5, 0.55, 0.6, 0.65, 0.7, 0.7]
    velocity = 0.0
    for i, (rate, momentum) in enumerate(zip(rates, momenta, strict=True)):
        gradient = math.cos(i)
        velocity = momentum * velocity - rate * gradient
        change, state = update(jnp.asarray(gradient), state)
        assert float(change) == pytest.approx(velocity, rel=1e-5)


def test_a_hundred_thousand_divisions_by_a_number_close_to_one():
    """0.1 / 1.000004^n; the nearest float32 to 1.000004 would be off by 0.5 %."""
    optimizer = dense_digits.optimizer(gan.Config(momentum=(0.0, 0.0)))

    @jax.jit
    def played(state):
        def body(state, _):
            change, state = optimizer.update(jnp.ones(()), state)
            return state, change

        return lax.scan(body, state, length=100_001)[1]

    changes = played(optimizer.init(jnp.zeros(())))
    for count in (0, 1, 50_000, 100_000):
        assert float(changes[count]) == pytest.approx(-0.1 / 1.000004**count, rel=1e-5)


def test_adam_against_torch():
    torch = pytest.importorskip("torch")  # 2.13
    config = gan.Config(optimizer="adam", learning_rate=1e-3, decay=1.0)
    optimizer = dense_digits.optimizer(config)
    x = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([x], 1e-3, betas=(0.5, 0.999))
    state, params = optimizer.init(jnp.zeros(3)), jnp.zeros(3)
    for i in range(3):
        gradient = np.cos(np.arange(3) + i)
        x.grad = torch.tensor(gradient)
        adam.step()
        change, state = optimizer.update(jnp.asarray(gradient, "float32"), state)
        params += change
    np.testing.assert_allclose(params, x.detach().numpy(), rtol=1e-4)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"loss": "hinge"}, "loss 'hinge'.*minimax"),
        ({"optimizer": "sgd"}, "optimizer 'sgd'"),
        ({"discriminator_steps": 0}, "discriminator_steps is 0"),
        ({"discriminator_steps": 2}, "discriminator_steps is 2.*move together"),
        ({"smoothing": 1.0}, r"smoothing is 1\.0; it must be at least 0 and below 1"),
        ({"decay": 0.999}, "decay is 0.999"),
        ({"final_learning_rate": 0.2}, "final_learning_rate 0.2"),
        ({"optimizer": "adam"}, "learning_rate is 0.1.*2e-4"),
        ({"generator_init": 0.0}, "generator_init is 0.0"),
        ({"momentum": (0.5, 1.0)}, r"momentum is \(0.5, 1.0\)"),
        ({"rise": (5, 5)}, r"rise is \(5, 5\)"),
        ({"latent": 0}, "latent is 0"),
        ({"hidden": ()}, r"hidden is \(\)"),
        ({"maxout": (5, 0)}, r"maxout is \(5, 0\)"),
        ({"pieces": 0}, "pieces is 0"),
        ({"keep_input": 0.0}, "keep_input is 0.0"),
        ({"keep_hidden": 1.5}, "keep_hidden is 1.5"),
    ],
)
def test_what_cannot_be_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        gan.Config(**changes)
