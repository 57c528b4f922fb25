"""Runs the command: `python -m experiments.benchmarks.cost --help`."""

from experiments.benchmarks.cost import Config, main
from experiments.benchmarks.cost import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, description=description)
