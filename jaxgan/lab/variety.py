"""How different the pictures of one caption are: in pixels, and in what it leaves open.

A caption states some attributes of a face. What it does not state should vary, as it
does among people of whom the caption is true. Both are measured on pairs of pictures of
the same caption, so that drawn and real ones are compared alike.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan import metrics
from jaxgan.data.synthetic import captions
from jaxgan.lab import blocks, captioned
from jaxgan.lab.judges import attributes
from jaxgan.lab.session import Numbers

CAPTIONS, PAIRS = 32, 8  # of captions, and of pictures of each
FEWEST = 4  # people of whom a caption must be true


class Variety(NamedTuple):
    """How different pictures of one caption are.

    Attributes:
        likeness: the mean MS-SSIM of two pictures of a caption; 1 where they are equal.
        unstated: the share of the attributes that a caption does not state at which
            the judge of attributes sees a difference between two pictures of it.
        scales: of the MS-SSIM; values of other numbers of scales cannot be compared.
    """

    likeness: float
    unstated: float
    scales: int


def measured(
    draw: Callable[[Any], Any], people: captioned.People, embed: captioned.Embed
) -> Numbers:
    """Compares two drawn pictures of a caption with two people of whom it is true.

    Args:
        draw: embedded captions `[N, T]` to bytes `[N, S, S, 3]`, each of its own noise.
        people: with a caption each, of which the first ones are drawn that are true of
            several people.
        embed: embeds sentences.

    Returns:
        `drawn` and `real`, each a `Variety`; nothing where no caption is true of
        several people.
    """
    pairs = true_pairs(people)
    if not pairs:
        return {}
    said = [people.sentences[i] for i in pairs for _ in range(PAIRS)]
    twice = [sentence for sentence in said for _ in range(2)]
    drawn = np.asarray(draw(embed(twice)))
    drawn = drawn.reshape(len(said), 2, *drawn.shape[1:])
    real = people.image[np.concatenate([*pairs.values()])]
    return {
        "drawn": compared(drawn, said)._asdict(),
        "real": compared(real, said)._asdict(),
    }


def true_pairs(people: captioned.People) -> dict[int, np.ndarray]:
    """For some captions, pairs `[PAIRS, 2]` of different people that each fits."""
    allowed = captions.allowed(people.sentences)
    fits = allowed @ captions.one_hot(people.found).T > len(captions.ATTRIBUTES) - 0.5
    rng, pairs = np.random.default_rng(0), {}
    for i in np.flatnonzero(fits.sum(1) >= FEWEST)[:CAPTIONS]:
        them = np.flatnonzero(fits[i])
        some = [rng.choice(them, 2, replace=False) for _ in range(PAIRS)]
        pairs[int(i)] = np.array(some)
    return pairs


def compared(images: np.ndarray, said: list[str]) -> Variety:
    """The variety of pairs of pictures.

    Args:
        images: bytes `[N, 2, S, S, 3]`, S of 11 or more.
        said: the caption of each pair.
    """
    side = images.shape[2]
    scales = max(n for n in range(1, 6) if side >> (n - 1) >= 11)

    @jax.jit
    def likeness(one, other):
        pair = (x.astype("float32") for x in (one, other))
        return metrics.ms_ssim(*pair, data_range=255.0, scales=scales)

    alike = blocks.in_blocks(likeness, images[:, 0], images[:, 1], size=64)
    judge = attributes.trained()
    one, other = (
        judge.read(captioned.resized(images[:, i], attributes.SIDE)) for i in (0, 1)
    )
    differs = np.stack([one[name] != other[name] for name in captions.ATTRIBUTES], -1)
    facts = [captions.read(sentence) for sentence in said]
    unstated = np.array([[n not in x for n in captions.ATTRIBUTES] for x in facts])
    return Variety(float(alike.mean()), float(differs[unstated].mean()), scales)
