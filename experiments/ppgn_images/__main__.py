"""Runs the command: `python -m experiments.ppgn_images --help`."""

from experiments.ppgn_images import PRESETS, Config, main
from experiments.ppgn_images import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, presets=PRESETS, description=description)
