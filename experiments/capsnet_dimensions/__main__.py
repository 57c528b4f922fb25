"""Runs the command: `python -m experiments.capsnet_dimensions --help`."""

from experiments.capsnet_dimensions import ALIASES, Config, main
from experiments.capsnet_dimensions import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, description=description, aliases=ALIASES)
