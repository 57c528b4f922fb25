"""Statistics that compare samples with data, as pure functions of arrays."""

from jaxgan.metrics.classes import (
    Balance,
    ScoreSums,
    class_balance,
    classifier_score,
    conditional_accuracy,
    merge_score_sums,
    pairwise_diversity,
    score_of_sums,
    score_sums,
)
from jaxgan.metrics.frechet import (
    Gaussian,
    Moments,
    frechet_distance,
    gaussian,
    gaussian_statistics,
    merge_moments,
    moments,
)
from jaxgan.metrics.kernel import (
    KernelDistance,
    gaussian_mmd,
    kernel_distance,
    median_bandwidth,
    polynomial_mmd,
)
from jaxgan.metrics.manifold import (
    DensityCoverage,
    PrecisionRecall,
    density_coverage,
    precision_recall,
)
from jaxgan.metrics.modes import (
    high_quality_fraction,
    histogram_kl,
    modes_covered,
)
from jaxgan.metrics.neighbours import (
    Memorisation,
    memorisation,
    nearest_neighbours,
)
from jaxgan.metrics.parzen import (
    BANDWIDTHS,
    choose_bandwidth,
    parzen_log_likelihood,
)
from jaxgan.metrics.similarity import (
    masked_psnr,
    ms_ssim,
    ms_ssim_diversity,
    psnr,
    sharpness,
    ssim,
)
from jaxgan.metrics.wasserstein import (
    laplacian_descriptors,
    laplacian_patches,
    patch_descriptors,
    sliced_wasserstein_distance,
)

__all__ = [
    "BANDWIDTHS",
    "Balance",
    "DensityCoverage",
    "Gaussian",
    "KernelDistance",
    "Memorisation",
    "Moments",
    "PrecisionRecall",
    "ScoreSums",
    "choose_bandwidth",
    "class_balance",
    "classifier_score",
    "conditional_accuracy",
    "density_coverage",
    "frechet_distance",
    "gaussian",
    "gaussian_mmd",
    "gaussian_statistics",
    "high_quality_fraction",
    "histogram_kl",
    "kernel_distance",
    "laplacian_descriptors",
    "laplacian_patches",
    "masked_psnr",
    "median_bandwidth",
    "memorisation",
    "merge_moments",
    "merge_score_sums",
    "modes_covered",
    "moments",
    "ms_ssim",
    "ms_ssim_diversity",
    "nearest_neighbours",
    "pairwise_diversity",
    "parzen_log_likelihood",
    "patch_descriptors",
    "polynomial_mmd",
    "precision_recall",
    "psnr",
    "score_of_sums",
    "score_sums",
    "sharpness",
    "sliced_wasserstein_distance",
    "ssim",
]
