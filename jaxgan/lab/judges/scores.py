"""Scores generated images by a classifier of the data, for results.json."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import data, metrics
from jaxgan.lab.judges.classifier import Classifier, Sets

SPLITS = 10  # of the images, for the spread of the MNIST score
DIVERSE = 1000  # images whose distances to each other are measured
DIGITS = tuple("0123456789")


def score(
    classifier: Classifier, images: Any, sets: Sets, labels: Any = None
) -> dict[str, Any]:
    """Scores generated images.

    Only numbers made with the same classifier and the same counts of images can be
    compared, so these stand among them, and what real images reach beside them.

    Args:
        classifier: of `_classifier.trained(sets)`.
        images: `[N, H, W, C]`, uint8 or floats in [0, 1], N of 2 or more.
        sets: the data; the Fréchet distance is to its test images.
        labels: the classes that were asked for, integers `[N]`, of a conditional model.

    Returns:
        Plain numbers and lists of them:

        - `class_share`, `class_divergence`: the histogram of predicted classes, and its
          divergence from the uniform one in nats, 0 at best;
        - `mnist_score`, `mnist_score_spread`: 1 to the number of classes, and its
          standard deviation over tenths of the images, each scored by itself; of sets
          whose classes are not digits, `class_score` and `class_score_spread`; that of
          test images is `mnist_score_of_test_images` or `class_score_of_test_images`;
        - `confidence`: the mean probability of the class that is seen; that of test
          images is `confidence_of_test_images`;
        - `frechet_distance`: of features to those of the test images, 0 at best; that
          of as many training images, or all, is `frechet_distance_of_training_images`;
        - `pairwise_distance`: mean L2 distance of images in [0, 1] to each other; that
          of test images is `pairwise_distance_of_test_images`;
        - `conditional_accuracy`: with labels only;
        - `scored_images`, `test_images`, `classifier_accuracy`: what they were made
          with.

    Raises:
        ValueError: if images or labels are not as above.
    """
    images = np.asarray(images)
    if len(images) < 2:
        raise ValueError(f"{len(images)} images cannot be scored: give 2 or more")
    # Of images that come class by class, a part would be of one class.
    order = _shuffled(len(images))
    images = images[order]
    features, logits = classifier.look(images)
    balance = metrics.class_balance(logits)
    parts = metrics.classifier_score(logits, min(SPLITS, len(images)))
    test, train = sets.test["image"], sets.train["image"]
    train = train[data.some(len(train), len(images))]
    test_features, test_logits = classifier.look(test)
    goal = metrics.gaussian_statistics(test_features)

    def distance(features):
        ours = metrics.gaussian_statistics(features)
        return float(metrics.frechet_distance(*ours, *goal))

    name = score_name(sets)
    found = {
        "class_share": [round(float(x), 6) for x in np.asarray(balance.share)],
        "class_divergence": float(balance.divergence),
        name: float(metrics.classifier_score(logits)[0]),
        f"{name}_spread": float(parts.std()),
        f"{name}_of_test_images": float(metrics.classifier_score(test_logits)[0]),
        "confidence": _confidence(logits),
        "confidence_of_test_images": _confidence(test_logits),
        "frechet_distance": distance(features),
        "frechet_distance_of_training_images": distance(classifier.features(train)),
        "pairwise_distance": _diversity(images),
        "pairwise_distance_of_test_images": _diversity(test[_shuffled(len(test))]),
        "scored_images": len(images),
        "test_images": len(test),
        "classifier_accuracy": classifier.accuracy,
    }
    if labels is not None:
        labels = np.asarray(labels)
        if labels.shape != order.shape:
            raise ValueError(
                f"labels has shape {labels.shape}, expected one for each of the"
                f" {len(images)} images"
            )
        accuracy = metrics.conditional_accuracy(logits, labels[order])
        found["conditional_accuracy"] = float(accuracy)
    return found


def score_name(sets: Sets) -> str:
    """What the score of a classifier is called: after MNIST for digits alone."""
    names = tuple(getattr(sets, "classes", DIGITS))
    return "mnist_score" if names == DIGITS else "class_score"


def _confidence(logits: np.ndarray) -> float:
    return float(jax.nn.softmax(jnp.asarray(logits)).max(1).mean())


def _shuffled(count: int) -> np.ndarray:
    return np.random.default_rng(0).permutation(count)


def _diversity(images: np.ndarray) -> float:
    some = images[:DIVERSE]
    if some.dtype == np.uint8:
        some = some.astype(np.float32) / 255
    return float(metrics.pairwise_diversity(some))
