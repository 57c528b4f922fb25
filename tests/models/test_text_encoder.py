"""The text encoder: its shapes, what padding does, and that captions find images."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.game import algorithm, variables
from jaxgan.models import text_encoder

TINY = text_encoder.MODEL.tiny


def test_the_papers_sizes():
    shapes = jax.eval_shape(
        text_encoder.TextNetwork(text_encoder.Config()).init,
        jax.random.key(0),
        jnp.ones((1, 201), jnp.int32),
    )["params"]
    kernels = [shapes[f"Conv_{i}"]["kernel"].shape for i in range(3)]
    assert kernels == [(4, 70, 384), (4, 384, 512), (4, 512, 256)]
    assert shapes["Dense_0"]["kernel"].shape == (256, 1024)


def test_longer_padding_changes_nothing():
    """A text is what it says, not how far it is padded."""
    text = jax.random.randint(jax.random.key(0), (2, 57), 1, 6)
    nets = {"text": text_encoder.TextNetwork(TINY).init(jax.random.key(1), text)}
    # All windows that the first text has end before its padding.
    long = dataclasses.replace(TINY, length=120)
    wide = jnp.pad(text, ((0, 0), (0, 63)))
    found = text_encoder.embed_texts(long, nets, wide)
    further = dataclasses.replace(TINY, length=147)
    again = text_encoder.embed_texts(further, nets, jnp.pad(wide, ((0, 0), (0, 27))))
    np.testing.assert_allclose(found, again, atol=1e-6)


def test_captions_find_their_images():
    """Each word finds the image that it is said of."""
    config = dataclasses.replace(
        TINY, level="words", length=12, learning_rate=1e-2, embedding=8, hidden=8,
        image_width=8,
        widths=(8, 8, 8), steps=150,
    )  # fmt: skip
    words = np.arange(5)
    batch = {
        "image": np.random.default_rng(0).uniform(size=(5, 8, 8, 3)).astype("float32"),
        "text": np.pad(1 + words[:, None], ((0, 0), (0, 11))).astype("int32"),
        "has": np.eye(5, dtype="float32"),
        "allows": np.eye(5, dtype="float32"),
    }
    run = algorithm(text_encoder.game(config))
    state, step = jax.jit(run.init)(jax.random.key(0), batch), jax.jit(run.step)
    metrics = {}
    for _ in range(150):
        state, metrics = step(state, batch)
    assert metrics["encoder/retrieved"] == 1
    nets = variables(state)
    scores = text_encoder.embed_texts(config, nets, batch["text"]) @ (
        text_encoder.embed_images(config, nets, batch["image"]).T
    )
    np.testing.assert_array_equal(scores.argmax(1), words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"length": 56}, "length is 56, but texts of characters have at least 57"),
        ({"widths": (3, 4)}, r"widths is \(3, 4\); give three numbers"),
        ({"resolution": 12}, "resolution is 12, expected a power of two"),
    ],
)
def test_sizes_that_cannot_be_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(TINY, **change)
