"""Searches for the latents of images, and computes and rates the anomaly scores."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from tqdm import tqdm

from jaxgan.analysis import anomaly, search
from jaxgan.data.labels import numbers
from jaxgan.lab import classes, inference, sets
from jaxgan.lab.blocks import in_blocks
from jaxgan.lab.sets import Reading

BLOCK = 128  # searches in a batch


def unseen(
    trained: inference.Trained,
    shape: tuple[int, ...],
    left_out: tuple[int | str, ...],
    config: Any,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Chooses test images, normal ones first; classes are those of the run by name.

    Args:
        trained: the model of the run.
        shape: of an image that it draws.
        left_out: classes that it was not trained on.
        config: the flags.

    Returns:
        The images, the names of their classes, whether they are anomalous, and a
        description.

    Raises:
        ValueError: the run was trained on all of them, they have no labels, or they
            are too few.
    """
    spec, reading = inference.trained_on(trained, shape, Reading())
    if config.data is not None:
        spec = config.data
    elif not (spec.startswith(("idx:", "tfds:")) or spec == "digits"):
        raise ValueError(
            f"{spec} has no part that {config.run[0]} was not trained on; give labelled"
            " images with --data"
        )
    else:
        reading = dataclasses.replace(reading, split="test")
    opened = sets.open_set(spec, reading, 0, config.seed)
    if not opened.labelled:
        raise ValueError(
            f"{spec} has no labels, which are needed to tell what is normal; give a"
            " labelled set with --data"
        )
    (block,) = opened.blocks(opened.count)
    images, labels = block
    assert labels is not None
    names = trained.plain.get("class_names") or opened.classes
    names = tuple(names) or tuple(map(str, range(1 + max(0, labels.max()))))
    labels = classes.of_run(trained.plain, labels, opened.classes)
    out = numbers(left_out, names)
    rng = np.random.default_rng(config.seed)
    chosen = []
    for kind, those in (
        ("normal", (labels >= 0) & ~np.isin(labels, out)),
        ("anomalous", np.isin(labels, out)),
    ):
        places = np.flatnonzero(those)
        if len(places) < config.images:
            raise ValueError(
                f"--images is {config.images}, but {spec} has {len(places)} {kind}"
                f" images, of the classes {', '.join(names[:20])} that the run knows by"
                " name; give fewer"
            )
        chosen.append(rng.permutation(places)[: config.images])
    index = np.concatenate(chosen)
    words = f"{config.images} normal, {config.images} of the classes left out"
    given = np.array([names[label] for label in labels[index]])
    anomalous = np.isin(labels[index], out)
    return images[index], given, anomalous, f"{opened.about}: {words}"


