"""Runs the command: `python -m experiments.vaegan_faces --help`."""

from experiments.vaegan_faces import PRESETS, Config, main
from experiments.vaegan_faces import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, presets=PRESETS, description=description)
