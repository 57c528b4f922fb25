"""StackGAN: sizes, PyTorch's networks, what each loss weighs, and a frozen sketcher."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from twins import Twin

from jaxgan.compose import parameter_count
from jaxgan.game import Turn, algorithm, pure, variables
from jaxgan.models import stackgan
from jaxgan.models.parts.stackgan_nets import Condition

TINY = stackgan.MODEL.tiny
FIRST = dataclasses.replace(TINY, stage=1)


@pytest.fixture(scope="module")
def begun():
    """A batch, and the first states of both stages."""
    batch = stackgan.batch(TINY, jax.random.key(1), 6)

    @jax.jit
    def start():
        return [
            algorithm(stackgan.game(config)).init(jax.random.key(seed), batch)
            for seed, config in enumerate((FIRST, TINY))
        ]

    return batch, *start()


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        (1, {"generator1": 14_264_192, "discriminator1": 4_029_824}),
        (2, {"generator1": 14_264_192, "generator2": 26_290_080,
             "discriminator2": 48_603_520}),
    ],
)  # fmt: skip
def test_networks_have_the_codes_numbers_of_parameters(stage, expected):
    config = stackgan.Config(stage=stage)
    batch = jax.eval_shape(lambda: stackgan.batch(config, jax.random.key(0), 2))
    init = algorithm(stackgan.game(config)).init
    state = jax.eval_shape(init, jax.random.key(0), batch)
    counts = {name: parameter_count(net) for name, net in state.params.items()}
    assert counts == expected
    latent = stackgan.latent(config, jax.random.key(0), 2)
    draw = functools.partial(stackgan.stages, config)
    drawn = jax.eval_shape(draw, variables(state), batch["text"], latent)
    assert [x.shape[1] for x in drawn] == [64, 256][:stage]


def test_the_divergence_is_that_of_the_definition():
    zeros, ones = jnp.zeros((2, 3)), jnp.ones((2, 3))
    assert stackgan.divergence(Condition(zeros, zeros)) == 0
    np.testing.assert_allclose(stackgan.divergence(Condition(ones, zeros)), 0.5)
    rng = np.random.default_rng(0)
    mean, log = rng.normal(size=(2, 4, 3)).astype("float32")
    expected = (-log + 0.5 * (-1 + np.exp(2 * log) + mean**2)).mean()
    np.testing.assert_allclose(
        stackgan.divergence(Condition(mean, log)), expected, rtol=1e-5
    )


@pytest.mark.parametrize("stage", [1, 2])
def test_losses_weigh_three_kinds_of_pairs_and_the_divergence(begun, stage):
    batch, *states = begun
    config, nets = (FIRST, TINY)[stage - 1], variables(states[stage - 1])
    players = stackgan.game(config).players
    turn = Turn(jax.random.key(3), jnp.zeros((), int))
    latent = stackgan.latent(config, turn.key, 6)
    judge = pure(stackgan.game(config).nets[f"discriminator{stage}"], "net")

    @jax.jit
    def found(nets):
        drawn = stackgan.stages(config, nets, batch["text"], latent)[-1]
        image = batch["image"]
        if stage == 1:  # halved
            image = image.reshape(6, 16, 2, 16, 2, 3).mean((2, 4))
        own = {"net": nets[f"discriminator{stage}"]}
        pairs = (image, "text"), (image, "wrong"), (drawn, "text")
        logits = [judge(own, x, batch[name])[0][0] for x, name in pairs]
        told = {name: p.loss(nets, batch, turn) for name, p in players.items()}
        return logits, {name: (x[0], x[1][1]) for name, x in told.items()}

    (right, wrong, fake), told = found(nets)
    soft = np.logaddexp
    expected = soft(0, -right).mean() + soft(0, wrong).mean() / 2
    expected += soft(0, fake).mean() / 2
    np.testing.assert_allclose(told["discriminator"][0], expected, rtol=1e-5)
    loss, seen = told["generator"]
    np.testing.assert_allclose(seen["adversarial"], soft(0, -fake).mean(), rtol=1e-5)
    np.testing.assert_allclose(
        loss, seen["adversarial"] + 2 * seen["divergence"], rtol=1e-5
    )
    assert seen["divergence"] > 0


def test_two_sketches_of_a_text_are_kept_apart_by_mode_seeking(begun):
    batch, first, _ = begun
    config, nets = dataclasses.replace(FIRST, seeking=2.0), variables(first)
    turn = Turn(jax.random.key(3), jnp.zeros((), int))
    latent = stackgan.latent(config, turn.key, 12)
    text = jnp.concatenate([batch["text"]] * 2)

    @jax.jit
    def found(nets):
        loss, (_, seen) = (
            stackgan.game(config).players["generator"].loss(nets, batch, turn)
        )
        return loss, seen, stackgan.stages(config, nets, text, latent)[-1]

    loss, seen, drawn = found(nets)
    gaps = [np.subtract(*np.split(np.asarray(x), 2)) for x in (drawn, latent.noise)]
    image, noise = (np.abs(x).mean(tuple(range(1, x.ndim))) for x in gaps)
    np.testing.assert_allclose(seen["mode_seeking"], (noise / image).mean(), rtol=0.01)
    rest = seen["adversarial"] + 2 * seen["divergence"]
    np.testing.assert_allclose(loss, rest + 2 * seen["mode_seeking"], rtol=1e-5)
    # Stage II has no noise of its own: nothing is added to its loss.
    second = stackgan.game(dataclasses.replace(TINY, seeking=2.0)).players["generator"]
    _, (_, seen) = jax.eval_shape(second.loss, variables(begun[2]), batch, turn)
    assert "mode_seeking" not in seen


def test_stage_2_begins_from_averages_and_leaves_stage_1_as_it_is(begun):
    batch, first, second = begun
    first = first.replace(ema=jax.tree.map(lambda x: x + 1, first.ema))
    start = stackgan.next_stage(second, first)
    same = np.testing.assert_array_equal
    jax.tree.map(same, start.params["generator1"], first.ema["generator1"])
    jax.tree.map(same, start.params["generator2"], second.params["generator2"])
    run = algorithm(stackgan.game(TINY))
    after, _ = jax.jit(run.step)(start, batch)
    for part in ("params", "stats"):
        old, new = (getattr(x, part)["generator1"] for x in (start, after))
        jax.tree.map(same, old, new)
    assert {name for p in stackgan.game(TINY).players.values() for name in p.owns} == {
        "generator2",
        "discriminator2",
    }


def test_the_same_noise_gives_the_same_sketch_and_stage_2_draws_no_other(begun):
    batch, _, second = begun
    nets, text = variables(second), batch["text"]
    latent = stackgan.latent(TINY, jax.random.key(5), 6)
    draw = jax.jit(lambda x: stackgan.stages(TINY, nets, text, x))
    sketch, image = draw(latent)
    assert (sketch.shape, image.shape) == ((6, 16, 16, 3), (6, 32, 32, 3))
    again, other = draw(latent._replace(second=-latent.second))
    np.testing.assert_array_equal(sketch, again)
    assert not np.allclose(image, other)
    moved, _ = draw(latent._replace(noise=-latent.noise))
    assert not np.allclose(sketch, moved)


def test_step_sizes_are_halved():
    config = dataclasses.replace(TINY, halve_every=2, learning_rate=0.5)
    optimizer = stackgan.game(config).players["generator"].optimizer
    state, sizes = optimizer.init(jnp.zeros(())), []
    for _ in range(5):  # of a constant gradient, Adam's updates are the step size
        update, state = optimizer.update(jnp.ones(()), state)
        sizes.append(-np.asarray(update))
    np.testing.assert_allclose(sizes, [0.5, 0.5, 0.25, 0.25, 0.125], rtol=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"low": 24}, "low is 24; give a power of two"),
        ({"low": 32, "high": 32}, "stage II draws larger images than stage I"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        stackgan.Config(**change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": jnp.zeros((2, 8, 8, 3))}, "images are .8, 8, 3., but stage 2 takes"),
        ({"wrong": jnp.zeros((2, 4))}, r"wrong is \(4,\), but the game takes"),
    ],
)
def test_batches_that_do_not_fit_are_refused(change, message):
    batch = {**stackgan.batch(TINY, jax.random.key(0), 2), **change}
    with pytest.raises(ValueError, match=message):
        algorithm(stackgan.game(TINY)).init(jax.random.key(0), batch)


class Stages(Twin):
    """The generators of both stages."""

    def up(self, x):
        return self.torch.nn.functional.interpolate(x, scale_factor=2, mode="nearest")

    def condition(self, text, epsilon):
        mean, log = self.dense(text, "condition").chunk(2, 1)
        return mean + log.exp() * epsilon

    def sketch(self, text, noise, epsilon):
        relu = self.torch.relu
        c = self.condition(text, epsilon)
        x = self.norm(self.dense(self.torch.cat([c, noise], 1)))
        x = x.reshape(len(x), 4, 4, -1).permute(0, 3, 1, 2)  # ours: channels last
        x = self.residual(x, relu)
        x = self.residual(self.normed(self.up(x)), relu)
        return self.torch.tanh(self.conv(self.up(x)))

    def refine(self, sketch, text, epsilon):
        relu = self.torch.relu
        c = self.condition(text, epsilon)
        x = relu(self.conv(sketch))
        x = relu(self.normed(x, 2))
        x = relu(self.normed(x, 2))
        x = relu(self.normed(self.torch.cat([x, self.tiled(c, x.shape[2])], 1)))
        y = relu(self.normed(x))
        x = relu(x + self.normed(y))
        for _ in range(3):
            x = relu(self.normed(self.up(x)))
        return self.torch.tanh(self.conv(x))


def test_generators_agree_with_torch_given_the_same_weights(begun):
    batch, _, second = begun
    nets = variables(second)
    latent = stackgan.latent(TINY, jax.random.key(5), 6)
    ours = jax.jit(lambda: stackgan.stages(TINY, nets, batch["text"], latent))()
    one, two = (Stages(nets[name]["params"]) for name in ("generator1", "generator2"))
    text = one.tensor(batch["text"])
    noise, *epsilons = map(one.tensor, latent)
    sketch = one.sketch(text, noise, epsilons[0])
    theirs = sketch, two.refine(sketch, text, epsilons[1])
    for image, wanted in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(image, wanted.permute(0, 2, 3, 1), atol=1e-5)


def test_the_discriminator_agrees_with_torch_given_the_same_weights(begun):
    batch, *_ = begun
    module = stackgan.game(stackgan.Config(**{**vars(FIRST), "low": 32, "high": 128}))
    net = module.nets["discriminator1"]
    image, text = batch["image"], batch["text"]
    held = jax.jit(net.init)(jax.random.key(0), image, text)
    own = {"net": held}
    both = jax.jit(lambda: pure(net, "net")(own, image, text, batch["wrong"])[0])()
    look = Twin(held["params"]["look"])
    leaky = look.leaky
    x = leaky(look.conv(look.tensor(image).permute(0, 3, 1, 2), 2))
    maps = look.residual(look.normed(leaky(look.normed(x, 2)), 2), leaky)
    for ours, name in zip(both, ("text", "wrong"), strict=True):
        match = Twin(held["params"]["match"])
        told = leaky(match.dense(match.tensor(batch[name])))
        x = leaky(match.normed(match.torch.cat([maps, match.tiled(told, 4)], 1)))
        flat = x.permute(0, 2, 3, 1).reshape(len(x), -1)
        wanted = match.dense(flat, "to_logit")[:, 0]
        np.testing.assert_allclose(ours, wanted, atol=1e-5)
