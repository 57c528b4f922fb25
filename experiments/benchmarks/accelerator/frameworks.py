"""Makes one turn of a case, by jaxgan and by PyTorch."""

import contextlib
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

from experiments.benchmarks.accelerator.cases import Case, Config, calls
from experiments.benchmarks.parts.routing import Sizes

SPREAD = 256 * 2**20  # bytes of the inputs of routing: more than caches hold


@contextlib.contextmanager
def alone(path: pathlib.Path) -> Iterator[None]:
    """Waits until no other process holds the lock of a file (on Unix)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        with contextlib.suppress(ImportError):
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def jaxgan_side(
    config: Config, case: Case, precision: str, what: str
) -> Callable[[], Any]:
    """Makes a turn of jaxgan: steps of training, or calls of routing.

    Args:
        config: the flags.
        case: the case.
        precision: of arithmetic.
        what: the number of seeds, or "forward" or "forward+backward".
    """
    import jax

    from experiments.benchmarks.parts import roofs, steps

    jax.config.update("jax_default_matmul_precision", roofs.PRECISIONS[precision])
    dtype = roofs.DTYPES[precision]
    if case.name == "routing":
        return _jaxgan_routing(config, case, dtype, "backward" in what)
    subject = steps.SUBJECTS[case.name](**case.sizes, dtype=dtype)
    if case.name == "mlp":
        return steps.build_loop(subject, steps=config.scan, seeds=int(what))
    play = steps.build(subject).play
    return lambda: play(calls(config, case))


def routing_inputs(sizes: Sizes) -> list[tuple[Any, Any]]:
    """Pairs of capsules `[B, I, K]` and weights `[I, K, J, D]`, larger than caches."""
    import numpy as np

    rng = np.random.default_rng(0)
    size = sum(4 * int(np.prod(shape)) for shape in sizes.shapes)
    copies = min(32, -(-SPREAD // size))
    return [
        tuple(0.15 * rng.standard_normal(shape, np.float32) for shape in sizes.shapes)
        for _ in range(copies)
    ]  # type: ignore[return-value]


def _jaxgan_routing(
    config: Config, case: Case, dtype: str, backward: bool
) -> Callable[[], Any]:
    import jax
    import jax.numpy as jnp

    from jaxgan.capsules import routing

    sizes = Sizes(**case.sizes)

    def route(u, weights) -> Any:
        return routing.route(u, weights, iterations=sizes.iterations)

    def both(u, weights):
        v, pull = jax.vjp(route, u, weights)
        return v, pull(jnp.ones(v.shape, v.dtype))

    compiled = jax.jit(both if backward else route)
    inputs = [
        tuple(jnp.asarray(x, dtype) for x in pair) for pair in routing_inputs(sizes)
    ]

    def play():
        found = None
        for i in range(config.steps):
            found = compiled(*inputs[i % len(inputs)])
        return jax.block_until_ready(found)

    return play


def torch_side(
    config: Config,
    case: Case,
    precision: str,
    what: str,
    compiled: bool,
    lock: pathlib.Path,
) -> Callable[[], Any]:
    """Makes the same turn by PyTorch, warmed up; compiles before it takes the lock."""
    import torch

    on_cpu = config.device == "cpu"
    build = _torch_routing if case.name == "routing" else _torch_training
    dtype = "bfloat16" if precision == "bfloat16" else "float32"
    play = build(config, case, dtype, what, compiled, "cpu" if on_cpu else "cuda")
    exact = precision == "float32"
    torch.set_float32_matmul_precision("highest" if exact else "high")
    torch.backends.cudnn.allow_tf32 = not exact
    torch.backends.cudnn.benchmark = False
    if compiled:
        play()
    with alone(lock):
        torch.backends.cudnn.benchmark = not on_cpu  # times its kernels once
        play()
        play()
    return play


def _torch_training(
    config: Config, case: Case, dtype: str, what: str, compiled: bool, device: str
) -> Callable[[], Any]:
    from experiments.benchmarks.parts import (
        torch_capsnet,
        torch_dcgan,
        torch_residual,
        torch_small_gan,
    )

    del what
    sizes: dict[str, Any] = dict(case.sizes)
    batch = sizes.pop("batch")
    common: dict[str, Any] = {"device": device, "dtype": dtype, "compiled": compiled}
    threads = config.threads
    match case.name:
        case "dcgan":
            return torch_dcgan.make_step(
                batch_size=batch,
                width=sizes["width"],
                kernel=4,
                threads=threads,
                steps=calls(config, case),
                **common,
            )
        case "residual":
            return torch_residual.make_step(
                batch_size=batch,
                width=sizes["width"],
                resolution=sizes["resolution"],
                threads=threads,
                steps=calls(config, case),
                **common,
            )
        case "capsnet":
            return torch_capsnet.make_step(
                torch_capsnet.Sizes(**sizes),
                torch_capsnet.Runtime(threads=threads, **common),
                batch_size=batch,
                steps=calls(config, case),
            )
        case _:
            import torch

            images = torch.randint(256, (10_000, 784), dtype=torch.uint8)
            return torch_small_gan.make_steps(
                images,
                hidden=sizes["hidden"],
                latent=100,
                batch_size=batch,
                steps=config.scan,
                threads=threads,
                seeds=1,
                **common,
            )


def _torch_routing(
    config: Config, case: Case, dtype: str, what: str, compiled: bool, device: str
) -> Callable[[], Any]:
    import torch

    from experiments.benchmarks.parts import torch_capsnet

    runtime = torch_capsnet.Runtime(device, dtype, config.threads, compiled)
    sizes = Sizes(**case.sizes)
    route = torch_capsnet.router(runtime, sizes.iterations)  # compiled once for all
    routes = [
        torch_capsnet.make_routing(
            torch.from_numpy(u),
            torch.from_numpy(weights),
            runtime,
            iterations=sizes.iterations,
            backward="backward" in what,
            route=route,
            wait=False,
        )
        for u, weights in routing_inputs(sizes)
    ]

    def play():
        for i in range(config.steps):
            routes[i % len(routes)]()
        runtime.wait()

    return play
