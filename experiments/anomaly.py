"""Finds images of classes a GAN has not seen: AnoGAN (arXiv:1703.05921).

    python -m experiments.dcgan_faces --data idx:MNIST --leave-out 0 --no-flip \
        --model.resolution 32 --model.channels 1 --workdir runs/mnist_without_0
    python -m experiments.anomaly --run runs/mnist_without_0

For every image x a latent z is sought whose image G(z) is like it. The anomaly score A
is 0.9 times the sum of |x - G(z)| over pixels, R, and 0.1 times that over features of
the discriminator. Normal are test images of the classes that the run was trained on,
anomalous those of classes left out. What a score is worth is the area under its ROC
curve: how often an anomalous image gets a larger score than a normal one. Next to it
stand two that need no search: the discriminator's own word, and the distance to the
nearest training image, which needs no GAN.

--workdir gets scores.png (a histogram and the ROC curves), images.png (image, G(z) and
where they differ) and results.json, with 95 per cent intervals of a bootstrap. A few
minutes on two CPU cores. Needs scikit-learn: `pip install -e ".[analysis]"`.
"""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax
from tqdm import tqdm

from jaxgan import metrics
from jaxgan.analysis import anomaly, search
from jaxgan.lab import cli, figures, sets
from jaxgan.lab import trained as lab_trained
from jaxgan.lab.data import say
from jaxgan.lab.sets import Reading

BLOCK = 128  # searches that step together
SHOWN = 8  # images of a kind in the picture
SCORES = {
    "A": "anomaly score A",
    "R": "residual R",
    "D": "features of D",
    "discriminator": "logit of D alone",
    "neighbour": "nearest training image",
}


@dataclasses.dataclass(frozen=True)
class Config:
    """What to look for, by which run."""

    run: pathlib.Path
    """Directory of a finished run of a GAN that left classes out; only read."""
    workdir: pathlib.Path = pathlib.Path("runs/anomaly")
    """Where pictures and results go."""
    data: str | None = None
    """Labelled images that the run was not trained on, as --data of training has them;
    the test part of the run's own set if left out."""
    images: int = 100
    """Normal images, and as many anomalous ones."""
    iterations: int = 500
    """Steps of a search."""
    restarts: int = 2
    """Searches an image."""
    combine: Literal["best", "mean"] = "best"
    """What an image gets of its searches: the scores of the best, or their mean."""
    candidates: int = 1024
    """Random latents, the nearest of which searches start from; as many as restarts
    makes starts random, as in the paper."""
    weight: float = 0.1
    """Of features in the score, the paper's lambda."""
    layer: int = -1
    """Which rectifier of the discriminator features are of; -1 is the last."""
    learning_rate: float = 0.1
    """Adam's at the start; it falls to 0 along half a cosine."""
    ema: bool = True
    """Use the moving average of the weights, not the weights themselves."""
    seed: int = 0
    """Of images and latents."""

    def __post_init__(self):
        figures.at_least(
            self, images=2, iterations=1, restarts=1, candidates=1, weight=0, seed=0
        )
        if self.weight > 1:
            raise ValueError(f"--weight is {self.weight}; it must be from 0 to 1")
        if self.candidates < self.restarts:
            raise ValueError(
                f"--candidates is {self.candidates}, fewer than the {self.restarts}"
                " restarts that are chosen from them; give more"
            )
        if self.learning_rate <= 0:
            raise ValueError(
                f"--learning-rate is {self.learning_rate}; it must be above 0"
            )


