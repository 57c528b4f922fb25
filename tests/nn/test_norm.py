"""Batch normalisation against Torch's, and the estimation of its statistics anew."""

from functools import partial

import chex
import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import nn, parallel
from jaxgan.analysis import norms
from jaxgan.game import pure


def image(seed=0, batch=4):
    drawn = np.random.default_rng(seed).normal(1.0, 2.0, (batch, 3, 5, 2))
    return drawn.astype("float32")


def test_training_mode_agrees_with_torch(key):
    torch = pytest.importorskip("torch")  # 2.13
    x, gain, bias = image(), np.asarray([0.5, 2.0]), np.asarray([-1.0, 0.3])
    theirs = torch.nn.BatchNorm2d(2)
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(gain))
        theirs.bias.copy_(torch.tensor(bias))
    ours = nn.BatchNorm(use_running_average=False)
    variables = ours.init(key, x)
    variables["params"] = {
        "scale": jnp.asarray(gain, "float32"),
        "bias": jnp.asarray(bias, "float32"),
    }
    for seed in range(3):
        x = image(seed)
        out, changed = ours.apply(variables, x, mutable=["batch_stats"])
        variables = {**variables, **changed}
        expected = theirs(torch.tensor(x.transpose(0, 3, 1, 2))).detach().numpy()
        np.testing.assert_allclose(
            np.transpose(out, (0, 3, 1, 2)), expected, rtol=1e-4, atol=1e-5
        )
    mean, var = theirs.running_mean.numpy(), theirs.running_var.numpy()
    stored = variables["batch_stats"]
    np.testing.assert_allclose(stored["mean"], mean, rtol=1e-5)
    # Torch stores the unbiased variance, n / (n - 1) of what it divides by; ours stores
    # the latter. The rest of the running average, 0.9^3 of the initial 1, is the same.
    n, initial = 4 * 3 * 5, 0.9**3
    expected = initial + (var - initial) * (n - 1) / n
    np.testing.assert_allclose(stored["var"], expected, rtol=1e-4)


def test_evaluation_mode_agrees_with_torch_given_its_averages(key):
    torch = pytest.importorskip("torch")
    theirs = torch.nn.BatchNorm2d(2)
    with torch.no_grad():
        theirs.running_mean.copy_(torch.tensor([0.5, -1.0]))
        theirs.running_var.copy_(torch.tensor([1e-5, 4.0]))  # where epsilon counts
    ours = nn.BatchNorm(use_running_average=True)
    variables = {
        "params": {"scale": jnp.ones(2), "bias": jnp.zeros(2)},
        "batch_stats": {
            "mean": jnp.asarray([0.5, -1.0]),
            "var": jnp.asarray([1e-5, 4.0]),
        },
    }
    expected = theirs.eval()(torch.tensor(image().transpose(0, 3, 1, 2)))
    np.testing.assert_allclose(
        np.transpose(ours.apply(variables, image()), (0, 3, 1, 2)),
        expected.detach().numpy(),
        rtol=1e-4,
        atol=1e-5,
    )


def test_gains_start_around_one_and_biases_at_zero(key):
    params = nn.BatchNorm(use_running_average=False).init(key, jnp.ones((2, 10_000)))
    gain, bias = params["params"]["scale"], params["params"]["bias"]
    np.testing.assert_allclose(gain.mean(), 1, atol=1e-3)
    np.testing.assert_allclose(gain.std(), 0.02, rtol=0.03)
    assert not bias.any()


def test_statistics_are_kept_in_float32_under_bfloat16(key):
    norm = nn.BatchNorm(use_running_average=False, dtype=jnp.bfloat16)
    variables = norm.init(key, image())
    out, changed = norm.apply(variables, image(), mutable=["batch_stats"])
    assert out.dtype == jnp.bfloat16
    mean = changed["batch_stats"]["mean"]
    assert mean.dtype == jnp.float32
    np.testing.assert_allclose(mean, 0.1 * image().mean((0, 1, 2)), rtol=1e-5)


