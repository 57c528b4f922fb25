"""Batches of a command: their order is that with which the run began."""

import itertools
import json

import jax
import numpy as np
import pytest

from jaxgan import data, parallel, train
from jaxgan.data import batches
from jaxgan.lab import feeds
from jaxgan.lab.data import of_arrays


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("began", [None, {}, {"order": "index_shuffle"}])
def test_a_run_keeps_the_order_with_which_it_began(
    tmp_path, monkeypatch, streamed, began
):
    images = np.arange(11, dtype=np.uint8)[:, None, None, None] + np.zeros(
        (1, 2, 2, 1), np.uint8
    )
    monkeypatch.setattr(batches, "LARGE", 10)
    monkeypatch.setattr(feeds.data, "RESIDENT_BYTES", 0 if streamed else 1 << 20)
    run = train.Run(workdir=tmp_path, batch_size=4, seed=3)
    if began is not None:
        (tmp_path / "config.json").write_text(json.dumps(began))
    mesh = parallel.mesh(jax.devices()[:1])
    feed = feeds.feed(of_arrays({"image": images}), run, mesh, between=None)
    order = "sort" if began == {} else "index_shuffle"
    assert feed.record == ({} if began == {} else {"order": order})
    for step, item in enumerate(itertools.islice(feed.items(2), 3), 2):
        plan = data.plan(3, step, count=11, batch_size=4, order=order)
        batch = feed.prepare(feed.arrays, item)["image"]
        np.testing.assert_array_equal(np.asarray(batch)[:, 0, 0, 0], plan["index"])
