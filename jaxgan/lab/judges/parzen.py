"""Log-likelihood under Parzen windows around samples, by the protocol of the GAN paper.

It is a weak measure: it varies much, favours blur, and compares only between equal
counts of samples, equal candidates for the bandwidth, and pixels in [0, 1].
"""

from typing import Any

import jax
import numpy as np

from jaxgan import data, metrics
from jaxgan.compose import ema_variables
from jaxgan.lab import generator
from jaxgan.lab.data import Set
from jaxgan.models.model import Model

SAMPLES = 10_000  # under the windows
VALIDATION = 1000  # images on which their bandwidth is chosen


def samples(record: Model, config: Any, state: Any) -> np.ndarray:
    """Samples of the moving average, by whose windows test images are measured."""
    drawing = generator.Drawing(record, config.model)
    key = jax.random.key(config.run.seed + 3)
    images, _ = drawing.many(drawing.compiled(), ema_variables(state), key, SAMPLES)
    return images


def mean_image(opened: Set) -> np.ndarray:
    """The mean of the training images, `[28, 28, 1]` in [0, 1]."""
    return opened.train["image"].mean(0, dtype=np.float64) / 255


def likelihood(
    samples: np.ndarray, validation: np.ndarray, test: np.ndarray
) -> dict[str, Any]:
    """Log-likelihood of test images under Parzen windows, by the paper's protocol.

    Args:
        samples: `[S, 28, 28, 1]` in [0, 1].
        validation: uint8 images; a random thousand of them choose the bandwidth.
        test: uint8 images, of which the mean and its standard error are taken.

    Returns:
        Plain numbers for results.json.
    """
    validation = validation[data.some(len(validation), VALIDATION)]
    validation, test = (x.astype(np.float32) / 255 for x in (validation, test))
    sigma, _ = metrics.choose_bandwidth(samples, validation)
    each = np.asarray(metrics.parzen_log_likelihood(samples, test, sigma), np.float64)
    return {
        "parzen_log_likelihood": float(each.mean()),
        "parzen_standard_error": float(each.std() / np.sqrt(len(each))),
        "parzen_bandwidth": sigma,
        "parzen_samples": len(samples),
    }
