"""CapsNet against an independent one in PyTorch: the same weights, the same numbers."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.capsules import lengths
from jaxgan.game import Turn, algorithm, variables
from jaxgan.models import capsnet

torch = pytest.importorskip("torch")

from experiments.benchmarks.parts import torch_capsnet  # noqa: E402

CONFIG = capsnet.Config(
    resolution=20,
    channels=2,
    classes=3,
    features=8,
    types=3,
    primary_dim=4,
    class_dim=5,
    decoder=(16, 24),
)
SIZES = torch_capsnet.Sizes(
    **{
        field.name: getattr(CONFIG, field.name)
        for field in dataclasses.fields(torch_capsnet.Sizes)
    }
)


def batch(size=4):
    rng = np.random.default_rng(0)
    image = rng.uniform(size=(size, CONFIG.resolution, CONFIG.resolution, 2))
    return {
        "image": jnp.asarray(image, jnp.float32),
        "label": jnp.asarray([2, 0, 1, 1], jnp.int32),
    }


@functools.cache
def ours():
    """The game, and a state whose routing is far from uniform."""
    game = capsnet.game(CONFIG)
    state = jax.jit(algorithm(game).init)(jax.random.key(0), batch())
    class_caps = state.params["encoder"]["ClassCaps_0"]
    class_caps["weights"] = 60.0 * class_caps["weights"]
    return game, state


def pairs(params, theirs):
    """Every parameter of ours in Torch's layout, and the one of theirs it should be."""
    encoder, decoder = params["encoder"], params["decoder"]
    primary, above = encoder["PrimaryCaps_0"]["Conv_0"], encoder["ClassCaps_0"]
    matched = [(above["weights"], theirs.weights), (above["bias"], theirs.bias)]
    for layer, module in ((encoder["Conv_0"], theirs.conv), (primary, theirs.primary)):
        matched.append((layer["kernel"].transpose(3, 2, 0, 1), module.weight))
        matched.append((layer["bias"], module.bias))
    for i in range(3):
        layer, module = decoder[f"Dense_{i}"], theirs.decoder[2 * i]
        matched.append((layer["kernel"].T, module.weight))
        matched.append((layer["bias"], module.bias))
    return matched


@functools.cache
def nets():
    """The same network twice; every parameter of either has its partner."""
    _, state = ours()
    theirs = torch_capsnet.CapsNet(SIZES)
    matched = pairs(state.params, theirs)
    assert len(matched) == len(jax.tree.leaves(state.params))
    assert len(matched) == len(list(theirs.parameters()))
    with torch.no_grad():
        for own, parameter in matched:
            parameter.copy_(torch.from_numpy(np.array(own)))
    return state, theirs


def torch_batch():
    image, label = (np.array(batch()[name]) for name in ("image", "label"))
    image = torch.from_numpy(image).permute(0, 3, 1, 2)
    return image, torch.from_numpy(label).long()


def close(actual, wanted, rtol=1e-4):
    """Within `rtol` of the largest number of an array."""
    wanted = np.asarray(wanted)
    np.testing.assert_allclose(actual, wanted, rtol=0, atol=rtol * abs(wanted).max())


def test_class_capsules_and_drawings():
    state, theirs = nets()
    image, label = torch_batch()

    @jax.jit
    def encode(variables, image):
        return capsnet.encode(CONFIG, variables, image, return_coupling=True)

    own, coupling = encode(variables(state), batch()["image"])
    # Otherwise routing could be wrong unseen.
    assert coupling[-1].max() > 0.5 > 2 * coupling[-1].min()
    with torch.no_grad():
        wanted = theirs(image)
        drawn = theirs.decode(wanted, label)
    close(own, wanted.numpy())
    close(lengths(own), wanted.norm(dim=-1).numpy())
    masked = own * jax.nn.one_hot(batch()["label"], CONFIG.classes)[..., None]
    own_drawn = capsnet.decode(CONFIG, variables(state), masked)
    close(own_drawn.reshape(len(own_drawn), -1), drawn.numpy())


def test_loss_and_all_gradients():
    state, theirs = nets()
    game, _ = ours()

    def loss(params):
        turn = Turn(jax.random.key(1), state.step)
        vars_ = variables(state.replace(params=params))
        value, _ = game.players["capsules"].loss(vars_, batch(), turn)
        return value

    own, gradient = jax.jit(jax.value_and_grad(loss))(state.params)
    theirs.zero_grad()
    wanted = torch_capsnet.loss(theirs, *torch_batch())
    wanted.backward()
    assert float(own) == pytest.approx(wanted.item(), rel=1e-5)
    for actual, parameter in pairs(gradient, theirs):
        expected = np.asarray(parameter.grad)
        assert abs(expected).max() > 1e-5
        close(actual, expected)
