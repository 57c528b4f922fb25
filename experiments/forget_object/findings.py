"""Writes the findings of experiments.forget_object, as numbers and in words."""

import dataclasses
from typing import Any

import numpy as np

from jaxgan.train.terminal import say


def collected(config, trained, fitted, rows, seen, test, regressor) -> dict[str, Any]:
    """Makes the content of results.json."""
    layers = {}
    for layer, found in fitted.items():
        positive = int((found.heavy > 0).sum())
        layers[str(layer)] = {
            "maps": len(found.heavy),
            "positive": positive,
            "positions": found.positions,
            "accuracy": found.accuracy,
            "heaviest": np.argsort(-found.heavy)[:8].tolist(),
            **rows[layer],
        }
    return {
        "step": trained.step,
        "config": dataclasses.asdict(config),
        "about": {
            "learned": f"{len(seen.images)} samples, {seen.there.sum()} with"
            f" {config.object}",
            "dropped": f"{len(test.images)} "
            + ("new samples" if regressor else "of the same samples")
            + f", {test.there.sum()} with {config.object}",
            "control": f"equally many random maps, the mean of {config.controls}"
            " choices",
            "left": "share of the samples with the object that still have it; rate is"
            " that of all samples",
            "pixels": "mean absolute changes, from 0 to 1: inside and outside of the"
            " boxes in samples with the object, and in samples without it",
            "factors": "in samples without the object: mean absolute changes of"
            " numbers in standard deviations, and shares of changed yes-or-no answers;"
            " damage is the mean of the numbers",
            "searched": "maps of positive weight of --layer that the search found, on"
            " the samples to learn from; its control tried the other maps",
        },
        "rate_before": float(test.there.mean()),
        "layers": layers,
        "regressor": regressor.quality if regressor else None,
    }


def tell(results: dict[str, Any]) -> None:
    """Prints the findings in short."""
    for layer, found in results["layers"].items():
        row, control = (found[kind][-1] for kind in ("dropped", "control"))
        say(f"rectifier {layer} without {row['maps']} of {found['maps']} maps:")
        for who, numbers in (("maps for it", row), ("random maps", control)):
            say(f"  {who}: {_words(numbers)}")
    if "searched" in results:
        for who in ("searched", "searched_control"):
            what = "maps for it" if who == "searched" else "others"
            maps, words = results[who]["maps"], _words(results[who])
            say(f"without {what} that the search found, {maps}: {words}")


def _words(row: dict[str, Any]) -> str:
    left = f"{row['left']:.1%} left, " if "left" in row else ""
    changed = f"pixels change by {row['inside']:.1%} in boxes"
    return f"{left}{changed} and {row['outside']:.1%} outside"
