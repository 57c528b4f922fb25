"""GAWWN: the code's sizes, PyTorch's discriminator, losses, places in the image."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from twins import Twin

from jaxgan import nn
from jaxgan.compose import parameter_count
from jaxgan.game import Turn, algorithm, pure, variables
from jaxgan.models import gawwn
from jaxgan.models.parts import gawwn_nets

TINY = gawwn.MODEL.tiny
POINTS = dataclasses.replace(TINY, where="points")


@pytest.fixture(scope="module", params=["box", "points"])
def begun(request):
    """A configuration, a batch and the first variables."""
    config = dataclasses.replace(TINY, where=request.param)
    batch = gawwn.batch(config, jax.random.key(1), 4)
    init = algorithm(gawwn.game(config)).init
    return config, batch, variables(jax.jit(init)(jax.random.key(0), batch))


def test_networks_have_the_codes_numbers_of_parameters():
    config = gawwn.Config()
    batch = gawwn.batch(config, jax.random.key(0), 2)
    state = jax.eval_shape(algorithm(gawwn.game(config)).init, jax.random.key(0), batch)
    counts = {name: parameter_count(net) for name, net in state.params.items()}
    assert counts == {"generator": 73_545_699, "discriminator": 16_763_137}


def test_the_key_point_generator_joins_655_channels():
    config = gawwn.Config(where="points")
    batch = gawwn.batch(config, jax.random.key(0), 2)
    state = jax.eval_shape(algorithm(gawwn.game(config)).init, jax.random.key(0), batch)
    kernels = [x.shape for x in jax.tree.leaves(state.params["generator"])]
    assert (3, 3, 655, 512) in kernels


def test_planes_have_a_one_where_a_visible_point_is():
    points = jnp.array([[[0.0, 0.99, 1], [0.5, 0.3, 1], [0.5, 0.3, 0]]])
    found = np.asarray(gawwn_nets.planes(points, 8))
    assert found.shape == (1, 8, 8, 3)
    assert np.argwhere(found).tolist() == [[0, 0, 7, 0], [0, 4, 2, 1]]


def test_losses_weigh_three_kinds_of_pairs_at_the_same_place(begun):
    config, batch, nets = begun
    played = gawwn.game(config)
    turn = Turn(jax.random.key(3), jnp.zeros((), int))
    noise = nn.sample_latent(turn.key, 4, config.latent)
    judge = pure(played.nets["discriminator"], "discriminator")

    @jax.jit
    def found(nets):
        drawn = gawwn.sample(config, nets, batch["text"], batch[config.where], noise)
        pairs = (batch["image"], "text"), (batch["image"], "wrong"), (drawn, "text")
        logits = [
            judge(nets, image, batch[config.where], batch[name])[0][0]
            for image, name in pairs
        ]
        told = {n: p.loss(nets, batch, turn)[0] for n, p in played.players.items()}
        return logits, told

    (right, wrong, fake), told = found(nets)
    soft = np.logaddexp
    expected = soft(0, -right).mean() + soft(0, wrong).mean() / 2
    expected += soft(0, fake).mean() / 2
    np.testing.assert_allclose(told["discriminator"], expected, rtol=1e-5)
    np.testing.assert_allclose(told["generator"], soft(0, -fake).mean(), rtol=1e-5)


@pytest.mark.parametrize(
    ("where", "place", "message"),
    [
        ("box", [[0.2, 0.2, 0.1, 0.9]], "the box .* is not in the image"),
        ("box", [[0.5, 0.5, 1.2, 0.9]], "the box .* is not in the image"),
        ("points", [[[0.5, 0.5, 1], [0.2, 1.0, 1]]], "the set of key-points"),
    ],
)
def test_places_outside_the_image_are_refused(where, place, message):
    config = dataclasses.replace(TINY, where=where)
    with pytest.raises(ValueError, match=message):
        gawwn.check_place(config, np.array(place))
    gawwn.check_place(POINTS, np.array([[[0.5, 0.5, 1], [0.2, 1.0, 0]]]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"box": jnp.zeros((2, 3))}, r"box is \(3,\), but the game takes \(4,\)"),
        ({"image": jnp.zeros((2, 8, 8, 3))}, r"image is \(8, 8, 3\), but the game"),
    ],
)
def test_batches_that_do_not_fit_are_refused(change, message):
    batch = {**gawwn.batch(TINY, jax.random.key(0), 2), **change}
    with pytest.raises(ValueError, match=message):
        algorithm(gawwn.game(TINY)).init(jax.random.key(0), batch)
    with pytest.raises(ValueError, match="resolution is 32"):
        gawwn.Config(resolution=32)


class Boxes(Twin):
    """The networks of the box version at 64x64, whose grid is 8x8."""

    def start(self, vector):
        layer = self.next("ConvTranspose")  # flax has kernels the other way round
        kernel = layer["kernel"].flip(0, 1).permute(2, 3, 0, 1)
        made = self.torch.nn.functional.conv_transpose2d(
            vector[:, :, None, None], kernel, layer["bias"]
        )
        return self.norm(made)

    def up(self, x):
        layer = self.next("ConvTranspose")
        kernel = layer["kernel"].permute(3, 2, 0, 1)
        return self.torch.nn.functional.conv_transpose2d(
            x, kernel, layer["bias"], stride=2, padding=1
        )

    def block(self, x):
        relu = self.torch.relu
        y = relu(self.normed(relu(self.normed(x))))
        return relu(x + self.normed(y))

    def warped(self, x, box, paste=False):
        box = self.tensor(box)
        scale, shift = box[:, 2:] - box[:, :2], box[:, :2] + box[:, 2:] - 1
        if paste:
            scale, shift = 1 / scale, -shift / scale
        matrix = self.torch.zeros(len(box), 2, 3, dtype=x.dtype)
        matrix[:, 0, 0], matrix[:, 1, 1] = scale[:, 1], scale[:, 0]
        matrix[:, 0, 2], matrix[:, 1, 2] = shift[:, 1], shift[:, 0]
        functional = self.torch.nn.functional
        grid = functional.affine_grid(matrix, x.shape, align_corners=True)
        return functional.grid_sample(x, grid, align_corners=True)

    def flat(self, x):
        return x.permute(0, 2, 3, 1).reshape(len(x), -1)

    def generate(self, box, text, noise):
        relu, text, noise = self.torch.relu, self.tensor(text), self.tensor(noise)
        told = self.dense(text, "text")
        x = self.warped(self.tiled(told, 8), box, paste=True)
        x = relu(self.normed(x, 2))
        x = relu(self.norm(self.dense(self.flat(x))))
        x = relu(self.start(self.torch.cat([relu(self.dense(noise)), x], 1)))
        around = relu(self.norm(self.up(x)))
        x = relu(self.torch.cat([self.dense(noise), told], 1))
        x = self.norm(self.up(self.block(self.start(x))))
        x = self.torch.cat([around, relu(self.warped(x, box, paste=True))], 1)
        x = relu(self.normed(x))
        x = relu(self.norm(self.up(x)))
        x = relu(self.norm(self.up(x)))
        return self.torch.tanh(self.up(x))

    def discriminate(self, look, box, text, image):
        leaky = self.leaky
        x = leaky(look.conv(look.tensor(image).permute(0, 3, 1, 2), 2))
        x = leaky(look.conv(x, 2))
        maps = leaky(look.normed(leaky(look.normed(x, 2))))
        told = self.tiled(leaky(self.dense(self.tensor(text))), 8)
        x = leaky(self.normed(self.torch.cat([maps, told], 1)))
        x = leaky(self.normed(self.warped(x, box)))
        region = leaky(self.conv(x).mean((2, 3)))
        x = leaky(self.normed(maps, 2))
        told = self.torch.relu(self.normed(self.warped(told, box), 2))
        x = leaky(self.normed(self.torch.cat([x, told], 1)))
        x = leaky(self.norm(self.dense(self.flat(x))))
        x = leaky(self.norm(self.dense(self.torch.cat([region, x], 1))))
        return self.dense(x, "to_logit")[:, 0]


@pytest.mark.parametrize("begun", ["box"], indirect=True)
def test_networks_of_boxes_agree_with_torch_given_the_same_weights(begun):
    config, batch, nets = begun
    params = {name: net["params"] for name, net in nets.items()}
    judge = pure(gawwn.game(config).nets["discriminator"], "discriminator")
    image, place, text = batch["image"], batch[config.where], batch["text"]
    noise = nn.sample_latent(jax.random.key(5), 4, config.latent)

    @jax.jit
    def ours():
        drawn = gawwn.sample(config, nets, text, place, noise)
        return drawn, judge(nets, image, place, text)[0][0]

    drawn, logits = ours()
    wanted = Boxes(params["generator"]).generate(place, text, noise)
    np.testing.assert_allclose(drawn, wanted.permute(0, 2, 3, 1), atol=1e-5)
    look = Boxes(params["discriminator"]["look"])
    match = Boxes(params["discriminator"]["match"])
    np.testing.assert_allclose(
        logits, match.discriminate(look, place, text, image), atol=1e-5
    )
