"""Processes that train together: connects them and lets them agree on facts."""

import contextlib
import itertools
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, Literal

import jax
import numpy as np
from jax.experimental import multihost_utils

from jaxgan.parallel import ending

MEETING = 300  # seconds within which all processes must have started
_LATE = 30  # seconds to the others, after which a process says that it waits
_PATIENCE = 5000  # milliseconds between two moments at which a wait can be interrupted
_numbers = itertools.count()


def start(
    processes: int | Literal["auto"] = 1, process: int = 0, coordinator: str = ""
) -> contextlib.ExitStack:
    """Joins the other processes of this run. Call it before anything else uses JAX.

    All must come within `MEETING` seconds. When one process raises an error, the others
    end within seconds and say why; when one is lost, they end within about `HEARTBEAT`
    seconds.

        with parallel.start(2, process, "10.0.0.1:1234"):
            ...  # what all processes do

    A plain call does the same, except that the others are not told of a `sys.exit` with
    another status than 0.

    Args:
        processes: the number of processes; with `"auto"`, JAX finds out all three (on
            Cloud TPU, SLURM, Open MPI, Kubernetes).
        process: the number of this one, from 0.
        coordinator: the `host:port` of process 0, which all must be able to reach.

    Returns:
        A context that ends all processes if its body raises; nothing for one process.

    Raises:
        ValueError: the arguments contradict each other, or no cluster was found.
    """
    if processes == 1:
        if process or coordinator:
            raise ValueError(
                "--process and --coordinator are for several processes; give their"
                " number with --processes"
            )
        return contextlib.ExitStack()
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
        return _together()
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
    return _together()


def _initialize(*where):
    """Meets the others; where they do not come, ends this process and says so."""
    # Its service takes SIGTERM for itself and compares steps, of which a call of the
    # devices may play several; `ending.preempted` does not.
    jax.config.update("jax_enable_preemption_service", False)
    met = threading.Event()
    threading.Thread(target=_wait_aloud, args=(met, *where), daemon=True).start()
    try:
        with _interruptible():
            jax.distributed.initialize(
                *where,
                heartbeat_timeout_seconds=ending.HEARTBEAT,
                initialization_timeout=MEETING + 60,  # JAX would abort, and not say why
            )
    finally:
        met.set()


def _wait_aloud(met, coordinator="", processes=0, process=0) -> None:
    """Says what a process waits for, and ends it where the others do not come."""
    who, where, also = "this process", "", ""
    if coordinator:
        who, where = f"process {process} of {processes}", f" at {coordinator}"
        also = (
            " with the same --processes and --coordinator, and each with another"
            " --process"
        )
    if met.wait(_LATE):
        return
    sys.stderr.write(
        f"\n{who} waits for the others{where}, and gives up after 5 minutes; check that"
        f" all were started{also}\n"
    )
    if met.wait(MEETING - _LATE):
        return
    sys.stderr.write(
        f"\nerror: {who} waited for the others{where} in vain; start all of them"
        f"{also}\n"
    )
    sys.stderr.flush()
    os._exit(2)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Lets Ctrl-C end this process while it waits in a library."""
    before = signal.getsignal(signal.SIGINT)
    main = threading.current_thread() is threading.main_thread()
    if not main or before is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _together() -> contextlib.ExitStack:
    """Begins to look for news of the others."""
    # JAX waits minutes, and no longer, until all have made their devices known.
    ending.watch(_client(), jax.process_index(), jax.process_count())
    context = contextlib.ExitStack()
    context.push(_raised)
    return context


def _raised(kind, error, trace) -> None:
    """Ends all processes where the body of a context raised an error."""
    if kind is SystemExit and error.code:
        number = isinstance(error.code, int)
        if not number:
            sys.stderr.write(f"{error.code}\n")
        ending.leave(error.code if number else 1, f"it exited with {error.code}")
    if kind not in (None, SystemExit):
        sys.excepthook(kind, error, trace)  # that of `ending`


def _client() -> Any:
    from jax._src import distributed

    return distributed.global_state.client


def is_main() -> bool:
    """Whether this is the main process, which writes, draws and prints."""
    return jax.process_index() == 0


def told(text: str) -> str:
    """Gives every process the main process's text; all processes must call this.

    However long the main process takes to come here, the others wait.
    """
    if jax.process_count() == 1:
        return text
    name = f"jaxgan/told/{next(_numbers)}"
    if is_main():
        _client().key_value_set(name, text)
        return text
    return _get(name)


def gathered(text: str) -> list[str]:
    """Gives every process the texts of all, in their order; all must call this."""
    if jax.process_count() == 1:
        return [text]
    name = f"jaxgan/gathered/{next(_numbers)}"
    _client().key_value_set(f"{name}/{jax.process_index()}", text)
    texts = []
    if is_main():
        texts = [_get(f"{name}/{i}") for i in range(jax.process_count())]
    return json.loads(told(json.dumps(texts)))


def agreed(flag: bool) -> bool:
    """Gives every process the main process's flag; all processes must call this."""
    return told(str(int(flag))) == "1"


def from_main(make: Callable[[], Any], like: Any) -> Any:
    """Gives every process what the main one makes; all processes must call this.

    However long it takes to make, the others wait.

    Args:
        make: makes a tree of arrays; it must use no device of another process.
        like: the tree, as arrays or `jax.ShapeDtypeStruct`s of the same shapes.
    """
    if jax.process_count() == 1:
        return make()
    empty = lambda x: np.zeros(x.shape, x.dtype)  # noqa: E731
    mine = make() if is_main() else jax.tree.map(empty, like)
    told("made")  # a better place to wait than a program of all devices
    return multihost_utils.broadcast_one_to_all(mine)


def _get(name: str) -> str:
    """What a process tells under a name, however late it does."""
    while True:
        try:
            return _client().blocking_key_value_get(name, _PATIENCE)
        except jax.errors.JaxRuntimeError as error:
            if "DEADLINE_EXCEEDED" not in str(error):
                raise
