"""Runs the command: `python -m experiments.inside_networks --help`."""

from experiments.inside_networks import Config, main
from experiments.inside_networks import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, description=description)