def searched(
    draw: Callable,
    judge: Callable,
    images: jax.Array,
    candidates: Any,
    drawn: jax.Array,
    config: Any,
) -> tuple[anomaly.Scores, np.ndarray]:
    """Searches for images `[B, H, W, C]`.

    Args:
        draw: latents to images.
        judge: images to logits.
        images: to search for.
        candidates: random latents to start from.
        drawn: their images.
        config: the flags.

    Returns:
        Scores `[B]`, and what was drawn for the images, `[B, H, W, C]`.
    """
    features = anomaly.discriminator_features(judge, config.layer)
    restarts = config.restarts
    schedule = optax.cosine_decay_schedule(config.learning_rate, config.iterations)

    def score(latent, image):
        return anomaly.anomaly_scores(
            draw(latent), image, features, weight=config.weight
        )

    @jax.jit
    def start(image):
        far = jax.lax.map(lambda x: jnp.abs(drawn - x[None]).sum((1, 2, 3)), image)
        return search.starts(far, candidates, restarts)

    found = search.search(
        lambda latent, image: score(latent, image).total,
        optax.adam(schedule),
        project=search.within(candidates),
    )
    step, size = jax.jit(found.step), min(len(images), max(1, BLOCK // restarts))
    blocks = -(-len(images) // size)
    with tqdm(
        total=blocks * config.iterations, desc="search", unit="step", disable=None
    ) as bar:

        def one(image):
            state, repeated = found.init(start(image)), jnp.repeat(image, restarts, 0)
            for _ in range(config.iterations):
                state = step(state, repeated)
                bar.update()
            state = step(state, repeated)  # computes the scores of the last latents
            _, best = search.best_of(state.loss, state.best, restarts)
            if config.combine == "best":
                return last(best, image), compiled(best)
            every = last(state.best, repeated)
            mean = jax.tree.map(lambda x: x.reshape(-1, restarts).mean(1), every)
            return mean, compiled(best)

        last, compiled = jax.jit(score), jax.jit(draw)
        return in_blocks(one, np.asarray(images), size=size)


def areas_of(
    scores: dict[str, np.ndarray],
    anomalous: np.ndarray,
    labels: np.ndarray,
    area: Callable,
    seed: int,
) -> dict[str, dict[str, Any]]:
    """The area of each score, its interval, and the areas for each anomalous class.

    Args:
        scores: `[B]` each, larger for what is less usual.
        anomalous: which images are, `[B]`.
        labels: names of the images' classes, `[B]`.
        area: `roc_auc_score()`.
        seed: of the bootstrap.
    """
    rng = np.random.default_rng(seed)
    return {
        name: {
            "auc": float(area(anomalous, score)),
            "interval": interval(score[~anomalous], score[anomalous], rng),
            "by_class": {
                str(c): float(area(anomalous[kept], score[kept]))
                for c in sorted(set(labels[anomalous].tolist()))
                for kept in [~anomalous | (labels == c)]
            },
        }
        for name, score in scores.items()
    }


def interval(
    normal: np.ndarray,
    anomalous: np.ndarray,
    rng: np.random.Generator,
    *,
    draws: int = 2000,
    level: float = 0.95,
) -> tuple[float, float]:
    """Computes a bootstrap interval of the area under the ROC curve.

    Images of each kind are drawn with replacement, as many as there are. The area is
    the share of pairs in which the anomalous image has the larger score.

    Args:
        normal: scores `[N]`.
        anomalous: scores `[M]`.
        rng: the source of the draws.
        draws: the number of bootstrap samples.
        level: the share of areas inside the interval, whose ends are percentiles.
    """
    larger = anomalous[:, None] > normal[None, :]
    wins = larger + 0.5 * (anomalous[:, None] == normal[None, :])
    m, n = wins.shape
    times = [rng.multinomial(k, np.full(k, 1 / k), draws) for k in (m, n)]
    areas = np.einsum("dm,mn,dn->d", times[0], wins, times[1], optimize=True) / (m * n)
    low, high = np.quantile(areas, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def reconstruction_error(
    images: np.ndarray, real: np.ndarray, components: int, seed: int
) -> np.ndarray:
    """The error of images that are drawn from principal components of others.

    Args:
        images: uint8 `[B, H, W, C]`.
        real: the images that have the components, uint8 `[N, H, W, C]`.
        components: how many; at most N - 1 and the number of values of an image.
        seed: of the randomised decomposition.

    Returns:
        The Euclidean distance of each image from its reconstruction, `[B]`, of values
        in 0..255.
    """
    from sklearn.decomposition import PCA

    flat, x = (y.reshape(len(y), -1).astype("float32") for y in (real, images))
    count = min(components, len(flat) - 1, flat.shape[1])
    found = PCA(count, svd_solver="randomized", random_state=seed).fit(flat)
    again = found.inverse_transform(found.transform(x))
    return np.linalg.norm(x - again, axis=1)


def roc_auc_score() -> Callable:
    """Scikit-learn's area under the ROC curve.

    Raises:
        ValueError: it is not installed.
    """
    try:
        from sklearn import metrics
    except ImportError:
        raise ValueError(
            "this needs scikit-learn, which is not installed: pip install -e"
            ' ".[analysis]"'
        ) from None
    return metrics.roc_auc_score
