"""The variety of pictures of one caption: in pixels, and in what it leaves open."""

import numpy as np
import pytest
from test_captioned import people

from jaxgan.data.synthetic import captions
from jaxgan.lab import captioned, variety
from jaxgan.lab.judges import attributes


class Judge:
    """Sees no attribute but glasses: in bright pictures the last kind."""

    def read(self, images):
        nothing = np.zeros(len(images), np.int32)
        bright = 2 * (images.mean((1, 2, 3)) > 127).astype(np.int32)
        return {n: nothing for n in captions.ATTRIBUTES} | {"glasses": bright}


def test_equal_pairs_have_no_variety_and_stated_attributes_do_not_count(monkeypatch):
    monkeypatch.setattr(attributes, "trained", Judge)
    dark, bright = np.zeros((2, 16, 16, 3), np.uint8)
    bright = bright + 255
    pairs = np.array([[dark, dark], [dark, bright], [dark, bright]])
    same = variety.compared(pairs[:1], ["a man"])
    assert same == (pytest.approx(1, abs=1e-5), 0, 1)
    # Of nine attributes a caption states one: eight are open, and one of them differs.
    some = variety.compared(pairs[1:], ["a man", "a man"])
    assert some.unstated == pytest.approx(1 / 8)
    # Glasses are stated here, so that no open attribute differs.
    some = variety.compared(pairs[1:2], ["a man with glasses"])
    assert some.unstated == 0
    assert some.likeness < 0.1


def test_pairs_are_of_different_people_of_whom_the_caption_is_true():
    some = people(60, each=1)
    pairs = variety.true_pairs(some)
    assert pairs
    for i, places in pairs.items():
        assert places.shape == (variety.PAIRS, 2)
        assert (places[:, 0] != places[:, 1]).all()
        facts = captions.read(some.sentences[i])
        for place in places.ravel():
            shown = captions.words(some.found, int(place))
            assert all(shown[name] in values for name, values in facts.items())


def test_drawn_and_real_pairs_are_as_many(monkeypatch):
    monkeypatch.setattr(attributes, "trained", Judge)
    some = people(60, each=1)
    large = captioned.resized(some.image, 16)
    some = captioned.People("squares", large, some.found, some.sentences)
    count = len(variety.true_pairs(some)) * variety.PAIRS

    def draw(texts):
        assert len(texts) == 2 * count
        return np.zeros((len(texts), 16, 16, 3), np.uint8)

    found = variety.measured(draw, some, captioned.facts)
    assert found["drawn"]["likeness"] == pytest.approx(1, abs=1e-5)
    assert found["real"]["likeness"] < 1
