"""Trains the generator against a detector that only answers."""

import functools
from typing import Any, NamedTuple

import jax
import numpy as np

from experiments.malgan_study.vectors import Part
from jaxgan import game
from jaxgan.models import malgan


class Found(NamedTuple):
    """What training against a detector led to.

    Attributes:
        variables: of the epoch with the lowest rate on the validation part.
        agreement: share of validation vectors, changed ones and negatives, where the
            substitute says what the detector says.
        rates: true-positive rate on the validation part after each epoch.
    """

    variables: Any
    agreement: float
    rates: list[float]


@functools.lru_cache
def compiled(config: malgan.Config):
    """The step, the changed vectors and the substitute's answers, compiled once."""
    run = game.algorithm(malgan.game(config))

    def answers(variables, vector):
        net = game.pure(malgan.Substitute(config.hidden), "substitute")
        return net(variables, vector)[0] > 0

    changed = functools.partial(malgan.perturbed, config)
    return jax.jit(run.init), jax.jit(run.step), jax.jit(changed), jax.jit(answers)


def changed(config: malgan.Config, variables: Any, vector: Any, seed: int):
    """Binary vectors with ones added, with noise of a seed: `[N, F]`."""
    noise = malgan.latent(config, jax.random.key(seed), len(vector))
    return np.asarray(compiled(config)[2](variables, vector, noise))


def train(
    config: malgan.Config,
    detector: Any,
    train: Part,
    validation: Part,
    *,
    epochs: int,
    batch_size: int,
    seed: int,
) -> Found:
    """Trains substitute and generator, and keeps the best epoch.

    Args:
        config: of the model.
        detector: of scikit-learn, fitted; `predict` is all that is used.
        train: vectors to train on.
        validation: vectors that choose the epoch.
        epochs: passes over the positive vectors.
        batch_size: positive vectors of a minibatch, and as many negative ones.
        seed: of weights, noise and order.
    """
    init, step, _, imitate = compiled(config)
    random = np.random.default_rng(seed)
    size = min(batch_size, len(train.positive))

    def asked(positive, negative, variables, noise_seed):
        generated = changed(config, variables, positive, noise_seed)
        both = detector.predict(np.concatenate([generated, negative]))
        both = both.astype(np.float32)
        return {
            "positive": positive,
            "generated": generated,
            "negative": negative,
            "generated_answer": both[: len(generated)],
            "negative_answer": both[len(generated) :],
        }

    first = {name: train.positive[:size] for name in ("positive", "generated")}
    first |= {"negative": train.negative[:size]}
    first |= {f"{n}_answer": np.zeros(size, "f4") for n in ("generated", "negative")}
    state = init(jax.random.key(seed), first)
    best, rates, least = None, [], (np.inf, np.inf)
    for epoch in range(epochs):
        order = random.permutation(len(train.positive))
        others = random.permutation(len(train.negative))
        for i in range(0, len(order) - size + 1, size):
            batch = asked(
                train.positive[order[i : i + size]],
                train.negative[others[i : i + size]],
                game.variables(state),
                int(random.integers(2**31)),
            )
            state, _ = step(state, batch)
        variables = game.variables(state)
        made = changed(config, variables, validation.positive, epoch)
        rate = float(detector.predict(made).mean())
        rates.append(rate)
        bits = float((made - validation.positive).sum(1).mean())
        if (rate, bits) < least:
            least, best = (rate, bits), variables
    made = changed(config, best, validation.positive, 0)
    mixed = np.concatenate([made, validation.negative])
    same = np.asarray(imitate(best, mixed)) == (detector.predict(mixed) > 0.5)
    return Found(best, float(same.mean()), rates)
