"""Says in words what is wrong with a run, from its curves of scalars.

Each rule is a pure function of curves, so it may be asked at any moment of a run, and
of runs that ended long ago. A rule says nothing where a run lacks the scalars that it
needs, or is too young to be judged; it looks at medians, since single steps are noise.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

YOUNG = 12  # logged steps before a run is judged
SHEETS = 3  # drawn samples before they are judged

ALIKE = 0.2  # diversity, in units of the data
COPIED = 0.3  # distance to the data, in its own units
WON = 0.01  # a discriminator's loss
APART = 0.8  # outputs of a discriminator that has won
BLIND = 0.3  # outputs of a discriminator that has never told anything
VANISHED = 0.01  # the size of the minimax loss of a generator
CLIPPED = 1e-3  # the gap of a critic that its bounds have flattened
WAITING = 0.25  # share of the time
LARGE, GROWTH = 1e3, 100.0  # of a scalar
SWING = 1.0  # standard deviation of an output that swings
PERIODS = 3  # within the last half of a run
ALIKE_AGAIN = 0.5  # the correlation with itself one period later, and two

FINE = (
    "Nothing is wrong by the rules: no collapse or copies among measured samples, no"
    " player that has won or been flattened, no oscillation, no waiting for input, no"
    " number on its way to NaN. That says nothing of how good the pictures are."
)

# What a discriminator's loss is where its outputs are zero: twice and once log 2,
# hinge, and least squares.
_BLIND_LOSSES = (2 * np.log(2), np.log(2), 2.0, 0.25, 0.5)
_TEACHERS = ("error", "l1", "content", "cycle")

Curves = Mapping[str, np.ndarray]  # name -> values, in the order of steps


class Finding(NamedTuple):
    """Something that is wrong.

    Attributes:
        name: in a word or two.
        figure: what was measured.
        reason: why the threshold lies where it does.
        cure: what to try.
    """

    name: str
    figure: str
    reason: str
    cure: str

    def __str__(self) -> str:
        return f"{self.name}: {self.figure} {self.reason} Try: {self.cure}"


def findings(rows: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """All that is wrong with a run.

    Args:
        rows: its scalars so far, as in its file of them; each has a "step".
    """
    curves = curves_of(rows)
    return [found for rule in RULES for found in rule(curves)]


def near_nan(curves: Curves) -> Iterator[Finding]:
    """A scalar that is infinite or NaN, or grows towards it."""
    for name, x in curves.items():
        if "/" not in name or name.startswith(("evaluation/", "samples/")):
            continue
        if len(x) and not np.isfinite(x[-1]):
            yield Finding(
                "NaN",
                f"{name} is {x[-1]}.",
                "Nothing that is learned after this means anything.",
                "--on-nan rollback, a lower learning rate, or a penalty.",
            )
            return
        if len(x) < YOUNG:
            continue
        size = np.abs(x)
        now, before = np.median(_last(size, 0.1)), np.median(size[: len(x) // 4])
        if now > LARGE and now > GROWTH * before:
            yield Finding(
                "NaN near",
                f"{name} is {now:.3g}, and was {before:.3g} in the first quarter.",
                f"Above {LARGE:,.0f} and {GROWTH:.0f} times what it was, it grows by"
                " factors, and no player comes back from that.",
                "a lower learning rate, a gradient penalty, or spectral norms.",
            )
            return


def collapse(curves: Curves) -> Iterator[Finding]:
    """Samples that are alike."""
    x = _known(curves, "samples/diversity")
    if len(x) < SHEETS or max(x[-2:]) >= ALIKE:
        return
    yield Finding(
        "collapse",
        f"a sample is only {x[-1]:.2f} times as far from the one most like it as images"
        f" of the data are (at most {x.max():.2f} before).",
        f"1 is as the data; below {ALIKE} on two sheets, many tiles are one picture.",
        "a lower learning rate for both, a gradient penalty (R1), minibatch"
        " discrimination, or an earlier checkpoint.",
    )


def memorisation(curves: Curves) -> Iterator[Finding]:
    """Samples that are copies of what was trained on."""
    x = _known(curves, "samples/distance_to_data")
    diverse = _known(curves, "samples/diversity")
    if len(x) < SHEETS or max(x[-2:]) >= COPIED or min(diverse[-2:]) < ALIKE:
        return
    yield Finding(
        "memorisation",
        f"samples are {x[-1]:.2f} times as far from the nearest training image as those"
        " are from each other.",
        f"1 is as another image of the data; below {COPIED} on two sheets, a sample is"
        " that image with small errors. neighbours.png shows the pairs.",
        "more data, augmentation of what the discriminator sees, or fewer steps.",
    )


def winning(curves: Curves) -> Iterator[Finding]:
    """A discriminator that is always right, from which nothing can be learned."""
    if any(_metric(name) in _TEACHERS for name in curves):
        return  # the generator has another loss to learn from
    for player, gap, loss in _discriminators(curves):
        if len(loss) < YOUNG:
            continue
        late, apart = _last(loss, 0.25), float(np.median(_last(gap, 0.25)))
        won = ((late >= 0) & (late < WON)).mean()
        if won < 0.9 or apart < APART:
            continue
        yield Finding(
            "the discriminator wins",
            f"the loss of {player} is below {WON} in {won:.0%} of the last quarter, and"
            f" its outputs for real and generated examples are {apart:.1f} apart.",
            "A discriminator that is never wrong says that samples are bad, not how to"
            " better them.",
            "a gradient penalty, one-sided label smoothing, noise on its input, or a"
            " lower learning rate for it than for the generator.",
        )


def vanishing(curves: Curves) -> Iterator[Finding]:
    """A generator whose minimax loss, and with it its gradient, has vanished."""
    for player, gap, _ in _discriminators(curves):
        x = _known(curves, player.replace("discriminator", "generator") + "/loss")
        late = _last(x, 0.25)
        if len(x) < YOUNG or np.median(_last(gap, 0.25)) < APART:
            continue
        if ((late <= 0) & (late > -VANISHED)).mean() < 0.9:
            continue
        yield Finding(
            "the generator's gradient vanishes",
            f"its loss stays between {late.min():.2g} and 0.",
            "The gradient of the minimax loss, log(1 - D(fake)), is as large as the"
            f" loss itself where D is sure; below {VANISHED} it is a fiftieth of what"
            " it is where D cannot tell.",
            "the non-saturating loss, -log D(fake), whose gradient is largest there.",
        )


def flattened(curves: Curves) -> Iterator[Finding]:
    """A discriminator whose penalty or bounds let it tell nothing."""
    for player, gap, loss in _discriminators(curves):
        penalty = _known(curves, f"{player}/penalty")
        if len(gap) < 2 * YOUNG or len(penalty) != len(loss):
            continue
        rest = np.median(_last(loss - penalty, 0.5))
        blind = min(abs(rest / chance - 1) for chance in _BLIND_LOSSES) < 0.1
        first = np.median(np.abs(gap[: max(3, len(gap) // 10)]))
        most = max(first, np.percentile(np.abs(_smooth(gap)), 90))
        if blind and most < BLIND:
            yield Finding(
                "the penalty flattens the discriminator",
                f"the outputs of {player} for real and generated examples have hardly"
                f" ever been more than {most:.2g} apart, even at the start.",
                "Any discriminator tells data from the noise that a generator begins"
                f" with; {BLIND} is a bet of {1 / (1 + np.exp(-BLIND)):.0%}.",
                "a tenth of the penalty's weight, until its outputs part.",
            )
    for player, gap in _unpenalised(curves):
        late = np.abs(_last(gap, 0.5)).max() if len(gap) >= 2 * YOUNG else np.inf
        if late < CLIPPED:
            yield Finding(
                "clipping flattens the critic",
                f"the gap of {player} has not exceeded {late:.1g} in the last half.",
                f"Below {CLIPPED} the generator's gradient is that small too: each"
                " layer of clipped weights shrinks it.",
                "a larger bound on the weights, or a gradient penalty instead.",
            )


def oscillation(curves: Curves) -> Iterator[Finding]:
    """Players that chase each other round and round."""
    for name, x in curves.items():
        if _metric(name) not in ("real", "fake", "gap") or len(x) < 4 * YOUNG:
            continue
        period, strength, swing = _period(_last(x, 0.5))
        if period:
            yield Finding(
                "oscillation",
                f"{name} swings by {swing:.2g} either way, every {period} logged steps"
                f" (correlation with itself one period later {strength:.2f}).",
                f"Noise has no period: this one repeats {PERIODS} times or more, by"
                f" over {SWING:.0f} in logits.",
                "a gradient penalty (R1), a lower momentum (beta1 = 0 or 0.5), a lower"
                " learning rate, or optimistic updates.",
            )
            return


def starved(curves: Curves) -> Iterator[Finding]:
    """Devices that wait for their input."""
    x = _known(curves, "waiting_for_data")
    if len(x) < YOUNG:
        return
    share = float(np.median(_last(x, 0.5)))
    if share > WAITING:
        yield Finding(
            "starved of input",
            f"the devices wait for data {share:.0%} of the time.",
            f"At {WAITING:.0%}, a quicker input makes the run a third quicker.",
            "--data-processes with more processes, smaller images on disk, or shards"
            " (experiments.make_shards).",
        )


RULES: tuple[Callable[[Curves], Iterator[Finding]], ...] = (
    near_nan, collapse, memorisation, winning, vanishing, flattened, oscillation,
    starved,
)  # fmt: skip


def curves_of(rows: Sequence[Mapping[str, Any]]) -> Curves:
    """Scalars by name, each as it was logged over the steps that have it."""
    found: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.items():
            if name != "step" and isinstance(value, int | float):
                found.setdefault(name, []).append(value)
    return {name: np.array(values, float) for name, values in found.items()}


def _known(curves: Curves, name: str) -> np.ndarray:
    return curves.get(name, np.zeros(0))


def _metric(name: str) -> str:
    return name.rpartition("/")[2]


def _discriminators(curves: Curves) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Player, outputs for real less those for generated examples, and loss."""
    for name in curves:
        player, _, metric = name.rpartition("/")
        fake, loss = (_known(curves, f"{player}/{x}") for x in ("fake", "loss"))
        real = curves[name]
        if metric == "real" and len(real) == len(fake) == len(loss):
            yield player, real - fake, loss


