"""Times small GANs, whose loop costs as much as their nets, beside PyTorch.

    python -m experiments.benchmarks.small_gan --rounds 10
    python -m experiments.benchmarks.small_gan --hidden 1200 --batch-size 100

Both sides train Goodfellow et al.'s GAN on 784 pixels: one update of the discriminator
on a real and on a fresh generated batch, then one of the generator on fresh latents.
The nets are multi-layer perceptrons with two hidden layers, the optimiser is Adam, and
images stay in memory. The cases are a plain PyTorch loop; jaxgan with one step in a
call ("loop") and with many steps in one compiled `lax.scan` ("scan"); and, for several
seeds, PyTorch one after the other, jaxgan one after the other, and jaxgan at the same
time under `vmap`. Each case runs in a separate process; ratios are taken round by
round. Takes about two minutes; other work on the machine disturbs it.
"""

import dataclasses
import json
import pathlib
import sys
from collections.abc import Callable
from typing import Any, Literal

from experiments.benchmarks.parts import kept, timing
from jaxgan import bounds
from jaxgan.lab import cli

PIXELS = 784
ONE = ("torch", "loop", "scan")
MANY = ("torch-in-turn", "in-turn", "vmap")


@dataclasses.dataclass(frozen=True)
class Config:
    """What to measure, and for how long."""

    hidden: bounds.Count = 128
    """Units of each hidden layer."""
    batch_size: bounds.Count = 64
    """Examples in a batch."""
    latent: bounds.Count = 100
    """Size of a latent."""
    images: bounds.Count = 10_000
    """Images in memory."""
    seeds: bounds.Count = 8
    """Number of runs, each with its own seed."""
    steps: bounds.Count = 50
    """Training steps in a turn; "scan" takes all in one call."""
    threads: bounds.Count = 2
    """Threads for each side."""
    rounds: bounds.Count = 10
    """Timed turns of each case."""
    allocator: Literal["tuned", "default"] = "tuned"
    """Settings of the allocator (jaxgan/allocator.py), on both sides."""
    workdir: pathlib.Path = pathlib.Path("runs/benchmarks/small_gan")
    """Directory for results.json."""
    output: pathlib.Path | None = None
    """Internal: the file to write, instead of results.json."""
    serve: str | None = None
    """Internal: be the child process of this case."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def pixels(config: Config) -> Any:
    """Makes images as bytes `[N, 784]`."""
    import numpy as np

    shape = (config.images, PIXELS)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def jaxgan_steps(config: Config, *, case: str) -> Callable[[], float]:
    """Makes the turn by jaxgan's engine; returns the discriminator's last loss."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax
    from flax import linen

    from jaxgan import data as jaxgan_data
    from jaxgan import game, losses, nn
    from jaxgan.models.parts.two_players import adversarial

    c = config
    net = (c.hidden, c.hidden)
    algorithm = game.algorithm(
        adversarial(
            linen.Sequential([nn.MLP(net, PIXELS), linen.sigmoid]),
            nn.MLP(net, 1),
            latent=lambda key, count: jax.random.normal(key, (count, c.latent)),
            losses=(
                losses.minimax_discriminator_loss,
                losses.non_saturating_generator_loss,
            ),
            optimizer=optax.adam(2e-4, b1=0.5),
        )
    )
    arrays = jax.device_put(pixels(c))
    key = jax.random.key(0)

    def play(state, index, arrays):
        image = arrays[index].astype(jnp.float32) / 255
        return algorithm.step(state, {"image": image})

    def scan(state, index, arrays):
        return jax.lax.scan(lambda s, i: play(s, i, arrays), state, index)

    def init(key):
        return algorithm.init(key, {"image": jnp.zeros((1, PIXELS))})

    def plans(seed: int) -> Any:  # made by the host at every call, as in training
        plan = jaxgan_data.plan_many(
            seed, turn, c.steps, count=c.images, batch_size=c.batch_size
        )
        return plan["index"]

    turn, loss = 0, "discriminator/loss"
    program = {"loop": play, "vmap": jax.vmap(scan, (0, 0, None))}.get(case, scan)
    compiled = jax.jit(program, donate_argnums=0)
    if case == "vmap":
        states = [jax.jit(jax.vmap(init))(jax.random.split(key, c.seeds))]
    else:
        count = c.seeds if case == "in-turn" else 1
        states = [jax.jit(init)(k) for k in jax.random.split(key, count)]

    def steps() -> float:
        nonlocal turn
        value = jnp.nan
        for i, state in enumerate(states):
            if case == "vmap":
                each = [plans(seed) for seed in range(c.seeds)]
                states[i], metrics = compiled(state, np.stack(each), arrays)
                value = metrics[loss][-1, -1]
            elif case == "loop":
                for index in plans(i):
                    states[i], metrics = compiled(states[i], index, arrays)
                    value = metrics[loss]
            else:
                states[i], metrics = compiled(state, plans(i), arrays)
                value = metrics[loss][-1]
        turn += 1
        jax.block_until_ready(states)
        return float(value)

    return steps


