"""Times one training step of the DCGAN, side by side with PyTorch.

    python -m experiments.benchmarks.dcgan_step --width 32 --kernel 4 --rounds 20

Both sides take the same step: one update of the discriminator on a real and on a fresh
generated batch, then one of the generator on fresh latents; batch norm, Adam. Both use
the same number of threads, and each runs twice: with the allocator tuned
(`jaxgan/allocator.py`) and with its defaults. The ratio is jaxgan over PyTorch with the
same settings, round by round. Takes about two minutes at the defaults; other work on
the machine disturbs it, so disturbed turns are repeated.
"""

import dataclasses
import json
import pathlib
import sys
from collections.abc import Callable
from typing import Literal

from experiments.benchmarks.parts import kept, timing
from jaxgan import bounds
from jaxgan.lab import cli


@dataclasses.dataclass(frozen=True)
class Config:
    """What to measure, and for how long."""

    width: bounds.Count = 32
    """Channels of the widest maps."""
    kernel: Literal[4, 5] = 4
    """Side of the convolution kernels."""
    batch_size: bounds.Count = 64
    """Images in a batch."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Arithmetic of the networks, on both sides."""
    compile: bool = False
    """Whether to compile PyTorch's losses with `torch.compile` (needs a C++"
    " compiler)."""
    threads: bounds.Count = 2
    """Threads for each side."""
    rounds: bounds.Count = 20
    """Timed turns of each case."""
    steps: bounds.Count = 2
    """Training steps in a turn."""
    allocators: tuple[Literal["tuned", "default"], ...] = ("tuned", "default")
    """Settings of the allocator to measure."""
    workdir: pathlib.Path = pathlib.Path("runs/benchmarks/dcgan_step")
    """Directory for results.json."""
    output: pathlib.Path | None = None
    """Internal: the file to write, instead of results.json."""
    serve: str | None = None
    """Internal: be the child process of this case."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def jaxgan_step(config: Config) -> Callable[[], float]:
    """Makes the step of jaxgan's model, by its engine, compiled."""
    import jax

    from jaxgan import game, parallel
    from jaxgan.models import dcgan

    mesh = parallel.mesh(jax.local_devices()[:1])
    model = dcgan.Config(
        width=config.width,
        kernel=config.kernel,
        latent_distribution="normal",
        dtype=config.dtype,
    )
    algorithm = parallel.compiled(game.algorithm(dcgan.game(model)), mesh)
    shape = (config.batch_size, model.resolution, model.resolution, 3)
    image = jax.random.uniform(jax.random.key(1), shape, minval=-1.0, maxval=1.0)
    batch = {"image": jax.device_put(image, parallel.split(mesh))}
    state = algorithm.init(jax.random.key(0), batch)

    def step() -> float:
        nonlocal state
        state, metrics = algorithm.step(state, batch)
        jax.block_until_ready(state)
        return float(metrics["discriminator/loss"])

    return step


def torch_step(config: Config) -> Callable[[], float]:
    """Makes the plain PyTorch version."""
    from experiments.benchmarks.parts import torch_dcgan

    return torch_dcgan.make_step(
        width=config.width,
        kernel=config.kernel,
        batch_size=config.batch_size,
        threads=config.threads,
        compiled=config.compile,
        dtype=config.dtype,
    )


def _serve(config: Config) -> None:
    framework, allocator = (config.serve or "").split()
    kept.prepare(config.threads, allocator)
    make = {"jaxgan": jaxgan_step, "torch": torch_step}[framework]
    timing.serve(make(config))


def main(config: Config) -> None:
    """Measures every case and prints the table."""
    if config.serve:
        return _serve(config)
    names = [f"{f} {a}" for a in config.allocators for f in ("torch", "jaxgan")]
    child = [sys.executable, "-m", "experiments.benchmarks.dcgan_step", *sys.argv[1:]]
    samples = timing.measure(
        {name: [*child, "--serve", name] for name in names},
        rounds=config.rounds,
        steps=config.steps,
    )
    references = {name: f"torch {name.split()[1]}" for name in names}
    rows = timing.compare(samples, references)
    machine = timing.machine()
    print(json.dumps(machine))
    print(timing.table(rows, examples=config.batch_size))
    found = {"machine": machine, "samples": samples}
    kept.save(config, {**found, "rows": [row._asdict() for row in rows]})


if __name__ == "__main__":
    main(cli.parse(Config, __doc__, sys.argv[1:]))
