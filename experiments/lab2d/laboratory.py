"""The laboratory behind the page: one thread trains, others ask and tell."""

import dataclasses
import threading
import time
from typing import Any

import jax
import jax.numpy as jnp

from experiments.lab2d.curves import Curves
from experiments.lab2d.frames import picture
from experiments.lab2d.programs import Programs, carried
from jaxgan.lab import plane

SECONDS = 0.1  # of training between two pictures
STEPS = 1000  # between two pictures, at most
ALONE = 20.0  # seconds without a page after which training waits
ACTS = ("play", "pause", "step", "restart", "reseed")


class Laboratory:
    """Trains the seeds of a setting, as a page wishes.

    `run` belongs in a thread of its own; all other methods may be called from any.

    Attributes:
        step: how many steps were played.
        programs: the compiled programs.
    """

    def __init__(self, setting: plane.Setting, seed: int = 0):
        self.step = 0
        self.programs = Programs()
        self._lock = threading.Condition()
        self._seed = seed
        self._wanted = setting  # by the page
        self._setting: plane.Setting | None = None  # that trains
        self._state: Any = None  # of the nets; None before the first, and if it is lost
        self._again = True  # whether to begin anew
        self._playing = False
        self._due = 0  # single steps
        self._stopping = False
        self._said, self._busy = "Getting ready", True
        self._asked = time.monotonic()
        self._number = 0  # of the picture
        self._picture: dict[str, Any] | None = None
        self._curves = Curves()
        self._speed = 0.0
        self._chunk = 1

    def change(self, setting: plane.Setting) -> None:
        """Takes another setting."""
        with self._lock:
            self._wanted = setting
            self._lock.notify_all()

    @property
    def setting(self) -> plane.Setting:
        """The setting that was asked for last."""
        return self._wanted

    def act(self, what: str) -> None:
        """Plays, pauses, plays one step, or begins anew, from other seeds or the same.

        Raises:
            ValueError: it is none of these.
        """
        if what not in ACTS:
            raise ValueError(f"there is no button {what!r}; press one of {ACTS}")
        with self._lock:
            if what in ("play", "pause"):
                self._playing = what == "play"
                self._said = ""
            elif what == "step":
                self._playing, self._due, self._said = False, self._due + 1, ""
            else:
                self._again = True
                self._seed += what == "reseed"
            self._asked = time.monotonic()
            self._lock.notify_all()

    def stop(self) -> None:
        """Ends `run`."""
        with self._lock:
            self._stopping = True
            self._lock.notify_all()

    def frame(
        self, have: int = -1, edition: int = -1, rows: int = 0, wait: float = 0.0
    ) -> dict[str, Any]:
        """What the page shows, without what it has.

        Args:
            have: the number of the picture that it has.
            edition: the edition of the curves that it has.
            rows: how many rows of them it has.
            wait: seconds to wait for another picture.
        """
        with self._lock:
            self._asked = time.monotonic()
            self._lock.notify_all()
            self._lock.wait_for(lambda: self._number != have or self._stopping, wait)
            curves = self._curves
            if edition != curves.edition or rows > len(curves.rows):
                rows = 0
            return {
                "playing": self._playing,
                "busy": self._busy,
                "said": self._said,
                "step": self.step,
                "speed": round(self._speed, 1),
                "setting": dataclasses.asdict(self._wanted),
                "number": self._number,
                "picture": None if have == self._number else self._picture,
                "edition": curves.edition,
                "first": rows,
                "rows": curves.rows[rows:],
                "marks": curves.marks,
            }

    def run(self) -> None:
        """Trains until `stop` is called."""
        while self._wait():
            try:
                self._turn()
            except Exception as error:  # the page says it, and another setting may do
                with self._lock:
                    self._playing, self._due, self._busy = False, 0, False
                    self._setting, self._again = self._wanted, False
                    self._state = None  # it may be gone with the failed program
                    self._said = f"It failed: {' '.join(str(error).split())[:300]}"
                    self._number += 1
                    self._lock.notify_all()

    def _wait(self) -> bool:
        """Waits for something to do; False if it is to stop."""

        def something():
            if self._stopping or self._again or self._wanted is not self._setting:
                return True
            alone = time.monotonic() - self._asked > ALONE
            plays = self._due or (self._playing and not alone)
            return plays and self._state is not None

        with self._lock:
            self._lock.wait_for(something)
            return not self._stopping

    def _turn(self) -> None:
        with self._lock:
            wanted, again = self._wanted, self._again
            steps = min(1, self._due) or (self._chunk if self._playing else 0)
            self._due -= min(1, self._due)
        if again or wanted is not self._setting:
            self._begin(wanted, again)
            with self._lock:
                self._again = self._again and not again
        self._train(steps)

    def _begin(self, wanted: plane.Setting, again: bool) -> None:
        """Makes state and data fit a setting."""
        before, same = self._setting, wanted in self.programs
        with self._lock:
            self._busy = not same
            if not same:
                self._said = "Compiling a program for this setting, which takes seconds"
        program = self.programs.get(wanted)
        state = program.init(jax.random.key(self._seed))
        old = None if again else self._state
        kept = None if old is None else carried(state, old)
        new = plane.plane(wanted)
        with self._lock:
            self._program, self._points = program, new
            self._state = state if kept is None else kept
            self._rates = plane.rates(wanted)
            if kept is None:
                self.step, self._chunk = 0, 1
                self._curves = Curves(self._curves.edition + 1)
            elif before is not None and (what := _difference(before, wanted)):
                self._curves.mark(self.step, what)
            self._setting = wanted
            self._busy, self._said = False, ""

    def _train(self, steps: int) -> None:
        """Plays some steps, and looks."""
        began, losses = time.monotonic(), None
        if steps:
            self._state, losses = self._program.advance(
                self._state, self._rates, self._points.pool, jnp.int32(steps)
            )
            losses = jax.device_get(losses)
        trained = time.monotonic() - began
        seen = jax.device_get(self._program.look(self._state, self._points))
        setting = self._setting
        assert setting is not None
        drawn = picture(setting, self._points, seen)
        with self._lock:
            self.step += steps
            if losses is not None:
                self._curves.add(self.step, losses, seen)
                rate = steps / max(1e-6, time.monotonic() - began)
                self._speed = rate if steps == 1 else 0.8 * self._speed + 0.2 * rate
                better = round(self._chunk * SECONDS / max(1e-4, trained))
                if steps == self._chunk:
                    self._chunk = min(max(1, better), 2 * self._chunk, STEPS)
                if drawn["lost"]:
                    self._said = _lost(drawn["lost"], setting.seeds)
                    self._playing = self._playing and len(drawn["lost"]) < setting.seeds
            self._picture = drawn
            self._number += 1
            self._lock.notify_all()


def _difference(old: plane.Setting, new: plane.Setting) -> str:
    """Says what was changed."""
    changed = [
        f"{field.name.replace('_', ' ')} {_short(getattr(new, field.name))}"
        for field in dataclasses.fields(new)
        if getattr(old, field.name) != getattr(new, field.name)
    ]
    return ", ".join(changed)


def _short(value: Any) -> str:
    if isinstance(value, tuple):
        return f"of {len(value)} places"
    return f"{value:.3g}" if isinstance(value, float) else str(value).replace("_", " ")


def _lost(lost: list[int], seeds: int) -> str:
    which = "every seed" if len(lost) == seeds else f"seed {', '.join(map(str, lost))}"
    return f"NaN or infinite: {which}. Restart, with smaller step sizes or another loss"
