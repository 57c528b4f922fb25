"""Runs the command: `python -m experiments.benchmarks.accelerator --help`."""

from experiments.benchmarks.accelerator import Config, main
from experiments.benchmarks.accelerator import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, description=description)
