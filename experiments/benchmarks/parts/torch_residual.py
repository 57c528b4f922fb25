"""The residual pair of `residual.py`, as a good PyTorch user writes it."""

import itertools
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from experiments.benchmarks.parts import residual, torch_dcgan


class Up(nn.Module):
    """A block with twice the resolution and other channels."""

    def __init__(self, low: int, high: int):
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm2d(n) for n in (low, high))
        self.first = nn.Conv2d(low, high, 3, padding=1)
        self.second = nn.Conv2d(high, high, 3, padding=1)
        self.shortcut = nn.Conv2d(low, high, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps [B, low, H, W]."""
        y = self.first(_double(F.relu(self.norms[0](x), inplace=True)))
        y = self.second(F.relu(self.norms[1](y), inplace=True))
        return y + _double(self.shortcut(x))


class Down(nn.Module):
    """A block with half the resolution, if `halve` is true, and other channels."""

    def __init__(self, low: int, high: int, *, first: bool = False, halve: bool = True):
        super().__init__()
        self.image = first
        self.first = nn.Conv2d(low, high, 3, padding=1)
        self.second = nn.Conv2d(high, high, 3, padding=1)
        self.shortcut = nn.Conv2d(low, high, 1) if halve else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps [B, low, H, W]."""
        y = self.first(x if self.image else F.relu(x))
        y = self.second(F.relu(y, inplace=True))
        if self.shortcut is None:
            return x + y
        return F.avg_pool2d(y, 2) + self.shortcut(F.avg_pool2d(x, 2))


class Generator(nn.Module):
    """Latents [B, Z] to images [B, 3, R, R]."""

    def __init__(self, resolution: int, width: int):
        super().__init__()
        channels = list(reversed(residual.widths(resolution, width)))
        self.deepest = channels[0]
        self.project = nn.Linear(residual.LATENT, 16 * channels[0])
        self.blocks = nn.Sequential(
            *(Up(*pair) for pair in itertools.pairwise(channels))
        )
        self.norm = nn.BatchNorm2d(channels[-1])
        self.image = nn.Conv2d(channels[-1], 3, 3, padding=1)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Maps a batch."""
        x = self.project(z).unflatten(1, (self.deepest, 4, 4))
        x = self.blocks(x.contiguous(memory_format=torch.channels_last))
        return self.image(F.relu(self.norm(x), inplace=True)).float().tanh()


class Discriminator(nn.Module):
    """Images [B, 3, R, R] to logits [B]."""

    def __init__(self, resolution: int, width: int):
        super().__init__()
        channels = [3, *residual.widths(resolution, width)[:-1]]
        pairs = itertools.pairwise(channels)
        self.blocks = nn.Sequential(
            *(Down(*pair, first=i == 0) for i, pair in enumerate(pairs)),
            Down(channels[-1], channels[-1], halve=False),
        )
        self.logit = nn.Linear(channels[-1], 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Maps a batch."""
        x = F.relu(self.blocks(image), inplace=True).float().sum((2, 3))
        return self.logit(x)[:, 0]


def _double(x: torch.Tensor) -> torch.Tensor:
    return F.interpolate(x, scale_factor=2)


def make_step(
    *,
    resolution: int,
    width: int,
    batch_size: int,
    threads: int = 2,
    compiled: bool = False,
    device: str = "cpu",
    dtype: str = "float32",
    steps: int = 1,
) -> Callable[[], float]:
    """Does what `torch_dcgan.make_step` does, with hinge losses."""
    if device == "cpu":
        torch.set_num_threads(threads)
    torch.manual_seed(0)
    place = {"device": device, "memory_format": torch.channels_last}
    g = Generator(resolution, width).to(**place)
    d = Discriminator(resolution, width).to(**place)
    adams = tuple(
        torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.0, 0.999), fused=True)
        for net in (g, d)
    )
    real = torch.rand(batch_size, 3, resolution, resolution).mul_(2).sub_(1)
    losses = (
        lambda real, fake: F.relu(1 - real).mean() + F.relu(1 + fake).mean(),
        lambda fake: -fake.mean(),
    )
    step = torch_dcgan.adversarial_step(
        (g, d),
        (adams[0], adams[1]),
        real.to(**place),
        lambda: torch.randn(batch_size, residual.LATENT, device=device),
        losses,
        dtype,
        compiled,
    )
    return torch_dcgan.many(step, steps, device)
