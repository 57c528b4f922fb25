"""Runs the command: `python -m experiments.transforming_autoencoder --help`."""

from experiments.transforming_autoencoder import PRESETS, Config, main
from experiments.transforming_autoencoder import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, presets=PRESETS, description=description)
