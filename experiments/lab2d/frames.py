"""What there is to see as JSON: arrays as base64 of few bits."""

import base64
from typing import Any

import numpy as np

from experiments.lab2d.curves import numbers
from jaxgan.lab import plane

REACH = 2 * plane.HALF  # points are told within this, and are cut off beyond


def picture(
    setting: plane.Setting, points: plane.Plane, seen: plane.Seen
) -> dict[str, Any]:
    """A picture of all seeds.

    Points are uint16 `x, y` from -REACH to REACH; a landscape is uint8 from the lowest
    row up: 1 at `low` or below, 128 at `middle`, halfway between the medians of D on
    data and on samples, and 255 at `high` or above; slopes are float32.

    Args:
        setting: that trains.
        points: the data.
        seen: from `plane.Play.look`, as NumPy arrays.
    """
    seeds = [seed(seen, i) for i in range(setting.seeds)]
    return {
        "real": _points(np.asarray(points.pool[: plane.SAMPLES])),
        "modes": len(plane.points(setting).centres),
        "half": plane.HALF,
        "side": plane.SIDE,
        "seeds": seeds,
        "lost": [i for i, one in enumerate(seeds) if one["lost"]],
    }


def seed(seen: plane.Seen, i: int) -> dict[str, Any]:
    """One seed's part of a picture."""
    land = np.asarray(seen.land[i], np.float64)
    lost = not (np.isfinite(land).all() and np.isfinite(seen.fake[i]).all())
    land = np.nan_to_num(land, posinf=0.0, neginf=0.0)
    medians = np.nan_to_num([seen.real_logit[i], seen.fake_logit[i]])
    middle = float(medians.mean())
    low, high = np.quantile(land, (0.05, 0.995))  # the data take little room
    low, high = min(low, middle - 1e-6), max(high, middle + 1e-6)
    ends = np.where(land < middle, middle - low, high - middle)
    steps = np.clip(np.round((land - middle) / ends * 127) + 128, 1, 255)
    slope = np.nan_to_num(seen.slope[i], posinf=0.0, neginf=0.0).astype("<f4")
    return {
        "fake": _points(np.asarray(seen.fake[i])),
        "land": _base64(steps.astype(np.uint8)),
        **{"low": float(low), "middle": middle, "high": float(high)},
        "slope": _base64(slope),
        "modes": int(seen.modes[i]),
        "near": numbers(seen.near[i : i + 1])[0],
        "lost": lost,
    }


def _points(places: np.ndarray) -> str:
    inside = np.clip(np.nan_to_num(places, nan=-REACH), -REACH, REACH)
    return _base64(np.round((inside + REACH) / (2 * REACH) * 65535).astype("<u2"))


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
