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
    steps: int = 1,
) -> Callable[[], float]:
    """Makes a function that trains both players and returns D's loss.

    Args:
        width: channels of the widest maps.
        kernel: side of the kernels.
        batch_size: images of a batch.
        latent: size of a latent.
        threads: the threads of the CPU.
        compiled: whether losses go through `torch.compile`.
        device: "cpu" or "cuda".
        dtype: with "bfloat16", through autocast.
        steps: the steps of a call, which waits for the device only at its end.
    """
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

    def latents() -> torch.Tensor:
        return torch.randn(batch_size, latent, 1, 1, device=device)

    def loss_d(real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        return F.softplus(-real).mean() + F.softplus(fake).mean()

    def loss_g(fake: torch.Tensor) -> torch.Tensor:
        return F.softplus(-fake).mean()

    step = adversarial_step(
        (g, d), (adam_g, adam_d), real, latents, (loss_d, loss_g), dtype, compiled
    )
    return many(step, steps, device)


def adversarial_step(
    nets: tuple[nn.Module, nn.Module],
    adams: tuple[torch.optim.Optimizer, torch.optim.Optimizer],
    real: torch.Tensor,
    latents: Callable[[], torch.Tensor],
    losses: tuple[Callable, Callable],
    dtype: str,
    compiled: bool,
) -> Callable[[], torch.Tensor]:
    """One update of each player, as a function that does not wait for the device.

    Args:
        nets: the generator and the discriminator, on their device.
        adams: the optimiser of each.
        real: a batch.
        latents: draws a batch of them.
        losses: the loss of D, from the logits of real and of generated images, and that
            of G, from the latter. Logits are float32.
        dtype: with "bfloat16", the nets run under autocast.
        compiled: whether losses go through `torch.compile`.
    """
    (g, d), (adam_g, adam_d), (loss_d, loss_g) = nets, adams, losses
    low = getattr(torch, dtype)

    def autocast() -> torch.autocast:
        return torch.autocast(real.device.type, dtype=low, enabled=dtype != "float32")

    def step_losses_d() -> torch.Tensor:
        with autocast():
            with torch.no_grad():
                fake = g(latents())
            real_logit, fake_logit = d(real).float(), d(fake).float()
        return loss_d(real_logit, fake_logit)

    def step_losses_g() -> torch.Tensor:
        with autocast():
            logit = d(g(latents())).float()
        return loss_g(logit)

    if compiled:
        step_losses_d = torch.compile(step_losses_d)
        step_losses_g = torch.compile(step_losses_g)

    def step() -> torch.Tensor:
        d.requires_grad_(True)
        adam_d.zero_grad(set_to_none=True)
        loss = step_losses_d()
        loss.backward()
        adam_d.step()
        d.requires_grad_(False)  # no gradient for D's kernels in G's update
        adam_g.zero_grad(set_to_none=True)
        step_losses_g().backward()
        adam_g.step()
        return loss.detach()

    return step


def many(
    step: Callable[[], torch.Tensor], steps: int, device: str
) -> Callable[[], float]:
    """Makes a function that takes `steps` steps, waits, and returns the last value."""

    def play() -> float:
        value = torch.zeros(())
        for _ in range(steps):
            value = step()
        if device == "cuda":
            torch.cuda.synchronize()
        return value.item()

    return play
