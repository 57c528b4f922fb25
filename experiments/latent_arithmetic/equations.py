"""Arithmetic on latents, tried many times and counted."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.latent_arithmetic import pictures
from experiments.latent_arithmetic.laboratory import Laboratory
from jaxgan.analysis import latent
from jaxgan.train.terminal import say

EXEMPLARS = (1, 10)  # numbers that are tried beside --exemplars
SHOWN = 12  # trials in the picture
NOISE, TRIALS = 1, 2  # purposes of random keys


class Concept(NamedTuple):
    """A kind of picture.

    Attributes:
        name: for titles.
        within: factor -> the range of its values in such a picture.
    """

    name: str
    within: dict[str, tuple[float, float]]


class Equation(NamedTuple):
    """`start - minus + plus`: `plus` is to gain what `start` has and `minus` lacks.

    Attributes:
        name: for files.
        start: has the attribute.
        minus: lacks it.
        plus: lacks it too, and differs in something that is to stay.
        factor: of the attribute.
        above: the value of the factor above which a picture has it.
    """

    name: str
    start: Concept
    minus: Concept
    plus: Concept
    factor: str
    above: float


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

# How far factors that are kept may be from the picture of `plus`, in their units.
TOLERANCES = {"yaw": 0.2, "skin_tone": 0.15}
SIDES = ("masculinity", "long_hair")  # factors that must stay above or below a half


def members(read: dict[str, np.ndarray], concept: Concept) -> np.ndarray:
    """The indices of the pictures that are of a concept, from what is read in them."""
    inside = [
        (read[name] >= low) & (read[name] <= high)
        for name, (low, high) in concept.within.items()
    ]
    return np.flatnonzero(np.all(inside, 0))


def choose(
    rng: np.random.Generator, among: np.ndarray, trials: int, exemplars: int
) -> np.ndarray:
    """Indices `[trials, exemplars]`, none twice in a trial."""
    rows = [rng.choice(among, exemplars, replace=False) for _ in range(trials)]
    return np.stack(rows)


def matched(
    seen: dict[str, np.ndarray], chosen: np.ndarray, among: np.ndarray, leaving: str
) -> np.ndarray:
    """The samples most like the chosen ones in all factors but one.

    Args:
        seen: what is read in the samples.
        chosen: indices `[T, N]`.
        among: indices to choose from, N or more.
        leaving: the factor that does not count.

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
    """How well a line through the latents separates two kinds, a limit of arithmetic.

    Args:
        latents: `[N, Z]`.
        having: indices of one kind, at least two.
        lacking: of the other.

    Returns:
        The line goes from the mean of the second kind to that of the first, each over
        every other sample. The chance that, among the rest, a sample of the first kind
        lies farther along it than one of the second: 0.5 is chance, and 1 the best.
    """
    line = latents[having[::2]].mean(0) - latents[lacking[::2]].mean(0)
    one, other = latents[having[1::2]] @ line, latents[lacking[1::2]] @ line
    below = np.searchsorted(np.sort(other), one)
    return float(below.mean() / len(other))


def kept(
    read: dict[str, np.ndarray], before: dict[str, np.ndarray], leaving: str
) -> dict[str, np.ndarray]:
    """Whether results keep what they should: factor -> booleans `[N]`.

    Args:
        read: what is read in the results.
        before: what is read in the pictures of `plus`.
        leaving: the factor that is to change.
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
    """What is right about results: name -> booleans `[N]`.

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


def draw(
    lab: Laboratory,
    name: str,
    title: str,
    names: Sequence[str],
    chosen: Sequence[Any],
) -> None:
    """Draws the figure of the paper, for `start - minus + plus`.

    Args:
        lab: with the samples.
        name: of the file.
        title: of the figure.
        names: of the three.
        chosen: exemplars of each, their indices among the samples.
    """
    means = [latent.concept(jnp.asarray(lab.latents[index])) for index in chosen]
    result = latent.arithmetic(*means)
    noise = latent.noise_sheet(lab.key(NOISE), result, lab.config.noise)
    pixels = [lab.images[index].mean(0) for index in chosen]
    pictures.equation(
        lab.config.workdir / name,
        title,
        names,
        [lab.images[index] for index in chosen],
        lab.paint(jnp.stack(means)),
        lab.paint(noise),
        _pixels(*pixels),
    )


def _pixels(start, minus, plus) -> np.ndarray:
    """The same arithmetic on pictures, clipped."""
    return np.clip(latent.arithmetic(start, minus, plus) + 0.5, 0, 255).astype(np.uint8)


