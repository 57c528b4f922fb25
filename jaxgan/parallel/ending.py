"""How processes that train together end: all of them, soon, and saying why.

News pass through the service by which JAX's processes find each other. A thread in each
process looks for them every second. A process that fails tells the others why, and they
end too. One that was asked to stop tells that, and the threads choose a call of
`preempted` at which all stop. A process that is lost or frozen tells nothing; JAX ends
the others after `HEARTBEAT` seconds of its silence.
"""

import atexit
import contextlib
import json
import os
import signal
import socket
import sys
import threading
import time
import types
from typing import Any, NoReturn

import jax

HEARTBEAT = 30  # seconds of silence after which a process counts as lost
_EVERY, _SOON = 1.0, 0.1  # seconds between looks for news
_HEARING = 10  # seconds that the main process, which passes on the news, stays for it
_NEWS = "jaxgan/news/"


class _Link:
    """What a process knows of the others.

    Attributes:
        client: of the service that passes on the news.
        process: the number of this process.
        processes: how many there are.
        calls: of `preempted` so far.
        stop: the call at which all stop, once it is known.
        signal: for which they stop.
        counting: held while the threads choose that call, so that none is made.
        ending: held by the thread that ends this process.
        over: whether this process has come to its regular end.
    """

    def __init__(self, client: Any, process: int, processes: int):
        self.client, self.process, self.processes = client, process, processes
        self.calls, self.stop, self.signal = 0, 0, 0
        self.counting, self.ending = threading.Lock(), threading.RLock()
        self.over = threading.Event()

    def news(self) -> dict[str, str]:
        """All that was told so far; nothing where the service does not answer."""
        with contextlib.suppress(jax.errors.JaxRuntimeError):
            return {
                key.removeprefix(_NEWS): text
                for key, text in self.client.key_value_dir_get(_NEWS)
            }
        return {}

    def tell(self, name: str, text: str) -> None:
        """Tells news to all, if they have not been told yet."""
        with contextlib.suppress(jax.errors.JaxRuntimeError):
            self.client.key_value_set(_NEWS + name, text)


_link: _Link | None = None


def watch(client: Any, process: int, processes: int) -> None:
    """Looks for news from now on, and tells the others if this process fails.

    Args:
        client: of JAX's service.
        process: the number of this process.
        processes: how many there are.
    """
    global _link
    _link = link = _Link(client, process, processes)
    thread = threading.Thread(target=_look, args=(link,), daemon=True)
    thread.start()
    # This runs before JAX leaves the others.
    atexit.register(_finish, link, thread)
    show = sys.excepthook

    def hook(kind, error, trace):
        show(kind, error, trace)
        if hasattr(error, "signal"):  # all stopped together, see `preempted`
            return
        leave(130 if kind is KeyboardInterrupt else 1, reason(error))

    sys.excepthook = hook
    with contextlib.suppress(ValueError):  # outside the main thread
        signal.signal(signal.SIGTERM, _terminate)


def leave(code: int, why: str) -> NoReturn:
    """Ends this process at once, and with it all others, which say why.

    On the regular way out, it would wait for the others, who wait for this one. If it
    fails because another did, it says why that one failed.

    Args:
        code: the status with which all end.
        why: one sentence.
    """
    link = _link
    if link is None:
        sys.exit(code)
    link.ending.acquire()
    _in_any_case(code)
    if (failed := link.news().get("failed")) is not None:
        code = _heard(link, failed)
    else:
        about = {"process": link.process, "host": socket.gethostname()}
        link.tell("failed", json.dumps({**about, "code": code, "why": why}))
    _depart(link, code)


def reason(error: BaseException) -> str:
    """An error in one sentence."""
    if isinstance(error, KeyboardInterrupt):
        return "it was stopped by Ctrl-C"
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:1000]


def ask_to_stop(number: int) -> None:
    """Asks all processes to stop at their next steps, because of a signal.

    Handlers of signals may call it.
    """
    if _link is not None:
        _link.tell("stop", str(number))


def preempted() -> int:
    """The signal for which all processes stop now, since one of them got it; or 0.

    All processes must call it equally often: all of them get the signal at the same
    call. It is always 0 in a run of one process.
    """
    if _link is None:
        return 0
    with _link.counting:
        _link.calls += 1
        return _link.signal if _link.calls == _link.stop else 0


def _look(link: _Link) -> None:
    """Looks for news until the end, in a thread of its own."""
    choosing = False
    while not link.over.wait(_SOON if choosing else _EVERY):
        news = link.news()
        if "failed" in news and link.ending.acquire(blocking=False):
            _in_any_case(1)
            _depart(link, _heard(link, news["failed"]))
        if "stop" in news and not link.stop:
            if not choosing:
                link.counting.acquire()
                choosing = True
                link.tell(f"at/{link.process}", str(link.calls))
            calls = [int(text) for name, text in news.items() if name[:3] == "at/"]
            if len(calls) == link.processes:
                # Nobody has made this call yet, and everybody will.
                link.stop, link.signal = max(calls) + 1, int(news["stop"])
                link.counting.release()
                choosing = False


def _heard(link: _Link, failed: str) -> int:
    """Says why another process failed; returns its status."""
    told = json.loads(failed)
    sys.stderr.write(
        f"\nerror: process {told['process']} of {link.processes}, on {told['host']},"
        f" ended ({told['why']}), and process {link.process} ends with it\n"
    )
    return told["code"]


def _in_any_case(code: int) -> None:
    """Ends this process soon, also if nobody answers, or reads what it says."""
    timer = threading.Timer(_HEARING + 5, os._exit, (code,))
    timer.daemon = True
    timer.start()


def _depart(link: _Link, code: int) -> NoReturn:
    link.tell(f"heard/{link.process}", "")
    until = time.monotonic() + _HEARING
    while link.process == 0 and time.monotonic() < until:
        if sum(name.startswith("heard/") for name in link.news()) == link.processes:
            break
        time.sleep(_SOON)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(code)


def _terminate(number: int, frame: types.FrameType | None) -> None:
    del frame
    leave(128 + number, f"it was stopped by {signal.Signals(number).name}")


def _finish(link: _Link, thread: threading.Thread) -> None:
    """Waits for the others, of which the main one may take long to draw."""
    link.tell(f"done/{link.process}", "")
    try:
        while sum(name[:5] == "done/" for name in link.news()) < link.processes:
            time.sleep(_SOON)
    except KeyboardInterrupt as error:
        leave(130, reason(error))
    link.over.set()
    thread.join()
