"""Statistics of samples against data, as pure functions on arrays."""

from jaxgan.metrics.neighbours import nearest_neighbours

__all__ = ["nearest_neighbours"]
