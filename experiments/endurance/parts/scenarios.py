"""The scenarios of processes that train together, and how each must end."""

import signal
from collections.abc import Callable, Sequence
from typing import NamedTuple

from experiments.endurance.parts import faulty_hosts, plays
from experiments.endurance.parts.stage import BOUND, Stage

KILL, TERM, INT, HUP = signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP
GONE = r"is gone|heartbeat|unhealthy|was lost|disconnected|other process|ended \("
MEET = r"waits for the others"
STOPPED = r"stopped and saved at step"
SPACE = r"[Nn]o space left|disk is full|free some space|Free some space"


class Scenario(NamedTuple):
    """A scenario.

    Attributes:
        about: what happens.
        play: `play(stage)` starts the processes and disturbs them.
        says: a pattern of the sentence that some process must say.
        codes: whether these exit codes are right.
        bound: seconds from the disturbance to the end.
        resumes: whether the run must go on afterwards, in one process.
        lacking: `lacking()` is why it cannot be played here; empty if it can.
    """

    about: str
    play: Callable[[Stage], None]
    says: str
    codes: Callable[[Sequence[int]], bool]
    bound: float = BOUND
    resumes: bool = False
    lacking: Callable[[], str] = lambda: ""


def fine(codes: Sequence[int]) -> bool:
    """Whether all processes ended as they should."""
    return not any(codes)


def failed(codes: Sequence[int]) -> bool:
    """Whether no process ended as if all were well."""
    return all(codes)


def stopped(codes: Sequence[int]) -> bool:
    """Whether all processes ended because a signal asked them to."""
    return all(code in (143, 130) for code in codes)


def _sent(about, numbers, *who, says=STOPPED, codes=stopped, flags=()):
    play = lambda stage: plays.send(stage, numbers, *who, flags=flags)  # noqa: E731
    return Scenario(about, play, says, codes, resumes=True)


def _refused(about, play, says, bound=BOUND + 60):
    return Scenario(about, play, says, failed, bound)


