"""Runs the command: `python -m experiments.latent_walk --help`."""

from experiments.latent_walk import Config, main
from experiments.latent_walk import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, description=description)
