"""Runs the command: `python -m experiments.gawwn_faces --help`."""

from experiments.gawwn_faces import PRESETS, Config, main
from experiments.gawwn_faces import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, presets=PRESETS, description=description)