def main(config: Config) -> None:
    """Searches, scores, and only then writes."""
    area = _roc_auc_score()
    trained = lab_trained.open_run(config.run, ema=config.ema)
    left_out = tuple(trained.plain["data"].get("leave_out", ()))
    if not left_out:
        raise ValueError(
            f"{config.run} was trained on all classes, so none is anomalous; train with"
            " --leave-out"
        )
    lab_trained.check_draws(trained)
    if trained.classes:
        raise ValueError(
            f"{trained.name} has to be told the class of an image, which is what is"
            " asked here; give the run of a GAN without labels"
        )
    candidates = lab_trained.latents(
        trained, jax.random.key(config.seed), config.candidates
    )
    draw = lab_trained.drawing(trained)
    drawn = search.drawn_in_blocks(draw, candidates)
    images, labels, about = unseen(trained, drawn.shape[1:], left_out, config)
    say(f"images  {about}")
    real, _ = lab_trained.training_images(trained)
    some = np.random.default_rng(config.seed).permutation(len(real))
    judge = lab_trained.judging(trained, real[some[: lab_trained.REFERENCE]])
    shown = lab_trained.from_uint8(trained, images)
    anomalous = np.isin(labels, left_out)

    logits = figures.in_blocks(jax.jit(judge), np.asarray(shown), size=BLOCK)
    if logits.shape != (len(images),):
        raise ValueError(
            f"the discriminator of {trained.name} does not give one logit an image;"
            " give the run of a GAN whose discriminator does"
        )
    found, best = searched(draw, judge, shown, candidates, drawn, config)
    _, distance = metrics.nearest_neighbours(images, real)
    scores = {
        "A": found.total,
        "R": found.residual,
        "D": found.features,
        "discriminator": -logits,
        "neighbour": np.asarray(distance)[:, 0],
    }
    scores = {name: np.asarray(score) for name, score in scores.items()}
    rng = np.random.default_rng(config.seed)
    areas = {
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
    _scores_picture(config.workdir / "scores.png", scores, anomalous, areas)
    _images_picture(
        config.workdir / "images.png", trained, shown, best, scores["A"], anomalous
    )
    say(table(areas))
    figures.save_results(
        config.workdir / "results.json",
        {
            "run": str(config.run),
            "step": trained.step,
            "images": about,
            "left_out": left_out,
            "iterations": config.iterations,
            "restarts": config.restarts,
            "combine": config.combine,
            "candidates": config.candidates,
            "weight": config.weight,
            "layer": config.layer,
            "auc": areas,
            "label": labels.tolist(),
            "scores": {name: score.tolist() for name, score in scores.items()},
        },
    )


def unseen(
    trained: lab_trained.Trained,
    shape: tuple[int, ...],
    left_out: tuple[int, ...],
    config: Config,
) -> tuple[np.ndarray, np.ndarray, str]:
    """Test images, first normal and then anomalous ones, their labels, what they are.

    Raises:
        ValueError: there are none that were not trained on, they have no labels, or
            are too few.
    """
    spec, reading = lab_trained.trained_on(trained, shape, Reading())
    if config.data is not None:
        spec = config.data
    elif not (spec.startswith(("idx:", "tfds:")) or spec == "digits"):
        raise ValueError(
            f"{spec} has no part that {config.run} was not trained on; give labelled"
            " images by --data"
        )
    else:
        reading = dataclasses.replace(reading, split="test")
    opened = sets.open_set(spec, reading, 0, config.seed)
    if not opened.labelled:
        raise ValueError(
            f"{spec} has no labels, which say what is normal; give a labelled set by"
            " --data"
        )
    (block,) = opened.blocks(opened.count)
    images, labels = block
    assert labels is not None
    rng = np.random.default_rng(config.seed)
    chosen = []
    for kind, those in (
        ("normal", ~np.isin(labels, left_out)),
        ("anomalous", np.isin(labels, left_out)),
    ):
        places = np.flatnonzero(those)
        if len(places) < config.images:
            raise ValueError(
                f"--images is {config.images}, but {spec} has {len(places)} {kind}"
                " images; give fewer"
            )
        chosen.append(rng.permutation(places)[: config.images])
    index = np.concatenate(chosen)
    words = f"{config.images} normal, {config.images} of the classes left out"
    return images[index], labels[index], f"{opened.about}: {words}"


def searched(
    draw: Callable,
    judge: Callable,
    images: jax.Array,
    candidates: Any,
    drawn: jax.Array,
    config: Config,
) -> tuple[anomaly.Scores, np.ndarray]:
    """The scores of images `[B]`, and what was drawn for them, `[B, H, W, C]`."""
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
            state = step(state, repeated)  # looks at the last latents
            _, best = search.best_of(state.loss, state.best, restarts)
            if config.combine == "best":
                return last(best, image), compiled(best)
            every = last(state.best, repeated)
            mean = jax.tree.map(lambda x: x.reshape(-1, restarts).mean(1), every)
            return mean, compiled(best)

        last, compiled = jax.jit(score), jax.jit(draw)
        return figures.in_blocks(one, np.asarray(images), size=size)


def interval(
    normal: np.ndarray,
    anomalous: np.ndarray,
    rng: np.random.Generator,
    *,
    draws: int = 2000,
    level: float = 0.95,
) -> tuple[float, float]:
    """A bootstrap interval of the area under the ROC curve.

    Images of both kinds are drawn anew, with repeats, as many as there are. The area is
    the share of pairs in which the anomalous image has the larger score.

    Args:
        normal: scores `[N]`.
        anomalous: scores `[M]`.
        rng: of the draws.
        draws: how many.
        level: of the areas that lie inside, the percentiles being the ends.
    """
    larger = anomalous[:, None] > normal[None, :]
    wins = larger + 0.5 * (anomalous[:, None] == normal[None, :])
    m, n = wins.shape
    times = [rng.multinomial(k, np.full(k, 1 / k), draws) for k in (m, n)]
    areas = np.einsum("dm,mn,dn->d", times[0], wins, times[1], optimize=True) / (m * n)
    low, high = np.quantile(areas, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def table(areas: dict[str, Any]) -> str:
    """The areas as lines."""
    lines = ["area under the ROC curve (95% interval)"]
    for name, found in areas.items():
        low, high = found["interval"]
        lines.append(
            f"{SCORES[name]:>24}  {found['auc']:.3f} ({low:.3f} to {high:.3f})"
        )
    return "\n".join(lines)


def _roc_auc_score() -> Callable:
    try:
        from sklearn.metrics import roc_auc_score
    except ImportError:
        raise ValueError(
            "this needs scikit-learn, which is not installed: pip install -e"
            ' ".[analysis]"'
        ) from None
    return roc_auc_score


def _scores_picture(path, scores, anomalous, areas):
    """A histogram of the anomaly score, and the ROC curves of all."""
    figure = figures.new(11, 4.6, 0.05)
    left, right = figure.subplots(1, 2)
    score = scores["A"]
    bins = np.linspace(score.min(), score.max(), 31)
    for kind, those in (("normal", ~anomalous), ("anomalous", anomalous)):
        left.hist(score[those], bins, alpha=0.6, label=kind)
    left.set_xlabel("anomaly score A")
    left.set_ylabel("images")
    left.set_title("how unlike any drawn image")
    left.legend()
    for name, values in scores.items():
        order = np.argsort(-values, kind="stable")
        hits = anomalous[order]
        ends = np.append(np.diff(values[order]) != 0, True)  # ties are one step
        rise = np.append(0, np.cumsum(hits)[ends] / hits.sum())
        run = np.append(0, np.cumsum(~hits)[ends] / (~hits).sum())
        words = f"{SCORES[name]}: {areas[name]['auc']:.3f}"
        right.plot(run, rise, label=words, lw=2.5 if name == "A" else 1.3)
    right.plot([0, 1], [0, 1], color="grey", lw=0.8, ls=":")
    right.set_xlabel("share of normal images above the threshold")
    right.set_ylabel("share of anomalous images above")
    right.set_title("ROC curves, and the area under them")
    right.legend(loc="lower right", fontsize="small")
    figures.save(path, figure, "how well the scores tell the two kinds apart")


def _images_picture(path, trained, images, drawn, scores, anomalous):
    """Image, G(z) and residual: normal ones over anomalous ones."""
    low, high = lab_trained.range_of(trained)
    figure = figures.new(11, 8.6, 0.04)
    for axes, (kind, those) in zip(
        figure.subplots(2, 1),
        (("normal", ~anomalous), ("anomalous", anomalous)),
        strict=True,
    ):
        index = np.flatnonzero(those)[:SHOWN]
        x, g = ((np.asarray(y)[index] - low) / (high - low) for y in (images, drawn))
        residual = np.asarray(anomaly.residual_image(jnp.asarray(g), jnp.asarray(x)))
        residual = np.broadcast_to(residual[..., None], x.shape)
        figures.tiles(
            axes,
            np.stack([x, g, residual]),
            ["image", "G(z)", "residual"],
            [f"A = {scores[i]:.0f}" for i in index],
        )
        axes.set_title(kind)
    figures.save(path, figure, "images, what was drawn for them, and the difference")


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
