"""Runs the command: `python -m experiments.latent_study --help`."""

from experiments.latent_study import PRESETS, Config, main
from experiments.latent_study import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, presets=PRESETS, description=description)
