"""Runs the command: `python -m experiments.malgan_study --help`."""

from experiments.malgan_study import Config, main
from experiments.malgan_study import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, description=description)
