"""Networks of the PyTorch release of pix2pix and CycleGAN draw the same here."""

import jax
import numpy as np
import pytest

from jaxgan.lab import torch_translation as files
from jaxgan.models import cyclegan, pix2pix

IMAGES = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype("float32")


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="pip install torch==2.13.0")


def unet(torch, channels, outputs, width, norm):
    """The layout of the release's UnetGenerator, with five halvings."""
    layers = torch.nn

    class Block(layers.Module):
        def __init__(self, outer, inner, inside=None, given=None, outermost=False):
            super().__init__()
            self.outermost = outermost
            biased = norm is layers.InstanceNorm2d
            down = layers.Conv2d(given or outer, inner, 4, 2, 1, bias=biased)
            leaky, relu = layers.LeakyReLU(0.2, True), layers.ReLU(True)
            both = inner * (2 if inside else 1)
            biased = biased or outermost
            up = layers.ConvTranspose2d(both, outer, 4, 2, 1, bias=biased)
            if outermost:
                parts = [down, inside, relu, up, layers.Tanh()]
            elif inside is None:
                parts = [leaky, down, relu, up, norm(outer)]
            else:
                parts = [leaky, down, norm(inner), inside, relu, up, norm(outer)]
            self.model = layers.Sequential(*parts)

        def forward(self, x):
            made = self.model(x)
            return made if self.outermost else torch.cat([x, made], 1)

    inside = Block(8 * width, 8 * width)
    for outer, inner in ((4, 8), (2, 4), (1, 2)):
        inside = Block(outer * width, inner * width, inside)

    class Generator(layers.Module):
        def __init__(self):
            super().__init__()
            self.model = Block(outputs, width, inside, channels, outermost=True)

    return random(torch, Generator())


def residual(torch, channels, width, blocks, dropout=()):
    """The layout of the release's ResnetGenerator, with instance norms."""
    layers = torch.nn

    class Block(layers.Module):
        def __init__(self):
            super().__init__()
            one, two = (layers.Conv2d(4 * width, 4 * width, 3) for _ in range(2))
            norm = layers.InstanceNorm2d(4 * width)
            first = [layers.ReflectionPad2d(1), one, norm, layers.ReLU(True), *dropout]
            last = [layers.ReflectionPad2d(1), two, norm]
            self.conv_block = layers.Sequential(*first, *last)

        def forward(self, x):
            return x + self.conv_block(x)

    def normed(layer, width):
        return [layer, layers.InstanceNorm2d(width), layers.ReLU(True)]

    def up(width):
        return layers.ConvTranspose2d(2 * width, width, 3, 2, 1, output_padding=1)

    class Generator(layers.Module):
        def __init__(self):
            super().__init__()
            self.model = layers.Sequential(
                layers.ReflectionPad2d(3),
                *normed(layers.Conv2d(channels, width, 7), width),
                *normed(layers.Conv2d(width, 2 * width, 3, 2, 1), 2 * width),
                *normed(layers.Conv2d(2 * width, 4 * width, 3, 2, 1), 4 * width),
                *(Block() for _ in range(blocks)),
                *normed(up(2 * width), 2 * width),
                *normed(up(width), width),
                layers.ReflectionPad2d(3),
                layers.Conv2d(width, channels, 7),
                layers.Tanh(),
            )

    return random(torch, Generator())


def random(torch, made):
    """A network with weights that leave something of an image after many layers."""
    torch.manual_seed(0)
    for name, x in made.state_dict().items():
        if x.is_floating_point():
            x.normal_(0, 0.2)
            x.add_(1) if x.ndim == 1 and "bias" not in name else x
            x.abs_() if "var" in name else x
    return made


def theirs(torch, network, images):
    with torch.no_grad():
        found = network.model(torch.tensor(images).permute(0, 3, 1, 2))
    return found.permute(0, 2, 3, 1).numpy()