def torch_steps(config: Config, *, seeds: int) -> Callable[[], float]:
    """Makes the plain PyTorch version."""
    import torch

    from experiments.benchmarks.parts import torch_small_gan

    return torch_small_gan.make_steps(
        torch.from_numpy(pixels(config)),
        hidden=config.hidden,
        latent=config.latent,
        batch_size=config.batch_size,
        steps=config.steps,
        threads=config.threads,
        seeds=seeds,
    )


def _serve(config: Config, case: str) -> None:
    kept.prepare(config.threads, config.allocator)
    if case.startswith("torch"):
        steps = torch_steps(config, seeds=1 if case == "torch" else config.seeds)
    else:
        steps = jaxgan_steps(config, case=case)
    timing.serve(steps)


def table(rows: list[timing.Row], config: Config, over: dict[str, str]) -> str:
    """Writes the rows as Markdown; a turn has `config.steps` steps of every run."""
    lines = [
        "| case | steps / s | ms a step, median | best | ratio (quartiles) | over |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        steps = config.steps * (config.seeds if row.name in MANY else 1)
        lines.append(
            f"| {row.name} | {1e3 * steps / row.ms:.0f} | {row.ms / steps:.3f} "
            f"| {row.ms_min / steps:.3f} "
            f"| {row.ratio:.2f} ({row.ratio_low:.2f}-{row.ratio_high:.2f}) "
            f"| {over[row.name]} |"
        )
    return "\n".join(lines)


def main(config: Config) -> None:
    """Measures every case and prints the tables."""
    if config.serve:
        return _serve(config, config.serve)
    names = ONE + (MANY if config.seeds > 1 else ())
    child = [sys.executable, "-m", "experiments.benchmarks.small_gan", *sys.argv[1:]]
    samples = timing.measure(
        {name: [*child, "--serve", name] for name in names}, rounds=config.rounds
    )
    over_torch = {n: "torch-in-turn" if n in MANY else "torch" for n in names}
    rows = timing.compare(samples, over_torch)
    machine = timing.machine()
    print(json.dumps(machine))
    print(table(rows, config, over_torch))
    result = {"rows": [row._asdict() for row in rows]}
    if config.seeds > 1:
        over_turns = {"vmap": "in-turn"}
        some = {name: samples[name] for name in MANY}
        found = timing.compare(some, dict.fromkeys(MANY, "in-turn"))
        found = [row for row in found if row.name == "vmap"]
        print(table(found, config, over_turns).rpartition("\n")[2])
        result["vmap over in-turn"] = [row._asdict() for row in found]
    kept.save(config, {"machine": machine, "samples": samples, **result})


if __name__ == "__main__":
    main(cli.parse(Config, __doc__, sys.argv[1:]))
