"""Weights of PyTorch's DCGAN example draw here what they draw there."""

import numpy as np
import pytest

from jaxgan.lab import inference, torch_files
from jaxgan.models import dcgan

SIZES = {"latent": 5, "width": 2, "channels": 3}


@pytest.fixture
def theirs():
    """The layout of pytorch/examples dcgan, for 16x16 pixels, at random weights."""
    torch = pytest.importorskip("torch", reason="pip install torch==2.13.0")
    layers = torch.nn
    z, width, channels = SIZES.values()
    torch.manual_seed(0)

    class Network(layers.Module):
        def __init__(self):
            super().__init__()
            self.main = layers.Sequential(
                layers.ConvTranspose2d(z, 2 * width, 4, 1, 0, bias=False),
                layers.BatchNorm2d(2 * width),
                layers.ReLU(True),
                layers.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False),
                layers.BatchNorm2d(width),
                layers.ReLU(True),
                layers.ConvTranspose2d(width, channels, 4, 2, 1, bias=False),
                layers.Tanh(),
            )

    made = Network()
    for name, x in made.state_dict().items():
        if x.ndim == 1:
            x.uniform_(0.5, 1.5) if "bias" not in name else x.normal_()
    return torch, made.eval()


def test_the_example_of_pytorch_draws_the_same_here(theirs, tmp_path):
    torch, network = theirs
    path = tmp_path / "netG_epoch_0.pth"
    torch.save(network.state_dict(), path)
    trained = torch_files.open_dcgan(path)
    config = trained.config
    assert (config.resolution, config.latent, config.width) == (16, 5, 2)
    z = np.random.default_rng(0).normal(size=(3, 5)).astype("float32")
    found = dcgan.sample(config, trained.variables, z, "running")
    with torch.no_grad():
        expected = network.main(torch.tensor(z)[:, :, None, None])
    np.testing.assert_allclose(found, expected.permute(0, 2, 3, 1), atol=1e-5)
    assert inference.drawing(trained)(z).shape == (3, 16, 16, 3)


def test_other_networks_are_refused(theirs, tmp_path):
    torch, network = theirs
    path, state = tmp_path / "other.pth", network.state_dict()
    for changed, said in (
        ({"fc.weight": torch.zeros(3, 4)}, "whose kernels are main.0.weight"),
        (
            {k: x for k, x in state.items() if k != "main.1.bias"},
            "missing: main.1.bias",
        ),
        (state | {"main.3.weight": torch.zeros(4, 4, 4, 4)}, "main.3.weight"),
    ):
        torch.save(changed, path)
        with pytest.raises(ValueError, match=f"another network.*{said}"):
            torch_files.open_dcgan(path)
    with pytest.raises(ValueError, match="there is no file of weights"):
        torch_files.open_dcgan(tmp_path / "none.pth")
