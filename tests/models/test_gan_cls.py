"""GAN-CLS: the authors' numbers of weights, D's three inputs, texts between texts."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import game
from jaxgan.models import gan_cls

TINY = gan_cls.MODEL.tiny


@pytest.mark.parametrize(
    ("config", "generator", "discriminator"),
    [
        (gan_cls.Config(), 18_905_472, 4_030_080),
        (
            gan_cls.Config(width=196, discriminator_width=196),
            41_101_080,
            36_183_440 + 256,
        ),
    ],
    ids=["birds", "coco"],
)
def test_the_papers_numbers_of_weights(config, generator, discriminator):
    """The code's D for COCO has no batch norm of the text, which is 256 weights."""
    run = game.algorithm(gan_cls.game(config))
    state = jax.eval_shape(
        lambda key: run.init(key, gan_cls.batch(config, key, 2)), jax.random.key(0)
    )
    counts = {
        name: sum(x.size for x in jax.tree.leaves(net))
        for name, net in state.params.items()
    }
    assert counts == {"generator": generator, "discriminator": discriminator}


def played(config, batch):
    """The losses of both players at the start, by a scripted discriminator."""
    run = game.algorithm(gan_cls.game(config))
    state = jax.jit(run.init)(jax.random.key(1), batch)
    return state, jax.jit(run.step)(state, batch)[1]


@pytest.fixture(scope="module")
def batch():
    return gan_cls.batch(TINY, jax.random.key(0), 6)


def test_three_inputs_have_their_weights(batch):
    model_game = gan_cls.game(TINY)
    state, _ = played(TINY, batch)
    nets = game.variables(state)
    turn = game.Turn(jax.random.key(3), state.step)
    loss, (_, seen) = jax.jit(
        lambda nets: model_game.players["discriminator"].loss(nets, batch, turn)
    )(nets)
    # The same logits, by three calls of the discriminator.
    judge = game.pure(model_game.nets["discriminator"], "discriminator")
    draw = game.pure(model_game.nets["generator"], "generator")

    @jax.jit
    def logits(nets):
        noise = gan_cls.latent(TINY, turn.key, 6)
        fake, _ = draw(nets, batch["text"], noise)
        pairs = {
            "real": (batch["image"], batch["text"]),
            "wrong": (batch["image"], batch["wrong"]),
            "fake": (fake, batch["text"]),
        }
        return {name: judge(nets, *pair)[0][0] for name, pair in pairs.items()}

    found = {name: np.asarray(x, "float64") for name, x in logits(nets).items()}
    for name, x in found.items():
        np.testing.assert_allclose(seen[name], x.mean(), rtol=1e-3, atol=1e-5)
    softplus = {name: np.log1p(np.exp(x)).mean() for name, x in found.items()}
    right = np.log1p(np.exp(-found["real"])).mean()
    expected = right + (softplus["wrong"] + softplus["fake"]) / 2
    np.testing.assert_allclose(loss, expected, rtol=1e-4)
    assert expected == pytest.approx(2 * np.log(2), abs=0.1)  # logits near 0

    # Without matching, wrong texts are not looked at, and fakes have all the weight.
    plain = dataclasses.replace(TINY, matching=False)
    loss, (_, seen) = jax.jit(
        lambda nets: (
            gan_cls.game(plain).players["discriminator"].loss(nets, batch, turn)
        )
    )(nets)
    assert set(seen) == {"real", "fake"}
    np.testing.assert_allclose(loss, right + softplus["fake"], rtol=1e-3)


def test_texts_between_texts_are_a_third_of_the_generators_batch(batch):
    rows = {}

    def count(between):
        config = dataclasses.replace(TINY, between=between)
        generator = gan_cls.game(config).players["generator"]
        state = jax.eval_shape(
            lambda: game.algorithm(gan_cls.game(config)).init(jax.random.key(0), batch)
        )
        turn = jax.eval_shape(lambda: game.Turn(jax.random.key(0), jnp.zeros((), int)))
        program = jax.make_jaxpr(lambda n, t: generator.loss(n, batch, t)[0])(
            game.variables(state), turn
        )
        return {
            eqn.outvars[0].aval.shape[0]
            for eqn in program.jaxpr.eqns
            if eqn.outvars[0].aval.shape[1:] == (16, 16, 3)
        }

    rows = {between: count(between) for between in (False, True)}
    assert rows[False] == {6}
    assert 9 in rows[True]


def test_two_images_of_a_text_are_kept_apart_by_mode_seeking(batch):
    config = dataclasses.replace(TINY, between=False, seeking=2.0)
    state, _ = played(TINY, batch)
    nets, turn = game.variables(state), game.Turn(jax.random.key(3), state.step)
    loss, (_, seen) = jax.jit(
        lambda nets: gan_cls.game(config).players["generator"].loss(nets, batch, turn)
    )(nets)
    noise = gan_cls.latent(config, turn.key, 12)
    texts = jnp.concatenate([batch["text"]] * 2)
    one, other = np.split(gan_cls.sample(config, nets, texts, noise), 2)
    apart = np.abs(one - other).mean((1, 2, 3))
    expected = (np.abs(np.subtract(*np.split(noise, 2))).mean(1) / apart).mean()
    np.testing.assert_allclose(seen["mode_seeking"], expected, rtol=0.01)
    # The discriminator looks at the first of the two alone.
    judge = game.pure(gan_cls.game(config).nets["discriminator"], "discriminator")
    (logits,), _ = judge(nets, one, batch["text"])
    fooled = np.log1p(np.exp(-np.asarray(logits))).mean()
    np.testing.assert_allclose(loss, fooled + 2 * seen["mode_seeking"], rtol=1e-3)


def test_the_texts_decide_what_is_drawn(batch):
    state, _ = played(TINY, batch)
    noise = gan_cls.latent(TINY, jax.random.key(2), 6)
    draw = jax.jit(
        lambda text: gan_cls.sample(TINY, game.variables(state), text, noise)
    )
    assert np.abs(draw(batch["text"]) - draw(batch["wrong"])).max() > 1e-4


def test_sizes_and_batches_that_cannot_be_are_refused(batch):
    with pytest.raises(ValueError, match="size is 48; give a power of two"):
        gan_cls.Config(size=48)
    short = {**batch, "wrong": batch["wrong"][:, :4]}
    with pytest.raises(ValueError, match=r"'wrong': \(4,\).*or change size"):
        gan_cls.game(TINY).inputs(short)
    with pytest.raises(ValueError, match=r"'wrong': \(\)"):
        gan_cls.game(TINY).inputs({n: batch[n] for n in ("image", "text")})
