"""Runs the command: `python -m experiments.discriminator_only --help`."""

from experiments.discriminator_only import PRESETS, Config, main
from experiments.discriminator_only import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, presets=PRESETS, description=description)
