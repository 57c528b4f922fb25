"""GANs on points of the plane: modes, samples, and the discriminator's landscape.

    python -m experiments.gan_2d
    python -m experiments.gan_2d --data swiss_roll --model.loss relativistic
    python -m experiments.gan_2d --model.loss minimax --model.penalty none
    python -m experiments.gan_2d --model.order simultaneous
    python -m experiments.gan_2d --model.order simultaneous --model.dynamics optimistic
    python -m experiments.gan_2d --preset grid25
    python -m experiments.gan_2d --preset notes
    python -m experiments.gan_2d --preset paper --data grid25

Seeds train at once, eight by default, in one vectorised program. Without flags: eight
Gaussians on a ring, the non-saturating loss with R1, minutes on two CPU cores; every
seed should cover all 8 modes. grid25: the 25 Gaussians of WGAN-GP (arXiv:1704.00028)
with smaller nets, all modes in a quarter of an hour. notes: four Gaussians, a generator
of 2 layers of 20 units and a critic of 4 of 10, at ten times WGAN-GP's step size for a
fifth of its steps. paper: WGAN-GP's nets and its 100,000 steps, for an accelerator.

The run directory gets samples.png (generated points over the discriminator's contours,
one panel a seed; the line is its median on data), animation.gif, curves.png and
results.json: modes covered (with one sample near, and with a tenth of their due), the
share of samples within three sigma of a mode, and the Kullback-Leibler divergences of
histograms (50 bins of the common range, 1 added to every count), each as mean and
spread over the seeds. The same command goes on where it stopped.
"""

import dataclasses
import pathlib
from typing import Annotated, Any, Literal

import jax
import numpy as np
import tyro

from jaxgan import bounds, compose, metrics, report, train
from jaxgan.data.synthetic.points import grid, ring, swiss_roll
from jaxgan.game import Turn, algorithm, variables
from jaxgan.lab import cli, clouds, figures
from jaxgan.models.toys import points_gan
from jaxgan.train.terminal import say

SIDE = 96  # of the lattice on which the discriminator is drawn
SHOWN = 1000  # points drawn of each cloud
SETS = {
    "ring4": ring(4),
    "ring8": ring(8),
    "grid25": grid(25),
    "swiss_roll": swiss_roll(),
}