SCENARIOS = {
    "evaluate": Scenario(
        "all evaluate while they train, by a function of one's own",
        plays.evaluate, "distance", fine, bound=300,
    ),
    "evaluate_split": Scenario(
        "the same, with parameters split over both",
        lambda stage: plays.evaluate(stage, "--fsdp", "2"), "distance", fine, bound=300,
    ),
    "evaluate_faces": Scenario(
        "dcgan_faces evaluates while it trains",
        plays.evaluate_faces, "frechet_distance", fine, bound=300,
    ),
    "term_one": _sent("SIGTERM to one, five steps a call", [TERM], 1),
    "term_main": _sent("SIGTERM to the main one", [TERM], 0),
    "term_many": _sent(
        "SIGTERM to one, 25 steps a call", [TERM], 1,
        flags=("--log-every", "25", "--steps-per-call", "25"),
    ),
    "term_all": _sent("SIGTERM to all at once", [TERM]),
    "term_twice": _sent(
        "SIGTERM to all, twice", [TERM, TERM], says=f"{STOPPED}|{GONE}|SIGTERM",
        codes=failed,
    ),
    "int_one": _sent("Ctrl-C to one", [INT], 1),
    "int_all": _sent("Ctrl-C in the terminal of all", [INT]),
    "int_twice": _sent(
        "Ctrl-C in the terminal of all, twice", [INT, INT],
        says=f"{STOPPED}|{GONE}|stopped", codes=failed,
    ),
    "hangup": _sent(
        "SIGHUP to all: the terminal is closed", [HUP], says="", codes=failed
    ),
    "term_compiling": Scenario(
        "SIGTERM to one during the first compilation",
        plays.in_a_compilation, STOPPED, stopped, resumes=True,
    ),
    "term_first_second": Scenario(
        "SIGTERM to one in its first second",
        plays.first_second, MEET, failed, bound=420,
    ),
    "kill_one": _sent("SIGKILL to one", [KILL], 1, says=GONE, codes=failed),
    "kill_main": _sent("SIGKILL to the main one", [KILL], 0, says=GONE, codes=failed),
    "kill_saving": Scenario(
        "SIGKILL to one while both save",
        plays.in_a_save, GONE, failed, resumes=True,
    ),
    "freeze_one": Scenario(
        "SIGSTOP to one, which goes on when the other has ended",
        lambda stage: plays.frozen(stage, 1), GONE, failed, 150, resumes=True,
    ),
    "freeze_main": Scenario(
        "SIGSTOP to the main one, which goes on when the other has ended",
        lambda stage: plays.frozen(stage, 0), GONE, failed, 150, resumes=True,
    ),
    "slow": Scenario(
        "one draws a batch for longer than the silence that is allowed",
        plays.slow, "200 of 200", fine, bound=300,
    ),
    "data_fails": Scenario(
        "one cannot draw its batch", lambda stage: plays.fails(stage, 1),
        "the batch of step 150 cannot be drawn", failed, resumes=True,
    ),
    "data_fails_main": Scenario(
        "the main one cannot draw its batch", lambda stage: plays.fails(stage, 0),
        "the batch of step 150 cannot be drawn", failed, resumes=True,
    ),
    "script_fails": _refused(
        "a script of one's own raises in one",
        lambda stage: plays.script(stage, 1), "there is no more data",
    ),
    "script_fails_main": _refused(
        "a script of one's own raises in the main one",
        lambda stage: plays.script(stage, 0), "there is no more data",
    ),
    "nan_rollback": Scenario(
        "a batch is NaN once, --on-nan rollback",
        lambda stage: plays.nan(stage, 1, "rollback"), "back to step 100",
        fine, bound=300,
    ),
    "nan_stop": Scenario(
        "a batch is NaN, --on-nan stop", lambda stage: plays.nan(stage, 9, "stop"),
        "NaN", failed, bound=300, resumes=True,
    ),
    "unshared": _refused(
        "the two have different directories", plays.unshared,
        "shared|same directory|not see",
    ),
    "other_steps": _refused(
        "the two have different --steps",
        lambda stage: plays.differing(stage, "--steps", "400"), "different",
    ),
    "other_saves": _refused(
        "the two have different --checkpoint-every",
        lambda stage: plays.differing(stage, "--checkpoint-every", "70"), "different",
    ),
    "other_seed": _refused(
        "the two have different --seed",
        lambda stage: plays.differing(stage, "--seed", "5"), "different",
    ),
    "other_nan": _refused(
        "the two have different --on-nan",
        lambda stage: plays.differing(stage, "--on-nan", "ignore"), "different",
    ),
    "held": Scenario(
        "another run holds the directory", plays.held,
        "another process is training|is held|in use", failed, bound=180,
    ),
    "absent": _refused(
        "the third of three never starts", plays.absent, MEET, 420
    ),
    "elsewhere": _refused(
        "one is told of a wrong coordinator", plays.elsewhere, MEET, 420
    ),
    "same_number": _refused(
        "two have the same number", plays.same_number, MEET, 420
    ),
    "full_disk": Scenario(
        "the disk fills", plays.full, SPACE, failed, 150, resumes=True,
        lacking=faulty_hosts.no_disk,
    ),
    "full_disk_first": Scenario(
        "the disk is full before the first checkpoint",
        plays.full_before_the_first_save, SPACE, failed, 210, resumes=True,
        lacking=faulty_hosts.no_disk,
    ),
    "no_reader": Scenario(
        "what they say is read no more; then SIGTERM", plays.no_one_reads, "",
        failed, resumes=True,
    ),
    "cut": Scenario(
        "two hosts, and the cable between them is cut", plays.cut, GONE, failed,
        resumes=True, lacking=faulty_hosts.no_hosts,
    ),
}  # fmt: skip
