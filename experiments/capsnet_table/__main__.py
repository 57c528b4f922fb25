"""Runs the command: `python -m experiments.capsnet_table --help`."""

from experiments.capsnet_table import PRESETS, Config, main
from experiments.capsnet_table import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, presets=PRESETS, description=description)
