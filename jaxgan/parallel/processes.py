"""Processes that train together: connects them and lets them agree on facts."""

from typing import Literal

import jax
import numpy as np
from jax.experimental import multihost_utils

HEARTBEAT = 30  # seconds of silence after which a process counts as lost
_DAY = 86_400  # seconds


def start(
    processes: int | Literal["auto"] = 1, process: int = 0, coordinator: str = ""
) -> None:
    """Joins the other processes of this run. Call it before anything else uses JAX.

    When one process is lost, the others end within about `HEARTBEAT` seconds.

    Args:
        processes: the number of processes; with `"auto"`, JAX finds out all three (on
            Cloud TPU, SLURM, Open MPI, Kubernetes).
        process: the number of this one, from 0.
        coordinator: the `host:port` of process 0, which all must be able to reach.

    Raises:
        ValueError: the arguments contradict each other, or no cluster was found.
    """
    if processes == 1:
        if process or coordinator:
            raise ValueError(
                "--process and --coordinator are for several processes; give their"
                " number with --processes"
            )
        return
    if processes == "auto":
        if process or coordinator:
            raise ValueError(
                "--processes auto finds process and coordinator by itself; leave out"
                " --process and --coordinator, or give the number of processes"
            )
        try:
            _initialize()
        except ValueError as error:
            raise ValueError(
                "--processes auto found no cluster that JAX knows (Cloud TPU, SLURM,"
                " Open MPI, Kubernetes); give --processes N --process I --coordinator"
                " HOST:PORT"
            ) from error
        return
    if processes < 1 or not 0 <= process < processes:
        raise ValueError(
            f"--process is {process} of --processes {processes}; count from 0 to"
            f" {max(0, processes - 1)}"
        )
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isdigit():
        raise ValueError(
            f"--coordinator is {coordinator!r}; give the address of process 0 as"
            " HOST:PORT, the same to all processes"
        )
    _initialize(coordinator, processes, process)


def _initialize(*where):
    jax.distributed.initialize(
        *where,
        heartbeat_timeout_seconds=HEARTBEAT,
        # At the end the others wait for the main process, which may take long to draw.
        shutdown_timeout_seconds=_DAY,
    )


def is_main() -> bool:
    """Whether this is the main process, which writes, draws and prints."""
    return jax.process_index() == 0


def agreed(flag: bool) -> bool:
    """Gives every process the main process's flag; all processes must call this."""
    if jax.process_count() == 1:
        return flag
    return bool(multihost_utils.broadcast_one_to_all(np.asarray(flag)))


def same_everywhere(number: int) -> bool:
    """Whether all processes give the same number, below 2^32; all must call this."""
    if jax.process_count() == 1:
        return True
    numbers = multihost_utils.process_allgather(np.asarray(number, np.uint32))
    return bool((np.asarray(numbers) == number).all())


def preempted(step: int) -> bool:
    """Whether to stop at this step, because some process received SIGTERM.

    Only runs of several processes stop in this way. All processes must call it after
    the same steps, so that `jax.distributed` can choose one step at which all stop.
    """
    return jax.process_count() > 1 and multihost_utils.reached_preemption_sync_point(
        step
    )
