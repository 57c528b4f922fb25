"""Nearest images, block by block, against all distances at once."""

import numpy as np
import pytest

from jaxgan.lab import neighbours


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_nearest_of_all_blocks_are_found(monkeypatch, mirrored):
    monkeypatch.setattr(neighbours, "BLOCK", 8)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (20, 4, 4, 1), np.uint8)
    queries = images[[3, 17]][:, :, ::-1].copy()
    both = np.concatenate([images, images[:, :, ::-1]]) if mirrored else images
    index, distance = neighbours.nearest(queries, images, 5, mirrored=mirrored)
    away = np.linalg.norm(
        (queries[:, None].astype(float) - both[None]).reshape(2, len(both), -1), axis=2
    )
    np.testing.assert_array_equal(index, np.argsort(away, axis=1)[:, :5])
    np.testing.assert_allclose(distance, np.sort(away, axis=1)[:, :5], rtol=1e-6)
    np.testing.assert_array_equal(neighbours.take(images, index), both[index])
