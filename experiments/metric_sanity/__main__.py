"""Runs the command: `python -m experiments.metric_sanity --help`."""

from experiments.metric_sanity import Config, main
from experiments.metric_sanity import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, description=description)
