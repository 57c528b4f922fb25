"""Which labels are learned from, and how well, from features of one kind."""

from collections.abc import Callable
from typing import Any

import numpy as np

from experiments.discriminator_features import few_labels, labelled
from jaxgan.lab import blocks
from jaxgan.lab.spread import spread

BLOCK = 100  # images in a batch


def draws(parts: labelled.Parts, config: Any) -> dict[int, list[np.ndarray]]:
    """Number of labels -> places of labelled images, an array for each trial."""
    found: dict[int, list[np.ndarray]] = {}
    for count in config.labels:
        if count > config.most:
            raise ValueError(
                f"--labels is {count}, above --most {config.most}; raise it too"
            )
        if count:
            found[count] = [
                parts.train[few_labels.drawn(parts.labels[parts.train], count, seed)]
                for seed in range(config.seed, config.seed + config.trials)
            ]
        elif len(parts.train) <= config.most:
            found[len(parts.train)] = [parts.train]  # all draws would be the same
        else:
            found[config.most] = [
                np.random.default_rng(seed).permutation(parts.train)[: config.most]
                for seed in range(config.seed, config.seed + config.trials)
            ]
    return found


def accuracies(
    config: Any,
    parts: labelled.Parts,
    draws: dict[int, list[np.ndarray]],
    name: str,
    describe: Callable,
) -> dict[str, Any]:
    """How well a linear SVM learns from features, for every number of labels.

    Args:
        config: of the command.
        parts: the labelled images.
        draws: from `draws`.
        name: of the features.
        describe: images uint8 `[B, H, W, C]` to features `[B, F]`.
    """
    # Only images to train, choose or test on need features.
    asked = [draw for several in draws.values() for draw in several]
    used = np.unique(np.concatenate([parts.valid, parts.test, *asked]))
    place = np.full(len(parts.images), -1)
    place[used] = np.arange(len(used))
    rows = blocks.in_blocks(describe, parts.images[used], size=BLOCK, title=name)
    found: dict[str, Any] = {"numbers": rows.shape[1], "accuracy": {}}
    for count, several in draws.items():
        outcome = few_labels.judged(
            rows,
            parts.labels[used],
            [place[draw] for draw in several],
            place[parts.valid],
            place[parts.test],
            costs=config.costs,
            title=f"{name}, {count} labels",
        )
        mean, deviation = spread(outcome.accuracies)
        found["accuracy"][count] = {
            "mean": mean,
            "deviation": deviation,
            "each": outcome.accuracies.tolist(),
            "cost": outcome.cost,
            "validation": dict(
                zip(map(str, config.costs), outcome.validation, strict=True)
            ),
        }
    return found
