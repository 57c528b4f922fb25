"""Scenes under two lights: the scene stays, the light does not."""

import numpy as np
import pytest

from jaxgan.data.synthetic import lights


@pytest.mark.slow
def test_a_scene_depends_on_its_number_and_both_lights_differ():
    few, more = (lights.two_lights(3, count, 16) for count in (2, 4))
    for name in ("image", "source"):
        assert more[name].shape == (4, 16, 16, 3)
        assert more[name].dtype == np.uint8
        np.testing.assert_array_equal(few[name], more[name][:2])
    pair = np.stack([more["image"], more["source"]]).astype(float)
    assert np.abs(pair[0] - pair[1]).mean() > 5
    # What is light under one lamp is light under the other.
    for one, other in zip(*pair.reshape(2, 4, -1), strict=True):
        assert np.corrcoef(one, other)[0, 1] > 0.7


@pytest.mark.parametrize(
    ("arguments", "words"),
    [((0, 0, 16), "count is 0"), ((0, 1, 8), "size is 8"), ((-1, 1, 16), "seed is -1")],
)
def test_what_cannot_be_drawn_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        lights.two_lights(*arguments)
