"""Step sizes that are 0 before training ends are refused."""

import pytest

from jaxgan.lab import rates


def test_steps_that_would_be_taken_at_a_rate_of_zero_are_refused():
    rates.check(30, 0)  # it never falls
    rates.check(30, 30)
    rates.check(30, 20, constant=10)
    with pytest.raises(ValueError, match=r"after 20: give --model.decay 30$"):
        rates.check(30, 20)
    with pytest.raises(ValueError, match="decay 31 steps between them"):
        rates.check(31, 20, constant=10)
