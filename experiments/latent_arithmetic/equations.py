"""Tries arithmetic on latents many times, and counts."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.latent_arithmetic import pictures
from experiments.latent_arithmetic.concepts import (
    Equation,
    along_a_line,
    choose,
    matched,
    members,
    verdicts,
)
from experiments.latent_arithmetic.laboratory import Laboratory
from jaxgan.analysis import latent
from jaxgan.train.terminal import say

EXEMPLARS = (1, 10)  # numbers of exemplars that are tried besides --exemplars
SHOWN = 12  # trials in the picture
NOISE, TRIALS = 1, 2  # purposes of random keys


def draw(
    lab: Laboratory,
    name: str,
    title: str,
    names: Sequence[str],
    chosen: Sequence[Any],
) -> None:
    """Draws the figure of the paper, for `start - minus + plus`.

    Args:
        lab: the laboratory with the samples.
        name: the name of the file.
        title: the title of the figure.
        names: the names of the three concepts.
        chosen: the exemplars of each, as indices of samples.
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
    """Does the same arithmetic on pictures, clipped."""
    return np.clip(latent.arithmetic(start, minus, plus) + 0.5, 0, 255).astype(np.uint8)


def solve(lab: Laboratory, equation: Equation) -> dict[str, Any]:
    """Tries an equation many times, counts, and draws the first trials."""
    config, seen = lab.config, lab.seen
    concepts = equation.start, equation.minus, equation.plus
    among = [members(seen, concept) for concept in concepts]
    found = {c.name: len(x) for c, x in zip(concepts, among, strict=True)}
    counts: dict[str, Any] = {"found": found, "exemplars": {}}
    if min(found.values()) < max(2, config.exemplars):
        counts["note"] = (
            f"too few samples are certain to be of these concepts for means of"
            f" {config.exemplars}:"
            f" {found}; draw more with --samples"
        )
        say(f"{equation.name}: {counts['note']}")
        return counts
    values = seen[equation.factor]
    kinds = [
        np.flatnonzero((values >= low) & (values <= high))
        for low, high in (c.within[equation.factor] for c in concepts[:2])
    ]
    counts["along_a_line"] = along_a_line(lab.latents, *kinds)
    say(f"{equation.title}: a line separates {counts['along_a_line']:.2f} of the pairs")
    for exemplars in sorted({*EXEMPLARS, config.exemplars}):
        if min(found.values()) >= exemplars:
            counts["exemplars"][exemplars] = attempt(lab, equation, among, exemplars)
    return counts


def attempt(
    lab: Laboratory, equation: Equation, among: Sequence[np.ndarray], exemplars: int
) -> dict[str, Any]:
    """Tries an equation on means of so many exemplars, in every way, and counts.

    Args:
        lab: with the samples.
        equation: what to calculate.
        among: the samples of each of its concepts, their indices.
        exemplars: samples whose mean is a concept; with those of --exemplars, the
            first trials are drawn.
    """
    config, read = lab.config, lab.read
    assert read is not None
    rng = np.random.default_rng([config.seed, TRIALS, exemplars])
    chosen = [choose(rng, x, config.trials, exemplars) for x in among]
    alike = matched(lab.seen, chosen[0], among[1], equation.factor)
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
    if exemplars == config.exemplars:
        concepts = equation.start, equation.minus, equation.plus
        names = [concept.name for concept in concepts]
        first = [index[0] for index in chosen]
        file = f"arithmetic_{equation.name}.png"
        draw(lab, file, equation.title, names, first)
        _draw_trials(lab, equation, tried, right)
    few = {name: (row["gains"], row["right"]) for name, row in rows.items()}
    say(
        f"{equation.name}, means of {exemplars}: of {config.trials} results, those"
        " that gain it, and that keep the rest too: "
        + ", ".join(f"{name} {a} and {b}" for name, (a, b) in few.items())
    )
    return {"trials": config.trials, "norm_over_usual": float(norm), **rows}


def _variants(lab: Laboratory, chosen) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Calculates in several ways: name -> results `[T, H, W, C]`, and `plus` itself."""
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


def _draw_trials(lab, equation, tried, right) -> None:
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
        f"{equation.title}: the first trials; green gains it and keeps the rest",
        rows,
        frames,
    )
