"""Runs the command: `python -m experiments.lab2d --help`."""

from experiments.lab2d import Config, main
from experiments.lab2d import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, description=description)
