"""Runs the command: `python -m experiments.draw_networks --help`."""

from experiments.draw_networks import Config, main
from experiments.draw_networks import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, description=description)
