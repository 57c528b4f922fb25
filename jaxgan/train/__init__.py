"""The training loop, the directory of a run, and what happens when a loss breaks."""

from jaxgan.train.directory import alone, as_json, check_alike, claim, tell
from jaxgan.train.health import Diverged
from jaxgan.train.loop import BEST, LATEST, Feed, Run, Stopped, devices, train

__all__ = [
    "BEST",
    "LATEST",
    "Diverged",
    "Feed",
    "Run",
    "Stopped",
    "alone",
    "as_json",
    "check_alike",
    "claim",
    "devices",
    "tell",
    "train",
]
