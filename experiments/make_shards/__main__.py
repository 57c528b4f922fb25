"""Runs the command: `python -m experiments.make_shards --help`."""

from experiments.make_shards import Config, main
from experiments.make_shards import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, description=description, aliases={"--output": "--workdir"})