def test_the_names_of_the_statistics():
    assert nn.use_running("running")
    assert not nn.use_running("batch")
    with pytest.raises(ValueError, match=r"'average'.*'batch', 'running'"):
        nn.use_running("average")


class Net(linen.Module):
    """Two norms, one after the other: the second one's input is normalised."""

    statistics: str = "batch"
    momentum: float = 0.9

    @linen.compact
    def __call__(self, x):
        running = nn.use_running(self.statistics)
        for _ in range(2):
            x = 3 * nn.BatchNorm(use_running_average=running, momentum=self.momentum)(x)
        return x


def test_statistics_chooses_between_the_batch_and_the_averages(key):
    variables = {"net": Net().init(key, image())}
    scale = variables["net"]["params"]["BatchNorm_0"]["scale"]
    batch, after = pure(Net("batch"), "net")(variables, image())
    # The second norm undoes the scale of the first, up to epsilon.
    gain = variables["net"]["params"]["BatchNorm_1"]["scale"]
    x = image()
    normal = (x - x.mean((0, 1, 2))) / x.std((0, 1, 2))
    np.testing.assert_allclose(batch, 3 * gain[None, None, None] * normal, atol=1e-3)
    running, _ = pure(Net("running"), "net")(variables, image())
    fresh = 9 * np.asarray(scale * gain) * x / (1 + 1e-5)  # mean 0 and variance 1
    np.testing.assert_allclose(running, fresh, rtol=1e-4)
    # Only the batch's own statistics leave a trace.
    assert after["net"]["batch_stats"]["BatchNorm_0"]["mean"].any()
    _, after = pure(Net("running"), "net")(variables, image())
    assert not after["net"]["batch_stats"]["BatchNorm_0"]["mean"].any()


def test_reestimated_statistics_are_plain_means_over_batches(key):
    inputs = np.stack([image(seed, 6) * (1 + seed) + seed for seed in range(5)])
    other = {"params": {"w": jnp.ones(1)}}
    variables = {"net": Net().init(key, inputs[0]), "other": other}
    variables["net"]["batch_stats"] = jax.tree.map(
        lambda x: x + 100, variables["net"]["batch_stats"]
    )
    again = nn.reestimate(pure(Net(momentum=0.0), "net"), variables, "net", inputs)
    stats = again["net"]["batch_stats"]
    axes = (1, 2, 3)
    np.testing.assert_allclose(
        stats["BatchNorm_0"]["mean"], inputs.mean(axes).mean(0), rtol=1e-5
    )
    np.testing.assert_allclose(
        stats["BatchNorm_0"]["var"], inputs.var(axes).mean(0), rtol=1e-4
    )
    # What the second sees has the variance of the first one's output, 9 gains squared.
    gain = np.asarray(variables["net"]["params"]["BatchNorm_0"]["scale"])
    np.testing.assert_allclose(stats["BatchNorm_1"]["var"], 9 * gain**2, rtol=1e-3)
    np.testing.assert_allclose(stats["BatchNorm_1"]["mean"], 0, atol=1e-4)
    assert again["net"]["params"] is variables["net"]["params"]
    assert again["other"] is other
    assert variables["net"]["batch_stats"]["BatchNorm_0"]["mean"].min() >= 100


FAR = [(10, 0.1), (1000, 1.0), (1000, 0.1), (3000, 0.3), (-1e5, 100.0)]


