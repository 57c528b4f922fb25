"""Random parts of sets that lie in the order of their classes."""

import numpy as np
import pytest

from jaxgan import data


def test_some_are_drawn_from_the_whole_set_and_always_the_same():
    for count, most in ((1000, 100), (7, 100), (5, 0)):
        chosen = data.some(count, most)
        assert len(chosen) == min(count, most)
        assert (np.diff(chosen) > 0).all()
        np.testing.assert_array_equal(chosen, data.some(count, most))
    # Of each tenth of the set, about a tenth; of sets whose classes take turns too.
    chosen = data.some(1000, 200)
    for label in (chosen // 100, chosen % 10):
        assert np.bincount(label, minlength=10).min() >= 8
    assert set(data.some(1000, 100)) != set(data.some(1000, 100, seed=1))
    with pytest.raises(ValueError, match="most is -1"):
        data.some(4, -1)


@pytest.mark.parametrize("order", ["sorted", "shuffled", "turns"])
def test_of_each_class_its_share(order):
    labels = np.repeat(np.arange(4), [60, 30, 6, 4])
    if order == "shuffled":
        labels = np.random.default_rng(1).permutation(labels)
    if order == "turns":
        labels = np.arange(100) % 4
    counts = np.bincount(labels)
    for most in (10, 50, 100, 200):
        chosen = data.some_of_each(labels, most)
        assert len(set(chosen.tolist())) == min(most, 100)
        share = np.bincount(labels[chosen], minlength=4)
        assert np.abs(share - np.minimum(most / 100, 1) * counts).max() <= 1
    with pytest.raises(ValueError, match="most is -1"):
        data.some_of_each(labels, -1)


def test_a_sixth_of_every_class_is_held_out():
    labels = np.repeat(np.arange(6), [60, 63, 7, 2, 1, 12])
    held = data.held_out(labels)
    assert np.bincount(labels[held], minlength=6).tolist() == [10, 11, 1, 1, 0, 2]
    # Not the last of a class: folders of a class are often sorted as well.
    first = np.flatnonzero(held[:60])
    assert first.min() < 30 < first.max() + 10
    assert data.held_out(np.zeros(40, int)).sum() == 7


def test_what_is_held_out_never_changes():
    """Runs resume by it: these places were computed when it was written."""
    held = data.held_out(np.arange(24) // 12)
    assert np.flatnonzero(held).tolist() == [0, 2, 20, 21]
