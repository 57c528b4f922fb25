"""Runs the command: `python -m experiments.discriminator_features --help`."""

from experiments.discriminator_features import PRESETS, Config, main
from experiments.discriminator_features import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, presets=PRESETS, description=description)
