"""Runs the command: `python -m experiments.figures --help`."""

from experiments.figures import Config, main
from experiments.figures import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, description=description)
