"""Classes by name, and the labels of one set as another numbers them."""

import numpy as np
import pytest

from jaxgan.data import labels


def test_a_name_comes_before_a_number():
    names = ("10", "cat", "0", "dog")
    assert labels.numbers(["cat", 0, "10", 1, "3"], names) == [1, 2, 0, 1, 3]
    with pytest.raises(ValueError, match="no class fox, 4; the classes are 10, cat"):
        labels.numbers(["fox", "dog", 4], names)


def test_labels_are_translated_by_name():
    mine, other = ("cat", "dog", "fox"), ("fox", "cow", "cat")
    given = np.array([2, 0, 1, -1, 5])
    np.testing.assert_array_equal(
        labels.translated(given, mine, other), [0, 2, -1, -1, -1]
    )
    np.testing.assert_array_equal(labels.translated(given, (), other), [-1] * 5)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["0", "10", "2", "1"], ["0", "1", "2", "10"]),
        (["day 10", "day 9"], ["day 9", "day 10"]),
        (["1-10", "1-9"], ["1-9", "1-10"]),
        (["01", "1", "002"], ["01", "1", "002"]),
        (["b10", "a9", "b9"], ["a9", "b10", "b9"]),  # as text, which they are
        (["rose", "daisy"], ["daisy", "rose"]),
    ],
)
def test_numbered_names_are_in_the_order_of_their_numbers(given, expected):
    assert [given[i] for i in labels.in_order(given)] == expected
