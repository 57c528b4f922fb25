"""Runs the command: `python -m experiments.gan_2d --help`."""

from experiments.gan_2d import PRESETS, Config, main
from experiments.gan_2d import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, presets=PRESETS, description=description)
