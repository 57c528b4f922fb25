"""Runs the command: `python -m experiments.capsnet_routing --help`."""

from experiments.capsnet_routing import ALIASES, Config, main
from experiments.capsnet_routing import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, description=description, aliases=ALIASES)