def _unpenalised(curves: Curves) -> Iterator[tuple[str, np.ndarray]]:
    """Wasserstein critics without a penalty, with their gaps."""
    known = {
        name.rpartition("/")[0]: x
        for name, x in curves.items()
        if _metric(name) == "gap"
    }
    for player, gap, loss in _discriminators(curves):
        if np.allclose(loss, -gap, rtol=0.02, atol=CLIPPED):
            known[player] = gap
    for player, gap in known.items():
        if f"{player}/penalty" not in curves:
            yield player, gap


def _last(x: np.ndarray, share: float) -> np.ndarray:
    return x[-max(1, int(len(x) * share)) :]


def _smooth(x: np.ndarray, count: int = 5) -> np.ndarray:
    return np.convolve(x, np.ones(count) / count, "valid")


def _period(x: np.ndarray) -> tuple[int, float, float]:
    """The period of a curve in points, its strength, and the size of its swing.

    A curve has a period where its correlation with itself falls below -0.5 and then
    rises above 0.5, at a delay that fits `PERIODS` times, and at twice that delay;
    otherwise, or where it swings by less than `SWING`, the period is 0.
    """
    x = x[np.isfinite(x)]
    at = np.arange(len(x))
    if len(x) < 4 * PERIODS:
        return 0, 0.0, 0.0
    x = x - np.polyval(np.polyfit(at, x, 1), at)
    swing = float(x.std())
    if swing <= SWING:
        return 0, 0.0, swing

    def alike(delay):
        return float((x[delay:] * x[: len(x) - delay]).mean()) / swing**2

    each = np.array([alike(delay) for delay in range(len(x) // PERIODS + 1)])
    below = np.flatnonzero(each < -ALIKE_AGAIN)
    if not len(below) or below[0] < 2:  # faster than the log can show
        return 0, 0.0, 0.0
    period = int(below[0] + each[below[0] :].argmax())
    weakest = min(each[period], alike(2 * period))
    return (period, each[period], swing) if weakest > ALIKE_AGAIN else (0, 0.0, 0.0)