@pytest.mark.parametrize("kind", ["batch", "mapped", "virtual", "frozen", "bfloat16"])
def test_values_far_from_zero_come_out_with_a_deviation_of_one(key, kind):
    """E[x²] - E[x]² loses a variance that is small beside the square of the mean."""
    drawn = np.random.default_rng(0).normal(size=(16, 4, 4, 2)).astype("float32")
    dtype = jnp.bfloat16 if kind == "bfloat16" else jnp.float32
    layer = nn.BatchNorm(use_running_average=False, dtype=dtype)
    virtual = nn.VirtualBatchNorm(8)
    params = {"params": {"scale": jnp.ones(2), "bias": jnp.zeros(2)}}
    fresh = layer.init(key, drawn) | params

    def normalised(x):
        return layer.apply(fresh, x, mutable=["batch_stats"])[0]

    def frozen(x):
        return norms.frozen(normalised, norms.batch_statistics(normalised, x))(x)

    def mapped(x):
        halves = x.reshape(2, 8, *x.shape[1:])
        return jax.vmap(normalised, axis_name="data")(halves)

    norm = {
        "mapped": mapped,
        "virtual": lambda x: virtual.apply(params, x),
        "frozen": frozen,
    }.get(kind, normalised)
    compiled = jax.jit(norm)
    for mean, deviation in FAR:
        x = (mean + deviation * drawn).astype("float32")
        out = np.asarray(compiled(x), "float32")
        np.testing.assert_allclose(out.std(), 1, rtol=0.05, err_msg=f"{mean}")
        np.testing.assert_allclose(out.mean(), 0, atol=0.05)


