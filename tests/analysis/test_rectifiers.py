"""Maps, edits and backward rules, by hand and against torch with hooks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

from jaxgan.analysis.rectifiers import edited, observed, with_rule
from jaxgan.nn.conv import conv

RULES = ("gradient", "deconvnet", "guided")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 4)).astype("float32")
FIRST, SECOND = (RNG.normal(size=s).astype("float32") for s in ((4, 6), (6, 5)))
LAST = RNG.normal(size=5).astype("float32")
SLOPES = {"relu": 0.0, "leaky_relu": 0.2}


def network(x, kind="relu"):
    rectify = {
        "relu": jax.nn.relu, "leaky_relu": lambda x: jax.nn.leaky_relu(x, 0.2)
    }[kind]  # fmt: skip
    hidden = rectify(jnp.asarray(x) @ FIRST)
    return rectify(hidden @ SECOND) @ LAST


def rectified(x, kind):
    return np.where(x > 0, x, SLOPES[kind] * x)


def by_hand(kind, rule):
    """The signal at the input, from the definition of each rule at each layer."""
    first = X @ FIRST
    second = rectified(first, kind) @ SECOND

    def back(signal, x):
        if rule == "gradient":
            return signal * np.where(x > 0, 1, SLOPES[kind])
        signal = np.where(signal > 0, signal, 0)
        return signal * (x > 0) if rule == "guided" else signal

    signal = np.broadcast_to(LAST, second.shape)
    return back(back(signal, second) @ SECOND.T, first) @ FIRST.T


def sent(rule, kind="relu", function=network):
    return jax.grad(lambda x: with_rule(lambda x: function(x, kind), rule)(x).sum())(X)


@pytest.mark.parametrize("kind", SLOPES)
@pytest.mark.parametrize("rule", RULES)
def test_each_rule_is_its_definition(rule, kind):
    expected = by_hand(kind, rule)
    np.testing.assert_allclose(sent(rule, kind), expected, rtol=1e-4, atol=1e-5)
    others = [by_hand(kind, other) for other in RULES if other != rule]
    assert min(abs(other - expected).max() for other in others) > 0.1


@pytest.mark.parametrize("kind", SLOPES)
@pytest.mark.parametrize("rule", RULES)
def test_values_are_those_of_the_function(rule, kind):
    ours = with_rule(lambda x: network(x, kind), rule)(X)
    hidden = rectified(rectified(X @ FIRST, kind) @ SECOND, kind)
    np.testing.assert_allclose(ours, hidden @ LAST, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rule", RULES)
def test_a_convolutional_net_agrees_with_torch_and_hooks(rule):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    image = rng.normal(size=(2, 6, 6, 3)).astype("float32")
    kernels = [
        rng.normal(size=size).astype("float32") for size in ((3, 3, 3, 4), (3, 3, 4, 5))
    ]

    def net(x):
        for kernel in kernels:
            x = jax.nn.leaky_relu(conv(x, kernel, stride=2), 0.2)
        return x[:, 1, 0, 2].sum()

    def hook(module, given, signals):
        if rule == "gradient":
            return None
        kept = signals[0].clamp(min=0)
        return (kept * (module.seen > 0) if rule == "guided" else kept,)

    class Rectifier(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_full_backward_hook(hook)

        def forward(self, x):
            self.seen = x.detach()
            return torch.nn.functional.leaky_relu(x, 0.2)

    x = torch.tensor(image).permute(0, 3, 1, 2).requires_grad_()
    y = x
    for kernel in kernels:
        weight = torch.tensor(kernel).permute(3, 2, 0, 1)
        y = Rectifier()(torch.nn.functional.conv2d(y, weight, stride=2, padding=1))
    y[:, 2, 1, 0].sum().backward()
    expected = x.grad.permute(0, 2, 3, 1)
    np.testing.assert_allclose(
        jax.grad(with_rule(net, rule))(image), expected, rtol=1e-3, atol=1e-5
    )


@pytest.mark.parametrize(
    "rectify",
    [
        *(jax.nn.relu, jax.nn.relu6, jax.nn.leaky_relu, jax.nn.elu, jax.nn.celu),
        *(jax.nn.selu, linen.relu, lambda x: jax.nn.leaky_relu(x, 0.3)),
    ],
)
def test_every_rectifier_is_seen_once(rectify):
    out, maps = observed(lambda x: 2 * rectify(x))(X)
    assert len(maps) == 1
    np.testing.assert_array_equal(maps[0], rectify(X))
    np.testing.assert_array_equal(out, 2 * rectify(X))


def test_what_is_no_rectifier_is_not_seen():
    out, maps = observed(lambda x: jnp.tanh(jax.nn.silu(x)) + jnp.maximum(x, 0))(X)
    assert maps == ()
    assert out.shape == X.shape


def test_maps_come_in_the_order_in_which_they_are_made():
    out, maps = jax.jit(observed(network))(X)
    hidden = np.maximum(X @ FIRST, 0)
    np.testing.assert_allclose(maps[0], hidden, rtol=1e-4, atol=1e-5)
    second = np.maximum(hidden @ SECOND, 0)
    np.testing.assert_allclose(maps[1], second, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(out, second @ LAST, rtol=1e-4, atol=1e-5)


class Small(linen.Module):
    @linen.compact
    def __call__(self, x):
        x = linen.relu(linen.Dense(6)(x))
        return {"logit": linen.Dense(1)(linen.leaky_relu(linen.Dense(5)(x), 0.1))}


def test_a_linen_module_and_a_tree_for_an_output():
    variables = Small().init(jax.random.key(0), X)
    out, maps = observed(Small().apply)(variables, X)
    np.testing.assert_allclose(
        out["logit"], Small().apply(variables, X)["logit"], rtol=1e-6
    )
    assert [x.shape for x in maps] == [(3, 6), (3, 5)]
    assert float(maps[0].min()) == 0 > float(maps[1].min())


def test_they_work_inside_vmap_and_jit_and_jit_inside_them():
    def row(x):
        return jax.jit(network)(x[None])[0]

    _, maps = jax.jit(jax.vmap(observed(row)))(X)
    assert [x.shape for x in maps] == [(3, 1, 6), (3, 1, 5)]
    _, inner = observed(jax.vmap(row))(X)
    for ours, other in zip(maps, inner, strict=True):
        np.testing.assert_allclose(ours, other, rtol=1e-5, atol=1e-6)
    slopes = jax.jit(jax.vmap(jax.grad(with_rule(row, "guided"))))(X)
    np.testing.assert_allclose(slopes, by_hand("relu", "guided"), rtol=1e-4, atol=1e-5)


def test_they_work_on_each_other():
    doubled = edited(network, {0: lambda x: 2 * x})
    _, maps = observed(doubled)(X)
    hidden = np.maximum(X @ FIRST, 0)
    # The rectifier itself gives what it gave; what follows is given the double.
    np.testing.assert_allclose(maps[0], hidden, rtol=1e-4, atol=1e-5)
    second = np.maximum(2 * hidden @ SECOND, 0)
    np.testing.assert_allclose(maps[1], second, rtol=1e-4, atol=1e-5)
    ruled = with_rule(network, "deconvnet")
    out, maps = observed(ruled)(X)
    np.testing.assert_allclose(out, network(X), rtol=1e-4, atol=1e-5)
    assert [x.shape for x in maps] == [(3, 6), (3, 5)]
    slopes = jax.grad(lambda x: observed(ruled)(x)[0].sum())(X)
    np.testing.assert_allclose(
        slopes, by_hand("relu", "deconvnet"), rtol=1e-4, atol=1e-5
    )


def seen_ruled(x):
    return observed(with_rule(network, "guided"))(x)[1][1]


def ruled_seen(x):
    return with_rule(lambda x: observed(network)(x)[1][1], "guided")(x)


@pytest.mark.parametrize("maps", [seen_ruled, ruled_seen])
def test_the_slope_of_a_map_follows_the_rule(maps):
    def one(x):
        return maps(x)[:, 3].sum()

    hidden = np.maximum(X @ FIRST, 0)
    signal = (hidden @ SECOND > 0)[:, 3:4] * SECOND[:, 3][None, :]
    signal = np.maximum(signal, 0) * (hidden > 0)
    np.testing.assert_allclose(jax.grad(one)(X), signal @ FIRST.T, rtol=1e-4, atol=1e-5)


def test_the_outer_rule_holds():
    both = with_rule(with_rule(network, "guided"), "deconvnet")
    np.testing.assert_allclose(
        jax.grad(lambda x: both(x).sum())(X), by_hand("relu", "deconvnet"),
        rtol=1e-4, atol=1e-5,
    )  # fmt: skip


@pytest.mark.parametrize("number", [0, -2])
def test_an_edit_changes_what_follows(number):
    drop = {number: lambda x: x.at[:, 2].set(0)}
    hidden = np.maximum(X @ FIRST, 0)
    hidden[:, 2] = 0
    expected = np.maximum(hidden @ SECOND, 0) @ LAST
    ours = jax.jit(edited(network, drop))(X)
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)
    assert abs(expected - np.asarray(network(X))).max() > 0.1


def test_edits_keep_the_dtype_and_several_are_made():
    def half(x):
        return jax.nn.relu(jax.nn.relu(x.astype(jnp.bfloat16)) - 1)

    edits = {
        0: lambda x: x.astype(jnp.float32) + 3, -1: lambda x: jnp.ones(x.shape)
    }  # fmt: skip
    out = edited(half, edits)(X)
    assert out.dtype == jnp.bfloat16
    np.testing.assert_array_equal(out.astype(jnp.float32), np.ones(X.shape))
    np.testing.assert_array_equal(edited(network, {})(X), network(X))


def looped(x):
    return jax.lax.scan(lambda x, _: (jax.nn.relu(x), None), x, None, length=2)[0]


def branched(x):
    return jax.lax.cond(x.sum() > 0, jax.nn.relu, lambda x: x, x)


@pytest.mark.parametrize(("function", "where"), [(looped, "scan"), (branched, "cond")])
@pytest.mark.parametrize(
    "view",
    [observed, lambda f: edited(f, {0: jnp.sin}), lambda f: with_rule(f, "guided")],
)
def test_a_rectifier_in_a_loop_or_a_branch_is_refused(view, function, where):
    with pytest.raises(ValueError, match=f"is inside {where}.*write the layers"):
        view(function)(X)


def test_loops_without_rectifiers_are_left_alone():
    def function(x):
        total = jax.lax.scan(lambda s, row: (s + row, None), x[0], x)[0]
        return jax.nn.relu(total)

    _, maps = observed(function)(X)
    np.testing.assert_allclose(
        maps[0], np.maximum(X.sum(0) + X[0], 0), rtol=1e-5, atol=1e-6
    )


def test_an_unknown_rule_is_refused():
    with pytest.raises(ValueError, match="unknown rule 'backward'; choose from"):
        with_rule(network, "backward")


@pytest.mark.parametrize("number", [2, -3])
def test_an_edit_of_no_rectifier_is_refused(number):
    with pytest.raises(
        ValueError, match=rf"\[{number}\], but .* has 2 rectifiers: .* 0 to 1"
    ):
        edited(network, {number: jnp.sin})(X)


def test_an_edit_where_there_are_none_is_refused():
    with pytest.raises(ValueError, match="the function has no rectifiers"):
        edited(jnp.sin, {0: jnp.sin})(X)


def test_an_edit_that_changes_a_shape_is_refused():
    with pytest.raises(
        ValueError, match=r"rectifier 1 turns shape \(3, 5\) into \(3, 2\)"
    ):
        edited(network, {1: lambda x: x[:, :2]})(X)
