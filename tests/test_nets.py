"""Nets of NNX, equinox and functions play the game that linen modules play."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen, nnx

from jaxgan import lab, losses, nets
from jaxgan.game import algorithm, pure, variables
from jaxgan.models.parts.two_players import adversarial

HINGE = (losses.hinge_discriminator_loss, losses.hinge_generator_loss)
SIZES = {"generator": (3, 4, 2), "discriminator": (2, 4, 1)}
KINDS = ("linen", "nnx", "equinox", "functions")
POINTS = {"point": np.random.default_rng(0).normal(3, 1, (16, 2)).astype("float32")}


def weights(name):
    """The weights `[in, out]` at which all kinds of one net begin."""
    rng = np.random.default_rng(len(name))
    sizes = SIZES[name]
    return [rng.normal(0, 0.5, x).astype("float32") for x in (sizes[:2], sizes[1:])]


def fixed(weight):
    return lambda key, shape, dtype=None: jnp.asarray(weight)


def net(kind, name):
    first, second = weights(name)
    if kind == "linen":
        dense = [linen.Dense(w.shape[1], kernel_init=fixed(w)) for w in (first, second)]
        return linen.Sequential([dense[0], jnp.tanh, dense[1]])
    if kind == "nnx":

        def make(rngs):
            dense = [
                nnx.Linear(*w.shape, kernel_init=fixed(w), rngs=rngs)
                for w in (first, second)
            ]
            return nnx.Sequential(dense[0], jnp.tanh, dense[1])

        return nets.of_nnx(make)
    if kind == "equinox":
        eqx = pytest.importorskip("equinox", reason="pip install equinox")

        def build(key):
            mlp = eqx.nn.MLP(
                first.shape[0], second.shape[1], 4, 1, jnp.tanh, key=key
            )  # fmt: skip
            return eqx.tree_at(
                lambda m: [x for layer in m.layers for x in (layer.weight, layer.bias)],
                mlp,
                [jnp.asarray(first.T), jnp.zeros(4), jnp.asarray(second.T),
                 jnp.zeros(second.shape[1])],
            )  # fmt: skip

        return nets.of_equinox(build)

    def init(key, x):
        zeros = [jnp.zeros(w.shape[1]) for w in (first, second)]
        return {"w": [jnp.asarray(first), jnp.asarray(second)], "b": zeros}

    def apply(params, x):
        (w, v), (b, c) = params["w"], params["b"]
        return jnp.tanh(x @ w + b[None]) @ v + c[None]

    return nets.of_functions(init, apply)


def play(generator, discriminator, **options):
    return adversarial(
        generator,
        discriminator,
        latent=lambda key, count: jax.random.normal(key, (count, 3)),
        losses=HINGE,
        optimizer=optax.adam(1e-2),
        data="point",
        **options,
    )


@pytest.mark.parametrize("kind", KINDS[1:])
def test_one_game_has_equal_results_in_nets_of_every_kind(kind):
    results = []
    for each in ("linen", kind):
        game = play(net(each, "generator"), net(each, "discriminator"), ema=0.9)
        init, step = algorithm(game)
        state = init(jax.random.key(1), POINTS)
        scan = jax.jit(
            lambda s, step=step: jax.lax.scan(lambda s, _: step(s, POINTS), s, length=5)
        )
        state, metrics = scan(state)
        draw = pure(game.nets["generator"], "generator")
        results.append((metrics, draw(variables(state), jnp.ones((4, 3)))[0]))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), *results
    )


def stateful(rngs):
    """An NNX module with batch statistics, a random stream and a counter."""

    class Count(nnx.Variable):
        pass

    class Net(nnx.Module):
        def __init__(self):
            self.dense = nnx.Linear(3, 2, rngs=rngs)
            self.norm = nnx.BatchNorm(2, momentum=0.5, use_bias=False, rngs=rngs)
            self.drop = nnx.Dropout(0.5, rngs=rngs)
            self.calls = Count(jnp.zeros(()))

        def __call__(self, x):
            self.calls[...] += 1
            return self.drop(self.norm(self.dense(x)))

        def plain(self, x):
            return self.dense(x)

    return Net()


def test_statistics_of_nnx_are_kept_and_its_streams_are_those_of_the_loss():
    module = nets.of_nnx(stateful)
    x = jnp.asarray(np.random.default_rng(0).normal(size=(64, 3)), "float32")
    first = {"net": module.init(jax.random.key(0), x)}
    assert set(first["net"]) == {"params", "batch_stats", "Count"}
    call = pure(module, "net")
    rngs = {"dropout": jax.random.key(1)}
    out, after = jax.jit(lambda v: call(v, x, rngs=rngs))(first)
    dense, _ = call(first, x, rngs=rngs, method="plain")
    mean = after["net"]["batch_stats"]["norm/mean"]
    np.testing.assert_allclose(mean, 0.5 * dense.mean(0), rtol=1e-5, atol=1e-6)
    assert after["net"]["Count"]["calls"] == 1
    again, _ = call(first, x, rngs=rngs)
    other, _ = call(first, x, rngs={"dropout": jax.random.key(2)})
    np.testing.assert_allclose(out, again, atol=1e-6)
    assert ((out == 0) != (other == 0)).any()
    with pytest.raises(ValueError, match="draws from its stream 'dropout'"):
        call(first, x)


def test_a_game_of_nnx_becomes_a_run_that_goes_on(tmp_path):
    def train(folder, steps):
        game = play(nets.of_nnx(stateful), net("functions", "discriminator"))
        return lab.train(
            game, POINTS, tmp_path / folder, steps=steps, batch_size=8,
            checkpoint_every=1,
        ).state  # fmt: skip

    train("parts", 1)
    parts, whole = train("parts", 2), train("whole", 2)
    jax.tree.map(
        np.testing.assert_array_equal,
        (parts.params, parts.stats),
        (whole.params, whole.stats),
    )


def test_states_and_streams_of_equinox():
    eqx = pytest.importorskip("equinox", reason="pip install equinox")

    class Net(eqx.Module):
        dense: eqx.nn.Linear
        norm: eqx.nn.BatchNorm
        drop: eqx.nn.Dropout
        order: jax.Array

        def __init__(self, key):
            self.dense = eqx.nn.Linear(3, 2, key=key)
            self.norm = eqx.nn.BatchNorm(2, "batch", mode="batch")
            self.drop = eqx.nn.Dropout(0.5)
            self.order = jnp.asarray([1, 0])

        def __call__(self, x, state, key=None):
            y, state = self.norm(self.dense(x)[self.order], state)
            return self.drop(y, key=key, inference=key is None), state

    module = nets.of_equinox(eqx.nn.make_with_state(Net), stream="dropout")
    x = jnp.asarray(np.random.default_rng(0).normal(size=(64, 3)), "float32")
    first = {"net": module.init(jax.random.key(0), x)}
    assert set(first["net"]) == {"params", "constants", "batch_stats"}
    call = pure(module, "net")
    still, after = call(first, x)
    np.testing.assert_allclose(still.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(still.std(0), 1, atol=1e-3)
    changed = jax.tree.map(
        lambda a, b: bool((a != b).any()), first["net"], after["net"]
    )
    assert any(changed["batch_stats"].values())
    assert not any((changed["params"] | changed["constants"]).values())
    dropped, _ = call(first, x, rngs={"dropout": jax.random.key(1)})
    assert 0.2 < float((dropped == 0).mean()) < 0.8


def test_functions_take_the_stream_that_they_ask_for():
    module = nets.of_functions(
        lambda key: {}, lambda params, key: jax.random.normal(key), stream="noise"
    )
    call, key = pure(module, "net"), jax.random.key(3)
    drawn, _ = call({"net": module.init(key)}, rngs={"noise": key})
    assert drawn == jax.random.normal(key)
    with pytest.raises(ValueError, match="has no method 'features'"):
        call({"net": module.init(key)}, method="features")
