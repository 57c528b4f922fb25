"""Captions of faces: true, varied, and read back as what they state."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxgan.data.synthetic import captions, faces
from jaxgan.data.synthetic.captions import grammar

FACE = st.fixed_dictionaries(
    {name: st.sampled_from(values) for name, values in captions.ATTRIBUTES.items()}
).map(lambda face: face | ({"colour": "none"} if face["hair"] == "bald" else {}))


def every_factor(count, seed=0):
    """Factors from all of their ranges, without drawing anybody."""
    rng = np.random.default_rng(seed)
    return {
        name: rng.integers(0, len(faces.CATEGORIES[name]), count)
        if name in faces.CATEGORIES
        else rng.uniform(*faces.RANGES[name], count)
        for name in faces.Factors._fields
    }


@settings(max_examples=300, deadline=None)
@given(FACE, st.integers(0, 2**32))
def test_a_sentence_is_true_of_its_face_and_fits_the_encoder(face, seed):
    text = captions.write(face, random.Random(seed))
    facts = captions.read(text)
    assert facts
    for name, values in facts.items():
        assert face[name] in values
    assert len(text) <= 200
    assert "  " not in text
    assert text == captions.write(face, random.Random(seed))


PHRASES = [
    p
    for p in (*grammar.NOUNS, *grammar.BEFORE, *grammar.WITH, *grammar.AFTER)
    if p.values
]


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda p: p.words)
def test_what_a_phrase_states_is_read_wherever_it_stands(phrase):
    facts = {phrase.attribute: phrase.values}
    assert captions.read(phrase.words) == facts
    where = "Behind them: a person with %s, and a hat."
    assert captions.read(where % phrase.words) == facts


@given(st.sampled_from(grammar.HAIR), st.sampled_from(grammar.COLOURS))
def test_hair_has_a_style_and_a_colour(template, colour):
    facts = captions.read(f"a woman with {template.format(colour.words)}")
    assert facts["colour"] == colour.values
    assert facts["hair"] == captions.read(template)["hair"]
    assert captions.read(f"before a {colour.words} dog").keys() <= {"colour"}


def test_the_same_word_means_other_things_of_hair_and_of_a_wall():
    facts = captions.read("brown hair, before a brown wall")
    assert facts == {
        "colour": {"dark brown", "light brown"},
        "wall": {"brown"},
    }
    assert captions.read("an old woman with grey curly hair and glasses, smiling") == {
        "sex": {"woman"}, "age": {"old"}, "colour": {"grey"}, "hair": {"curly"},
        "glasses": {"round", "rectangular"}, "expression": {"smiling"},
    }  # fmt: skip
    # All that is said of one attribute holds at once.
    assert captions.read("a dark-haired man with brown hair")["colour"] == {
        "dark brown"
    }
    with pytest.raises(ValueError, match="says of hair both bald and curly: leave"):
        captions.read("a bald man with curly hair")


def test_captions_depend_on_the_face_the_seed_and_its_number_alone():
    found = captions.values(every_factor(20))
    few = {name: x[:7] for name, x in found.items()}
    every = captions.captions(found, 3, 4)
    assert every[:7] == captions.captions(few, 3, 4)
    assert [row[:2] for row in every] == captions.captions(found, 3, 2)
    assert every != captions.captions(found, 4, 4)
    # Half the attributes are said of a face at most, and seldom in the same words.
    flat = [text for row in every for text in row]
    assert len({*flat}) > 0.95 * len(flat)
    assert 2 < np.mean([len(captions.read(x)) for x in flat]) < 5
    with pytest.raises(ValueError, match="count is 0; expected 1 or more"):
        captions.captions(found, 0, 0)


def test_words_are_those_of_the_factors():
    factors = {n: np.asarray(v) for n, v in faces.neutral()._asdict().items()}

    def seen(**changes):
        changed = factors | {name: np.asarray(x) for name, x in changes.items()}
        found = captions.values({n: np.atleast_1d(x) for n, x in changed.items()})
        return captions.words(found, 0)

    plain = seen()
    assert plain["hair"] == "short"
    assert plain["colour"] == "dark brown"
    assert seen(age=0.9)["age"] == "old"
    assert seen(age=0.1)["age"] == "young"
    assert seen(grey=0.9)["colour"] == "grey"
    assert seen(grey=0.9, hair_style=0)["colour"] == "none"
    assert [seen(smile=x)["expression"] for x in (-0.5, 0.0, 0.2, 0.6)] == [
        *("frowning", "serious", "faint", "smiling"),
    ]
    hues = 0.0, 0.1, 0.3, 0.5, 0.6, 0.8, 0.99
    assert [seen(background_hue=x)["wall"] for x in hues] == [
        *("pink", "brown", "green", "between", "blue", "purple", "pink"),
    ]


def test_truth_is_counted_by_two_matrices():
    found = captions.values(every_factor(60))
    sentences = [row[0] for row in captions.captions(found, 1, 1)]
    counted = captions.allowed(sentences) @ captions.one_hot(found).T
    for i, sentence in enumerate(sentences):
        facts = captions.read(sentence)
        for j in range(60):
            face = captions.words(found, j)
            holds = all(face[name] in values for name, values in facts.items())
            assert (counted[i, j] == len(captions.ATTRIBUTES)) == holds
    assert (counted.diagonal() == len(captions.ATTRIBUTES)).all()


def test_unseen_people_have_both_attributes_of_a_pair_and_kinds_are_combinations():
    found = captions.values(every_factor(500))
    away = captions.unseen(found)
    for i in range(500):
        face = captions.words(found, i)
        pairs = [
            all(face[name] in values for name, values in pair)
            for pair in captions.UNSEEN
        ]
        assert away[i] == any(pairs)
    kind = captions.kinds(found)
    for i, j in np.random.default_rng(0).integers(0, 500, (500, 2)):
        one, other = (captions.words(found, k) | {"wall": ""} for k in (i, j))
        assert (kind[i] == kind[j]) == (one == other)
