"""The laboratory: from a model and data to a run, and from a run to functions."""
