"""The training loop, the directory of a run, and what happens when a loss breaks."""

from jaxgan.train.compile import Feed
from jaxgan.train.directory import (
    BEST,
    LATEST,
    as_json,
    check,
    check_alike,
    claim,
)
from jaxgan.train.directory import tell as tell
from jaxgan.train.health import Diverged
from jaxgan.train.loop import sizes, train
from jaxgan.train.owner import alone
from jaxgan.train.page import About
from jaxgan.train.run import Run, devices
from jaxgan.train.signals import Stopped

__all__ = [
    "BEST",
    "LATEST",
    "About",
    "Diverged",
    "Feed",
    "Run",
    "Stopped",
    "alone",
    "as_json",
    "check",
    "check_alike",
    "claim",
    "devices",
    "sizes",
    "tell",
    "train",
]
