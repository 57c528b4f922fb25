"""Runs the command: `python -m experiments.benchmarks.capsnet --help`."""

import sys

from experiments.benchmarks.capsnet import Config, main
from experiments.benchmarks.capsnet import __doc__ as description
from jaxgan.lab import cli

main(cli.parse(Config, description or "", sys.argv[1:]))