@dataclasses.dataclass(frozen=True)
class Config:
    """Training GANs on points of the plane, several seeds at once."""

    run: Annotated[train.Run, tyro.conf.arg(name="")]
    model: points_gan.Config
    data: Literal["ring4", "ring8", "grid25", "swiss_roll"] = "ring8"
    """The points."""
    seeds: bounds.Count = 8
    """Seeds that train at once."""
    points: bounds.Count = 10_000
    """Points of each kind that results are measured on."""
    preset: Literal["laptop", "grid25", "notes", "paper"] = "laptop"
    """laptop, grid25, notes: minutes on two cores; paper: WGAN-GP's nets."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if self.model.data != 2:
            raise ValueError(
                f"--model.data is {self.model.data}, but these points have 2"
                " coordinates"
            )


def _run(name: str, steps: int, sheets: int) -> train.Run:
    return train.Run(
        workdir=pathlib.Path("runs") / name,
        steps=steps,
        batch_size=256,
        log_every=max(20, steps // 400),
        sample_every=steps // sheets,
        checkpoint_every=max(1000, steps // 10),
    )


SMALL = points_gan.Config(
    generator=(64, 64, 64),
    discriminator=(64, 64, 64),
    loss="non_saturating",
    penalty="r1",
    weight=0.02,
    discriminator_steps=1,
    learning_rate=1e-3,
    decay_steps=16_000,
    ema=0.99,
)
PRESETS = {
    "laptop": Config(run=_run("gan_2d", 16_000, 40), model=SMALL),
    "grid25": Config(
        run=_run("gan_2d_grid25", 20_000, 40),
        model=points_gan.Config(
            generator=(64, 64, 64),
            discriminator=(64, 64, 64),
            learning_rate=1e-3,
            decay_steps=20_000,
            ema=0.99,
        ),
        data="grid25",
        preset="grid25",
    ),
    "notes": Config(
        run=_run("gan_2d_notes", 20_000, 40),
        model=points_gan.Config(
            generator=(20, 20),
            discriminator=(10, 10, 10, 10),
            learning_rate=1e-3,
            decay_steps=20_000,
            ema=0.99,
        ),
        data="ring4",
        seeds=4,
        preset="notes",
    ),
    "paper": Config(
        run=_run("gan_2d_paper", 100_000, 100),
        model=points_gan.Config(),
        preset="paper",
    ),
}


def measure(config: Config, states: Any, key: jax.Array) -> dict[str, jax.Array]:
    """What is known of every seed: numbers `[K]`, divergences `[K, 2]`, points.

    Samples are of the averaged generator, losses of the one in training.
    """
    points, model = SETS[config.data], config.model
    game = points_gan.game(model)
    for_real, for_latent, for_loss = jax.random.split(key, 3)
    real = points.sample(for_real, config.points)
    latent = points_gan.latent(model, for_latent, config.points)
    least = max(1, config.points // (10 * len(points.centres)))
    box = clouds.lattice(clouds.window(points), SIDE)

    def one(state):
        fake = points_gan.sample(model, compose.ema_variables(state), latent)
        now, turn = variables(state), Turn(for_loss, state.step)
        score = lambda x: points_gan.score(model, now, x)  # noqa: E731
        loss = {
            f"{name}_loss": player.loss(now, {"data": real}, turn)[0]
            for name, player in game.players.items()
        }
        forward, backward = metrics.histogram_kl(real, fake)
        return loss | {
            "modes": metrics.modes_covered(fake, points.centres, points.sigma),
            "modes_with_a_tenth": metrics.modes_covered(
                fake, points.centres, points.sigma, least=least
            ),
            "high_quality": metrics.high_quality_fraction(
                fake, points.centres, points.sigma
            ),
            "kl_real_fake": forward,
            "kl_fake_real": backward,
            "fake": fake[:SHOWN],
            "scores": score(box),
            "boundary": jax.numpy.median(score(real)),
        }

    return jax.vmap(one)(states) | {"real": real[:SHOWN]}


PICTURES = ("fake", "scores", "boundary", "real")  # of `measure`, not results


def draw(axes, config: Config, seen: dict[str, np.ndarray], seed: int, size: float):
    """One seed: data and samples over the discriminator."""
    clouds.draw_plane(
        axes,
        clouds.window(SETS[config.data]),
        seen["scores"][seed],
        float(seen["boundary"][seed]),
        (
            (seen["real"], clouds.REAL, 2.5 * size),
            (seen["fake"][seed], clouds.FAKE, size),
        ),
    )


def title(config: Config, seen: dict[str, np.ndarray], step: int, seed: int) -> str:
    """The step, the losses and the divergences of one seed."""
    forward, backward = (
        ", ".join(f"{x:.3f}" for x in seen[name][seed])
        for name in ("kl_real_fake", "kl_fake_real")
    )
    return (
        f"step {step:,}: loss of D {seen['discriminator_loss'][seed]:.3f}, of G"
        f" {seen['generator_loss'][seed]:.3f}, {int(seen['modes'][seed])} of"
        f" {len(SETS[config.data].centres)} modes\n"
        f"KL(real‖fake) [{forward}], KL(fake‖real) [{backward}]"
    )


def frame(config: Config, seen: dict[str, np.ndarray], step: int) -> np.ndarray:
    """The first seed, as one picture of the animation."""
    figure = figures.new(3.8, 4.1)
    axes = figure.subplots()
    draw(axes, config, seen, 0, 5)
    axes.set_title(title(config, seen, step, 0), size=7)
    return clouds.pixels(figure)


def overview(config: Config, seen: dict[str, np.ndarray], step: int):
    """The first seed large, the others small."""
    others = range(1, config.seeds)
    columns = -(-len(others) // 2)
    figure = figures.new(5.6 + 2.7 * columns, 6.1)
    cells = figure.add_gridspec(2, 2 + columns)
    large = figure.add_subplot(cells[:, :2])
    draw(large, config, seen, 0, 7)
    large.set_title(title(config, seen, step, 0), size=10)
    for i in others:
        axes = figure.add_subplot(cells[(i - 1) // columns, 2 + (i - 1) % columns])
        draw(axes, config, seen, i, 3)
        axes.set_title(
            f"seed {i}: {int(seen['modes'][i])} modes,"
            f" {seen['high_quality'][i]:.0%} near one",
            size=9,
        )
    if len(others) % 2:  # room for a legend
        axes = figure.add_subplot(cells[1, -1])
        axes.set_axis_off()
        for colour, text, marker in (
            (clouds.REAL, "data", "o"),
            (clouds.FAKE, "samples", "o"),
            (clouds.LINE, "median of D\non data", "_"),
        ):
            axes.plot([], [], marker, color=colour, label=text, ms=8, mew=2)
        axes.legend(loc="center", frameon=False, fontsize=11, labelspacing=1.2)
    return figure


def main(config: Config) -> None:
    """Trains, or goes on training, and measures."""
    run, points = config.run, SETS[config.data]
    if jax.process_count() > 1:
        raise ValueError("points need no second process; leave out --processes")
    game = points_gan.game(config.model)
    key = jax.random.fold_in(jax.random.key(run.seed), 0x6C6F6F6B)
    measured = jax.jit(lambda states: measure(config, states, key))

    def seen_in(state) -> dict[str, np.ndarray]:
        return jax.tree.map(np.asarray, measured(state.members))

    def show(state):
        seen = seen_in(state)
        numbers = {
            f"samples/{name}": float(np.mean(value))
            for name, value in seen.items()
            if name not in PICTURES and not name.endswith("_loss")
        }
        return numbers | {"frame": frame(config, seen, int(state.step))[None]}

    say(
        f"{run.steps:,} steps of {config.seeds} seeds at once on {config.data},"
        f" {config.model.loss} with penalty {config.model.penalty}; results in"
        f" {run.workdir}"
    )
    state = train.train(
        compose.seeds(algorithm(game, accumulate=run.accumulate), config.seeds),
        clouds.feed(points, run, game.repeats, config.seeds),
        run,
        dataclasses.asdict(config),
        show,
        train.devices(run),
    )
    seen = seen_in(state)
    results = clouds.spread(
        {name: value for name, value in seen.items() if name not in PICTURES}
    )
    for name, of in results.items():
        mean, std = (np.mean(of[x]) for x in ("mean", "std"))
        say(f"{name:>20}  {mean:.4g} ± {std:.2g}")
    covered = seen["modes"] == len(points.centres)
    say(f"all {len(points.centres)} modes: {covered.sum()} of {config.seeds} seeds")
    figures.save(
        run.workdir / "samples.png",
        overview(config, seen, int(state.step)),
        "samples over the discriminator",
    )
    rows = report.read_scalars(run.workdir / "scalars.jsonl")
    report.save_png(run.workdir / "curves.png", report.curves(rows, "GANs on points"))
    clouds.save_frames(
        run.workdir / "animation.gif",
        clouds.frames(run.workdir / "samples", "frame"),
    )
    figures.save_results(
        run.workdir / "results.json",
        {
            "steps": int(state.step),
            "modes_there": len(points.centres),
            "seeds_that_cover_all": int(covered.sum()),
            **results,
            "setting": train.as_json(dataclasses.asdict(config)),
        },
    )


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
