"""Runs the command: `python -m experiments.scaling_plan --help`."""

from experiments.scaling_plan import Config, main
from experiments.scaling_plan import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, description=description)