def solve(lab: Laboratory, equation: Equation) -> dict[str, Any]:
    """Tries an equation many times, counts, and draws the first trials."""
    config, read, seen = lab.config, lab.read, lab.seen
    assert read is not None
    concepts = equation.start, equation.minus, equation.plus
    among = [members(seen, concept) for concept in concepts]
    found = {c.name: len(x) for c, x in zip(concepts, among, strict=True)}
    counts: dict[str, Any] = {"found": found, "exemplars": {}}
    if min(found.values()) < max(2, config.exemplars):
        counts["note"] = (
            f"too few samples are surely one of these for means of {config.exemplars}:"
            f" {found}; draw more with --samples"
        )
        say(f"{equation.name}: {counts['note']}")
        return counts
    title = f"{equation.start.name} - {equation.minus.name} + {equation.plus.name}"
    values = seen[equation.factor]
    kinds = [
        np.flatnonzero((values >= low) & (values <= high))
        for low, high in (c.within[equation.factor] for c in concepts[:2])
    ]
    counts["along_a_line"] = along_a_line(lab.latents, *kinds)
    say(f"{title}: a line separates {counts['along_a_line']:.2f} of the pairs")
    for exemplars in sorted({*EXEMPLARS, config.exemplars}):
        if min(found.values()) < exemplars:
            continue
        rng = np.random.default_rng([config.seed, TRIALS, exemplars])
        chosen = [choose(rng, x, config.trials, exemplars) for x in among]
        alike = matched(seen, chosen[0], among[1], equation.factor)
        tried = _variants(lab, chosen)
        tried |= {
            f"matched_{name}": pair
            for name, pair in _variants(lab, [chosen[0], alike, chosen[2]]).items()
            if name in ("latents", "pixels")
        }
        rows, right = {}, {}
        for name, (result, before) in tried.items():
            verdict = verdicts(equation, read(result), read(before))
            rows[name] = {what: int(is_so.sum()) for what, is_so in verdict.items()}
            right[name] = verdict["right"]
            if lab.judge is not None:
                rows[name]["judged_usual"] = int(lab.judge(result).sum())
        means = [lab.latents[x].mean(1) for x in chosen]
        norm = np.linalg.norm(latent.arithmetic(*means), axis=-1).mean() / lab.norm
        counts["exemplars"][exemplars] = {
            "trials": config.trials, "norm_over_usual": float(norm), **rows,
        }  # fmt: skip
        if exemplars == config.exemplars:
            names = [concept.name for concept in concepts]
            first = [chosen[0][0], alike[0], chosen[2][0]]
            about = f"{title} (the second chosen to be like the first)"
            draw(lab, f"arithmetic_{equation.name}.png", about, names, first)
            _draw_trials(lab, equation, title, tried, right)
        few = {name: (row["gains"], row["right"]) for name, row in rows.items()}
        say(
            f"{equation.name}, means of {exemplars}: of {config.trials} results gain"
            " it, and keep the rest too: "
            + ", ".join(f"{name} {a} and {b}" for name, (a, b) in few.items())
        )
    return counts


def _variants(lab: Laboratory, chosen) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Ways to calculate -> results `[T, H, W, C]`, and `plus` drawn in the same way."""
    start, minus, plus = (
        latent.concept(jnp.asarray(lab.latents[x]).swapaxes(0, 1)) for x in chosen
    )
    result = latent.arithmetic(start, minus, plus)
    length = jnp.linalg.norm(start - minus, axis=-1)
    noise = jax.random.normal(lab.key(TRIALS), plus.shape)
    random = plus + latent.with_norm(noise, length)
    mean = lab.paint(plus)
    pixels = [lab.images[x].mean(1) for x in chosen]
    return {
        "latents": (lab.paint(result), mean),
        "usual_norm": (
            lab.paint(latent.with_norm(result, lab.norm)),
            lab.paint(latent.with_norm(plus, lab.norm)),
        ),
        "random_direction": (lab.paint(random), mean),
        "pixels": (_pixels(*pixels), (pixels[2] + 0.5).astype(np.uint8)),
    }


def _draw_trials(lab, equation, title, tried, right) -> None:
    few = slice(0, SHOWN)
    shown = {
        "result": "latents",
        "at usual length": "usual_norm",
        "exemplars alike": "matched_latents",
        "with pixels": "pixels",
    }
    rows = [(equation.plus.name, tried["latents"][1][few])]
    rows += [(name, tried[way][0][few]) for name, way in shown.items()]
    frames = [None, *(right[way][few] for way in shown.values())]
    pictures.trials(
        lab.config.workdir / f"trials_{equation.name}.png",
        f"{title}: the first trials; green gains it and keeps the rest",
        rows,
        frames,
    )
