"""Runs the command: `python -m experiments.improved_gan_mnist --help`."""

from experiments.improved_gan_mnist import PRESETS, Config, main
from experiments.improved_gan_mnist import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, presets=PRESETS, description=description)