def test_a_unet_of_the_release_draws_the_same_here(torch, tmp_path):
    network = unet(torch, 3, 2, 3, torch.nn.BatchNorm2d)
    path = tmp_path / "latest_net_G.pth"
    torch.save(network.state_dict(), path)
    trained = files.open_pix2pix(path)
    config = trained.config
    assert (config.resolution, config.width) == ("32x32", 3)
    assert (config.input_channels, config.channels) == (3, 2)
    draw = jax.jit(lambda x: pix2pix.translate(config, trained.variables, x, None))
    expected = theirs(torch, network.train(), IMAGES)
    assert expected.std() > 0.01
    np.testing.assert_allclose(draw(IMAGES), expected, atol=1e-5)


def test_the_names_of_a_full_unet_are_those_of_the_release(torch):
    """Of unet_256, whose layers have these names in its published files."""
    downs, ups = files._levels(8)
    inner = "model.model.1" + 6 * ".model.3"
    assert len(downs) == len(ups) == 8
    assert downs[0] == ("model.model.0", "")
    assert downs[1] == ("model.model.1.model.1", "model.model.1.model.2")
    assert downs[-1] == (f"{inner}.model.1", "")
    assert ups[-1] == (f"{inner}.model.3", f"{inner}.model.4")
    small, _ = files._levels(5)
    network = unet(torch, 3, 3, 1, torch.nn.BatchNorm2d)
    assert {f"{name}.weight" for name, _ in small} <= network.state_dict().keys()


@pytest.mark.parametrize("old", [False, True])
def test_a_residual_generator_of_the_release_draws_the_same_here(torch, tmp_path, old):
    """Old files keep statistics of norms, or have dropout inside the blocks."""
    dropout = [torch.nn.Dropout(0.5)] if old else []
    network = residual(torch, 3, 2, 2, dropout).eval()
    path, state = tmp_path / "latest_net_G_A.pth", network.state_dict()
    if old:
        state |= {f"model.2.running_{x}": torch.ones(2) for x in ("mean", "var")}
        state["model.2.num_batches_tracked"] = torch.tensor(0)
    torch.save(state, path)
    trained = files.open_cyclegan(path)
    config = trained.config
    assert (config.width, config.blocks, config.channels) == (2, 2, 3)
    draw = jax.jit(lambda x: cyclegan.translate(config, trained.variables, x, "a_to_b"))
    images = IMAGES[:, :16, :24]
    expected = theirs(torch, network, images)
    assert expected.std() > 0.01
    np.testing.assert_allclose(draw(images), expected, atol=1e-5)


def test_an_npz_of_the_same_names_takes_no_pytorch(torch, tmp_path):
    network = residual(torch, 3, 2, 1)
    path = tmp_path / "net.npz"
    np.savez(path, **{name: x.numpy() for name, x in network.state_dict().items()})
    params = files.open_cyclegan(path).variables["a_to_b"]["params"]
    kernel = network.state_dict()["model.1.weight"].numpy()
    np.testing.assert_array_equal(params["Conv_0"]["kernel"][..., 1, 0], kernel[0, 1])


def test_other_networks_are_refused(torch, tmp_path):
    path = tmp_path / "net.pth"

    def refused(reader, state, said):
        torch.save(state, path)
        with pytest.raises(ValueError, match=said):
            reader(path)

    nets = unet(torch, 3, 3, 1, torch.nn.BatchNorm2d), residual(torch, 3, 2, 1)
    one, two = (network.state_dict() for network in nets)
    plain = unet(torch, 3, 3, 1, torch.nn.InstanceNorm2d).state_dict()
    refused(files.open_cyclegan, one, "another network than the residual .*10")
    refused(files.open_pix2pix, two, "another network than the U-Net .*model.0")
    refused(files.open_pix2pix, plain, "U-Net with batch norms.*missing: ")
    name = "model.model.1.model.1.weight"
    refused(files.open_pix2pix, one | {name: torch.zeros(2, 3, 4, 4)}, name)
    broken = two | {"model.1.weight": two["model.1.weight"] * float("nan")}
    refused(files.open_cyclegan, broken, "NaN or infinite weights")
    short = {k: x for k, x in two.items() if k != "model.14.bias"}
    refused(files.open_cyclegan, short, r"missing: model\.14\.bias")
    with pytest.raises(ValueError, match=r"no file of weights.*latest_net_G\.pth"):
        files.open_pix2pix(tmp_path / "none.pth")
