"""The capsule network of `capsnet.py`, as a good PyTorch user writes it.

Channels-last memory (so that cutting the map into capsules copies nothing), votes made
once and kept, routing by `einsum` (of six eager forms tried on a CPU, none was clearly
faster), fused Adam, nothing read back inside the step. Gradients flow through all
iterations.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F


@dataclasses.dataclass(frozen=True)
class Runtime:
    """How a step is run."""

    device: str = "cpu"
    """"cpu" or "cuda"."""
    dtype: str = "float32"
    """With "bfloat16", through autocast; parameters stay float32."""
    threads: int = 2
    """Of the CPU."""
    compiled: bool = False
    """Whether it goes through `torch.compile`, which needs a C++ compiler."""
    channels_last: bool = True
    """Memory format of images and kernels."""

    def prepare(self) -> None:
        """Sets what PyTorch keeps for the whole process."""
        torch.manual_seed(0)
        if self.device == "cpu":
            torch.set_num_threads(self.threads)
        else:  # TensorFloat-32, the default of JAX
            torch.set_float32_matmul_precision("high")
            torch.backends.cudnn.benchmark = True

    def autocast(self) -> torch.autocast:
        """The context of the forward pass."""
        enabled = self.dtype != "float32"
        return torch.autocast(self.device, getattr(torch, self.dtype), enabled=enabled)

    def compile(self, function: Callable) -> Callable:
        """Returns the function, compiled if requested."""
        return torch.compile(function) if self.compiled else function

    def wait(self) -> None:
        """Waits for the device."""
        if self.device == "cuda":
            torch.cuda.synchronize()


def squash(s: torch.Tensor) -> torch.Tensor:
    """Vectors along the last axis, shortened to a length below 1."""
    s = s.float()
    length = torch.linalg.vector_norm(s, dim=-1, keepdim=True)
    return s * (length / (1 + length.square()))


def predict(u: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Capsules below [B, I, K] and weights [I, K, J, D] to votes [B, I, J, D]."""
    return torch.einsum("bik,ikjd->bijd", u, weights)


