"""What is timed: routing and a step of the network, here and in PyTorch."""

import os
from collections.abc import Callable
from typing import Any, NamedTuple

from experiments.benchmarks.parts import kept, routing


class Case(NamedTuple):
    """A step, ready to run, and XLA's report about it (none for PyTorch)."""

    step: Callable[[], object]
    temporary: float | None = None
    accessed: float | None = None


def _xla(step: Callable[[], object], compiled: Any) -> Case:
    memory, cost = compiled.memory_analysis(), compiled.cost_analysis() or {}
    return Case(step, memory.temp_size_in_bytes, cost.get("bytes accessed"))


def jaxgan_routing(config: Any, *, fused: bool, backward: bool) -> Case:
    """Makes routing by jaxgan, with the votes made first or never stored."""
    import jax

    from jaxgan.capsules import routing as library

    def route(u, weights):
        if fused:
            return library.route(u, weights, iterations=config.iterations)
        votes = library.predict(u, weights)
        return library.dynamic_routing(votes, iterations=config.iterations)

    def both(u, weights, cotangent):
        v, pull = jax.vjp(route, u, weights)
        return v, pull(cotangent)

    u, weights = (jax.numpy.asarray(x, config.dtype) for x in _inputs(config))
    arguments = (u, weights)
    if backward:
        arguments += (jax.numpy.ones((len(u), config.above, config.above_dim)),)
    compiled = jax.jit(both if backward else route).lower(*arguments).compile()
    return _xla(lambda: jax.block_until_ready(compiled(*arguments)), compiled)


def torch_routing(config: Any, *, compiled: bool, backward: bool) -> Case:
    """Routing in PyTorch."""
    import torch

    from experiments.benchmarks.parts import torch_capsnet

    u, weights = (torch.from_numpy(x) for x in _inputs(config))
    step = torch_capsnet.make_routing(
        u,
        weights,
        _runtime(config, compiled),
        iterations=config.iterations,
        backward=backward,
    )
    return Case(step)


def jaxgan_step(config: Any) -> Case:
    """Makes the step of jaxgan's model, by its engine, compiled."""
    import jax

    from jaxgan import game, parallel
    from jaxgan.models import capsnet

    mesh = parallel.mesh(jax.local_devices()[:1])
    model = capsnet.Config(iterations=config.iterations, dtype=config.dtype)
    algorithm = parallel.compiled(game.algorithm(capsnet.game(model)), mesh)
    n, side = config.batch_size, model.resolution
    keys = jax.random.split(jax.random.key(1))
    batch = {
        "image": jax.random.uniform(keys[0], (n, side, side, model.channels)),
        "label": jax.random.randint(keys[1], (n,), 0, 10),
    }
    batch = jax.device_put(batch, parallel.split(mesh))
    state = algorithm.init(jax.random.key(0), batch)
    jitted: Any = algorithm.step
    compiled = jitted.lower(state, batch).compile()

    def step() -> float:
        nonlocal state
        state, metrics = compiled(state, batch)
        jax.block_until_ready(state)
        return float(metrics["capsules/loss"])

    return _xla(step, compiled)


def torch_step(config: Any, *, compiled: bool) -> Case:
    """Makes the plain PyTorch version."""
    from experiments.benchmarks.parts import torch_capsnet

    step = torch_capsnet.make_step(
        torch_capsnet.Sizes(iterations=config.iterations),
        _runtime(config, compiled),
        batch_size=config.batch_size,
    )
    return Case(step)


def _runtime(config: Any, compiled: bool):
    import torch

    from experiments.benchmarks.parts import torch_capsnet

    on_gpu = config.device == "gpu" or (
        config.device == "auto" and torch.cuda.is_available()
    )
    return torch_capsnet.Runtime(
        device="cuda" if on_gpu else "cpu",
        dtype=config.dtype,
        threads=config.threads,
        compiled=compiled,
        channels_last=config.channels_last,
    )


def sizes_of(config: Any) -> routing.Sizes:
    """The sizes of routing alone."""
    c = config
    return routing.Sizes(
        c.batch_size, c.below, c.below_dim, c.above, c.above_dim, c.iterations
    )


def _inputs(config: Any):
    """Capsules below [B, I, K], of length below 1, and weights [I, K, J, D]."""
    import numpy as np

    sizes, rng = sizes_of(config), np.random.default_rng(0)
    capsules, kernels = sizes.shapes
    u = rng.normal(size=capsules) * (0.5 / np.sqrt(sizes.below_dim))
    weights = 0.1 * rng.normal(size=kernels)
    return u.astype(np.float32), weights.astype(np.float32)


def make(config: Any, name: str) -> Case:
    """The step of a case, in a process that is set up for it."""
    who, what, allocator = name.split()
    kept.prepare(config.threads, allocator)
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # they share a GPU
    if config.device != "auto" and who.startswith("jaxgan"):
        import jax

        jax.config.update(
            "jax_platforms", "cuda" if config.device == "gpu" else config.device
        )
    backward = what == "forward+backward"
    match who:
        case "torch" | "torch-compiled":
            compiled = who == "torch-compiled"
            if what == "step":
                return torch_step(config, compiled=compiled)
            return torch_routing(config, compiled=compiled, backward=backward)
        case "jaxgan":
            return jaxgan_step(config)
        case _:
            fused = who == "jaxgan-fused"
            return jaxgan_routing(config, fused=fused, backward=backward)
