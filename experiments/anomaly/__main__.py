"""Runs the command: `python -m experiments.anomaly --help`."""

from experiments.anomaly import Config, main
from experiments.anomaly import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, description=description)
