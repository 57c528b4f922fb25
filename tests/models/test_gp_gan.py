"""GP-GAN's blending network: sizes, the critic's signs, and PyTorch's convolutions."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.game import algorithm
from jaxgan.models import gp_gan


def test_networks_have_the_papers_numbers_of_parameters():
    """Counted by hand: convolutions of 4x4 without biases, and two numbers a norm."""
    config = gp_gan.Config()
    init = algorithm(gp_gan.game(config)).init
    made = gp_gan.batch(config, jax.random.key(0), 2)
    state = jax.eval_shape(init, jax.random.key(0), made)
    counts = {
        name: sum(x.size for x in jax.tree.leaves(net))
        for name, net in state.params.items()
    }
    assert counts == {"generator": 71_058_880, "critic": 2_765_568}


def test_real_images_get_low_scores_and_the_generator_seeks_them():
    """The losses by their definition, and a mean of everything that is compared."""
    config = gp_gan.Config(
        resolution=8, width=2, bottleneck=3, critic_steps=1, reconstruction=0.9
    )
    init, step = algorithm(gp_gan.game(config))
    batch = gp_gan.batch(config, jax.random.key(1), 4)
    start = jax.jit(init)(jax.random.key(0), batch)
    after, metrics = jax.jit(step)(start, batch)
    np.testing.assert_allclose(metrics["critic/loss"], -metrics["critic/gap"])
    expected = 0.9 * metrics["generator/error"] + 0.1 * metrics["generator/score"]
    np.testing.assert_allclose(metrics["generator/loss"], expected, rtol=1e-5)
    weights = jax.tree.leaves(after.params["critic"])
    assert max(np.abs(w).max() for w in weights) < 0.01001


def test_the_square_has_half_of_each_side():
    source, target = jnp.ones((1, 8, 12, 1)), jnp.zeros((1, 8, 12, 1))
    found = np.asarray(gp_gan.composite(source, target))[0, ..., 0]
    expected = np.zeros((8, 12))
    expected[2:6, 3:9] = 1
    np.testing.assert_array_equal(found, expected)


def test_a_generator_that_draws_what_is_added_begins_near_the_composite():
    config = gp_gan.Config(resolution=8, width=2, bottleneck=3, residual=True)
    net = gp_gan.game(config).nets["generator"]
    image = jax.random.uniform(
        jax.random.key(0), (4, 8, 8, 3), minval=-0.95, maxval=0.95
    )
    variables = jax.jit(net.init)(jax.random.key(1), image)
    silent = jax.tree.map(jnp.zeros_like, variables)
    np.testing.assert_allclose(net.apply(silent, image, "running"), image, atol=1e-6)
    drawn = jax.jit(functools.partial(net.apply, statistics="running"))(
        variables, image
    )
    assert 0 < np.abs(drawn - image).max() < 0.5


def test_the_networks_agree_with_torch_given_the_same_weights():
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    config = gp_gan.Config(resolution=16, width=3, bottleneck=5)
    game = gp_gan.game(config)
    batch = jax.tree.map(lambda x: x[0], gp_gan.batch(config, jax.random.key(1), 2))
    image = batch["image"]
    nets = jax.jit(
        lambda: {
            name: net.init(jax.random.key(2), image) for name, net in game.nets.items()
        }
    )()
    rng = np.random.default_rng(0)
    stats = jax.tree.map(
        lambda x: rng.uniform(0.5, 1.5, x.shape).astype("float32"),
        nets["generator"]["batch_stats"],
    )
    held = {"generator": {**nets["generator"], "batch_stats": stats}}

    def tensor(x):
        return torch.tensor(np.asarray(x))

    def conv(x, kernel):
        kernel = tensor(kernel).permute(3, 2, 0, 1)
        return functional.conv2d(x, kernel, stride=2, padding=1)

    def up(x, kernel):
        kernel = tensor(kernel).permute(3, 2, 0, 1)
        return functional.conv_transpose2d(x, kernel, stride=2, padding=1)

    def dense(x, kernel):
        """A convolution of the whole 4x4 map."""
        kernel = tensor(kernel).reshape(4, 4, x.shape[1], -1).permute(3, 2, 0, 1)
        return functional.conv2d(x, kernel)

    def norm(x, name, running=True):
        own = {k: tensor(v) for k, v in params[name].items()}
        mean, var = (
            tensor(stats[name][k]) if running else None for k in ("mean", "var")
        )
        return functional.batch_norm(
            x, mean, var, own["scale"], own["bias"], training=not running
        )

    def leaky(x):
        return functional.leaky_relu(x, 0.2)

    params = nets["generator"]["params"]
    x = leaky(conv(tensor(image).permute(0, 3, 1, 2), params["Conv_0"]["kernel"]))
    x = leaky(norm(conv(x, params["Conv_1"]["kernel"]), "BatchNorm_0"))
    x = leaky(norm(dense(x, params["to_bottleneck"]["kernel"]), "BatchNorm_1"))
    kernel = tensor(params["from_bottleneck"]["kernel"]).reshape(5, 4, 4, -1)
    x = functional.conv_transpose2d(x, kernel.permute(0, 3, 1, 2))
    x = torch.relu(norm(x, "BatchNorm_2"))
    x = torch.relu(norm(up(x, params["ConvTranspose_0"]["kernel"]), "BatchNorm_3"))
    x = torch.tanh(up(x, params["to_image"]["kernel"])).permute(0, 2, 3, 1)
    found = jax.jit(gp_gan.blend, static_argnums=0)(config, held, image)
    np.testing.assert_allclose(found, x, atol=1e-5)

    params = nets["critic"]["params"]
    x = leaky(conv(tensor(image).permute(0, 3, 1, 2), params["Conv_0"]["kernel"]))
    x = leaky(norm(conv(x, params["Conv_1"]["kernel"]), "BatchNorm_0", running=False))
    x = dense(x, params["to_logit"]["kernel"]).reshape(-1)
    critic = jax.jit(lambda *x: game.nets["critic"].apply(*x, mutable=["batch_stats"]))
    found = critic(nets["critic"], image)[0]
    np.testing.assert_allclose(found, x, atol=1e-5)


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="resolution 48 is not a power of two of at"):
        gp_gan.Config(resolution=48)
    with pytest.raises(
        ValueError, match=r"composites are \(8, 8, 3\), but the network"
    ):
        gp_gan.blend(gp_gan.Config(), {}, jnp.zeros((2, 8, 8, 3)))
