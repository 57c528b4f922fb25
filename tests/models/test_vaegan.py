"""VAE/GAN beside PyTorch: sizes, sums and means, where gradients go, and who rests."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import game
from jaxgan.compose import parameter_count
from jaxgan.models import vaegan
from jaxgan.models.parts.balance import within_margin

NETS = ("encoder", "decoder", "discriminator")
CONFIG = dataclasses.replace(vaegan.MODEL.tiny, width=4, margin=100.0, gamma=0.3)
FORMS = {
    "paper": CONFIG,
    "released": dataclasses.replace(CONFIG, form="released"),
}


@pytest.fixture(scope="module")
def start():
    """A batch, and variables none of which is 0."""
    batch = vaegan.batch(CONFIG, jax.random.key(1), 4)
    init = jax.jit(game.algorithm(vaegan.game(CONFIG)).init)
    state = init(jax.random.key(0), batch)
    rng = np.random.default_rng(2)
    params = jax.tree.map(
        lambda x: np.asarray(x) + rng.normal(0, 0.2, x.shape).astype("float32"),
        state.params,
    )
    return jax.device_get(batch), state.replace(params=params)


def gradients(config, state, batch):
    """The loss of each player, and its gradients for *all* nets."""
    turn = game.Turn(jax.random.key(3), jnp.zeros((), int))
    players = vaegan.game(config).players

    def loss(params, player):
        nets = {n: {"params": p, **state.stats[n]} for n, p in params.items()}
        return player.loss(nets, batch, turn)[0]

    @jax.jit
    def every(params):
        return {n: jax.value_and_grad(loss)(params, p) for n, p in players.items()}

    return jax.device_get(every(state.params))


@pytest.fixture(scope="module", params=list(FORMS))
def played(request, start):
    batch, state = start
    return request.param, gradients(FORMS[request.param], state, batch)


def test_networks_are_as_large_as_the_paper_s():
    config = vaegan.Config()
    init = game.algorithm(vaegan.game(config)).init
    batch = vaegan.batch(config, jax.random.key(0), 2)
    params = jax.eval_shape(init, jax.random.key(0), batch).params
    counts = {name: parameter_count(net) for name, net in params.items()}
    sizes = {"encoder": 18_071_360, "decoder": 4_693_155, "discriminator": 10_953_857}
    assert counts == sizes
    plain = dataclasses.replace(config, similarity="pixels")
    params = jax.eval_shape(
        game.algorithm(vaegan.game(plain)).init, jax.random.key(0), batch
    ).params
    counts = {name: parameter_count(net) for name, net in params.items()}
    assert counts == {name: sizes[name] for name in ("encoder", "decoder")}


def test_no_gradient_goes_to_what_a_player_does_not_own(played):
    for player, (_, gradient) in played[1].items():
        for net in NETS:
            largest = max(np.abs(x).max() for x in jax.tree.leaves(gradient[net]))
            assert (largest > 0) == (net == player), (player, net, largest)


class Twin:
    """The three nets in PyTorch, with the weights of ours, whose gradients it keeps."""

    def __init__(self, torch, params):
        self.torch, self.f = torch, torch.nn.functional
        self.params = jax.tree.map(
            lambda x: torch.tensor(np.asarray(x), requires_grad=True), params
        )

    def norm(self, x, w):
        return self.f.batch_norm(
            x, None, None, w["scale"], w["bias"], training=True, eps=1e-6
        )

    def conv(self, x, w, stride):
        kernel = w["kernel"].permute(3, 2, 0, 1)
        return self.f.conv2d(x, kernel, w.get("bias"), stride, kernel.shape[-1] // 2)

    def up(self, x, w):
        kernel = w["kernel"].permute(3, 2, 0, 1)
        margin = kernel.shape[-1] // 2
        return self.f.conv_transpose2d(x, kernel, None, 2, margin, 1)

    def dense(self, x, w):
        return x @ w["kernel"] + w.get("bias", 0)

    def flat(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)

    def encoder(self, x):
        p, relu = self.params["encoder"], self.f.relu
        for i in range(3):
            x = relu(self.norm(self.conv(x, p[f"Conv_{i}"], 2), p[f"BatchNorm_{i}"]))
        x = self.dense(self.flat(x), p["Dense_0"])
        x = self.dense(relu(self.norm(x, p["BatchNorm_3"])), p["to_code"])
        return x.chunk(2, 1)

    def decoder(self, z):
        p, relu = self.params["decoder"], self.f.relu
        x = relu(self.norm(self.dense(z, p["Dense_0"]), p["BatchNorm_0"]))
        x = x.reshape(len(z), 1, 1, -1).permute(0, 3, 1, 2)
        for i in range(3):
            x = self.up(x, p[f"ConvTranspose_{i}"])
            x = relu(self.norm(x, p[f"BatchNorm_{i + 1}"]))
        return self.torch.tanh(self.conv(x, p["to_image"], 1))

    def discriminator(self, x):
        """Logits, and the features that images are compared in."""
        p, relu = self.params["discriminator"], self.f.relu
        x = relu(self.conv(x, p["Conv_0"], 1))
        for i in (1, 2):
            x = self.conv(x, p[f"Conv_{i}"], 2)
            x = relu(self.norm(x, p[f"BatchNorm_{i - 1}"]))
        features = self.conv(x, p["similarity"], 2)
        x = self.flat(relu(self.norm(features, p["BatchNorm_2"])))
        x = relu(self.norm(self.dense(x, p["Dense_0"]), p["BatchNorm_3"]))
        return self.dense(x, p["to_logit"])[:, 0], features

    def losses(self, form, image, noise, prior):
        """Of the three players, by section 3 of the paper, or by the script."""
        mean, log_variance = self.encoder(image)
        code = mean + (log_variance / 2).exp() * noise
        again, new = self.decoder(code), self.decoder(prior)
        logits, features = self.discriminator(self.torch.cat([image, again, new]))
        (real, judged, sampled), (wanted, found, _) = logits.chunk(3), features.chunk(3)
        kl = (mean**2 + log_variance.exp() - log_variance - 1).sum(1).mean() / 2
        similar = ((wanted - found) ** 2).sum((1, 2, 3)).mean() / 2

        def bce(logits, target):
            target = self.torch.full_like(logits, target)
            return self.f.binary_cross_entropy_with_logits(logits, target)

        if form == "paper":
            d = bce(real, 1.0) + bce(judged, 0.0) + bce(sampled, 0.0)
            fooled = bce(judged, 1.0) + bce(sampled, 1.0)
        else:
            d = (bce(real, 1.0) + bce(sampled, 0.0)) / 2
            fooled = -(1 - CONFIG.gamma) * (d - bce(real, 1.0) / 2)
        return {
            "encoder": kl + similar,
            "decoder": CONFIG.gamma * similar + fooled,
            "discriminator": d,
        }


def test_losses_and_gradients_are_pytorch_s(start, played):
    torch = pytest.importorskip("torch")  # 2.13
    batch, state = start
    form, ours = played
    draws = [
        jax.random.normal(jax.random.fold_in(jax.random.key(3), i), (4, CONFIG.code))
        for i in (0, 1)
    ]
    twin = Twin(torch, state.params)
    image = torch.tensor(np.asarray(batch["image"]).transpose(0, 3, 1, 2))
    theirs = twin.losses(form, image, *(torch.tensor(np.asarray(x)) for x in draws))
    for player, loss in theirs.items():
        value, gradient = ours[player]
        np.testing.assert_allclose(value, loss.item(), rtol=1e-4)
        leaves, structure = jax.tree.flatten(twin.params[player])
        found = torch.autograd.grad(loss, leaves, retain_graph=True)
        wanted = jax.tree.unflatten(structure, [x.numpy() for x in found])
        size = max(np.abs(x).max() for x in jax.tree.leaves(wanted))
        jax.tree.map(
            lambda a, b, size=size: np.testing.assert_allclose(a, b, atol=1e-4 * size),
            gradient[player], wanted,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("real", "fake", "who"),
    [
        (0.693, 0.693, (1, 1)),  # it cannot tell the two apart
        (0.32, 0.70, (0, 1)),  # too strong on real images: it rests
        (0.70, 0.32, (0, 1)),
        (0.70, 1.04, (1, 0)),  # too weak: the decoder waits for it
        (1.04, 0.70, (1, 0)),
        (0.10, 1.50, (1, 1)),  # neither would move, so both do
    ],
)
def test_who_moves_within_the_margin(real, fake, who):
    moves = within_margin(jnp.array(real), jnp.array(fake), (0.68, 0.68), 0.35)
    assert tuple(map(int, moves)) == who


def test_the_equilibria_are_those_of_a_discriminator_that_cannot_tell():
    """With k fakes for each real image, the best answer is one in 1 + k."""
    for form, fakes in (("paper", 2), ("released", 1)):
        says = 1 / (1 + fakes)
        expected = -np.log([says, 1 - says])
        np.testing.assert_allclose(vaegan.EQUILIBRIA[form], expected, atol=0.02)
        real, fake = map(jnp.array, expected)
        moves = within_margin(real, fake, vaegan.EQUILIBRIA[form], 0.35)
        assert tuple(map(int, moves)) == (1, 1)


def test_a_discriminator_is_not_blind_to_what_all_images_of_a_kind_share(start):
    """Its dense batch norm would hide it, if kinds were normalised by themselves."""
    batch, state = start
    real = jnp.asarray(batch["image"])
    net = game.pure(vaegan.game(CONFIG).nets["discriminator"], "discriminator")
    nets = game.variables(state)
    other = jnp.concatenate([real, 1 - 0.2 * real])
    alone, together = (net(nets, x)[0].logits for x in (real, other))
    assert not np.allclose(alone, together[: len(real)], atol=1e-2)
    one, two = vaegan.features(CONFIG, nets, real, real)
    np.testing.assert_allclose(one, two, atol=1e-5)


def test_a_discriminator_that_is_too_strong_rests_inside_the_step(start, monkeypatch):
    """Its errors are small beside these equilibria, so it rests; the others move."""
    batch, state = start
    monkeypatch.setitem(vaegan.EQUILIBRIA, "paper", (50.0, 50.0))
    config = dataclasses.replace(CONFIG, margin=45.0)
    init, step = game.algorithm(vaegan.game(config))
    opt_state = jax.eval_shape(init, jax.random.key(0), batch).opt_state
    zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), opt_state)
    before = state.replace(opt_state=zeros)
    after, seen = jax.jit(step)(before, batch)
    assert seen["discriminator/moves"] == 0
    assert seen["decoder/moves"] == 1
    for net in NETS:
        pairs = zip(
            *(
                jax.tree.leaves((x.params[net], x.opt_state[net]))
                for x in (before, after)
            ),
            strict=True,
        )
        moved = any(not np.array_equal(*pair) for pair in pairs)
        assert moved == (net != "discriminator")


def test_the_plain_vae_s_loss_is_minus_its_bound(start):
    batch, _ = start
    config = dataclasses.replace(CONFIG, similarity="pixels", variance=0.5)
    init, step = game.algorithm(vaegan.game(config))
    state = jax.jit(init)(jax.random.key(0), batch)
    _, seen = jax.jit(step)(state, batch)
    bound = seen["vae/likelihood"] - seen["vae/divergence"]
    np.testing.assert_allclose(seen["vae/loss"], -bound, rtol=1e-5)
    # An untrained decoder draws grey, so that the likelihood is that of the pixels.
    image = np.asarray(batch["image"], float)
    each = (image**2).sum((1, 2, 3)) + image[0].size * 0.5 * np.log(np.pi)
    np.testing.assert_allclose(seen["vae/likelihood"], -each.mean(), rtol=0.05)


def test_with_spectral_norms_an_image_is_judged_by_itself(start):
    """The encoder's error of features counts by their variance."""
    batch, _ = start
    config = dataclasses.replace(CONFIG, norm="spectral", feature_variance=0.1)
    init, step = game.algorithm(vaegan.game(config))
    state = jax.jit(init)(jax.random.key(0), batch)
    assert not jax.tree.leaves(state.stats["discriminator"].get("batch_stats", {}))
    _, seen = jax.jit(step)(state, batch)
    expected = seen["encoder/divergence"] + 10 * seen["encoder/similarity"]
    np.testing.assert_allclose(seen["encoder/loss"], expected, rtol=1e-5)
    net = game.pure(vaegan.game(config).nets["discriminator"], "discriminator")
    nets, real = game.variables(state), jnp.asarray(batch["image"])
    together = net(nets, jnp.concatenate([real, 1 - 0.2 * real]))[0]
    for one, both in zip(net(nets, real)[0], together, strict=True):
        np.testing.assert_allclose(one, both[: len(real)], atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"resolution": 20}, "resolution 20 cannot be halved three times; use.* 16"),
        ({"width": 5}, "width 5 is odd"),
        ({"kernel": 2}, "unknown kernel 2"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        vaegan.Config(**change)
