"""Measures how the poses of capsules follow a shifted image."""

from collections.abc import Callable

import numpy as np

ACTIVE = 0.1  # mean probability from which a capsule counts as active
BEST = 4  # capsules in the scatter plots
MOVED = 3  # pixels by which the digits of the scatter plot are moved


def measure(see: Callable, count: int, most: int) -> tuple[dict, tuple]:
    """Measures how the poses of active capsules follow the image.

    The poses of a capsule in an image and in the shifted image are weighted by the
    probability of its entity in both, since outside its domain a capsule's pose means
    nothing.

    Args:
        see: `see(offset [N, 2]) -> (p [N, n], pose [N, n, 2])`, of shifted test images.
        count: N.
        most: the largest shift to look at.

    Returns:
        Numbers to report; and capsules, changes and points for the pictures.

    Raises:
        ValueError: no capsule is active.
    """
    shifts, none = np.arange(-most, most + 1), np.zeros((count, 2))
    p0, x0 = see(none)
    active = np.flatnonzero(p0.mean(0) >= ACTIVE)
    if not len(active):
        raise ValueError(
            f"no capsule's mean probability is {ACTIVE}: train with more --steps"
        )
    changes, slopes = [], []
    for axis in (0, 1):
        far = [see(none + s * np.eye(2)[axis]) for s in shifts]
        weight = np.stack([p0 * p for p, _ in far])[..., active]
        change = np.stack([x[..., axis] - x0[..., axis] for _, x in far])[..., active]
        changes.append((weight * change).sum(1) / weight.sum(1))
        s = shifts[:, None, None]
        slopes.append((weight * change * s).sum((0, 1)) / (weight * s**2).sum((0, 1)))
    # The digits of the scatter plot are far apart, but within the shifts of training.
    apart = max(0, most - MOVED)
    base = np.random.default_rng(0).integers(-apart, apart, none.shape, endpoint=True)
    (p, x), *others = (see(base + np.array([0, s])) for s in (0, MOVED, -MOVED))
    points = [(x[:, active, 1], y[:, active, 1], (p * q)[:, active]) for q, y in others]
    lines = [line(*each) for each in points]
    # The best are those whose poses move by the shift for every digit.
    off = [
        (w * (y - x - s) ** 2).sum(0) / w.sum(0)
        for (x, y, w), s in zip(points, (MOVED, -MOVED), strict=True)
    ]
    best = np.argsort(np.maximum(*off))[:BEST]
    facts = {
        "active capsules": len(active),
        "slope of rows": spread(slopes[0]),
        "slope of columns": spread(slopes[1]),
    }
    for s, found in zip((MOVED, -MOVED), lines, strict=True):
        names = ("slope", "offset", "correlation")
        facts[f"columns after {s:+d}"] = {
            name: spread(each) for name, each in zip(names, found, strict=True)
        } | {
            f"{name}, best capsules": each[best].astype(float).round(3).tolist()
            for name, each in zip(names, found, strict=True)
        }
    return facts, (active, best, shifts, changes, points)


def line(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, ...]:
    """Fits lines to points `[N, k]`: slopes, mean of y - x, and correlations, `[k]`.

    The slope is that of the major axis, since x is as uncertain as y, and a regression
    on x would be too flat.
    """
    w = weight / weight.sum(0)
    dx, dy = x - (w * x).sum(0), y - (w * y).sum(0)
    xx, yy, xy = (w * dx * dx).sum(0), (w * dy * dy).sum(0), (w * dx * dy).sum(0)
    slope = (yy - xx + np.sqrt((yy - xx) ** 2 + 4 * xy**2)) / (2 * xy)
    return slope, (w * (y - x)).sum(0), xy / np.sqrt(xx * yy)


def spread(values: np.ndarray) -> dict[str, float]:
    """Median and quartiles."""
    names = ("lower quartile", "median", "upper quartile")
    found = np.quantile(values, (0.25, 0.5, 0.75)).astype(float).round(3)
    return dict(zip(names, found.tolist(), strict=True))
