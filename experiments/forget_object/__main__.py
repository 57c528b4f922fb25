"""Runs the command: `python -m experiments.forget_object --help`."""

from experiments.forget_object import Config, main
from experiments.forget_object import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, description=description)
