"""Runs the command: `python -m experiments.cdna_blocks --help`."""

from experiments.cdna_blocks import PRESETS, Config, main
from experiments.cdna_blocks import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, presets=PRESETS, description=description)
