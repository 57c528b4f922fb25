"""Residual blocks, attention, norms of classes and projections, beside PyTorch's."""

import functools

import flax.linen as linen
import jax
import numpy as np
import pytest

from jaxgan import nn

torch = pytest.importorskip("torch")
F = torch.nn.functional

CONV = functools.partial(nn.Conv, kernel_init=linen.initializers.normal(0.3))
TABLE = linen.initializers.normal(0.5)


def image(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def made(module, *args, seed=0):
    """The parameters of a module, none of them 0, and what it makes of arguments."""
    variables = jax.jit(module.init)(jax.random.key(seed), *args)
    rng = np.random.default_rng(seed)
    params = jax.tree.map(
        lambda x: np.asarray(x) + 0.1 * rng.normal(size=x.shape).astype("float32"),
        variables["params"],
    )
    rest = {name: value for name, value in variables.items() if name != "params"}
    changing = list(rest)
    out = jax.jit(functools.partial(module.apply, mutable=changing))(
        {**rest, "params": params}, *args
    )[0]
    return params, np.asarray(out)


def t(x, *axes):
    x = torch.from_numpy(np.array(x))
    return x.permute(*axes) if axes else x


def nchw(x):
    return t(x, 0, 3, 1, 2)


def conv(params, x):
    kernel, bias = t(params["kernel"], 3, 2, 0, 1), params.get("bias")
    margin = kernel.shape[-1] // 2
    return F.conv2d(x, kernel, None if bias is None else t(bias), padding=margin)


def same(ours, theirs):
    np.testing.assert_allclose(
        ours, theirs.detach().permute(0, 2, 3, 1).numpy(), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("smooth", [True, False])
def test_up_block_is_that_of_pytorch(smooth):
    x, labels = image(3, 4, 6, 5), np.eye(2, dtype="float32")[[0, 1, 1]]
    module = nn.UpBlock(
        4,
        conv=CONV,
        norm=functools.partial(nn.ConditionalBatchNorm, gain_init=TABLE),
        up=nn.double_smoothly if smooth else nn.double,
    )
    params, ours = made(module, x, labels)

    def norm(x, i):
        table = params[f"ConditionalBatchNorm_{i}"]
        gain, bias = (t(labels @ table[name]) for name in ("gain", "bias"))
        x = F.batch_norm(x, None, None, training=True)
        return (1 + gain)[:, :, None, None] * x + bias[:, :, None, None]

    def up(x):
        kind = {"mode": "bilinear", "align_corners": False} if smooth else {}
        return F.interpolate(x, scale_factor=2, **kind)

    x = nchw(x)
    y = conv(params["first"], up(F.relu(norm(x, 0))))
    y = conv(params["second"], F.relu(norm(y, 1)))
    same(ours, y + conv(params["skip"], up(x)))


@pytest.mark.parametrize("first", [True, False])
def test_down_block_is_that_of_pytorch(first):
    x = image(2, 6, 4, 3)
    module = nn.DownBlock(5, hidden=4, first=first, conv=CONV)
    params, ours = made(module, x)
    x = nchw(x)
    y = conv(params["first"], x if first else F.relu(x))
    y = F.avg_pool2d(conv(params["second"], F.relu(y)), 2)
    short = F.avg_pool2d(x, 2)
    same(ours, y + conv(params["skip"], short))


def test_a_block_that_changes_no_shape_has_the_identity_for_a_shortcut():
    x = image(2, 4, 4, 3)
    params, ours = made(nn.DownBlock(3, down=False, conv=CONV), x)
    assert set(params) == {"first", "second"}
    y = conv(params["second"], F.relu(conv(params["first"], F.relu(nchw(x)))))
    same(ours, nchw(x) + y)


def test_attention_is_that_of_pytorch_and_begins_as_the_identity():
    x = image(2, 4, 6, 16)
    module = nn.SelfAttention(conv=CONV)
    fresh = module.init(jax.random.key(0), x)
    np.testing.assert_array_equal(module.apply(fresh, x), x)
    params, ours = made(module, x)
    found = {name: conv(params[name], nchw(x)).flatten(2) for name in ("query", "key")}
    pooled = F.max_pool2d(conv(params["key"], nchw(x)), 2).flatten(2)
    value = F.max_pool2d(conv(params["value"], nchw(x)), 2).flatten(2)
    weights = F.softmax(torch.bmm(found["query"].transpose(1, 2), pooled), -1)
    seen = torch.bmm(value, weights.transpose(1, 2)).reshape(2, 8, 4, 6)
    same(ours, nchw(x) + t(params["gain"]) * conv(params["out"], seen))


def test_projection_adds_the_product_with_the_embedding_of_the_class():
    x, labels = image(5, 4), np.array([0, 2, 1, 1, 0])
    params, ours = made(
        nn.Projection(kernel_init=TABLE), x, np.eye(3, dtype="float32")[labels]
    )
    theirs = F.linear(t(x), t(params["to_logit"]["kernel"].T))[:, 0]
    theirs += t(params["to_logit"]["bias"])
    embedded = F.embedding(t(labels), t(params["embed"]["kernel"]))
    theirs += (embedded * t(x)).sum(1)
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-5, atol=1e-5)
    alone, ours = made(nn.Projection(), x)
    assert set(alone) == {"to_logit"}
    assert ours.shape == (5,)


def test_matrices_of_a_conditional_norm_have_spectral_norms_of_their_own():
    module = nn.ConditionalBatchNorm(spectral=True, gain_init=TABLE, bias_init=TABLE)
    x, condition = image(3, 2, 2, 4), image(3, 5, seed=1)
    variables = module.init(jax.random.key(0), x, condition)
    assert set(variables["spectral"]) == {"gain_vectors", "bias_vectors"}
    out = module.apply(variables, x, condition, mutable=["batch_stats"])[0]
    unit = {
        name: np.asarray(kernel) / np.linalg.norm(np.asarray(kernel), 2)
        for name, kernel in variables["params"].items()
    }
    flat = x - x.mean((0, 1, 2))
    flat /= np.sqrt(x.var((0, 1, 2)) + 1e-5)
    gain, bias = (condition @ unit[name] for name in ("gain", "bias"))
    expected = flat * (1 + gain[:, None, None]) + bias[:, None, None]
    np.testing.assert_allclose(out, expected, rtol=0.02, atol=0.02)


def test_dense_layers_can_have_a_spectral_norm():
    x = image(2, 3)
    module = nn.Dense(4, spectral=True, kernel_init=TABLE)
    variables = module.init(jax.random.key(0), x)
    kernel = np.asarray(variables["params"]["kernel"])
    expected = x @ kernel / np.linalg.norm(kernel, 2)
    ours = np.asarray(module.apply(variables, x))
    np.testing.assert_allclose(ours, expected, rtol=0.02)
    plain = np.asarray(nn.Dense(4).apply({"params": variables["params"]}, x))
    np.testing.assert_allclose(plain, x @ kernel, rtol=1e-5, atol=1e-6)
