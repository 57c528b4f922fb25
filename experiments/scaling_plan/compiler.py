"""Compiles a training step with the TPU's own compiler, on a machine without a TPU."""

import importlib.util
import math
import os
import re
import time
from typing import Any

import jax

from jaxgan import game, parallel

SMALL = 2**20  # bytes; smaller messages are those of batch norm, and scalars
_CACHE = "jax_enable_compilation_cache"
_MESSAGE = re.compile(
    r"= (\S+|\(.*?\)) (all-reduce|all-gather|reduce-scatter)(?:-start)?\("
)
_ARRAY = re.compile(r"\b(pred|[a-z]+\d+)\[([\d,]*)\]")


def devices(chips: tuple[int, int]) -> list[Any]:
    """Describes the chips of a v5e slice, to compile for them.

    Raises:
        ValueError: the compiler is not installed.
    """
    if importlib.util.find_spec("libtpu") is None:
        raise ValueError(
            "--compile needs the TPU's compiler, which is not installed here: pip"
            ' install "jaxgan[tpu]" (and set JAX_PLATFORMS=cpu where there is no TPU)'
        )
    from jax.experimental import topologies

    # Otherwise the compiler asks the network which machine it runs on, and waits for
    # other programs that use it, as for a TPU that only one can have.
    for name, value in (
        ("ALLOW_MULTIPLE_LIBTPU_LOAD", "1"),
        ("TPU_SKIP_MDS_QUERY", "1"),
        ("TPU_ACCELERATOR_TYPE", "v5litepod-256"),
        ("TPU_WORKER_HOSTNAMES", "localhost"),
    ):
        os.environ.setdefault(name, value)
    alone = {"chips_per_host_bounds": (1, 1, 1)} if chips == (1, 1) else {}
    topology = topologies.get_topology_desc(
        platform="tpu", topology_name=f"v5e:{chips[0]}x{chips[1]}", **alone
    )
    return list(topology.devices)


def compiled(
    subject: game.Game, batch: Any, chips: tuple[int, int], fsdp: int
) -> dict[str, Any]:
    """Compiles one step for a slice, without running it.

    Args:
        subject: the game whose step it is.
        batch: the shapes of the global batch.
        chips: rows and columns of the slice.
        fsdp: the number of chips that share the state.

    Returns:
        For one chip: operations, bytes accessed in its memory, bytes of arguments and
        of temporary buffers, and messages by kind, with the bytes that they produce.
    """
    mesh = parallel.mesh(devices(chips), fsdp)
    algorithm = game.algorithm(subject, gather=parallel.gathering(mesh))
    state = jax.eval_shape(algorithm.init, jax.random.key(0), batch)
    step: Any = parallel.compiled(
        algorithm, mesh, state_sharding=parallel.shardings(mesh, state)
    ).step
    began = time.perf_counter()
    cached = getattr(jax.config, _CACHE)
    jax.config.update(_CACHE, False)  # cached programs can only be read on a TPU
    try:
        program = step.lower(state, batch).compile()
    finally:
        jax.config.update(_CACHE, cached)
    cost, memory = program.cost_analysis() or {}, program.memory_analysis()
    return {
        "flops": cost.get("flops"),
        "bytes_accessed": cost.get("bytes accessed"),
        "arguments": memory.argument_size_in_bytes,
        "temporary": memory.temp_size_in_bytes,
        "messages": messages(program.as_text() or ""),
        "seconds": round(time.perf_counter() - began),
    }


def messages(text: str) -> dict[str, dict[str, int]]:
    """Counts the collectives of a compiled program: kind and size -> count, bytes."""
    found: dict[str, dict[str, int]] = {}
    for arrays, kind in _MESSAGE.findall(text):
        size = sum(
            math.prod(int(n) for n in shape.split(",") if n) * _bytes(dtype)
            for dtype, shape in _ARRAY.findall(arrays)
        )
        name = f"{kind}, {'small' if size < SMALL else 'large'}"
        row = found.setdefault(name, {"count": 0, "bytes": 0})
        row["count"] += 1
        row["bytes"] += size
    return found


def _bytes(dtype: str) -> int:
    return 1 if dtype == "pred" else max(1, int(re.sub(r"\D", "", dtype)[:2]) // 8)
