"""Kinds of pictures, equations of them, and when a result is right."""

from typing import NamedTuple

import numpy as np


class Concept(NamedTuple):
    """A kind of picture.

    Attributes:
        name: its name in titles.
        within: factor -> the range of its values in such a picture.
    """

    name: str
    within: dict[str, tuple[float, float]]


class Equation(NamedTuple):
    """`start - minus + plus`: `plus` should gain what `start` has and `minus` lacks.

    Attributes:
        name: its name in files.
        start: has the attribute.
        minus: lacks it.
        plus: lacks it too, and differs in something that should stay.
        factor: the factor of the attribute.
        above: the value of the factor above which a picture has it.
    """

    name: str
    start: Concept
    minus: Concept
    plus: Concept
    factor: str
    above: float

    @property
    def title(self) -> str:
        """The equation in words."""
        return f"{self.start.name} - {self.minus.name} + {self.plus.name}"


ANY = float("inf")
MAN, WOMAN = {"masculinity": (0.65, ANY)}, {"masculinity": (-ANY, 0.35)}
GLASSES, BARE = {"glasses": (0.9, 1.0)}, {"glasses": (0.0, 0.1)}
SMILE, NEUTRAL = {"smile": (0.7, ANY)}, {"smile": (-ANY, 0.3)}
OLD, YOUNG = {"age": (0.6, ANY)}, {"age": (-ANY, 0.25)}
LONG, SHORT = {"long_hair": (0.9, 1.0)}, {"long_hair": (0.0, 0.1)}
EQUATIONS = (
    Equation(
        "glasses",
        Concept("man with glasses", MAN | GLASSES),
        Concept("man without glasses", MAN | BARE),
        Concept("woman without glasses", WOMAN | BARE),
        "glasses",
        0.5,
    ),
    Equation(
        "smile",
        Concept("smiling woman", WOMAN | SMILE),
        Concept("neutral woman", WOMAN | NEUTRAL),
        Concept("neutral man", MAN | NEUTRAL),
        "smile",
        0.5,
    ),
    Equation(
        "age",
        Concept("old man", MAN | OLD),
        Concept("young man", MAN | YOUNG),
        Concept("young woman", WOMAN | YOUNG),
        "age",
        0.43,
    ),
    Equation(
        "hair",
        Concept("long-haired woman", WOMAN | LONG),
        Concept("short-haired woman", WOMAN | SHORT),
        Concept("short-haired man", MAN | SHORT),
        "long_hair",
        0.5,
    ),
)
# How far kept factors may be from the picture of `plus`, in their units.
TOLERANCES = {"yaw": 0.2, "skin_tone": 0.15}
SIDES = ("masculinity", "long_hair")  # factors that must stay above or below a half


def members(read: dict[str, np.ndarray], concept: Concept) -> np.ndarray:
    """Finds the indices of the pictures of a concept, from their factors."""
    inside = [
        (read[name] >= low) & (read[name] <= high)
        for name, (low, high) in concept.within.items()
    ]
    return np.flatnonzero(np.all(inside, 0))


def choose(
    rng: np.random.Generator, among: np.ndarray, trials: int, exemplars: int
) -> np.ndarray:
    """Draws indices `[trials, exemplars]`, none twice in a trial."""
    rows = [rng.choice(among, exemplars, replace=False) for _ in range(trials)]
    return np.stack(rows)


def matched(
    seen: dict[str, np.ndarray], chosen: np.ndarray, among: np.ndarray, leaving: str
) -> np.ndarray:
    """Finds the samples most like the chosen ones in all factors but one.

    Args:
        seen: the factors read in the samples.
        chosen: indices `[T, N]`.
        among: indices to choose from, N or more.
        leaving: the factor to ignore.

    Returns:
        Indices `[T, N]`, none twice in a trial.
    """
    names = sorted(set(seen) - {leaving})
    values = np.stack([seen[x] / max(seen[x].std(), 1e-6) for x in names], 1)
    found = np.empty_like(chosen)
    for i, row in enumerate(chosen):
        left = list(among)
        for j, index in enumerate(row):
            far = np.square(values[left] - values[index]).sum(1)
            found[i, j] = left.pop(int(far.argmin()))
    return found


def along_a_line(latents: np.ndarray, having: np.ndarray, lacking: np.ndarray) -> float:
    """Measures how well a line separates two kinds of latents, a limit of arithmetic.

    Args:
        latents: `[N, Z]`.
        having: indices of one kind, at least two.
        lacking: indices of the other kind.

    Returns:
        The probability that a sample of the first kind lies farther along the line than
        one of the second; 0.5 is chance, and 1 the best. The line goes from the mean of
        the second kind to that of the first. Every other sample makes the line, and the
        rest test it.
    """
    line = latents[having[::2]].mean(0) - latents[lacking[::2]].mean(0)
    one, other = latents[having[1::2]] @ line, latents[lacking[1::2]] @ line
    below = np.searchsorted(np.sort(other), one)
    return float(below.mean() / len(other))


def kept(
    read: dict[str, np.ndarray], before: dict[str, np.ndarray], leaving: str
) -> dict[str, np.ndarray]:
    """Tells whether results keep what they should: factor -> booleans `[N]`.

    Args:
        read: the factors read in the results.
        before: the factors read in the pictures of `plus`.
        leaving: the factor that should change.
    """
    near = {
        name: np.abs(read[name] - before[name]) <= tolerance
        for name, tolerance in TOLERANCES.items()
    }
    sides = {name: (read[name] > 0.5) == (before[name] > 0.5) for name in SIDES}
    return {name: x for name, x in (sides | near).items() if name != leaving}


def verdicts(
    equation: Equation, read: dict[str, np.ndarray], before: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Tells what is right about results: name -> booleans `[N]`.

    `had`: had the attribute before; `gains`: has it now; the names of `kept`: keeps
    that factor; `keeps`: keeps all of them; `right`: gains it and keeps all;
    `right_sex`: gains it and keeps the sex.
    """
    gains = read[equation.factor] > equation.above
    rest = kept(read, before, equation.factor)
    keeps = np.all(list(rest.values()), 0)
    return {
        "had": before[equation.factor] > equation.above,
        "gains": gains,
        **rest,
        "keeps": keeps,
        "right_sex": gains & rest["masculinity"],
        "right": gains & keeps,
    }
