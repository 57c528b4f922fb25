"""Runs the command: `python -m experiments.gp_gan_scenes --help`."""

from experiments.gp_gan_scenes import PRESETS, Config, main
from experiments.gp_gan_scenes import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, presets=PRESETS, description=description)
