"""Runs the command: `python -m experiments.keypoints_faces --help`."""

from experiments.keypoints_faces import PRESETS, Config, main
from experiments.keypoints_faces import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, presets=PRESETS, description=description)
