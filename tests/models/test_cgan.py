"""CGAN: its sizes by arithmetic, its networks against NumPy, who hears of the class."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.compose import parameter_count
from jaxgan.game import algorithm, pure, variables
from jaxgan.models import cgan, gan
from jaxgan.models.parts import dense_digits

TINY = cgan.Config(
    classes=4, latent=3, hidden_latent=4, hidden_class=5, hidden=6,
    maxout_image=(5, 2), maxout_class=(4, 3), maxout=(6, 2),
)  # fmt: skip


def batch(size, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "image": jnp.asarray(rng.uniform(size=(size, 28, 28, 1)), "float32"),
        "label": jnp.asarray(rng.integers(0, 4, size)),
    }


@functools.cache
def started():
    """Weights ten times as wide as at the start, and biases: all that matters shows."""
    state = jax.jit(algorithm(cgan.game(TINY)).init)(jax.random.key(0), batch(2))
    keys = iter(jax.random.split(jax.random.key(1), 100))
    params = jax.tree.map(
        lambda x: 0.5 * jax.random.normal(next(keys), x.shape), state.params
    )
    return variables(state.replace(params=params))


def test_the_layers_of_the_paper():
    init = algorithm(cgan.game(cgan.Config())).init
    params = jax.eval_shape(init, jax.random.key(0), batch(1)).params
    assert parameter_count(params["generator"]) == (
        (100 + 1) * 200 + (10 + 1) * 1000 + (1200 + 1) * 1200 + (1200 + 1) * 784
    )
    assert parameter_count(params["discriminator"]) == (
        (784 + 1) * 240 * 5 + (10 + 1) * 50 * 5 + (240 + 50 + 1) * 240 * 4 + 240 + 1
    )


def test_the_class_joins_hidden_units_and_no_pixels():
    params = started()["discriminator"]["params"]
    shapes = {name: params[name]["kernel"].shape for name in params}
    assert shapes == {
        "from_image": (784, 2, 5),
        "from_class": (4, 3, 4),
        "joint": (5 + 4, 2, 6),
        "to_logit": (6, 1),
    }
    # Deaf to the hidden layer of the class, the discriminator does not hear of it.
    judge = pure(cgan.Discriminator(TINY), "discriminator")
    image = jnp.repeat(batch(1)["image"], 4, axis=0)
    told = judge(started(), image, jnp.arange(4))[0]
    assert len(np.unique(np.asarray(told))) == 4
    joint = params["joint"] | {"kernel": params["joint"]["kernel"].at[5:].set(0)}
    deaf = {"discriminator": {"params": params | {"joint": joint}}}
    told = np.asarray(judge(deaf, image, jnp.arange(4))[0])
    np.testing.assert_allclose(told, told[:1].repeat(4), rtol=1e-6)


def maxout(x, layer):
    return (np.einsum("bn,npu->bpu", x, layer["kernel"]) + layer["bias"]).max(1)


def test_networks_against_numpy():
    held, given = started(), batch(6)
    d = jax.tree.map(lambda x: np.asarray(x, "float64"), held["discriminator"])
    d, g = d["params"], jax.tree.map(np.asarray, held["generator"])["params"]
    y = np.eye(4)[np.asarray(given["label"])]
    x = maxout(np.asarray(given["image"], "float64").reshape(6, 784), d["from_image"])
    x = maxout(np.concatenate([x, maxout(y, d["from_class"])], 1), d["joint"])
    wanted = x @ d["to_logit"]["kernel"] + d["to_logit"]["bias"]
    judge = pure(cgan.Discriminator(TINY), "discriminator")
    logits = judge(held, given["image"], given["label"])[0]
    np.testing.assert_allclose(logits, wanted[:, 0], rtol=1e-4)

    def dense(x, name):
        return x @ g[name]["kernel"] + g[name]["bias"]

    latent = cgan.latent(TINY, jax.random.key(0), 6)
    x = np.maximum(dense(np.asarray(latent.noise), "from_latent"), 0)
    x = np.concatenate([x, np.maximum(dense(y, "from_class"), 0)], 1)
    x = dense(np.maximum(dense(x, "joint"), 0), "to_image")
    kept = dataclasses.replace(TINY, keep_generator=1.0)
    drawn = cgan.sample(kept, held, latent, given["label"])
    wanted = (1 / (1 + np.exp(-x))).reshape(6, 28, 28, 1)
    np.testing.assert_allclose(drawn, wanted, rtol=1e-4, atol=1e-6)


def test_noise_and_class_each_change_the_picture():
    latent = cgan.latent(TINY, jax.random.key(0), 2)
    repeated = jax.tree.map(lambda x: jnp.repeat(x, 2, axis=0), latent)
    kept = dataclasses.replace(TINY, keep_generator=1.0)
    label = jnp.asarray([0, 1, 0, 1])
    drawn = np.asarray(cgan.sample(kept, started(), repeated, label))
    assert len(np.unique(drawn.reshape(4, -1), axis=0)) == 4
    assert 0 <= drawn.min() <= drawn.max() <= 1


def test_a_picture_does_not_depend_on_those_drawn_beside_it():
    latent = cgan.latent(TINY, jax.random.key(0), 4)
    label = jnp.arange(4)
    together = cgan.sample(TINY, started(), latent, label)
    alone = jax.tree.map(lambda x: x[2:3], latent)
    np.testing.assert_allclose(
        cgan.sample(TINY, started(), alone, label[2:3])[0], together[2], rtol=1e-5
    )


def test_samples_are_drawn_with_units_dropped_as_in_training():
    latent = cgan.latent(TINY, jax.random.key(0), 1)
    many = cgan.Latent(
        jnp.broadcast_to(latent.noise, (4000, 3)),
        jnp.arange(4000, dtype="uint32"),
    )
    label = jnp.zeros(4000, "int32")
    drawn = np.asarray(cgan.sample(TINY, started(), many, label))
    generate = pure(cgan.Generator(TINY), "generator")
    streams = {"dropout": jax.random.key(0)}
    playing = generate(started(), many.noise, label, rngs=streams)[0]
    different = len(np.unique(drawn.round(4), axis=0))
    assert different > 500  # of the 2¹⁵ ways to drop units, many draw alike
    np.testing.assert_allclose(drawn.mean(0), playing.mean(0), atol=0.05)
    np.testing.assert_allclose(drawn.std(0), playing.std(0), atol=0.05)


def test_latents_fill_the_unit_cube():
    drawn = np.asarray(cgan.latent(cgan.Config(), jax.random.key(0), 100).noise)
    assert drawn.shape == (100, 100)
    assert 0 <= drawn.min() < 0.01
    assert 0.99 < drawn.max() <= 1
    assert drawn.mean() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("net", ["generator", "discriminator"])
def test_half_the_hidden_units_are_dropped_while_they_play_and_none_else(net):
    config = dataclasses.replace(
        TINY, hidden_latent=40, hidden_class=40, hidden=40, maxout_image=(40, 2),
        maxout_class=(40, 2), maxout=(40, 2),
    )  # fmt: skip
    given = batch(100)
    latent = cgan.latent(config, jax.random.key(0), 100).noise
    module, first = {
        "generator": (cgan.Generator(config), latent),
        "discriminator": (cgan.Discriminator(config), given["image"]),
    }[net]
    params = module.init(jax.random.key(0), first, given["label"])
    params = jax.tree.map(lambda x: x + 0.1, params)  # keeps linear units off zero
    out, seen = module.apply(
        params,
        first,
        given["label"],
        rngs={"dropout": jax.random.key(1)},
        capture_intermediates=lambda _, name: name == "__call__",
        mutable="intermediates",
    )
    seen = {
        name: np.asarray(value["__call__"][0])
        for name, value in seen["intermediates"].items()
        if name != "__call__"
    }
    names = [next(n for n in seen if n.startswith("from_") and n != "from_class")]
    names += ["from_class", "joint"]
    drops = sorted(n for n in seen if n.startswith("Dropout"))
    assert len(drops) == len(names)
    for name, drop in zip(names, drops, strict=True):
        before = np.maximum(seen[name], 0) if net == "generator" else seen[name]
        lit = before != 0
        kept = (seen[drop] != 0) & lit
        assert kept.sum() / lit.sum() == pytest.approx(0.5, abs=0.05)
        np.testing.assert_allclose(seen[drop][kept], 2 * before[kept], rtol=1e-5)
    plain = module.apply(params, first, given["label"])
    assert not np.array_equal(out, plain)
    np.testing.assert_array_equal(plain, module.apply(params, first, given["label"]))


def test_the_step_size_falls_ten_times_as_fast_as_the_gan_s():
    ours, theirs = cgan.Config(), gan.Config()
    assert ours.decay - 1 == pytest.approx(10 * (theirs.decay - 1))
    for name in ("learning_rate", "final_learning_rate", "momentum"):
        assert getattr(ours, name) == getattr(theirs, name)
    optimizer = dense_digits.optimizer(dataclasses.replace(ours, momentum=(0.0, 0.0)))

    @jax.jit
    def played(state):
        def body(state, _):
            change, state = optimizer.update(jnp.ones(()), state)
            return state, change

        return jax.lax.scan(body, state, length=20_001)[1]

    last = float(played(optimizer.init(jnp.zeros(())))[-1])
    assert last == pytest.approx(-0.1 / 1.00004**20_000, rel=1e-5)


@pytest.mark.parametrize(
    "label", [jnp.zeros((2, 4)), jnp.zeros((2, 1), "int32"), jnp.zeros(2)]
)
def test_labels_are_integers_one_an_image(label):
    with pytest.raises(ValueError, match=r"labels are .*expected integers \[2\]"):
        cgan.sample(TINY, started(), cgan.latent(TINY, jax.random.key(0), 2), label)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"classes": 0}, "classes is 0"),
        ({"maxout_class": (50, 0)}, r"maxout_class is \(50, 0\)"),
        ({"hidden": 0}, "hidden is 0"),
        ({"keep_generator": 0.0}, "keep_generator is 0.0"),
        ({"decay": 0.5}, "decay is 0.5"),
    ],
)
def test_what_cannot_be_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        cgan.Config(**changes)