def dynamic_routing(
    votes: torch.Tensor, iterations: int, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """Votes [B, I, J, D] to capsules above [B, J, D]."""
    logits = torch.zeros(votes.shape[:3], device=votes.device)

    def above() -> torch.Tensor:
        s = torch.einsum("bij,bijd->bjd", logits.softmax(2), votes)
        return squash(s if bias is None else s + bias)

    v = above()
    for _ in range(iterations - 1):
        logits = logits + torch.einsum("bijd,bjd->bij", votes, v)
        v = above()
    return v


@dataclasses.dataclass(frozen=True)
class Sizes:
    """The sizes of the network; the defaults are the paper's."""

    resolution: int = 28
    channels: int = 1
    classes: int = 10
    features: int = 256
    types: int = 32
    primary_dim: int = 8
    class_dim: int = 16
    iterations: int = 3
    decoder: tuple[int, int] = (512, 1024)

    @property
    def primary(self) -> int:
        """Number of primary capsules."""
        side = (self.resolution - 8 - 9) // 2 + 1
        return side * side * self.types


class CapsNet(nn.Module):
    """Images [B, C, H, W] in [0, 1] to class capsules, and those to images."""

    def __init__(self, sizes: Sizes):
        super().__init__()
        self.sizes = n = sizes
        self.conv = nn.Conv2d(n.channels, n.features, 9)
        self.primary = nn.Conv2d(n.features, n.types * n.primary_dim, 9, stride=2)
        shape = (n.primary, n.primary_dim, n.classes, n.class_dim)
        self.weights = nn.Parameter(torch.randn(shape) * 0.1)
        self.bias = nn.Parameter(torch.full(shape[2:], 0.1))
        first, second = n.decoder
        self.decoder = nn.Sequential(
            nn.Linear(n.classes * n.class_dim, first),
            nn.ReLU(inplace=True),
            nn.Linear(first, second),
            nn.ReLU(inplace=True),
            nn.Linear(second, n.channels * n.resolution**2),
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Class capsules [B, J, D]."""
        # Divided as the authors' code does, see `jaxgan.capsules.PrimaryCaps`.
        x = F.relu(self.conv(image), inplace=True) / self.sizes.types
        x = self.primary(x)
        # A view if the memory is channels-last.
        capsules = x.permute(0, 2, 3, 1).reshape(len(x), -1, self.sizes.primary_dim)
        votes = predict(squash(capsules), self.weights)
        return dynamic_routing(votes, self.sizes.iterations, self.bias)

    def decode(self, capsules: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        """Flat images [B, H·W·C] in [0, 1] from the capsule of the label."""
        kept = F.one_hot(label, self.sizes.classes).to(capsules.dtype)
        flat = (capsules * kept[:, :, None]).flatten(1)
        return self.decoder(flat).float().sigmoid()


def margin_loss(lengths: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Summed over classes, [B, J] to [B]."""
    present = F.one_hot(label, lengths.shape[1]).to(lengths.dtype)
    positive = present * F.relu(0.9 - lengths).square()
    negative = (1 - present) * F.relu(lengths - 0.1).square()
    return (positive + 0.5 * negative).sum(1)


def loss(net: CapsNet, image: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Mean over the batch of the margin loss and the decoder's squared error."""
    capsules = net(image)
    margin = margin_loss(torch.linalg.vector_norm(capsules, dim=-1), label)
    drawing = net.decode(capsules, label)
    target = image.permute(0, 2, 3, 1).flatten(1)
    return (margin + 0.0005 * (target - drawing).square().sum(1)).mean()


def make_step(
    sizes: Sizes,
    runtime: Runtime,
    *,
    batch_size: int,
    learning_rate: float = 1e-3,
    steps: int = 1,
) -> Callable[[], float]:
    """Makes a function that trains `steps` times, then waits; it returns the loss."""
    runtime.prepare()
    n = sizes
    layout = torch.channels_last if runtime.channels_last else torch.contiguous_format
    place: dict[str, Any] = {"device": runtime.device, "memory_format": layout}
    net = CapsNet(n).to(**place)
    adam = torch.optim.Adam(net.parameters(), lr=learning_rate, fused=True)
    image = torch.rand(batch_size, n.channels, n.resolution, n.resolution)
    image = image.to(**place)
    label = torch.randint(n.classes, (batch_size,), device=runtime.device)

    def forward() -> torch.Tensor:
        with runtime.autocast():
            return loss(net, image, label)

    forward = runtime.compile(forward)

    def step() -> float:
        value = torch.zeros(())
        for _ in range(steps):
            adam.zero_grad(set_to_none=True)
            value = forward()
            value.backward()
            adam.step()
        runtime.wait()
        return value.item()

    return step


def router(runtime: Runtime, iterations: int) -> Callable:
    """Makes the function from capsules below and weights to capsules above."""

    def route(u: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        with runtime.autocast():
            return dynamic_routing(predict(u, weights), iterations)

    return runtime.compile(route)


def make_routing(
    u: torch.Tensor,
    weights: torch.Tensor,
    runtime: Runtime,
    *,
    iterations: int,
    backward: bool,
    route: Callable | None = None,
    wait: bool = True,
) -> Callable[[], torch.Tensor]:
    """Makes a function that routes and, if requested, also computes both gradients.

    Args:
        u: capsules below [B, I, K].
        weights: [I, K, J, D].
        runtime: how to run it.
        iterations: the iterations of routing.
        backward: whether to compute the gradients of both.
        route: the function from `router`, if it is shared with others.
        wait: whether every call waits for the device.
    """
    runtime.prepare()
    dtype = getattr(torch, runtime.dtype)
    u, weights = (
        x.to(runtime.device, dtype).requires_grad_(backward) for x in (u, weights)
    )
    forward = route or router(runtime, iterations)

    def once() -> torch.Tensor:
        if backward:
            u.grad = weights.grad = None
            v = forward(u, weights)
            v.backward(torch.ones_like(v))
        else:
            with torch.no_grad():
                v = forward(u, weights)
        if wait:
            runtime.wait()
        return v.detach()

    return once
