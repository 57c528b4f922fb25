"""Side-by-side timings against PyTorch: `python -m experiments.benchmarks.NAME`."""
