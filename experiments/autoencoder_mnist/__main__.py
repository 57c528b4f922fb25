"""Runs the command: `python -m experiments.autoencoder_mnist --help`."""

from experiments.autoencoder_mnist import PRESETS, Config, main
from experiments.autoencoder_mnist import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, presets=PRESETS, description=description)
