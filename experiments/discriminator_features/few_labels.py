"""Tests features with few labels: draws of labels, and a linear SVM."""

from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

CHOOSING = 10  # draws, at most, on which the regulariser is chosen; the paper's number
_RANK = 1e-10  # eigenvalues below this share of the largest are rounding errors


class Outcome(NamedTuple):
    """How well an SVM classifies features.

    Attributes:
        accuracies: on the test images, for each draw of labels, `[T]`.
        cost: the C that was chosen.
        validation: the mean accuracy on the validation images, for each cost.
    """

    accuracies: np.ndarray
    cost: float
    validation: np.ndarray


def drawn(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Draws the examples whose labels are given, equally many of every class.

    Args:
        labels: integers `[N]`, of all that may be drawn.
        count: how many; if it is not a multiple of the classes, the first classes get
            one more.
        seed: of the draw.

    Returns:
        Places among `labels`, `[count]`.

    Raises:
        ValueError: `count` is below the number of classes, or a class has too few
            examples.
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
    """Tests features with a linear SVM on every draw of labels and one regulariser.

    Features are centred on the labelled rows of a draw and scaled by one number, to a
    mean squared norm of 1, so that one list of costs serves features of any kind. The
    loss is the squared hinge, with one class against the rest.

    Args:
        features: float32 `[N, F]`, of all images.
        labels: integers `[N]`.
        draws: places of the labelled images, `[L]` for each draw.
        valid: places of the images to choose the cost on, by the mean accuracy of up to
            ten draws.
        test: places of the images to measure accuracies on.
        costs: values of C to choose from, ascending; the first of the best is taken.
        title: of the progress bar.

    Raises:
        ValueError: features are NaN or infinite.
    """
    if not np.isfinite(features).all():
        raise ValueError(
            f"features of {title!r} are NaN or infinite; the network has diverged, so"
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
    """Expresses rows to train on, and other rows, in the span of the first.

    The weights of an SVM are a linear combination of its training rows, so this only
    saves time: a row has a thousand numbers instead of ten thousand.
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
            "the SVM needs scikit-learn, which is not installed: pip install -e"
            ' ".[analysis]"'
        ) from None
    return LinearSVC


def check_installed() -> None:
    """Checks that scikit-learn is installed, before anything takes time.

    Raises:
        ValueError: it is not.
    """
    _svm()
