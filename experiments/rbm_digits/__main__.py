"""Runs the command: `python -m experiments.rbm_digits --help`."""

from experiments.rbm_digits import Config, main
from experiments.rbm_digits import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, description=description)
