"""The GAN of `small_gan.py`, as a good PyTorch user writes it.

The data is one tensor in memory, the discriminator is frozen while the generator is
trained, Adam is fused, no gradient is copied, nothing is read back inside a step.
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

DATA = 784


def _mlp(before: int, hidden: int, after: int) -> list[nn.Module]:
    return [
        nn.Linear(before, hidden),
        nn.ReLU(inplace=True),
        nn.Linear(hidden, hidden),
        nn.ReLU(inplace=True),
        nn.Linear(hidden, after),
    ]


def make_steps(
    images: torch.Tensor,
    *,
    hidden: int,
    latent: int,
    batch_size: int,
    steps: int,
    threads: int,
    seeds: int,
    device: str = "cpu",
    dtype: str = "float32",
    compiled: bool = False,
) -> Callable[[], float]:
    """Makes a function that plays `steps` steps of each of `seeds` runs in turn.

    Args:
        images: uint8 `[N, 784]`.
        hidden: units of the hidden layers.
        latent: size of a latent.
        batch_size: examples of a minibatch.
        steps: steps of a call.
        threads: the threads of PyTorch.
        seeds: the number of runs, each with its own nets.
        device: the device to run on.
        dtype: with "bfloat16", the nets run under autocast.
        compiled: whether losses go through `torch.compile`.

    Returns:
        The function; it returns the discriminator's last loss.
    """
    if device == "cpu":
        torch.set_num_threads(threads)
    runs = [
        _run(seed, images.to(device), hidden, latent, batch_size, dtype, compiled)
        for seed in range(seeds)
    ]

    def play() -> float:
        loss = torch.zeros(())
        for step in runs:
            for _ in range(steps):
                loss = step()
        return loss.item()

    return play


def _run(
    seed, images, hidden, latent, batch_size, dtype, compiled
) -> Callable[[], torch.Tensor]:
    torch.manual_seed(seed)
    device = images.device
    g = nn.Sequential(*_mlp(latent, hidden, DATA), nn.Sigmoid()).to(device)
    d = nn.Sequential(*_mlp(DATA, hidden, 1)).to(device)
    adam_g, adam_d = (
        torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999), fused=True)
        for net in (g, d)
    )
    low = getattr(torch, dtype)

    def autocast() -> torch.autocast:
        return torch.autocast(device.type, dtype=low, enabled=dtype != "float32")

    def generate() -> torch.Tensor:
        return g(torch.randn(batch_size, latent, device=device))

    def loss_d() -> torch.Tensor:
        index = torch.randint(len(images), (batch_size,), device=device)
        real = images[index].float().div_(255)
        with autocast():
            with torch.no_grad():
                fake = generate()
            real, fake = d(real).float(), d(fake).float()
        return F.softplus(-real).mean() + F.softplus(fake).mean()

    def loss_g() -> torch.Tensor:
        with autocast():
            fake = d(generate()).float()
        return F.softplus(-fake).mean()

    if compiled:
        loss_d, loss_g = torch.compile(loss_d), torch.compile(loss_g)

    def step() -> torch.Tensor:
        d.requires_grad_(True)
        adam_d.zero_grad(set_to_none=True)
        loss = loss_d()
        loss.backward()
        adam_d.step()
        d.requires_grad_(False)  # no gradient for D's weights in G's update
        adam_g.zero_grad(set_to_none=True)
        loss_g().backward()
        adam_g.step()
        return loss.detach()

    return step
