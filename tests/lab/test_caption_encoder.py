"""The encoder of captions: what it reads, what it refuses, where it is kept."""

import numpy as np
import pytest

from jaxgan.data.synthetic import captions, faces
from jaxgan.lab.judges import captions as judge


def pretended(seed, count, size, aligned=False):
    """Squares as bright as the skin is dark, of people with random factors."""
    rng = np.random.default_rng(seed)
    factors = {
        name: rng.integers(0, len(faces.CATEGORIES[name]), count).astype("int32")
        if name in faces.CATEGORIES
        else rng.uniform(*faces.RANGES[name], count).astype("float32")
        for name in faces.Factors._fields
    }
    image = np.empty((count, size, size, 3), np.uint8)
    image[:] = (255 * factors["skin_tone"])[:, None, None, None]
    return {"image": image, "factors": factors}


def test_is_trained_once_and_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(faces, "dataset", pretended)
    for name, value in (
        *(("SIDE", 8), ("COUNT", 60), ("TESTED", 60), ("STEPS", 3), ("BATCH", 8)),
        *(("GALLERY", 20), ("BLOCK", 8)),
    ):
        monkeypatch.setattr(judge, name, value)
    made = judge.caption_encoder("words")
    assert (
        "training the encoder of captions (words, 60 faces" in capsys.readouterr().err
    )
    monkeypatch.setattr(judge, "_train", None)  # what is kept needs no training
    found = judge.caption_encoder("words")
    assert found.quality == made.quality
    assert set(found.quality) == {*judge.FACTS}
    said = ["a bald man with glasses", "An old  woman.", "an old woman"] * 4
    code = made.encode(said)
    assert code.shape == (12, made.config.embedding)
    assert code.dtype == np.float32
    np.testing.assert_array_equal(code, found.encode(said))
    np.testing.assert_allclose(code[:1], made.encode(said[:1]), atol=1e-5)
    np.testing.assert_array_equal(code[1], code[2])
    (path,) = (tmp_path / "cache" / "jaxgan" / "caption_encoder").iterdir()
    assert path != judge.file(judge.recipe("characters"))


def test_every_caption_is_known_to_both_encoders_and_fits():
    found = captions.values(pretended(0, 300, 1)["factors"])
    said = [text for row in captions.captions(found, 0, 3) for text in row]
    for level in ("characters", "words"):
        config = judge.recipe(level)
        symbols = judge.tokens(config, said)
        assert symbols.shape == (900, config.length)
        assert 0 < symbols.max() <= config.symbols
        assert ((symbols > 0).sum(1) >= 2).all()


@pytest.mark.parametrize(
    ("level", "sentences", "words"),
    [
        ("characters", [""], "the caption '' has no words; describe a face"),
        ("words", [" , ."], "has no words; describe a face"),
        (
            "characters",
            ["a man " * 40],
            "has 239 characters, and the encoder reads 160",
        ),
        ("words", ["a man " * 40], "has 80 words, and the encoder reads 32: shorten"),
        ("characters", ["a man of 40"], "has '4', '0', which the encoder of charac"),
        ("words", ["a man in a hat"], "has 'hat', which the encoder of words never"),
        ("words", "a man", "sentences are 'a man'; give a list"),
        ("words", [], "give a list of one sentence or more"),
    ],
)
def test_what_cannot_be_read_is_refused(level, sentences, words):
    with pytest.raises(ValueError, match=words):
        judge.tokens(judge.recipe(level), sentences)
