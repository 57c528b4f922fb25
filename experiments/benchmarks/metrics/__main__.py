"""Runs the command: `python -m experiments.benchmarks.metrics --help`."""

import sys

from experiments.benchmarks.metrics import Config, main
from experiments.benchmarks.metrics import __doc__ as description
from jaxgan.lab import cli

main(cli.parse(Config, description or "", sys.argv[1:]))
