"""How good features are to whoever has a few labels: draws of labels, a linear SVM."""

from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

CHOOSING = 10  # draws that the regulariser is chosen on, at most, as the paper does
_RANK = 1e-10  # of the largest eigenvalue; below it there is only rounding


class Outcome(NamedTuple):
    """What an SVM makes of features.

    Attributes:
        accuracies: on the test images, one a draw of labels, `[T]`.
        cost: the C that was chosen.
        validation: the mean accuracy on the validation images, one a cost.
    """

    accuracies: np.ndarray
    cost: float
    validation: np.ndarray


def held_out(labels: np.ndarray, share: int = 6) -> np.ndarray:
    """Which images to test on where a set has no part for that.

    Args:
        labels: integers `[N]`.
        share: the last one in so many of every class is held out, so that sets in the
            order of their classes work too.

    Returns:
        bool `[N]`.
    """
    out = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        out[places[len(places) - len(places) // share :]] = True
    return out


def drawn(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Draws examples whose labels are given, as many of each class as of the others.

    Args:
        labels: integers `[N]`, of all that may be drawn.
        count: how many; where classes do not divide it, the first get one more.
        seed: of the draw.

    Returns:
        Places among `labels`, `[count]`.

    Raises:
        ValueError: fewer are asked for than there are classes, or a class has too few.
    """
    classes = np.unique(labels)
    if count < len(classes):
        raise ValueError(
            f"--labels is {count}, but there are {len(classes)} classes; give at least"
            " one label of each"
        )
    rng, chosen = np.random.default_rng(seed), []
    for i, label in enumerate(classes):
        places = np.flatnonzero(labels == label)
        wanted = count // len(classes) + (i < count % len(classes))
        if len(places) < wanted:
            fewest = min(int((labels == c).sum()) for c in classes)
            raise ValueError(
                f"--labels {count} asks for {wanted} images of class {label}, which has"
                f" {len(places)} to train on; give at most {fewest * len(classes)}"
            )
        chosen.append(rng.choice(places, wanted, replace=False))
    return np.concatenate(chosen)


def judged(
    features: np.ndarray,
    labels: np.ndarray,
    draws: list[np.ndarray],
    valid: np.ndarray,
    test: np.ndarray,
    *,
    costs: tuple[float, ...],
    title: str = "",
) -> Outcome:
    """Tests features: a linear SVM on every draw of labels, one regulariser for all.

    Features are centred on the labelled rows of a draw and scaled by one number, to a
    mean squared norm of 1, so that one list of costs serves features of any kind. The
    loss is the squared hinge, classes go one against the rest.

    Args:
        features: float32 `[N, F]`, of all images.
        labels: integers `[N]`.
        draws: places of the labelled images, `[L]` a draw.
        valid: places of those that the cost is chosen on, by the mean accuracy of at
            most ten draws.
        test: places of those that accuracies are of.
        costs: values of C to choose from, ascending; the first of equals is taken.
        title: of the progress bar.

    Raises:
        ValueError: features are not finite.
    """
    if not np.isfinite(features).all():
        raise ValueError(
            f"features of {title!r} have NaN or infinity; the network has diverged, so"
            " take another run"
        )
    some = draws[:CHOOSING]
    right = np.zeros((len(some), len(costs)))
    total = len(some) * len(costs) + len(draws)
    with tqdm(total=total, desc=title, unit="fit", leave=False, disable=None) as bar:
        for i, draw in enumerate(some):
            rows = _in_span(features, draw, valid)
            for j, cost in enumerate(costs):
                right[i, j] = _accuracy(*rows, labels[draw], labels[valid], cost)
                bar.update()
        cost = costs[int(right.mean(0).argmax())]
        accuracies = []
        for draw in draws:
            rows = _in_span(features, draw, test)
            accuracies.append(_accuracy(*rows, labels[draw], labels[test], cost))
            bar.update()
    return Outcome(np.array(accuracies), cost, right.mean(0))


def _in_span(features, draw, other):
    """Rows to train on and others, as coordinates in the span of the former.

    The weights of an SVM are a sum of the rows that it was trained on, so this changes
    nothing but the time: a thousand numbers a row instead of ten thousand.
    """
    train = features[draw].astype(np.float64)
    mean = train.mean(0)
    train -= mean[None]
    scale = np.sqrt(np.square(train).sum(1).mean()) or 1.0
    train /= scale
    rest = (features[other] - mean[None].astype(features.dtype)) / features.dtype.type(
        scale
    )
    if train.shape[1] <= len(train):
        return train, rest
    values, vectors = np.linalg.eigh(train @ train.T)
    large = values > _RANK * values[-1]
    roots, vectors = np.sqrt(values[large]), vectors[:, large]
    axes = train.T @ (vectors / roots[None])  # [F, rank], orthonormal
    return vectors * roots[None], rest @ axes.astype(features.dtype)


def _accuracy(train, rest, train_labels, rest_labels, cost) -> float:
    model = _svm()(C=cost, dual=False, max_iter=10_000)
    model.fit(train, train_labels)
    return float((model.predict(rest) == rest_labels).mean())


def _svm() -> Any:
    try:
        from sklearn.svm import LinearSVC
    except ImportError:
        raise ValueError(
            "scikit-learn is not installed, which the SVM comes from: pip install -e"
            ' ".[analysis]"'
        ) from None
    return LinearSVC


def check_installed() -> None:
    """Sees that scikit-learn is there, before anything takes time.

    Raises:
        ValueError: it is not.
    """
    _svm()
