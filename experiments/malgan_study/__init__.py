"""Measures how well detectors of binary vectors withstand MalGAN, and re-training.

    python -m experiments.malgan_study
    python -m experiments.malgan_study --detectors LR DT --epochs 20

A defence study on vectors that are drawn from a distribution and stand for nothing
(after Hu and Tan, arXiv:1702.05983). Six detectors of scikit-learn are fitted; a
generator adds ones to positive vectors until a detector misses them, although it sees
only its answers; then the detector is fitted again with the changed vectors, and a new
generator is trained against that. Takes minutes on two CPU cores. Writes malgan.png,
malgan.md and results.json: true-positive rates on vectors that neither side trained on,
false-positive rates, and the ones that it took. Needs the extra `analysis`.
"""

import dataclasses
import pathlib
from typing import Annotated, Any, Literal, get_args

import jax
import numpy as np

from experiments.malgan_study import attack, vectors
from jaxgan import bounds, report
from jaxgan.lab import figures
from jaxgan.lab.spread import spread
from jaxgan.models import malgan
from jaxgan.train.terminal import say

Detector = Literal["RF", "LR", "DT", "SVM", "MLP", "VOTE"]
MEASURES = {  # in the order of the table
    "before": "before",
    "after": "after",
    "again": "re-trained, same vectors",
    "second": "re-trained, new generator",
    "bits": "ones added",
    "false": "false positives",
    "false_again": "false positives, re-trained",
    "agreement": "substitute agrees",
}
RATES = {"before": "#777777", "after": "#d1495b", "again": "#3a9d5d",
         "second": "#e8a33d"}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Config:
    """The detectors, and what is trained against them."""

    model: malgan.Config = malgan.Config()  # noqa: RUF009
    detectors: Annotated[tuple[Detector, ...], bounds.Long(1)] = get_args(Detector)
    """Random forest, logistic regression, decision tree, linear support vector machine,
    multi-layer perceptron, and the majority of these five."""
    examples: tuple[bounds.Count, bounds.Count, bounds.Count] = (600, 300, 300)
    """Positive vectors to train on, to choose the epoch by, and to test on; they are
    30 % of all."""
    epochs: bounds.Count = 30
    """Passes over the positive vectors, against each detector."""
    batch_size: bounds.Count = 60
    """Positive vectors a minibatch."""
    seeds: bounds.Count = 1
    """Repetitions, each with a distribution of its own."""
    workdir: pathlib.Path = pathlib.Path("runs/malgan_study")
    """Directory for the picture and the numbers."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def detector(name: Detector, seed: int) -> Any:
    """Makes a detector that is not fitted yet.

    Raises:
        ValueError: scikit-learn is not installed.
    """
    try:
        from sklearn import ensemble, linear_model, neural_network, svm, tree
    except ImportError:
        raise ValueError(
            "the detectors are those of scikit-learn, which is missing: install it"
            ' with pip install -e ".[analysis]"'
        ) from None
    if name == "RF":
        return ensemble.RandomForestClassifier(50, random_state=seed)
    if name == "LR":
        return linear_model.LogisticRegression(max_iter=1000)
    if name == "DT":
        return tree.DecisionTreeClassifier(random_state=seed)
    if name == "SVM":
        return svm.LinearSVC(C=0.1, random_state=seed)
    if name == "MLP":
        return neural_network.MLPClassifier(
            (64,), early_stopping=True, random_state=seed
        )
    others: tuple[Detector, ...] = ("RF", "LR", "DT", "SVM", "MLP")
    return ensemble.VotingClassifier([(n, detector(n, seed)) for n in others])


def studied(name: Detector, config: Config, seed: int) -> dict[str, float]:
    """The rates of a detector before, after, and after it is fitted again."""
    parts = vectors.drawn(config.model.features, config.examples, seed)
    train, validation, test = parts

    def fitted(*positives):
        x = np.concatenate([*positives, train.negative])
        y = np.arange(len(x)) < sum(map(len, positives))
        return detector(name, seed).fit(x, y.astype(int))

    def attacked(box):
        return attack.train(
            config.model, box, train, validation, epochs=config.epochs,
            batch_size=config.batch_size, seed=seed,
        )  # fmt: skip

    def changed(found, some):
        return attack.changed(config.model, found.variables, some, seed + 1)

    def rate(box, some):
        return float(box.predict(some).mean())

    box = fitted(train.positive)
    found = attacked(box)
    made = changed(found, test.positive)
    assert (made >= test.positive).all()
    again = fitted(train.positive, changed(found, train.positive))
    second = attacked(again)
    return {
        "before": rate(box, test.positive),
        "after": rate(box, made),
        "again": rate(again, made),
        "second": rate(again, changed(second, test.positive)),
        "bits": float((made - test.positive).sum(1).mean()),
        "false": rate(box, test.negative),
        "false_again": rate(again, test.negative),
        "agreement": found.agreement,
    }


def main(config: Config) -> None:
    """Studies every detector."""
    results: dict[str, dict[str, Any]] = {}
    for name in config.detectors:
        found = [studied(name, config, seed) for seed in range(config.seeds)]
        results[name] = {
            measure: spread([one[measure] for one in found])._asdict()
            for measure in MEASURES
        }
        said = ", ".join(f"{n} {results[name][n]['mean']:.3f}" for n in RATES)
        say(f"{name}: true-positive rate {said}")
    text = table(results)
    say(text)
    figure = figures.new(11, 4.2)
    draw(figure.subplots(), results)
    figures.save(config.workdir / "malgan.png", figure, "rates by detector")
    report.write(config.workdir / "malgan.md", text)
    figures.save_results(
        config.workdir / "results.json",
        {
            "model": dataclasses.asdict(config.model),
            "examples": list(config.examples),
            "epochs": config.epochs,
            "batch_size": config.batch_size,
            "seeds": config.seeds,
            "device": jax.devices()[0].device_kind,
            "detectors": results,
        },
    )


def table(results: dict[str, dict[str, Any]]) -> str:
    """Writes rates in percent, and ones, as Markdown: means over seeds."""
    lines = [
        f"| | {' | '.join(MEASURES.values())} |",
        "|---" * (len(MEASURES) + 1) + "|",
    ]
    for name, found in results.items():
        cells = [
            f"{found[n]['mean']:.1f}" if n == "bits" else f"{found[n]['mean']:.1%}"
            for n in MEASURES
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def draw(axes: Any, results: dict[str, dict[str, Any]]) -> None:
    """Draws the true-positive rates of every detector as bars."""
    places = np.arange(len(results))
    for i, (name, colour) in enumerate(RATES.items()):
        values = [100 * found[name]["mean"] for found in results.values()]
        bars = axes.bar(
            places + 0.2 * (i - 1.5), values, 0.19, color=colour, label=MEASURES[name]
        )
        axes.bar_label(bars, fmt="%.0f", size=8)
    axes.set_xticks(places, list(results))
    axes.set(ylabel="found, % of positive test vectors", ylim=(0, 118))
    axes.legend(frameon=False, ncols=4, loc="upper center")
    axes.spines[["top", "right"]].set_visible(False)
