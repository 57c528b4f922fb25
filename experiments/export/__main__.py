"""Runs the command: `python -m experiments.export --help`."""

from experiments.export import Config, main
from experiments.export import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, description=description)
