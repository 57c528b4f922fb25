"""Grey heads: what varies is known, and the light comes from where it should."""

import numpy as np
import pytest

from jaxgan.data.synthetic import heads
from jaxgan.data.synthetic.faces import RANGES


@pytest.fixture(scope="module")
def made():
    return heads.heads(0, 256, 16)


def test_a_head_depends_on_its_seed_and_number_alone(made):
    few = heads.heads(0, 3, 16)
    assert few["image"].shape == (3, 16, 16, 1)
    for name, values in few.items():
        np.testing.assert_array_equal(values, made[name][:3])
    other = heads.heads(1, 3, 16)
    assert not (other["image"] == few["image"]).all(axis=(1, 2, 3)).any()


def test_factors_fill_their_ranges_and_are_independent(made):
    table = np.stack([made[name] for name in heads.VARIED])
    low, high = np.array([RANGES[name] for name in heads.VARIED]).T
    reach = (high - low)[:, None]
    assert ((low[:, None] <= table) & (table <= high[:, None])).all()
    share = (table - low[:, None]) / reach
    np.testing.assert_allclose(share.mean(1), 0.5, atol=4 / 12**0.5 / 16)
    off = np.corrcoef(table)[~np.eye(len(table), dtype=bool)]
    assert np.abs(off).max() < 4 / 16  # four standard errors


def test_light_from_the_right_brightens_the_right_half(made):
    image = made["image"][..., 0].astype(float)
    difference = image[:, :, 8:].mean((1, 2)) - image[:, :, :8].mean((1, 2))
    assert np.corrcoef(difference, made["light_azimuth"])[0, 1] > 0.5
