"""DCGAN: its step against Torch, and who sees what."""

import copy
import dataclasses
import itertools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from dcgans import TINIER, TINY, images, latents, started

from jaxgan import nn
from jaxgan.game import Turn, algorithm, pure, variables
from jaxgan.models import dcgan


def bold_weights(params, seed=0):
    """Weights that make every layer matter, unlike those near zero at the start."""
    rng = np.random.default_rng(seed)

    def draw(path, leaf):
        kind = path[-1].key
        scale = np.prod(leaf.shape[:-1]) ** -0.5 if kind == "kernel" else 0.3
        drawn = rng.normal(kind == "scale", scale, leaf.shape)
        return jnp.asarray(drawn, "float32")

    return jax.tree.map_with_path(draw, params)


RATE = 0.25  # of plain gradient descent, which lets gradients be read off a step


@pytest.fixture(scope="module")
def tiny():
    """A compiled step under gradient descent, and a state whose every layer matters."""
    game = dcgan.game(TINY)
    players = {
        name: dataclasses.replace(player, optimizer=optax.sgd(RATE))
        for name, player in game.players.items()
    }
    run = algorithm(dataclasses.replace(game, players=players))
    state = jax.jit(run.init)(jax.random.key(0), {"image": images(TINY)})
    return jax.jit(run.step), state.replace(params=bold_weights(state.params))


# --- parity with Torch ---------------------------------------------------------------


