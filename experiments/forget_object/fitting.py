"""Fits a regression to maps, searches for maps to drop, and measures changes."""

import sys
from typing import Any, NamedTuple

import jax
import numpy as np
from tqdm import tqdm

from jaxgan.analysis import forgetting
from jaxgan.lab.judges.factors import BINARIES, NUMBERS

BLOCK = 50  # images drawn together
FIT, TEST, POSITIONS, CONTROL = 0, 1, 2, 3  # purposes of random keys
SURE = 1 - 1e-7  # the largest probability that counts: of more, float32 has few
TRIED = 100  # samples with the object, and equally many without, that a search uses


class Fitted(NamedTuple):
    """A regression on the maps of a layer.

    Attributes:
        weights: weights of the maps as they are, `[C]`.
        heavy: weights of maps scaled to a standard deviation of 1, `[C]`.
        bias: `[]`.
        accuracy: the share of the fitted positions that it classifies correctly, as the
            mean of the two kinds; 0.5 is chance.
        positions: the number of fitted positions.
    """

    weights: np.ndarray
    heavy: np.ndarray
    bias: float
    accuracy: float
    positions: int


class Seen(NamedTuple):
    """Samples, and the known facts about them.

    Attributes:
        latents: `[N, Z]`, or a tree of such.
        labels: int `[N]`.
        images: uint8 `[N, H, W, C]`.
        there: whether the object is in them, bool `[N]`.
        boxes: the boxes of the object, `[N, 4]` in image heights; meaningless where it
            is absent.
        factors: the factors that the regressor reads; empty without one.
    """

    latents: Any
    labels: np.ndarray
    images: np.ndarray
    there: np.ndarray
    boxes: np.ndarray
    factors: dict[str, np.ndarray]


def fit(
    key: jax.Array,
    maps: np.ndarray,
    boxes: np.ndarray,
    there: np.ndarray,
    *,
    against: str,
    penalty: float,
) -> Fitted:
    """Learns to tell positions on the object from others.

    Args:
        key: a random key, for the choice of other positions.
        maps: `[N, H, W, C]`.
        boxes: `[N, 4]`, in image heights.
        there: whether the object is in them, bool `[N]`.
        against: what to tell it from: "both", "absent" or "outside".
        penalty: the L2 penalty on weights of maps scaled to a standard deviation of 1.

    Raises:
        ValueError: there are no other positions, or scikit-learn is not installed.
    """
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise ValueError(
            "this needs scikit-learn, which is not installed: pip install -e"
            ' ".[analysis]"'
        ) from error
    used = there if against == "outside" else np.ones(len(there), bool)
    features, labels = forgetting.positions(
        key, maps[used], boxes[used], there[used], outside=against != "absent"
    )
    # Maps are not centred, so that zeros count neither for nor against the object.
    spread = features.std(0)
    scale = np.where(spread > 0, 1 / np.maximum(spread, 1e-12), 0)
    model = LogisticRegression(C=1 / penalty, max_iter=3000, class_weight="balanced")
    model.fit(features * scale, labels)
    heavy = np.asarray(model.coef_)[0]
    right = np.asarray(model.predict(features * scale)) == labels
    accuracy = float((right[labels].mean() + right[~labels].mean()) / 2)
    bias = float(np.asarray(model.intercept_)[0])
    return Fitted(heavy * scale, heavy, bias, accuracy, len(labels))


def search(forget: Any, candidates: np.ndarray, seen: Seen, read: Any) -> np.ndarray:
    """Searches for maps to drop, one by one, as long as that helps.

    It helps if the sum of the evidence of the object and of the damage falls. The
    share of samples that still have it would not do: as long as many maps draw it
    together, that falls by none of them alone.

    Args:
        forget: takes a mask of maps, and samples, to new images.
        candidates: the maps to try, bool `[C]`.
        seen: the samples to try them on; a part of them is used.
        read: reads the factors of images.

    Returns:
        The maps to drop, bool `[C]`; at least one.
    """
    part = [np.flatnonzero(x)[:TRIED] for x in (seen.there, ~seen.there)]
    few = chosen(seen, np.concatenate(part))

    def loss(maps):
        found = measure(few, forget(maps, few), read)
        return found["evidence"] + found.get("damage", 0.0)

    dropped, least = np.zeros(len(candidates), bool), np.inf
    off = not sys.stderr.isatty()
    with tqdm(unit="try", desc="searching", disable=off) as bar:
        while (candidates & ~dropped).any():
            tried = {}
            for i in np.flatnonzero(candidates & ~dropped):
                tried[i] = loss(dropped | (np.arange(len(dropped)) == i))
                bar.update()
            i = min(tried, key=tried.__getitem__)
            if tried[i] >= least:
                break
            dropped[i], least = True, tried[i]
    return dropped


def measure(seen: Seen, after: np.ndarray, read: Any = None) -> dict[str, Any]:
    """Measures the changes in samples.

    Args:
        seen: the samples before.
        after: the same latents drawn again, uint8 `[N, H, W, C]`.
        read: reads the factors of images; None without a regressor.

    Returns:
        Mean absolute changes of pixels in [0, 1]: `inside` and `outside` of the boxes
        of samples with the object, and of the samples `without` it (where there are
        any). With the regressor `rate`, the share of samples that have the object, and
        `left`, the share of those that had it; `evidence`, how surprised the regressor
        would be to learn that these have none, -log(1 - p), as a share of how surprised
        it would have been before; `factors`: of the samples without it, mean absolute
        changes of numbers, in standard deviations over samples, and the share of
        changed answers of the others; `damage`, the mean of these.
    """
    change = np.abs(after.astype(np.float64) - seen.images).mean(-1) / 255
    there = seen.there
    box = forgetting.inside(seen.boxes[there], *change.shape[1:])
    found: dict[str, Any] = {
        "inside": float(change[there][box].mean()),
        "outside": float(change[there][~box].mean()) if not box.all() else 0.0,
    }
    if not there.all():
        found["without"] = float(change[~there].mean())
    if read is None:
        return found
    now, before = read(after), seen.factors
    still = now["glasses"] > 0.5
    surprise = [
        -np.log1p(-np.clip(x["glasses"][there], 0, SURE)) for x in (now, before)
    ]
    found |= {
        "rate": float(still.mean()),
        "left": float(still[there].mean()),
        "evidence": float(surprise[0].mean() / surprise[1].mean()),
    }
    if there.all():
        return found
    moved = {
        name: np.abs(now[name] - before[name])[~there].mean() / before[name].std()
        for name in NUMBERS
    } | {
        name: ((now[name] > 0.5) != (before[name] > 0.5))[~there].mean()
        for name in BINARIES
    }
    factors = {name: float(value) for name, value in moved.items()}
    numbers = [factors[name] for name in NUMBERS]
    return found | {"damage": float(np.mean(numbers)), "factors": factors}


def chosen(seen: Seen, index: np.ndarray) -> Seen:
    """Selects samples by their indices."""
    return jax.tree.map(lambda x: x[index], seen)


def random_maps(key: jax.Array, maps: np.ndarray) -> np.ndarray:
    """Chooses as many maps as given, at random: bool `[C]`."""
    return np.asarray(jax.random.permutation(key, maps))
