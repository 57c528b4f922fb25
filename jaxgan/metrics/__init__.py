"""Statistics of samples against data, as pure functions on arrays."""

from jaxgan.metrics.classes import (
    Balance,
    class_balance,
    classifier_score,
    conditional_accuracy,
    pairwise_diversity,
)
from jaxgan.metrics.frechet import Gaussian, frechet_distance, gaussian_statistics
from jaxgan.metrics.modes import (
    high_quality_fraction,
    histogram_kl,
    modes_covered,
)
from jaxgan.metrics.neighbours import nearest_neighbours
from jaxgan.metrics.parzen import (
    BANDWIDTHS,
    choose_bandwidth,
    parzen_log_likelihood,
)

__all__ = [
    "BANDWIDTHS",
    "Balance",
    "Gaussian",
    "choose_bandwidth",
    "class_balance",
    "classifier_score",
    "conditional_accuracy",
    "frechet_distance",
    "gaussian_statistics",
    "high_quality_fraction",
    "histogram_kl",
    "modes_covered",
    "nearest_neighbours",
    "pairwise_diversity",
    "parzen_log_likelihood",
]
