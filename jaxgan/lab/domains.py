"""Opens two domains of images without pairs, and measures translations between them.

Two views of the same drawn people, such as `faces:4096#young` and `faces:4096#old`, are
unpaired in training, which takes one half of the people from one view and the other
half from the other, and paired in the test, so that the true translation is known.
"""

import dataclasses
from typing import Any, NamedTuple, Protocol

import numpy as np

from jaxgan.data import drawn
from jaxgan.lab import pairs
from jaxgan.lab.data import Data, Set, open_set
from jaxgan.lab.judges import factors

# The factor that a view changes, as the judge of factors reads it.
FACTORS = {
    ("young", "old"): "age",
    ("dark", "blond"): "hair_brightness",
    ("bare", "glasses"): "glasses",
    ("serious", "smiling"): "smile",
    ("left", "right"): "yaw",
}


class Domains(NamedTuple):
    """Two opened domains.

    Attributes:
        a: one of them.
        b: the other.
        paired: whether their test parts are pairs.
        factor: what tells the two apart, as the judge of factors reads it; None where
            it reads no such thing.
    """

    a: Set
    b: Set
    paired: bool
    factor: str | None

    @property
    def about(self) -> str:
        """A line that describes them."""
        return f"{self.a.about}; {self.b.about}"

    @property
    def fingerprint(self) -> str:
        """Changes when the data of either does."""
        return self.a.fingerprint + self.b.fingerprint


def open_domains(data: Data, other: str, shape: tuple[int, int, int]) -> Domains:
    """Opens the domains of `--data` and `--other`, with images to test on.

    Args:
        data: the flags, which both share.
        other: the set that is the other domain.
        shape: height, width and channels of both.

    Raises:
        ValueError: there is no such set, or nothing to test on.
    """
    flags = data, dataclasses.replace(data, data=other)
    a, b = (open_set(one, shape, test=True) for one in flags)
    for opened in (a, b):
        if not opened.test:
            raise ValueError(
                f"{opened.data.data} has no images to test on: give more of them"
            )
    ends = [spec.partition("#") for spec in (data.data, other)]
    views = (ends[0][2], ends[1][2])
    same = ends[0][0] == ends[1][0] and drawn(data.data) and a.arrays and b.arrays
    if not same:
        return Domains(a, b, False, None)
    factor = FACTORS.get(views) or FACTORS.get((views[1], views[0]))
    return Domains(_half(a, 0), _half(b, 1), True, factor)


def _half(opened: Set, which: int) -> Set:
    """The first or the second half of the people, so that nobody is in both domains."""
    assert opened.arrays is not None
    count = len(opened.arrays["image"]) // 2
    kept = slice(which * count, (which + 1) * count)
    train = {name: value[kept] for name, value in opened.arrays.items()}
    part = ("first", "second")[which]
    return dataclasses.replace(
        opened, train=train, about=f"{opened.about} (the {part} half)"
    )


class Judge(Protocol):
    """What reads the factors of faces, as `judges.factors` does."""

    def read(self, images: np.ndarray) -> dict[str, np.ndarray]: ...  # noqa: D102


class Drawn(NamedTuple):
    """Test images of a domain and what became of them, bytes `[N, H, W, C]`.

    Attributes:
        image: of the domain.
        there: translated.
        again: translated back.
        truth: what the translation should be; None where nobody knows.
    """

    image: np.ndarray
    there: np.ndarray
    again: np.ndarray
    truth: np.ndarray | None


def measured(drawn: Drawn) -> dict[str, Any]:
    """How far translations are from the truth, beside the images as they are."""
    found: dict[str, Any] = {"cycle": pairs.error(drawn.image, drawn.again)._asdict()}
    if drawn.truth is not None:
        found["output"] = pairs.error(drawn.truth, drawn.there)._asdict()
        found["input"] = pairs.error(drawn.truth, drawn.image)._asdict()
    return found


def attributes(judge: Judge, factor: str, drawn: Drawn) -> dict[str, dict[str, float]]:
    """What the judge of factors reads in translations.

    Args:
        judge: of the size of the images.
        factor: that shall change.
        drawn: with the truth.

    Returns:
        Of inputs, outputs and true counterparts: `rate`, the share that the judge puts
        on the other side of the border, which is the middle between the means of inputs
        and of counterparts; and `rest`, how far all other factors are from the input's
        in mean, in standard deviations of the inputs.
    """
    assert drawn.truth is not None
    kinds = {"input": drawn.image, "output": drawn.there, "truth": drawn.truth}
    read = {name: judge.read(images) for name, images in kinds.items()}
    start, end = (read[name][factor].mean() for name in ("input", "truth"))
    border, side = (start + end) / 2, np.sign(end - start)
    others = [name for name in factors.NUMBERS if name != factor]
    spreads = {name: read["input"][name].std() + 1e-6 for name in others}
    return {
        kind: {
            "rate": float(((found[factor] - border) * side > 0).mean()),
            "rest": float(
                np.mean(
                    [
                        np.abs(found[name] - read["input"][name]).mean() / spreads[name]
                        for name in others
                    ]
                )
            ),
        }
        for kind, found in read.items()
    }
