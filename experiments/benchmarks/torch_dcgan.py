"""The DCGAN training step of `dcgan_step.py`, as a good PyTorch user writes it.

Channels-last memory, the discriminator frozen while the generator is trained, fused
Adam, no copies of gradients, nothing read back inside the step.
"""

import itertools
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F


def generator(width: int, kernel: int, latent: int) -> nn.Module:
    """Latents [B, Z, 1, 1] to images [B, 3, 64, 64]."""
    channels = [8 * width, 4 * width, 2 * width, width, 3]
    layers: list[nn.Module] = [nn.ConvTranspose2d(latent, channels[0], 4, bias=False)]
    for before, after in itertools.pairwise(channels):
        layers += [
            nn.BatchNorm2d(before),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(
                before,
                after,
                kernel,
                stride=2,
                padding=(kernel - 1) // 2,
                output_padding=kernel % 2,
                bias=False,
            ),
        ]
    return nn.Sequential(*layers, nn.Tanh())


def discriminator(width: int, kernel: int) -> nn.Module:
    """Images [B, 3, 64, 64] to logits [B, 1, 1, 1]."""
    channels = [3, width, 2 * width, 4 * width, 8 * width]
    layers: list[nn.Module] = []
    for i, (before, after) in enumerate(itertools.pairwise(channels)):
        padding = (kernel - 1) // 2
        layers.append(nn.Conv2d(before, after, kernel, 2, padding, bias=False))
        layers += [nn.BatchNorm2d(after)] if i else []
        layers.append(nn.LeakyReLU(0.2, inplace=True))
    return nn.Sequential(*layers, nn.Conv2d(channels[-1], 1, 4, bias=False))


def _init(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)


def make_step(
    *,
    width: int,
    kernel: int,
    batch_size: int,
    latent: int = 100,
    threads: int = 2,
    compiled: bool = False,
    device: str = "cpu",
    dtype: str = "float32",
) -> Callable[[], float]:
    """Makes a function that trains both players once and returns D's loss."""
    if device == "cpu":
        torch.set_num_threads(threads)
    torch.manual_seed(0)
    place = {"device": device, "memory_format": torch.channels_last}
    g = generator(width, kernel, latent).apply(_init).to(**place)
    d = discriminator(width, kernel).apply(_init).to(**place)
    adam_g, adam_d = (
        torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999), fused=True)
        for net in (g, d)
    )
    real = torch.rand(batch_size, 3, 64, 64).mul_(2).sub_(1).to(**place)
    low = getattr(torch, dtype)

    def autocast() -> torch.autocast:
        return torch.autocast(device, dtype=low, enabled=dtype != "float32")

    def latents() -> torch.Tensor:
        return torch.randn(batch_size, latent, 1, 1, device=device)

    def step_losses_d() -> torch.Tensor:
        with autocast():
            with torch.no_grad():
                fake = g(latents())
            real_logit, fake_logit = d(real).float(), d(fake).float()
        return F.softplus(-real_logit).mean() + F.softplus(fake_logit).mean()

    def step_losses_g() -> torch.Tensor:
        with autocast():
            logit = d(g(latents())).float()
        return F.softplus(-logit).mean()

    if compiled:
        step_losses_d = torch.compile(step_losses_d)
        step_losses_g = torch.compile(step_losses_g)

    def step() -> float:
        d.requires_grad_(True)
        adam_d.zero_grad(set_to_none=True)
        loss = step_losses_d()
        loss.backward()
        adam_d.step()
        d.requires_grad_(False)  # no gradient for D's kernels in G's update
        adam_g.zero_grad(set_to_none=True)
        step_losses_g().backward()
        adam_g.step()
        if device == "cuda":
            torch.cuda.synchronize()
        return loss.item()

    return step