def torch_nets(torch, config):
    """The two nets as one writes them in Torch, in float64."""
    wide, (k, z, c) = config.widths, (config.kernel, config.latent, config.channels)
    up = {"stride": 2, "padding": (k - 1) // 2, "output_padding": k % 2}
    down = {"stride": 2, "padding": (k - 1) // 2}
    tnn = torch.nn
    generator = [tnn.ConvTranspose2d(z, wide[-1], 4, bias=False)]
    for before, after in itertools.pairwise(wide[::-1]):
        generator += [tnn.BatchNorm2d(before), tnn.ReLU()]
        generator += [tnn.ConvTranspose2d(before, after, k, bias=False, **up)]
    generator += [tnn.BatchNorm2d(wide[0]), tnn.ReLU()]
    generator += [tnn.ConvTranspose2d(wide[0], c, k, **up), tnn.Tanh()]
    discriminator = [tnn.Conv2d(c, wide[0], k, **down), tnn.LeakyReLU(0.2)]
    for before, after in itertools.pairwise(wide):
        discriminator += [tnn.Conv2d(before, after, k, bias=False, **down)]
        discriminator += [tnn.BatchNorm2d(after), tnn.LeakyReLU(0.2)]
    discriminator += [tnn.Conv2d(wide[-1], 1, 4)]
    return {
        "generator": tnn.Sequential(*generator).double().train(),
        "discriminator": tnn.Sequential(*discriminator).double().train(),
    }


def layers(net, config):
    """Our layers in the order of Torch's."""
    n = len(config.widths)
    if net == "generator":
        convs = ["project", *(f"ConvTranspose_{i}" for i in range(n - 1)), "to_image"]
        norms = [f"BatchNorm_{i}" for i in range(n)]
        return [x for pair in itertools.zip_longest(convs, norms) for x in pair if x]
    return [
        "Conv_0",
        *(x for i in range(1, n) for x in (f"Conv_{i}", f"BatchNorm_{i - 1}")),
        "to_logit",
    ]


def to_torch(name, kernel):
    """A kernel of ours in Torch's layout."""
    kernel = np.asarray(kernel)
    if name == "project":  # [Z, 4 * 4 * C] -> [Z, C, 4, 4]
        kernel = kernel.reshape(kernel.shape[0], 4, 4, -1)
        return kernel.transpose(0, 3, 1, 2)
    if name == "to_logit":  # [4 * 4 * C, 1] -> [1, C, 4, 4]
        kernel = kernel.reshape(4, 4, -1, 1)
    # [kh, kw, C, O] -> [O, C, kh, kw], of a convolution and of its adjoint alike.
    return kernel.transpose(3, 2, 0, 1)


def pairs(tree, theirs, config, net):
    """(our layer's name, its tree, their layer), where there are parameters."""
    with_parameters = [layer for layer in theirs if list(layer.parameters())]
    return [
        (name, tree[name], layer)
        for name, layer in zip(layers(net, config), with_parameters, strict=True)
    ]


def copy_to_torch(torch, state, theirs, config):
    with torch.no_grad():
        for net, module in theirs.items():
            for name, ours, layer in pairs(state.params[net], module, config, net):
                kernel = (
                    ours["scale"] if "scale" in ours else to_torch(name, ours["kernel"])
                )
                layer.weight.copy_(torch.tensor(np.asarray(kernel)))
                if "bias" in ours:
                    layer.bias.copy_(torch.tensor(np.asarray(ours["bias"])))


def assert_near(ours, theirs, name=""):
    theirs = theirs.detach().numpy() if hasattr(theirs, "detach") else theirs
    scale = np.abs(theirs).max()
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4 * scale, err_msg=name)


def test_both_nets_with_even_kernels_agree_with_torch_in_training_mode():
    torch = pytest.importorskip("torch")  # 2.13
    config = dataclasses.replace(TINY, kernel=4)
    state = started(config)
    state = state.replace(params=bold_weights(state.params))
    theirs = torch_nets(torch, config)
    copy_to_torch(torch, state, theirs, config)
    z, image = latents(config), images(config)

    @jax.jit
    def both(net):
        discriminator = pure(dcgan.Discriminator(config), "discriminator")
        return dcgan.sample(config, net, z), discriminator(net, image)[0]

    sample, logits = both(variables(state))
    assert np.std(sample) > 0.1
    z = torch.tensor(np.asarray(z, "float64"))[..., None, None]
    assert_near(sample, theirs["generator"](z).permute(0, 2, 3, 1))
    nchw = torch.tensor(np.asarray(image, "float64").transpose(0, 3, 1, 2))
    assert_near(logits, theirs["discriminator"](nchw)[:, 0, 0, 0])


def test_a_full_step_with_odd_kernels_agrees_with_torch(tiny):
    torch = pytest.importorskip("torch")
    softplus = torch.nn.functional.softplus
    (step, start), config = tiny, TINY
    batch = {"image": images(config), "latent": latents(config)}
    state, metrics = step(start, batch)

    theirs = torch_nets(torch, config)
    copy_to_torch(torch, start, theirs, config)
    g, d = theirs["generator"], theirs["discriminator"]
    real = torch.tensor(np.asarray(batch["image"], "float64").transpose(0, 3, 1, 2))
    z = torch.tensor(np.asarray(batch["latent"], "float64"))[..., None, None]
    # D's turn: G's statistics stay as they were, so a copy of it plays.
    fake = copy.deepcopy(g)(z).detach()
    real_logits, fake_logits = d(real), d(fake)
    d_loss = (softplus(-real_logits) + softplus(fake_logits)).mean()
    d_loss.backward()
    gradients = {"discriminator": [p.grad.clone() for p in d.parameters()]}
    with torch.no_grad():
        for p in d.parameters():
            p -= RATE * p.grad
    # G's turn, against the D that has just moved and keeps its statistics.
    g_loss = softplus(-copy.deepcopy(d)(g(z))).mean()
    g_loss.backward()
    gradients["generator"] = [p.grad for p in g.parameters()]

    assert_near(metrics["discriminator/loss"], d_loss)
    assert_near(metrics["generator/loss"], g_loss)
    assert_near(metrics["discriminator/real"], real_logits.mean())
    assert_near(metrics["discriminator/fake"], fake_logits.mean())
    moved = jax.tree.map(lambda a, b: (a - b) / RATE, start.params, state.params)
    initial = {"generator": 0.9, "discriminator": 0.81}  # of running averages
    for net, module in theirs.items():
        grads = dict(zip(module.parameters(), gradients[net], strict=True))
        for name, ours, layer in pairs(moved[net], module, config, net):
            weight = (
                ours["scale"] if "scale" in ours else to_torch(name, ours["kernel"])
            )
            assert_near(weight, grads[layer.weight], f"{net} {name}")
            if "bias" in ours:
                assert_near(ours["bias"], grads[layer.bias], f"{net} {name}")
            if "scale" in ours:
                stored = state.stats[net]["batch_stats"][name]
                assert_near(stored["mean"], layer.running_mean, f"{net} {name}")
                # Torch stores the unbiased variance: n / (n - 1) of ours, of n numbers.
                sides = {4 * 4: config.widths[-1], 8 * 8: config.widths[0]}
                n = 8 * next(s for s, w in sides.items() if w == len(stored["var"]))
                var = layer.running_var.numpy() - initial[net]
                var = initial[net] + var * (n - 1) / n
                assert_near(stored["var"], var, f"{net} {name}")


# --- who sees what -------------------------------------------------------------------


def test_real_images_are_judged_without_regard_to_the_fakes(tiny):
    step, state = tiny
    batch = {"image": images(TINY), "latent": latents(TINY)}
    _, one = step(state, batch)
    _, other = step(state, batch | {"latent": latents(TINY, seed=1)})
    assert one["discriminator/real"] == other["discriminator/real"]
    assert one["discriminator/fake"] != other["discriminator/fake"]
    _, other = step(state, batch | {"image": images(TINY, seed=1)})
    assert one["discriminator/real"] != other["discriminator/real"]
    assert one["discriminator/fake"] == other["discriminator/fake"]


@pytest.fixture(scope="module")
def record():
    """Records what two steps drew, and what D was shown."""
    config = dataclasses.replace(TINIER, augment=("cutout",))
    seen = {"sample_latent": [], "diff_augment": []}

    def recording(name):
        original = getattr(nn, name)

        def wrapper(*args):
            out = original(*args)
            jax.debug.callback(lambda x: seen[name].append(np.asarray(x)), out)
            return out

        return wrapper

    with pytest.MonkeyPatch.context() as patch:
        for name in seen:
            patch.setattr(dcgan.nn, name, recording(name))
        step = jax.jit(algorithm(dcgan.game(config)).step)
        state = started(TINIER)
        for _ in range(2):
            state, _ = step(state, {"image": images(config)})
        jax.block_until_ready(state)
        jax.effects_barrier()
    return seen


def test_the_two_moves_see_latents_of_their_own(record):
    drawn = record["sample_latent"]
    assert [x.shape for x in drawn] == [(8, 6)] * 4
    assert all(np.abs(x).max() <= 1 for x in drawn)  # uniform, as in the paper
    for one, other in itertools.combinations(drawn, 2):
        assert not np.isclose(one, other).any()


def test_every_look_of_the_discriminator_is_augmented_anew(record):
    holes = [(x == 0).all(-1) for x in record["diff_augment"]]
    assert len(holes) == 2 * 3  # real and fake for D, fake for G
    assert all(hole.any((1, 2)).all() for hole in holes)
    for one, other in itertools.combinations(holes, 2):
        assert not np.array_equal(one, other)


def test_gradients_reach_the_generator_through_the_augmentation():
    state = started(TINIER)
    net = variables(state.replace(params=bold_weights(state.params)))
    batch = {"image": images(TINIER), "latent": latents(TINIER)}
    turn = Turn(jax.random.key(0), jnp.zeros((), jnp.int32))

    def gradient(**changes):
        player = dcgan.game(dataclasses.replace(TINIER, **changes)).players["generator"]

        def loss(params):
            own = {**net["generator"], "params": params}
            return player.loss({**net, "generator": own}, batch, turn)[0]

        return jax.jit(jax.grad(loss))(net["generator"]["params"])

    plain, augmented = gradient(), gradient(augment=("colour", "cutout"))
    for a, b in zip(jax.tree.leaves(plain), jax.tree.leaves(augmented), strict=True):
        assert jnp.abs(b).max() > 1e-6
        assert not np.allclose(a, b, rtol=0.01, atol=1e-7)


# --- sampling ------------------------------------------------------------------------


def test_an_image_depends_on_its_company_under_batch_statistics_only(tiny):
    _, state = tiny
    z = latents(TINY)

    def drawn(statistics):
        sample = jax.jit(lambda z: dcgan.sample(TINY, variables(state), z, statistics))
        return sample(z), sample(jnp.concatenate([z[:2], 3 * z[2:]]))

    one, other = drawn("running")
    np.testing.assert_allclose(one[:2], other[:2], atol=1e-6)
    assert not np.allclose(one[2:], other[2:], atol=0.1)
    one, other = drawn("batch")
    assert not np.allclose(one[:2], other[:2], atol=0.1)
    with pytest.raises(ValueError, match="'moving'"):
        dcgan.sample(TINY, variables(state), z, "moving")


def test_standing_statistics_are_those_of_new_latents(tiny):
    net = variables(tiny[1])
    estimate = jax.jit(dcgan.standing_statistics, static_argnums=(0, 3, 4))
    standing = estimate(TINY, net, jax.random.key(5), 8, 128)
    chex.assert_trees_all_equal(standing["discriminator"], net["discriminator"])
    params = net["generator"]["params"]
    chex.assert_trees_all_equal(standing["generator"]["params"], params)
    # The projection is linear: a channel's variance is that of z, 1/3, times the
    # squares of its weights, averaged over the 4x4 places.
    kernel = np.asarray(params["project"]["kernel"]).reshape(6, 16, -1)
    expected = np.square(kernel).mean(1).sum(0) / 3
    first = standing["generator"]["batch_stats"]["BatchNorm_0"]
    np.testing.assert_allclose(first["var"], expected, rtol=0.15)
    assert (np.abs(first["mean"]) < 0.15 * np.sqrt(expected)).all()
    # With them, an image by itself is what it is in a large company.
    z = nn.sample_latent(jax.random.key(6), 256, 6, "uniform")
    sample = jax.jit(dcgan.sample, static_argnums=(0, 3))
    company = sample(TINY, net, z, "batch")
    with_standing = np.abs(company - sample(TINY, standing, z, "running")).mean()
    without = np.abs(company - sample(TINY, net, z, "running")).mean()
    assert with_standing < 0.04
    assert without > 2 * with_standing


def test_images_are_in_the_range_of_tanh_and_float32_as_logits_are(tiny):
    _, state = tiny
    sample = jax.jit(dcgan.sample, static_argnums=(0, 3))
    image = sample(TINY, variables(state), 100 * latents(TINY), "running")
    assert -1 <= image.min() < -0.99
    assert 0.99 < image.max() <= 1
    config = dataclasses.replace(TINY, dtype="bfloat16")
    abstract = jax.eval_shape(lambda: variables(state))
    image = jax.eval_shape(
        lambda net: dcgan.sample(config, net, latents(config)), abstract
    )
    discriminator = pure(dcgan.Discriminator(config), "discriminator")
    logits, _ = jax.eval_shape(discriminator, abstract, image)
    assert {image.dtype, logits.dtype} == {jnp.dtype("float32")}
