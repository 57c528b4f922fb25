"""Portraits with captions: texts that are wrong of a face, batches, what is obeyed."""

import dataclasses

import jax
import numpy as np
import pytest

from jaxgan import parallel
from jaxgan.data.synthetic import captions
from jaxgan.lab import captioned
from jaxgan.lab.judges import attributes
from jaxgan.train import Run


def people(count, each=2, seed=0):
    """People without portraits: dark squares, brighter from one to the next."""
    rng = np.random.default_rng(seed)
    found = {
        name: rng.integers(0, len(values), count).astype(np.int32)
        for name, values in captions.ATTRIBUTES.items()
    }
    bald = found["hair"] == 0
    found["colour"] = np.where(bald, 0, found["colour"].clip(1)).astype(np.int32)
    sentences = [x for all_ in captions.captions(found, 0, each) for x in all_]
    image = np.arange(count, dtype=np.uint8)[:, None, None, None]
    return captioned.People(
        "squares", np.broadcast_to(image, (count, 4, 4, 3)).copy(), found, sentences
    )


def true_of(someone, index, row):
    """Whether a caption is true of a face, by its reading alone."""
    words = captions.words(someone.found, index)
    facts = captions.read(someone.sentences[row])
    return all(words[name] in values for name, values in facts.items())


def test_a_wrong_text_is_never_true_and_every_other_one_may_come():
    some = people(12)
    draw, rng = captioned.mismatched(some), np.random.default_rng(0)
    index = np.repeat(np.arange(12), 200)
    rows = draw(rng, index)
    pairs = set(zip(index.tolist(), rows.tolist(), strict=True))
    wrong = {(i, j) for i in range(12) for j in range(24) if not true_of(some, i, j)}
    assert pairs <= wrong
    assert len(pairs) > 0.95 * len(wrong)  # 200 draws from 24
    same = dataclasses.replace(
        some.chosen(np.zeros(3, int)), sentences=some.sentences[:1] * 6
    )
    with pytest.raises(ValueError, match="is wrong for face 0: give more people"):
        captioned.mismatched(same)(rng, np.arange(3))


def test_batches_have_a_true_and_a_wrong_text_for_every_portrait(tmp_path):
    some = people(8, each=3)
    run = Run(workdir=tmp_path, batch_size=6, seed=5)
    places = {text: i for i, text in enumerate(some.sentences)}

    def embed(sentences):
        return np.array([[places[x]] for x in sentences], np.float32)

    made = captioned.feed(some, embed, run, parallel.mesh())
    batches = []
    for _, item in zip(range(4), made.items(0), strict=False):
        batches.append(jax.jit(made.prepare)(made.arrays, item))
    for batch in batches:
        image = np.asarray(batch["image"])
        index = np.round(127.5 * (image[:, 0, 0, 0] + 1)).astype(int)
        own, wrong = (np.asarray(batch[x])[:, 0].astype(int) for x in ("text", "wrong"))
        np.testing.assert_array_equal(own // 3, index)
        for i, j in zip(index, wrong, strict=True):
            assert some.sentences[j] not in some.sentences[3 * i : 3 * i + 3]
            assert not true_of(some, i, j)
    again = jax.jit(made.prepare)(made.arrays, next(made.items(3)))
    jax.tree.map(np.testing.assert_array_equal, again, batches[3])


def test_facts_say_what_is_allowed_and_nothing_of_what_is_not_mentioned():
    (row,) = captioned.facts(["a man with grey hair"])
    first, told = 0, {}
    for name, values in captions.ATTRIBUTES.items():
        told[name] = dict(zip(values, row[first : first + len(values)], strict=True))
        first += len(values)
    assert told.pop("sex") == {"man": 1, "woman": -1}
    colour = told.pop("colour")
    assert {value for value, x in colour.items() if x == 1} == {"grey"}
    assert set(colour.values()) == {1, -1}
    assert not any(x for values in told.values() for x in values.values())


def test_sentences_without_words_are_no_facts():
    with pytest.raises(
        ValueError, match="the caption '' has no words; describe a face"
    ):
        captioned.facts(["a man", ""])


def test_what_is_obeyed_is_counted_by_attribute():
    said = ["a young man", "a woman with glasses", "a man without glasses"]
    truth = {name: np.zeros(3, np.int32) for name in captions.ATTRIBUTES}
    truth["sex"] = np.array([1, 1, 1], np.int32)  # three men
    truth["glasses"] = np.array([1, 2, 1], np.int32)  # round, square, round
    found = attributes.obeyed(said, truth)
    assert found.stated == 6
    assert found.attributes == {"sex": pytest.approx(2 / 3), "age": 1.0, "glasses": 0.5}
    assert found.share == pytest.approx(4 / 6)
    assert found.whole == pytest.approx(1 / 3)
    some = people(50, each=1)
    assert attributes.obeyed(some.sentences, some.found).whole == 1


def test_pictures_are_brought_to_another_side():
    image = np.arange(0, 240, 15, dtype=np.uint8).reshape(1, 4, 4, 1).repeat(3, -1)
    assert captioned.resized(image, 4) is not None
    np.testing.assert_array_equal(captioned.resized(image, 4), image)
    assert captioned.resized(image, 8).shape == (1, 8, 8, 3)


def test_the_judge_reads_pictures_of_its_size_alone():
    judge = attributes.Judge({}, {})
    with pytest.raises(ValueError, match=r"expected uint8 \[N, 64, 64, 3\]"):
        judge.read(np.zeros((2, 32, 32, 3), np.uint8))
