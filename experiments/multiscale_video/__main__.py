"""Runs the command: `python -m experiments.multiscale_video --help`."""

from experiments.multiscale_video import PRESETS, Config, main
from experiments.multiscale_video import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, presets=PRESETS, description=description)
