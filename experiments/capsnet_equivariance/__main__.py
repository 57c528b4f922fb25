"""Runs the command: `python -m experiments.capsnet_equivariance --help`."""

from experiments.capsnet_equivariance import ALIASES, Config, main
from experiments.capsnet_equivariance import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, description=description, aliases=ALIASES)
