"""Opens heads, and reads what an InfoGAN's codes tell of them."""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from jaxgan import bounds
from jaxgan import data as jaxgan_data
from jaxgan.data.synthetic import heads
from jaxgan.lab import blocks, data, drawn, generator
from jaxgan.models import infogan

SEEDS = {"train": 0, "test": 1}
BINS = 16  # equally full ones, of codes and of factors


@dataclasses.dataclass(frozen=True)
class Heads:
    """Drawn heads."""

    heads: bounds.Count = 8192
    """Heads to train on."""
    tests: Annotated[int, bounds.Within(64)] = 2048
    """Other heads, to read the codes off."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def open_heads(config: Heads, side: int) -> data.Set:
    """Opens heads to train on, and others with their factors.

    Args:
        config: how many.
        side: height and width in pixels.
    """
    train, test = (
        drawn.once(
            ("heads", SEEDS[split], count, side),
            lambda split=split, count=count: heads.heads(SEEDS[split], count, side),
            heads,
        )
        for split, count in (("train", config.heads), ("test", config.tests))
    )
    images = {"image": train["image"]}
    return data.Set(
        data=data.Data(f"heads:{config.heads}"),
        about=f"{config.heads:,} drawn heads, {config.tests:,} others to read",
        fingerprint=jaxgan_data.fingerprint(images),
        train=images,
        test=test,
        shape=(side, side, 1),
    )


def read(
    model: infogan.Config, variables: Any, test: Mapping[str, np.ndarray]
) -> np.ndarray:
    """The codes that the recogniser reads off heads, `[N, D]`.

    Args:
        model: the model's config.
        variables: the variables of its nets.
        test: `image`, bytes `[N, S, S, 1]`.
    """

    @jax.jit
    def recognised(images):
        unit = images.astype(jnp.float32) / 255
        return infogan.recognise(model, variables, unit)[1]

    return blocks.in_blocks(recognised, test["image"], size=generator.BLOCK)


def measured(codes: np.ndarray, test: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """What codes tell of the factors of heads.

    Args:
        codes: `[N, D]`.
        test: the factors `heads.VARIED`, `[N]` each.

    Returns:
        `correlations`, for every factor those of ranks with each code (Spearman);
        `information`, for every factor that with each code in nats, at most log 16; and
        `best`, for every factor the code, numbered from 1, whose correlation is
        furthest from 0, that correlation, and its information.
    """
    correlations, information, best = {}, {}, {}
    for name in heads.VARIED:
        factor = test[name]
        ranks = [_correlation(code, factor) for code in codes.T]
        nats = [mutual_information(code, factor) for code in codes.T]
        code = int(np.argmax(np.abs(ranks)))
        correlations[name], information[name] = ranks, nats
        best[name] = {
            "code": code + 1,
            "correlation": ranks[code],
            "information": nats[code],
        }
    return {"correlations": correlations, "information": information, "best": best}


def _correlation(code, factor):
    """The correlation of ranks; 0 for a constant code, which has none."""
    if not np.ptp(code):
        return 0.0
    ranks = [stats.rankdata(x) for x in (code, factor)]
    return float(np.corrcoef(*ranks)[0, 1])


def mutual_information(first: np.ndarray, second: np.ndarray) -> float:
    """The mutual information of two numbers in nats, from 16 x 16 equally full bins.

    With N pairs it is too large by about 225 / 2N where the numbers are independent
    (Miller, 1955), which is taken off.

    Args:
        first: `[N]`.
        second: `[N]`.
    """
    ranks = [stats.rankdata(x, "ordinal") - 1 for x in (first, second)]
    counts = np.histogram2d(*ranks, bins=BINS)[0]
    rows, columns = counts.sum(1), counts.sum(0)
    joint = stats.entropy(counts.ravel())
    found = stats.entropy(rows) + stats.entropy(columns) - joint
    return float(max(found - (BINS - 1) ** 2 / (2 * len(first)), 0.0))
