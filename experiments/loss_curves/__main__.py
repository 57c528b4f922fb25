"""Runs the command: `python -m experiments.loss_curves --help`."""

from experiments.loss_curves import Config, main
from experiments.loss_curves import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, description=description)
