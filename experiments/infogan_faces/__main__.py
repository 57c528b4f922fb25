"""Runs the command: `python -m experiments.infogan_faces --help`."""

from experiments.infogan_faces import PRESETS, Config, main
from experiments.infogan_faces import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, presets=PRESETS, description=description)
