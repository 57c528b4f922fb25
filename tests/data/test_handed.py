"""Arrays that go to another process: the same bits, whatever their size and form."""

import os
import pickle

import numpy as np
import pytest

from jaxgan.data import handed


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_large_arrays_travel_as_handles_and_small_ones_as_they_are(dtype):
    large = np.arange(3 * 200 * 200, dtype=np.int64).astype(dtype).reshape(3, 200, 200)
    batch = {"image": large, "turned": large.T, "label": np.arange(3), "few": large[:0]}
    sent = pickle.dumps(handed.over(batch))
    assert len(sent) < 5000 or not hasattr(os, "memfd_create")
    found = handed.received(pickle.loads(sent))
    for key, value in batch.items():
        assert found[key].dtype == value.dtype
        assert found[key].flags.writeable
        np.testing.assert_array_equal(found[key], value)
