"""Runs the command: `python -m experiments.capsnet_generalisation --help`."""

from experiments.capsnet_generalisation import PRESETS, Config, main
from experiments.capsnet_generalisation import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, presets=PRESETS, description=description)
