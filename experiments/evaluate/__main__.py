"""Runs the command: `python -m experiments.evaluate --help`."""

from experiments.evaluate import ALIASES, Config, main
from experiments.evaluate import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, description=description, aliases=ALIASES)
