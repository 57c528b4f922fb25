"""Drops growing numbers of maps, and measures the cost of each."""

import functools
import sys

import jax
import numpy as np
from tqdm import tqdm

from experiments.forget_object.fitting import (
    BLOCK,
    CONTROL,
    POSITIONS,
    Fitted,
    Seen,
    fit,
    measure,
    random_maps,
)
from jaxgan.analysis import forgetting, rectifiers
from jaxgan.lab import blocks, inference


def fit_all(config, key, look, layers, seen: Seen) -> dict[int, Fitted]:
    """Fits a regression to the maps of every layer.

    Raises:
        ValueError: no map of a layer has a positive weight.
    """
    against = "outside" if config.boxes else config.against
    maps = blocks.in_blocks(look, seen.latents, seen.labels, size=BLOCK)
    fitted = {}
    for layer in layers:
        fitted[layer] = fit(
            jax.random.fold_in(jax.random.fold_in(key, POSITIONS), layer),
            *(maps[layer], seen.boxes, seen.there),
            against=against,
            penalty=config.penalty,
        )
        if not (fitted[layer].heavy > 0).any():
            raise ValueError(
                f"no map of rectifier {layer} has a positive weight for"
                f" {config.object}: choose other layers with --layer and --compare"
            )
    return fitted


def without(trained, draw, layer: int):
    """`f(maps, seen)` draws the samples again without some maps of a layer."""

    @jax.jit
    def forget(maps, latents, labels):
        edits = {layer: forgetting.drop(maps)}
        images = rectifiers.edited(draw, edits)(latents, labels)
        return inference.to_uint8(trained, images)

    def images(maps, seen):
        block = functools.partial(forget, maps)
        return blocks.in_blocks(block, seen.latents, seen.labels, size=BLOCK)

    return images


def compare(config, key, trained, draw, fitted, seen: Seen, test: Seen, find, read):
    """Drops growing numbers of maps: layer -> kind -> rows `{maps, ...}`.

    `find` reads factors as they were read in `seen`, and `read` as in `test`.

    The kinds are `dropped`, `control` (equally many random maps) and, if the test
    samples are new, `learned` (dropped, on the samples to learn from).
    """
    plan = {
        layer: counts(int((found.heavy > 0).sum()), config.drop)
        for layer, found in fitted.items()
    }
    rows = {layer: {"dropped": [], "control": [], "learned": []} for layer in plan}
    each = 1 + config.controls + (seen is not test)
    total = each * sum(len(numbers) for numbers in plan.values())
    off = not sys.stderr.isatty()
    with tqdm(total=total, unit="edit", disable=off) as bar:
        for layer, numbers in plan.items():
            forget = without(trained, draw, layer)

            def measured(maps, samples=test, read=read, forget=forget):
                after = forget(maps, samples)
                bar.update()
                return measure(samples, after, read)

            for number in numbers:
                maps = forgetting.heaviest(fitted[layer].heavy, number)
                found = {"dropped": measured(maps)}
                found["control"] = jax.tree.map(
                    lambda *x: float(np.mean(x)),
                    *(
                        measured(random_maps(_control_key(key, layer, number, i), maps))
                        for i in range(config.controls)
                    ),
                )
                if seen is not test:
                    found["learned"] = measured(maps, seen, find)
                for kind, row in found.items():
                    rows[layer][kind].append({"maps": number, **row})
    return rows


def _control_key(key, layer, number, i):
    for value in (CONTROL, layer, number, i):
        key = jax.random.fold_in(key, value)
    return key


def counts(positive: int, wanted: int) -> list[int]:
    """The numbers of maps to drop, up to all of positive weight."""
    steps = [n * 2**i for i in range(positive.bit_length()) for n in (2, 3)]
    own = wanted or -(-positive // 4)
    return sorted({min(n, positive) for n in (1, *steps, own, positive)})
