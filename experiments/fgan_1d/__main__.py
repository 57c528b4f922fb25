"""Runs the command: `python -m experiments.fgan_1d --help`."""

from experiments.fgan_1d import Config, main
from experiments.fgan_1d import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, description=description)
