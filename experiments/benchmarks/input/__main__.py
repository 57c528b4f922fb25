"""Runs the command: `python -m experiments.benchmarks.input --help`."""

from experiments.benchmarks.input import Config, main
from experiments.benchmarks.input import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, description=description)
