"""The training loop, the directory of a run, and what happens when a loss breaks."""

from jaxgan.train.directory import BEST, LATEST, alone, as_json, check_alike, claim
from jaxgan.train.directory import tell as tell
from jaxgan.train.health import Diverged
from jaxgan.train.loop import Feed, Run, Stopped, devices, train

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
