"""Runs the command: `python -m experiments.latent_arithmetic --help`."""

from experiments.latent_arithmetic import Config, main
from experiments.latent_arithmetic import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, description=description)
