"""The rules of play, one test each."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.game import Game, Move, Player, algorithm, pure, variables


class Scale(nn.Module):
    """Multiplies by one parameter, which starts at 1, and counts its calls."""

    @nn.compact
    def __call__(self, x):
        w = self.param("w", nn.initializers.ones, ())
        calls = self.variable("memory", "calls", jnp.zeros, ())
        if not self.is_initializing():
            calls.value += 1
        return w * x


NETS = {"a": Scale(), "b": Scale()}
a, b = (pure(module, name) for name, module in NETS.items())
INPUTS = lambda batch: {"a": (batch["x"],), "b": (batch["x"],)}  # noqa: E731
SGD = optax.sgd(0.1)


def make(players, moves, **options):
    return Game(NETS, INPUTS, players, moves, **options)


def product_loss(variables, batch, turn):
    """The two play a bilinear game: mean of a b x."""
    del turn
    x, variables = a(variables, batch["x"])
    x, variables = b(variables, x)
    return x.mean(), (variables, {"mean": x.mean()})


def negative(loss):
    def f(*args):
        value, aux = loss(*args)
        return -value, aux

    return f


def two(**changes):
    players = {
        "down": Player(product_loss, ("a",), SGD),
        "up": Player(negative(product_loss), ("b",), SGD),
    }
    return make(players | changes, (Move("down"), Move("up")))


BATCH = {"x": jnp.asarray([1.0, 3.0])}  # mean 2


def weights(state):
    return float(state.params["a"]["w"]), float(state.params["b"]["w"])


def start(game, batch=BATCH):
    run = algorithm(game)
    return run, run.init(jax.random.key(0), batch)


def test_alternating_moves_see_each_other():
    run, state = start(two())
    state, _ = run.step(state, BATCH)
    # a: 1 - 0.1 * (b * 2) = 0.8; then b: 1 + 0.1 * (0.8 * 2) = 1.16
    np.testing.assert_allclose(weights(state), (0.8, 1.16), rtol=1e-6)


def test_a_simultaneous_move_starts_from_the_same_state():
    game = make(two().players, (Move("down", "up"),))
    run, state = start(game)
    state, _ = run.step(state, BATCH)
    np.testing.assert_allclose(weights(state), (0.8, 1.2), rtol=1e-6)


def test_repeats_play_fresh_minibatches():
    game = make(two().players, (Move("down", repeat=2), Move("up")))
    batch = {"x": jnp.asarray([[1.0, 3.0], [5.0, 5.0]])}  # means 2 and 5
    run, state = start(game, batch)
    state, metrics = run.step(state, batch)
    # a: 1 - 0.2 - 0.5 = 0.3; b sees the first minibatch: 1 + 0.1 * 0.3 * 2
    np.testing.assert_allclose(weights(state), (0.3, 1.06), rtol=1e-5)
    # averaged over repeats: (1 * 2 + 0.8 * 5) / 2
    np.testing.assert_allclose(metrics["down/loss"], 3.0, rtol=1e-6)


def test_statistics_come_from_the_owner_alone():
    run, state = start(two())
    state, _ = run.step(state, BATCH)
    # Each loss calls both nets; each net counts its owner's call and no other.
    assert float(state.stats["a"]["memory"]["calls"]) == 1
    assert float(state.stats["b"]["memory"]["calls"]) == 1


def drawn_keys(game, batch=BATCH):
    """Records what each player drew, as a metric."""
    run, state = start(game, batch)
    state, first = run.step(state, batch)
    _, second = run.step(state, batch)
    return first, second


def noisy(variables, batch, turn):
    x, variables = a(variables, batch["x"])
    return x.mean(), (variables, {"drawn": jax.random.uniform(turn.key)})


def noisy_b(variables, batch, turn):
    x, variables = b(variables, batch["x"])
    return x.mean(), (variables, {"drawn": jax.random.uniform(turn.key)})


def noisy_players():
    return {"p": Player(noisy, ("a",), SGD), "q": Player(noisy_b, ("b",), SGD)}


def test_players_of_one_move_share_a_key_and_moves_do_not():
    together, later = drawn_keys(make(noisy_players(), (Move("p", "q"),)))
    assert together["p/drawn"] == together["q/drawn"]
    assert together["p/drawn"] != later["p/drawn"]
    apart, _ = drawn_keys(make(noisy_players(), (Move("p"), Move("q"))))
    assert apart["p/drawn"] != apart["q/drawn"]


def test_every_repeat_draws_its_own_noise():
    seen = []

    def recording(variables, batch, turn):
        jax.debug.callback(
            lambda x: seen.append(float(x)), jax.random.uniform(turn.key)
        )
        return noisy(variables, batch, turn)

    game = make({"p": Player(recording, ("a",), SGD)}, (Move("p", repeat=5),))
    batch = {"x": jnp.ones((5, 2))}
    run, state = start(game, batch)
    jax.block_until_ready(run.step(state, batch))
    jax.effects_barrier()
    assert len(set(seen)) == 5


def test_the_turn_tells_the_step():
    def loss(variables, batch, turn):
        x, variables = a(variables, batch["x"])
        return x.mean(), (variables, {"step": turn.step.astype(jnp.float32)})

    first, second = drawn_keys(make({"p": Player(loss, ("a",), SGD)}, (Move("p"),)))
    assert (first["p/step"], second["p/step"]) == (0, 1)


def test_an_unowned_net_never_changes():
    game = make({"p": Player(product_loss, ("a",), SGD)}, (Move("p"),))
    run, state = start(game)
    after, _ = run.step(state, BATCH)
    assert weights(after)[1] == 1
    assert float(after.stats["b"]["memory"]["calls"]) == 0


def test_average_of_weights_warms_up_then_decays():
    game = make(two().players, two().moves, ema={"a": 0.5})
    run, state = start(game)
    after, _ = run.step(state, BATCH)
    # First decay: min(0.5, 1 / 10) = 0.1
    expected = 0.1 * 1 + 0.9 * 0.8
    np.testing.assert_allclose(after.ema["a"]["w"], expected, rtol=1e-6)
    late, _ = run.step(after.replace(step=jnp.asarray(1000)), BATCH)
    expected = 0.5 * after.ema["a"]["w"] + 0.5 * late.params["a"]["w"]
    np.testing.assert_allclose(late.ema["a"]["w"], expected, rtol=1e-6)


def test_gradients_and_batch_statistics_are_averaged_and_memories_are_not():
    class Stats(nn.Module):
        @nn.compact
        def __call__(self, x):
            w = self.param("w", nn.initializers.ones, ())
            mean = self.variable("batch_stats", "mean", jnp.zeros, ())
            last = self.variable("memory", "last", jnp.zeros, ())
            if not self.is_initializing():
                mean.value, last.value = x.mean(), x.mean()
            return w * x

    net = pure(Stats(), "net")

    def loss(variables, batch, turn):
        x, variables = net(variables, batch["x"])
        return x.mean(), (variables, {"drawn": jax.random.uniform(turn.key)})

    game = Game(
        {"net": Stats()},
        lambda batch: {"net": (batch["x"],)},
        {"p": Player(loss, ("net",), SGD)},
        (Move("p"),),
    )
    state = algorithm(game).init(jax.random.key(0), BATCH)
    step = algorithm(game, axis_name="i").step
    shards = {"x": jnp.asarray([[1.0], [3.0]])}
    after, metrics = jax.vmap(step, in_axes=(None, 0), axis_name="i")(state, shards)
    np.testing.assert_allclose(after.params["net"]["w"], [0.8, 0.8], rtol=1e-6)
    np.testing.assert_allclose(after.stats["net"]["batch_stats"]["mean"], [2, 2])
    np.testing.assert_allclose(after.stats["net"]["memory"]["last"], [1, 3])
    np.testing.assert_allclose(metrics["p/loss"], [2, 2])


def test_each_device_draws_its_own_noise():
    game = make(noisy_players(), (Move("p", "q"),))
    state = algorithm(game).init(jax.random.key(0), BATCH)
    seen = []

    def recording(variables, batch, turn):
        seen.append(turn.key)
        return noisy(variables, batch, turn)

    game = make({"p": Player(recording, ("a",), SGD)}, (Move("p"),))
    state = algorithm(game).init(jax.random.key(0), BATCH)

    def keys(shard):
        algorithm(game, axis_name="i").step(state, shard)
        return jax.random.key_data(seen[-1])

    drawn = jax.vmap(keys, axis_name="i")({"x": jnp.ones((4, 2))})
    assert len(np.unique(drawn, axis=0)) == 4


def test_pure_leaves_its_argument_alone():
    state = start(two())[1]
    before = variables(state)
    _, after = a(before, BATCH["x"])
    assert float(before["a"]["memory"]["calls"]) == 0
    assert float(after["a"]["memory"]["calls"]) == 1
    assert after["b"] is before["b"]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: two(down=Player(product_loss, ("c",), SGD)),
            r"'down'.*\['c'\].*'a', 'b'",
        ),
        (
            lambda: make(two().players, (Move("down"), Move("left"))),
            r"\['left'\].*down",
        ),
        (lambda: make(two().players, (Move("down"),)), r"\['up'\] are in no move"),
        (lambda: make(two().players, (Move("down", "up", repeat=0),)), "repeat >= 1"),
        (
            lambda: make(two().players, (Move("down"), Move("up"), Move())),
            "at least one",
        ),
        (
            lambda: make(
                {n: Player(product_loss, ("a",), SGD) for n in ("p", "q")},
                (Move("p", "q"),),
            ),
            r"both own \['a'\]",
        ),
        (lambda: make(two().players, two().moves, ema={"c": 0.9}), r"ema.*\['c'\]"),
        (lambda: make(two().players, two().moves, ema={"a": 1.0}), r"1\.0.*\[0, 1\)"),
    ],
)
def test_a_wrong_game_is_refused_with_both_sides_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_a_loss_per_example_is_refused_with_the_fix():
    def loss(variables, batch, turn):
        x, variables = a(variables, batch["x"])
        return x, (variables, {})

    run, state = start(make({"p": Player(loss, ("a",), SGD)}, (Move("p"),)))
    with pytest.raises(ValueError, match=r"'p' has shape \(2,\).*\.mean\(\)"):
        run.step(state, BATCH)


def test_missing_inputs_are_named():
    game = Game(NETS, lambda batch: {"a": (batch["x"],)}, two().players, two().moves)
    with pytest.raises(ValueError, match=r"no arguments for net \['b'\]"):
        algorithm(game).init(jax.random.key(0), BATCH)


def test_parts_of_a_batch_give_the_gradient_of_the_whole():
    rng = np.random.default_rng(0)
    batch = {"x": jnp.asarray(rng.normal(size=12), jnp.float32)}
    game = two()
    _, whole = start(game, batch)
    parts = whole
    for _ in range(3):
        whole, seen = jax.jit(algorithm(game).step)(whole, batch)
        parts, same = jax.jit(algorithm(game, accumulate=4).step)(parts, batch)
    for name in seen:
        np.testing.assert_allclose(same[name], seen[name], rtol=1e-6)
    for net in ("a", "b"):
        np.testing.assert_allclose(
            parts.params[net]["w"], whole.params[net]["w"], rtol=1e-6
        )
    # Four calls a player where there was one; statistics go from part to part.
    calls = whole.stats["a"]["memory"]["calls"]
    assert parts.stats["a"]["memory"]["calls"] == 4 * calls > 0


def test_parts_are_every_so_many_examples_and_draw_their_own_noise():
    seen = []

    def loss(variables, batch, turn):
        jax.debug.callback(
            lambda x, k: seen.append((x.tolist(), k.tolist())),
            *(batch["x"], jax.random.key_data(turn.key)),
            ordered=True,
        )
        x, variables = a(variables, batch["x"])
        return x.mean(), (variables, {})

    game = make({"p": Player(loss, ("a",), SGD)}, (Move("p"),))
    batch = {"x": jnp.arange(6.0)}
    _, state = start(game, batch)
    jax.block_until_ready(jax.jit(algorithm(game, accumulate=2).step)(state, batch))
    jax.effects_barrier()
    (first, key), (second, other) = seen
    assert (first, second) == ([0, 2, 4], [1, 3, 5])
    assert key != other


def test_parts_that_do_not_divide_a_batch_are_refused():
    game = two()
    with pytest.raises(ValueError, match="accumulate is 0"):
        algorithm(game, accumulate=0)
    batch = {"x": jnp.ones(6)}
    with pytest.raises(ValueError, match=r"shape \(6,\) cannot be played in 4 parts"):
        algorithm(game, accumulate=4).step(start(game, batch)[1], batch)


def test_what_losses_see_passes_through_gather():
    game = two()
    _, state = start(game)

    def doubled(variables):
        return jax.tree.map(lambda x: 2 * x, variables)

    _, seen = algorithm(game, gather=doubled).step(state, BATCH)
    assert seen["down/mean"] == 8  # 2 a times 2 b times the mean of x, which is 2
