"""Runs the command: `python -m experiments.infogan_mnist --help`."""

from experiments.infogan_mnist import PRESETS, Config, main
from experiments.infogan_mnist import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, presets=PRESETS, description=description)
