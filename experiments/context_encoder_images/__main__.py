"""Runs the command: `python -m experiments.context_encoder_images --help`."""

from experiments.context_encoder_images import PRESETS, Config, main
from experiments.context_encoder_images import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, presets=PRESETS, description=description)
