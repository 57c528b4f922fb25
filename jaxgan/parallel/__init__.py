"""Runs compiled functions on many devices, in one process or in many.

The main path is `jit` over a mesh of two axes. The batch is split over both, `data` and
`fsdp`; the state is replicated on every device, or, where `fsdp` exceeds one, its large
arrays are split over that axis. Every mean in the program is a mean over the global
batch, batch normalisation included, so a step on 8 devices of 2 processes equals a step
on 1. `pmap` is a wrapper for code that uses `jax.pmap`.

Every process runs the same program. Batches are numbered globally; a process needs only
its `rows` of each, which `assemble` joins with those of the others.
"""

from jaxgan.parallel.ending import (
    HEARTBEAT,
    ask_to_stop,
    leave,
    preempted,
)
from jaxgan.parallel.places import (
    DATA,
    FSDP,
    Rule,
    assemble,
    check_batch_size,
    gather,
    gathering,
    largest_axis,
    local_mesh,
    mesh,
    replicated,
    resident,
    rows,
    shardings,
    split,
    to_host,
)
from jaxgan.parallel.processes import (
    agreed,
    from_main,
    gathered,
    is_main,
    start,
    told,
)
from jaxgan.parallel.programs import (
    compiled,
    pmap,
    shared,
)

__all__ = [
    "DATA",
    "FSDP",
    "HEARTBEAT",
    "Rule",
    "agreed",
    "ask_to_stop",
    "assemble",
    "check_batch_size",
    "compiled",
    "from_main",
    "gather",
    "gathered",
    "gathering",
    "is_main",
    "largest_axis",
    "leave",
    "local_mesh",
    "mesh",
    "pmap",
    "preempted",
    "replicated",
    "resident",
    "rows",
    "shardings",
    "shared",
    "split",
    "start",
    "to_host",
    "told",
]
