"""α-GAN: sizes, both forms of its losses, where gradients go, and its own layers."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import game
from jaxgan.compose import parameter_count
from jaxgan.models import alpha_gan
from jaxgan.models.parts import alpha_gan_nets

CONFIG = dataclasses.replace(alpha_gan.MODEL.tiny, cycle=1)
FORMS = ("released", "paper")
LOG_2 = np.log(2)


@pytest.fixture(scope="module")
def start():
    batch = alpha_gan.batch(CONFIG, jax.random.key(1), 4)
    init = jax.jit(game.algorithm(alpha_gan.game(CONFIG)).init)
    return batch, init(jax.random.key(0), batch)


@pytest.fixture(scope="module", params=FORMS)
def played(request, start):
    """Losses of all players, and their gradients for *all* nets, in a form.

    Discriminators cannot tell: their last layers are 0.
    """
    batch, state = start
    config = dataclasses.replace(CONFIG, form=request.param)
    turn = game.Turn(jax.random.key(3), jnp.zeros((), int))
    players = alpha_gan.game(config).players

    def loss(params, player):
        nets = {n: {"params": p, **state.stats[n]} for n, p in params.items()}
        return player.loss(nets, batch, turn)

    @jax.jit
    def every(params):
        both = jax.value_and_grad(loss, has_aux=True)
        found = {n: both(params, player) for n, player in players.items()}
        return {n: (x, told[1], grad) for n, ((x, told), grad) in found.items()}

    blind = dict(state.params)
    for net, layer in (("discriminator", "Encoder_0"), ("code_discriminator", None)):
        last = "to_code" if layer else "Dense_2"
        inner = blind[net][layer] if layer else blind[net]
        inner = {**inner, last: jax.tree.map(jnp.zeros_like, inner[last])}
        blind[net] = {layer: inner} if layer else inner
    return request.param, every(state.params), every(blind)


def test_the_code_discriminator_is_as_large_as_the_implementation_s():
    config = alpha_gan.Config()
    init = game.algorithm(alpha_gan.game(config)).init
    batch = alpha_gan.batch(config, jax.random.key(0), 2)
    assert batch["image"].shape == (2, 2, 32, 32, 3)  # a cycle of two minibatches
    params = jax.eval_shape(init, jax.random.key(0), batch).params
    assert parameter_count(params["code_discriminator"]) == 581_701
    # By hand: blocks of two 3x3 convolutions and norms, 4 in G and 3 in E.
    block = 2 * (9 * 128**2 + 2 * 128)
    first, dense = 25 * 3 * 128 + 128, 16 * 128 * 128
    assert parameter_count(params["encoder"]) == first + 3 * block + dense + 128
    drawn = dense + 16 * 128 + 4 * block + 128 * 3 + 3
    assert parameter_count(params["generator"]) == drawn
    judged = first + 3 * block + 16 * 128 + 1
    assert parameter_count(params["discriminator"]) == judged


def test_losses_of_discriminators_that_cannot_tell(played):
    form, _, blind = played
    d, c = (blind[name][0] for name in ("discriminator", "code_discriminator"))
    np.testing.assert_allclose(d, {"released": 2, "paper": 3}[form] * LOG_2, rtol=1e-6)
    np.testing.assert_allclose(c, 2 * LOG_2, rtol=1e-6)
    expected = {"released": LOG_2, "paper": 0}[form]
    error = blind["encoder"][1]["error"]
    for player in ("encoder", "generator"):
        loss, seen, _ = blind[player]
        np.testing.assert_allclose(seen["adversarial"], expected, atol=1e-6)
        np.testing.assert_allclose(loss, 40 * error + expected, rtol=1e-5)


def test_no_gradient_goes_to_what_a_player_does_not_own(played):
    for player, (_, _, gradient) in played[1].items():
        for net, own in gradient.items():
            largest = max(np.abs(x).max() for x in jax.tree.leaves(own))
            assert (largest > 0) == (net == player), (player, net, largest)


def test_density_ratios_are_minus_the_logits(played):
    """R(a) = -log D + log(1 - D) = -a, of reconstructions and samples."""
    form, sighted, _ = played
    told = sighted["discriminator"][1]
    if form == "paper":
        expected = -told["reconstructed"] - told["fake"]
        seen = sighted["generator"][1]["adversarial"]
        np.testing.assert_allclose(seen, expected, rtol=1e-4)
        seen = sighted["encoder"][1]["adversarial"]
        expected = -sighted["code_discriminator"][1]["encoded"]
        np.testing.assert_allclose(seen, expected, rtol=1e-4)


def test_encoder_and_generator_move_twice_and_discriminators_once():
    moves = alpha_gan.game(alpha_gan.MODEL.tiny).moves
    assert [(move.players, move.repeat) for move in moves] == [
        (("encoder", "generator"), 2),
        (("discriminator",), 1),
        (("code_discriminator",), 1),
    ]


def test_a_residual_block_is_pytorch_s():
    torch = pytest.importorskip("torch")  # 2.13
    f = torch.nn.functional
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 4, 4, 2)).astype("float32")
    module = alpha_gan_nets.Block("batch", alpha_gan_nets.lrelu)
    made = jax.jit(module.init)(jax.random.key(0), x)
    params = jax.tree.map(
        lambda p: rng.normal(size=p.shape).astype("float32"), made["params"]
    )
    ours, _ = module.apply({**made, "params": params}, x, mutable=["batch_stats"])

    def layer(y, i):
        kernel = params[f"Conv_{i}"]["kernel"].transpose(3, 2, 0, 1)
        y = f.conv2d(y, torch.tensor(kernel.copy()), padding=1)
        w, b = (torch.tensor(params[f"BatchNorm_{i}"][n]) for n in ("scale", "bias"))
        return f.batch_norm(y, None, None, w, b, training=True)

    first = torch.tensor(x.transpose(0, 3, 1, 2).copy())
    y = layer(f.leaky_relu(layer(first, 0), 0.2), 1)
    theirs = f.leaky_relu(first + y, 0.2).permute(0, 2, 3, 1)
    np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-5)


def test_the_networks_of_vae_gan_draw_images_of_the_same_shape():
    config = dataclasses.replace(CONFIG, nets="strided", form="paper")
    batch = alpha_gan.batch(config, jax.random.key(1), 4)
    init, step = game.algorithm(alpha_gan.game(config))
    state = jax.eval_shape(init, jax.random.key(0), batch)
    jax.eval_shape(step, state, batch)
    shown = jax.eval_shape(
        lambda s: alpha_gan.show(config, game.variables(s), jax.random.key(0), batch),
        state,
    )
    assert {x.shape for x in shown.values()} == {batch["image"].shape}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"resolution": 24}, "resolution 24 is not a power of two"),
        ({"nets": "strided", "width": 3}, "width 3 is odd"),
        ({"form": "minimax"}, "unknown form 'minimax'"),
    ],
)
def test_settings_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        alpha_gan.Config(**change)


def test_spectral_norms_are_for_the_strided_discriminator():
    config = dataclasses.replace(CONFIG, nets="strided", norm="spectral")
    batch = alpha_gan.batch(config, jax.random.key(1), 2)
    init = game.algorithm(alpha_gan.game(config)).init
    stats = jax.eval_shape(init, jax.random.key(0), batch).stats["discriminator"]
    assert stats.keys() == {"spectral"}
    with pytest.raises(ValueError, match="residual blocks have batch norms alone"):
        alpha_gan.Config(norm="spectral")
