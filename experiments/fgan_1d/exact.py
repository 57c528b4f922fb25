"""f-divergences of Gaussians from the mixture, by numerical integration."""

import numpy as np

from experiments.fgan_1d.fitting import MIXTURE, TITLES

PLANE = np.linspace(-40.0, 40.0, 4001)  # where densities are integrated
STEP = PLANE[1] - PLANE[0]


def log_normal(mean, deviation, x=PLANE) -> np.ndarray:
    """Log density of Gaussians at x; shapes broadcast."""
    return -0.5 * ((x - mean) / deviation) ** 2 - np.log(deviation * np.sqrt(2 * np.pi))


def log_data(x=PLANE) -> np.ndarray:
    """Log density of the mixture at x."""
    parts = [np.log(w) + log_normal(mean, std, x) for w, mean, std in MIXTURE]
    return np.logaddexp.reduce(parts)


def divergence(name: str, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """A divergence of the mixture from Gaussians, by numerical integration.

    Ratios are computed from logarithms, in double precision, since far out one density
    underflows long before the other.

    Args:
        name: one of TITLES.
        mean: any shape.
        deviation: the same shape.

    Returns:
        Numbers of that shape; infinity where the integral does not exist.
    """
    p, q = log_data(), log_normal(mean[..., None], deviation[..., None])
    value = INTEGRANDS[name](p, q).sum(-1) * STEP
    widest = max(std for _, _, std in MIXTURE)  # only its tails matter
    if name == "pearson":
        return np.where(2 * deviation**2 > widest**2, value, np.inf)
    if name == "neyman":
        return np.where(deviation**2 < 2 * widest**2, value, np.inf)
    return value


def _exp(x):
    return np.exp(np.minimum(x, 600.0))


def _js(p, q):
    middle = np.logaddexp(p, q) - np.log(2)
    return _exp(p) * (p - middle) + _exp(q) * (q - middle)


# q f(p / q), from the logarithms of both densities.
INTEGRANDS = {
    "kl": lambda p, q: _exp(p) * (p - q),
    "reverse_kl": lambda p, q: _exp(q) * (q - p),
    "pearson": lambda p, q: _exp(2 * p - q) - 2 * _exp(p) + _exp(q),
    "neyman": lambda p, q: _exp(2 * q - p) - 2 * _exp(q) + _exp(p),
    "squared_hellinger": lambda p, q: (_exp(p / 2) - _exp(q / 2)) ** 2,
    "jensen_shannon": _js,
    "gan": lambda p, q: _js(p, q) - np.log(2) * (_exp(p) + _exp(q)),
}


def minimisers() -> dict[str, tuple[float, float]]:
    """Finds the mean and deviation where each divergence is least.

    It searches a grid over all sensible values, then finer and finer grids around the
    best point.
    """
    best = {}
    for name in TITLES:
        mean, deviation, reach = 0.0, 2.0, np.array([2.0, 1.7])
        for _ in range(10):
            grid = np.linspace(-1, 1, 11)
            means = mean + reach[0] * grid[:, None] + 0 * grid[None]
            deviations = deviation + reach[1] * grid[None] + 0 * grid[:, None]
            value = divergence(name, means, deviations)
            at = np.unravel_index(value.argmin(), value.shape)
            mean, deviation, reach = means[at], deviations[at], reach / 3
        best[name] = (float(mean), float(deviation))
    return best
