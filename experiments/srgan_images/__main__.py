"""Runs the command: `python -m experiments.srgan_images --help`."""

from experiments.srgan_images import PRESETS, Config, main
from experiments.srgan_images import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, presets=PRESETS, description=description)
