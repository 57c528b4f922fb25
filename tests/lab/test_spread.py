"""Means over seeds, against NumPy's."""

import numpy as np
import pytest

from jaxgan.lab.spread import spread


def test_several_seeds_have_a_deviation_and_one_has_none():
    values = [0.9, 1.25, 1.0]
    found = spread(values)
    assert found.mean == pytest.approx(np.mean(values))
    assert found.standard_deviation == pytest.approx(np.std(values, ddof=1))
    assert found.text() == "1.05 ± 0.18"
    assert spread(values[:1]) == (0.9, None)
    assert spread(values[:1]).text(1) == "0.9"
