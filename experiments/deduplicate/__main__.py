"""Runs the command: `python -m experiments.deduplicate --help`."""

from experiments.deduplicate import Config, main
from experiments.deduplicate import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, description=description)
