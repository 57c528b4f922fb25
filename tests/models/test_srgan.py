"""SRResNet and SRGAN: sizes, PyTorch's residual network, and images of any size."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import compose, nn
from jaxgan.game import algorithm, variables
from jaxgan.models import srgan

TINY = srgan.Config(resolution=16, width=2, blocks=1, hidden=3)


def started(config):
    init = algorithm(srgan.game(config)).init
    made = srgan.batch(config, jax.random.key(1), 2)
    return jax.jit(init)(jax.random.key(0), made), made


def test_networks_have_the_papers_numbers_of_parameters():
    """One PReLU slope a layer, two numbers a norm, maps of 6x6.

    With biases before norms too, they would be 1,549,462 and 23,565,505.
    """
    config = srgan.Config(adversarial=1e-3)
    init = algorithm(srgan.game(config)).init
    made = srgan.batch(config, jax.random.key(0), 2)
    state = jax.eval_shape(init, jax.random.key(0), made)
    counts = {name: compose.parameter_count(net) for name, net in state.params.items()}
    before_norms = {
        "generator": 33 * 64,
        "discriminator": 64 + 2 * (128 + 256 + 512),
    }
    assert counts == {
        "generator": 1_549_462 - before_norms["generator"],
        "discriminator": 23_565_505 - before_norms["discriminator"],
    }


def test_srresnet_has_no_discriminator_and_srgan_goes_on_from_it():
    first, made = started(TINY)
    assert set(first.params) == {"generator"}
    gan = dataclasses.replace(TINY, adversarial=1e-3)
    second, _ = started(gan)
    joined = compose.adopt(second, first)
    for a, b in zip(
        jax.tree.leaves(joined.params["generator"]),
        jax.tree.leaves(first.params["generator"]),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)
    _, seen = jax.jit(algorithm(srgan.game(TINY)).step)(first, made)
    fake, _ = srgan.Generator(TINY).apply(
        variables(first)["generator"], srgan.small(TINY, made), mutable=["batch_stats"]
    )
    expected = np.square(np.asarray(fake) - made["image"]).mean()
    np.testing.assert_allclose(seen["generator/loss"], expected, rtol=1e-5)


def test_images_of_any_size_become_four_times_larger():
    state, _ = started(TINY)
    image = jnp.full((1, 5, 7, 3), 0.5)
    found = srgan.enlarge(TINY, variables(state), image)
    assert found.shape == (1, 20, 28, 3)
    assert np.abs(found).max() <= 1
    flat = srgan.bicubic(TINY, image)
    np.testing.assert_allclose(flat, np.zeros((1, 20, 28, 3)), atol=1e-5)


def test_the_generator_agrees_with_torch_given_the_same_weights():
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    state, _ = started(TINY)
    params = state.params["generator"]
    image = np.random.default_rng(0).uniform(size=(2, 5, 6, 3)).astype("float32")

    def tensor(x):
        return torch.tensor(np.asarray(x))

    def conv(x, i):
        own = params[f"Conv_{i}"]
        kernel = tensor(own["kernel"]).permute(3, 2, 0, 1)
        bias = tensor(own["bias"]) if "bias" in own else None
        return functional.conv2d(x, kernel, bias, padding="same")

    def norm(x, i):
        own = params[f"BatchNorm_{i}"]
        zeros, ones = torch.zeros(2), torch.ones(2)
        return functional.batch_norm(
            x, zeros, ones, tensor(own["scale"]), tensor(own["bias"])
        )

    def prelu(x, i):
        return functional.prelu(
            x, tensor(params[f"PReLU_{i}"]["negative_slope"]).reshape(1)
        )

    first = prelu(conv(tensor(image).permute(0, 3, 1, 2), 0), 0)
    y = norm(conv(prelu(norm(conv(first, 1), 0), 1), 2), 1)
    x = first + norm(conv(first + y, 3), 2)
    for i in (0, 1):
        x = prelu(functional.pixel_shuffle(conv(x, 4 + i), 2), 2 + i)
    expected = conv(x, 6).permute(0, 2, 3, 1).clip(-1, 1)
    found = srgan.enlarge(TINY, variables(state), jnp.asarray(image))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_training_starts_at_bicubic_interpolation_without_a_checkerboard():
    config = dataclasses.replace(TINY, residual=True)
    state, _ = started(config)
    image = jax.random.uniform(jax.random.key(2), (1, 6, 6, 3))
    found = srgan.enlarge(config, variables(state), image)
    rival = srgan.bicubic(config, image)
    assert 0 < np.abs(found - rival).max() < 0.5
    kernel = state.params["generator"]["Conv_5"]["kernel"]
    blocks = nn.pixel_shuffle(kernel, 2)  # each channel of four makes a block
    np.testing.assert_array_equal(blocks[:, ::2, ::2], blocks[:, 1::2, 1::2])
    assert np.std(kernel[..., ::4]) > 0.1


def test_the_content_loss_compares_what_the_features_make_of_images():
    """Summed over the features, and a mean over places and examples."""
    config = dataclasses.replace(TINY, content="vgg22")
    real, fake = jax.random.normal(jax.random.key(0), (2, 2, 4, 4, 3))
    found = srgan.content_loss(config, lambda x: 2 * x, real, fake)
    expected = 4 * 3 * np.square(np.asarray(fake - real)).mean()
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    made = jax.eval_shape(lambda: srgan.batch(config, jax.random.key(0), 2))
    run = algorithm(srgan.game(config))
    state = jax.eval_shape(run.init, jax.random.key(0), made)  # as to restore a run
    with pytest.raises(ValueError, match="content is vgg22: give `game` the features"):
        jax.eval_shape(run.step, state, made)


def test_the_step_size_falls_to_a_tenth():
    config = dataclasses.replace(TINY, drop_after=2)
    player = srgan.game(config).players["generator"]
    state, moved = player.optimizer.init(jnp.ones(())), []
    for _ in range(4):
        update, state = player.optimizer.update(jnp.ones(()), state)
        moved.append(np.asarray(update))
    np.testing.assert_allclose(moved, [-1e-4, -1e-4, -1e-5, -1e-5], rtol=1e-3)


def test_small_images_are_reduced_without_aliases():
    made = srgan.batch(TINY, jax.random.key(0), 2)
    expected = (nn.reduce(made["image"], 4) + 1) / 2
    np.testing.assert_array_equal(srgan.small(TINY, made), expected)


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="resolution 90 cannot be halved four times;"):
        srgan.Config(resolution=90)
    with pytest.raises(ValueError, match="images have 1 channels, but the network"):
        srgan.enlarge(TINY, {}, jnp.zeros((1, 4, 4, 1)))
