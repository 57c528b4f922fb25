"""Runnable modules, one a figure or table: `python -m experiments.NAME --help`."""
