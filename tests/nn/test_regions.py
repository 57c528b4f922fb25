"""Random regions: their share, their forms, and their dependence on the key."""

import jax
import numpy as np
import pytest

from jaxgan import nn


def test_regions_cover_the_share_and_every_place_alike():
    draw = jax.jit(jax.vmap(lambda key: nn.random_regions(key, 48, 64)))
    masks = np.asarray(draw(jax.random.split(jax.random.key(0), 400)))
    covered = masks.mean((1, 2))
    assert masks.shape == (400, 48, 64)
    assert ((covered >= 0.2) & (covered <= 0.3)).mean() > 0.98
    # Each pixel is missing as often as any other: 5 deviations of 400 draws.
    share = covered.mean()
    assert np.abs(masks.mean(0) - share).max() < 5 * (share * (1 - share) / 400) ** 0.5
    # Regions are connected: a neighbour is nearly always alike.
    assert (masks[:, 1:] == masks[:, :-1]).mean() > 0.94
    assert len({mask.tobytes() for mask in masks}) == 400


def test_the_pattern_that_misses_least_is_taken():
    found = nn.random_regions(jax.random.key(0), 32, 32, share=(0.9, 1.0), tries=3)
    assert 0 < found.mean() < 0.9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"share": (0.3, 0.2)}, r"share is \(0.3, 0.2\); give the smallest"),
        ({"cell": 0.0}, "cell is 0.0 and tries 32"),
    ],
)
def test_what_makes_no_mask_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        nn.random_regions(jax.random.key(0), 8, 8, **change)