OPTIONS = {
    "plain": {},
    "bfloat16": {"dtype": jnp.bfloat16},
    "narrow": {"dtype": jnp.bfloat16, "force_float32_reductions": False},
    "bare": {"use_bias": False, "use_scale": False},
    "no dtype": {"dtype": None, "use_scale": False},
    "first axis": {"axis": 0},
    "two axes": {"axis": (1, -1)},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("masked", [False, True])
def test_it_is_linens_with_two_passes(key, options, masked):
    """Outputs, statistics, gradients and names, whatever the options."""
    x = image().astype(options.get("dtype", "float32") or "bfloat16")
    mask = np.arange(4).reshape(4, 1, 1, 1) > 0 if masked else None  # not the first
    constants = {"momentum": 0.9, "epsilon": 1e-5, "scale_init": nn.norm.gains}
    exact = linen.BatchNorm(False, **(constants | options | {"use_fast_variance": 0}))
    ours = nn.BatchNorm(False, **options)

    def seen(layer):
        def loss(x, variables):
            y, changed = layer.apply(variables, x, mask=mask, mutable=["batch_stats"])
            return jnp.sum(jnp.sin(y.astype("float32"))), (y, changed)

        return jax.jit(jax.grad(loss, has_aux=True))(x, layer.init(key, x))

    tolerance = 1e-5 if x.dtype == np.float32 else 0.05
    chex.assert_trees_all_equal(ours.init(key, x), exact.init(key, x))
    chex.assert_trees_all_equal_shapes_and_dtypes(seen(ours), seen(exact))
    chex.assert_trees_all_close(
        *(jax.tree.map(np.float32, seen(layer)) for layer in (ours, exact)),
        rtol=tolerance, atol=10 * tolerance,
    )  # fmt: skip


def test_derivatives_are_exact_far_from_zero(key):
    """The first and the second, against two passes in float64."""
    x = 1000 + np.random.default_rng(0).normal(size=(32, 4, 4, 2))
    x, weight = x.astype("float32"), image(1, 32)[:, :1, :1]
    layer = nn.BatchNorm(use_running_average=False, use_scale=False, use_bias=False)
    variables = layer.init(key, x)

    def ours(x):
        return layer.apply(variables, x, mutable=["batch_stats"])[0]

    def exact(x):
        x = x - x.mean((0, 1, 2), keepdims=True)
        return x / jnp.sqrt(jnp.square(x).mean((0, 1, 2), keepdims=True) + 1e-5)

    def derivatives(apply, x):
        slope = jax.grad(lambda x: (jnp.sin(apply(x)) * weight).sum())
        return apply(x), slope(x), jax.grad(lambda x: jnp.square(slope(x)).sum())(x)

    found = jax.jit(partial(derivatives, ours))(x)
    with jax.enable_x64(True):
        expected = jax.jit(partial(derivatives, exact))(jnp.asarray(x, "float64"))
    # The mean of 512 numbers around 1000 has an error of 7e-4 in float32.
    for ours, exact in zip(found, map(np.asarray, expected), strict=True):
        np.testing.assert_allclose(ours, exact, atol=2e-3 * np.abs(exact).max())


def test_statistics_are_those_of_the_global_batch(key):
    """Over a mesh, over a mapped axis of examples, and of shards with other means."""
    x = image(batch=8) + 100 * np.arange(8, dtype="float32").reshape(8, 1, 1, 1)
    layer = nn.BatchNorm(use_running_average=False)
    variables = layer.init(key, x)

    def apply(x, layer=layer):
        return layer.apply(variables, x, mutable=["batch_stats"])

    expected = jax.jit(apply)(x)
    mesh = parallel.mesh()
    over = jax.jit(apply, in_shardings=parallel.split(mesh))(x)
    chex.assert_trees_all_close(over, expected, rtol=1e-5, atol=1e-5)
    shards = x.reshape(4, 2, *x.shape[1:])
    single = partial(apply, layer=layer.clone(axis_name="n"))
    for mapped, parts in (
        (jax.pmap(apply, "data"), shards),
        (jax.vmap(single, axis_name="n"), shards),
    ):
        y, changed = mapped(parts)
        np.testing.assert_allclose(y.reshape(x.shape), expected[0], atol=1e-5)
        for part in range(len(parts)):
            each = jax.tree.map(lambda x, part=part: x[part], changed)
            chex.assert_trees_all_close(each, expected[1], rtol=1e-5)


def test_one_example_at_a_time_under_vmap(key):
    x = 1000 + image()[:, 0, 0] / 10
    layer = nn.BatchNorm(use_running_average=False, axis_name="n")
    variables = layer.init(key, x)
    normal = jax.vmap(
        lambda x: layer.apply(variables, x, mutable=["batch_stats"])[0], axis_name="n"
    )(x)
    gain = variables["params"]["scale"][None]
    expected = (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5) * gain
    np.testing.assert_allclose(normal, expected, rtol=1e-3, atol=1e-3)


def test_float64_stays_float64(key):
    with jax.enable_x64(True):
        x = 1e6 + image().astype("float64") / 1e6
        layer = nn.BatchNorm(use_running_average=False, epsilon=0, use_scale=False)
        y, _ = layer.apply(layer.init(key, x), x, mutable=["batch_stats"])
    assert y.dtype == np.float64
    np.testing.assert_allclose(np.asarray(y).std((0, 1, 2)), 1, rtol=1e-6)


def test_instance_norm_agrees_with_torch_and_with_batch_norm_of_one_image(key):
    torch = pytest.importorskip("torch")
    x = image()
    scale, bias = np.asarray([0.5, 2.0], "float32"), np.asarray([-1, 0.3], "float32")
    params = {"params": {"scale": scale, "bias": bias}}
    ours = nn.InstanceNorm().apply(params, x)
    theirs = torch.nn.functional.instance_norm(
        torch.tensor(x.transpose(0, 3, 1, 2)),
        weight=torch.tensor(scale),
        bias=torch.tensor(bias),
    )
    expected = theirs.numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(ours, expected, atol=1e-5)
    plain = nn.InstanceNorm(affine=False)
    assert not plain.init(key, x)
    np.testing.assert_allclose(
        np.asarray(plain.apply({}, x)) * scale + bias, ours, atol=1e-6
    )
    norm = nn.BatchNorm(use_running_average=False)
    statistics = norm.init(key, x)["batch_stats"]
    alone = {**params, "batch_stats": statistics}
    one, _ = norm.apply(alone, x[:1], mutable=["batch_stats"])
    np.testing.assert_allclose(one, ours[:1], atol=1e-6)
    assert plain.apply({}, x.astype("bfloat16")).dtype == "bfloat16"
