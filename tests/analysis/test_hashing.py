"""Hashes, groups and what is kept, against plain Python."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from jaxgan.analysis.hashing import binarise, first_of_each, groups


def test_bits_are_packed_highest_first():
    codes = np.array([[1, 0, 0, 0, 0, 0, 0, 2, 3], [0, -1, 0.5, 0, 0, 0, 0, 0, 0]])
    np.testing.assert_array_equal(
        binarise(codes), [[0b10000001, 0b10000000], [0b00100000, 0]]
    )
    assert binarise(codes).dtype == np.uint8


def test_a_threshold_is_not_reached_by_what_equals_it():
    codes = np.array([[0.5, 0.5, 0.6]])
    np.testing.assert_array_equal(binarise(codes, 0.5), [[0b00100000]])
    np.testing.assert_array_equal(binarise(codes, [0.4, 0.5, 0.7]), [[0b10000000]])


def test_a_hash_of_the_paper_has_sixteen_bytes():
    codes = np.random.default_rng(0).normal(size=(5, 128))
    assert binarise(codes).shape == (5, 16)


@settings(max_examples=50, deadline=None)
@given(arrays.arrays(np.uint8, st.tuples(st.integers(0, 12), st.integers(1, 2)),
                     elements=st.integers(0, 2)))  # fmt: skip
def test_groups_are_those_of_equal_rows(hashes):
    group, rows = groups(hashes), [tuple(row) for row in hashes]
    kept = first_of_each(group)
    seen = list(dict.fromkeys(rows))
    assert group.tolist() == [seen.index(row) for row in rows]
    assert kept.tolist() == [rows.index(row) for row in rows]
    assert len(np.unique(kept)) == len(set(rows))


def test_time_is_linear():
    """Hashes a hundred thousand rows, which have five thousand million pairs."""
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 256, (100_000, 16), np.uint8)
    hashes[99_990:] = hashes[:10]
    group = groups(hashes)
    assert group.max() == 99_989
    np.testing.assert_array_equal(group[99_990:], np.arange(10))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: binarise(np.zeros(3)), r"codes have the shape \(3,\)"),
        (lambda: binarise(np.zeros((3, 0))), r"codes have the shape \(3, 0\)"),
        (
            lambda: binarise(np.zeros((2, 3)), np.zeros(2)),
            r"threshold has the shape \(2,\); .* each of the 3 bits",
        ),
        (lambda: binarise(np.full((2, 3), np.nan)), "codes contain NaN"),
        (lambda: binarise(np.zeros((2, 3)), np.nan), "threshold contain NaN"),
        (lambda: groups(np.zeros((2, 3))), r"hashes are float64 \[2, 3\]"),
        (lambda: groups(np.zeros(3, np.uint8)), r"hashes are uint8 \[3\]"),
        (lambda: first_of_each(np.zeros(3)), r"group is float64 \[3\]"),
        (lambda: first_of_each(np.zeros((3, 1), int)), r"group is int64 \[3, 1\]"),
    ],
)
def test_what_is_no_hash_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
