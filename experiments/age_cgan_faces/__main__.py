"""Runs the command: `python -m experiments.age_cgan_faces --help`."""

from experiments.age_cgan_faces import PRESETS, Config, main
from experiments.age_cgan_faces import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, presets=PRESETS, description=description)
