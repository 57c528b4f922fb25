"""Runs the command: `python -m experiments.inpaint --help`."""

from experiments.inpaint import Config, main
from experiments.inpaint import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, description=description)
