"""A GAN on the line: densities, the discriminator and the generator's map, over time.

    python -m experiments.gan_1d
    python -m experiments.gan_1d --data mixture
    python -m experiments.gan_1d --model.loss minimax --model.discriminator-steps 3

The figure of Goodfellow et al. (arXiv:1406.2661), measured instead of sketched. Less
than a minute on a CPU. The run directory gets evolution.png: the data's density, the
generator's, D(x) and the best possible D, and arrows from latents z to G(z), at four
times; below, C(G) = -log 4 + 2 JSD(data, fakes), the value of the game at the best D,
and the value at the D that there is. As training goes on D tends to 1/2 and C(G) to
-log 4. animation.gif shows the same in motion, results.json has the numbers.

The generator's density is a kernel estimate on evenly spaced latents; the data's is
blurred by the same kernel, so that equal distributions are at a divergence of zero.
"""

import dataclasses
import pathlib
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from jaxgan import bounds
from jaxgan.data.synthetic.points import Points, density, mixture
from jaxgan.game import algorithm, variables
from jaxgan.lab import cli, clouds, figures
from jaxgan.models.toys import points_gan
from jaxgan.train.terminal import say

SETS = {
    "gaussian": mixture(np.array([[2.0]]), 0.6),
    "mixture": mixture(np.array([[0.5], [3.5]]), 0.4),
}
LOGITS = ("non_saturating", "minimax", "boundary_seeking")
GRID = np.linspace(-4.0, 8.0, 1201, dtype=np.float32)
WINDOW = (-1.0, 5.0)
LATENTS = 2048
ARROWS = 17
BANDWIDTH = 0.08
EVERY = 5  # steps between measurements
SMALL = points_gan.Config(
    data=1,
    latent=1,
    latent_distribution="uniform",
    generator=(32, 32),
    discriminator=(48, 48),
    activation="leaky_relu",
    loss="non_saturating",
    penalty="r1",
    weight=0.1,
    discriminator_steps=5,
    learning_rate=2e-3,
    beta1=0.0,
    decay_steps=4000,
)


@dataclasses.dataclass(frozen=True)
class Config:
    """Training a GAN on the line."""

    model: points_gan.Config = SMALL
    data: Literal["gaussian", "mixture"] = "gaussian"
    """One Gaussian, or two."""
    steps: Annotated[int, bounds.Within(EVERY)] = 4000
    """Steps to train for, rounded down to fives."""
    batch_size: bounds.Count = 256
    """Points a minibatch."""
    seed: bounds.Natural = 0
    """Seed of weights, data and noise."""
    frames: bounds.Natural = 36
    """Pictures of the animation; 0 for none."""
    workdir: pathlib.Path = pathlib.Path("runs/gan_1d")
    """Where the pictures go."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        for name in ("data", "latent"):
            if getattr(self.model, name) != 1:
                raise ValueError(
                    f"--model.{name} is {getattr(self.model, name)}; on the line it"
                    " is 1"
                )
        if self.model.loss not in LOGITS:
            raise ValueError(
                f"the scores of --model.loss {self.model.loss} are no logits, so there"
                f" is no D(x) to draw; take one of {', '.join(LOGITS)}"
            )


def evenly(model: points_gan.Config) -> np.ndarray:
    """Latents at equal steps of probability: `[LATENTS, 1]`."""
    u = (np.arange(LATENTS, dtype=np.float32) + 0.5) / LATENTS
    if model.latent_distribution == "uniform":
        return (2 * u - 1)[:, None]
    return np.asarray(jax.scipy.stats.norm.ppf(u))[:, None]


def train(config: Config) -> dict[str, np.ndarray]:
    """Trains; every few steps, the logits on the grid and samples: `[T, ...]`."""
    model, points = config.model, SETS[config.data]
    game = points_gan.game(model)
    run, repeats = algorithm(game), game.repeats
    grid, latent = jnp.asarray(GRID)[:, None], jnp.asarray(evenly(model))
    key = jax.random.key(config.seed)

    def batch(step):
        for_step = jax.random.fold_in(jax.random.fold_in(key, 1), step)
        drawn = points.sample(for_step, repeats * config.batch_size)
        shape = (repeats, -1, 1) if repeats > 1 else (-1, 1)
        return {"data": drawn.reshape(shape)}

    def measured(state):
        now = variables(state)
        return {
            "step": state.step,
            "logits": points_gan.score(model, now, grid),
            "samples": points_gan.sample(model, now, latent)[:, 0],
        }

    def some_steps(state, _):
        seen = measured(state)
        play = lambda state, _: (run.step(state, batch(state.step))[0], None)  # noqa: E731
        return lax.scan(play, state, length=EVERY)[0], seen

    @jax.jit
    def all_of_it(key):
        state = run.init(key, batch(0))
        state, seen = lax.scan(some_steps, state, length=config.steps // EVERY)
        return jax.tree.map(
            lambda x, last: jnp.concatenate([x, last[None]]), seen, measured(state)
        )

    return jax.tree.map(np.asarray, all_of_it(key))


def blurred(points: Points) -> Points:
    """The data as the kernel estimate sees it."""
    return mixture(points.centres, float(np.hypot(points.sigma, BANDWIDTH)))


def values(points: Points, seen: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """C(G), the value V(D, G) of the game, and the mean of D on data: each `[T]`."""
    p = density(blurred(points), GRID[:, None])

    def one(moment):
        logits, samples = moment
        q = density_of(samples)
        integral = lambda x: jnp.trapezoid(x, GRID)  # noqa: E731
        # x log x is 0 at 0, where a kernel estimate soon arrives.
        entropy = lambda x: integral(jax.scipy.special.xlogy(x, x))  # noqa: E731
        middle = (p + q) / 2
        jsd = (entropy(p) + entropy(q)) / 2 - entropy(middle)
        value = integral(p * jax.nn.log_sigmoid(logits))
        value += integral(q * jax.nn.log_sigmoid(-logits))
        return {
            "c": -jnp.log(4.0) + 2 * jsd,
            "v": value,
            "d": integral(p * jax.nn.sigmoid(logits)),
        }

    moments = (seen["logits"], seen["samples"])
    return jax.tree.map(np.asarray, jax.jit(lambda m: lax.map(one, m))(moments))


def density_of(samples) -> jax.Array:
    """The generator's density on the grid, of mass one there."""
    # The samples are traced, so this is `density` of a `Points` without its checks.
    kernels = Points(lambda key, count: samples, samples[:, None], BANDWIDTH)
    q = density(kernels, GRID[:, None])
    return q / jnp.maximum(jnp.trapezoid(q, GRID), 1e-6)


def draw(axes: Axes, config: Config, seen: dict[str, Any], title: str) -> None:
    """Densities, D and the arrows, at one time."""
    points = SETS[config.data]
    p, q = density(points, GRID[:, None]), density_of(seen["samples"])
    grid, top = GRID, 1.08
    scale = 0.8 / float(np.max(p))  # densities at a scale of their own
    best = density(blurred(points), GRID[:, None])
    best = best / (best + q + 1e-9)
    axes.plot(grid, np.minimum(scale * p, 2), color=clouds.REAL, lw=2, ls=":")
    axes.fill_between(
        grid, np.minimum(scale * q, top), color=clouds.FAKE, alpha=0.25, lw=0
    )
    axes.plot(grid, np.minimum(scale * q, 2), color=clouds.FAKE, lw=2)
    axes.plot(grid, best, color=clouds.LINE, lw=1, alpha=0.45)
    d = 1 / (1 + np.exp(-np.clip(seen["logits"], -30, 30)))
    axes.plot(grid, d, color=clouds.LINE, lw=2, ls="--")
    axes.axhline(0.5, color="#cccccc", lw=0.8, zorder=0)
    low, floor = -0.08, -0.45
    for level in (low, floor):
        axes.plot(WINDOW, (level, level), color="#555555", lw=1)
    where = np.linspace(0, LATENTS - 1, ARROWS + 2).astype(int)[1:-1]
    for i in where:
        start = WINDOW[0] + (i + 0.5) / LATENTS * (WINDOW[1] - WINDOW[0])
        axes.annotate(
            "",
            (float(np.clip(seen["samples"][i], *WINDOW)), low),
            (start, floor),
            arrowprops={"arrowstyle": "->", "color": "#555555", "lw": 0.6},
        )
    axes.text(WINDOW[1], low + 0.02, "$x$", ha="right", size=9)
    axes.text(WINDOW[1], floor + 0.02, "$z$", ha="right", size=9)
    axes.set(xlim=WINDOW, ylim=(floor - 0.03, top), xticks=(), yticks=(0, 0.5, 1))
    axes.set_title(title, size=10.5)
    axes.spines[["top", "right", "bottom"]].set_visible(False)


def evolution(config: Config, seen: dict[str, np.ndarray], of: dict[str, np.ndarray]):
    """Four times above, C(G) below."""
    count = len(seen["step"])
    figure = figures.new(13, 6.4, space=0.04)
    cells = figure.add_gridspec(2, 4, height_ratios=(1.9, 1))
    first = np.argmax(of["c"] < of["c"][0] - 0.3 * np.ptp(of["c"]))  # of the way
    half = np.argmax(of["c"] < of["c"][0] - 0.85 * np.ptp(of["c"]))
    times = (0, int(first), int(half), count - 1)
    handles = [
        Line2D([], [], color=colour, lw=width, ls=style, label=text)
        for text, colour, width, style in (
            ("data", clouds.REAL, 2, ":"),
            ("samples", clouds.FAKE, 2, "-"),
            ("D", clouds.LINE, 2, "--"),
            ("the best D for these", clouds.LINE, 1, "-"),
        )
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=4, frameon=False)
    for column, i in enumerate(times):
        axes = figure.add_subplot(cells[0, column])
        now = {name: x[i] for name, x in seen.items()}
        draw(axes, config, now, f"step {now['step']:,}: C(G) = {of['c'][i]:.3f}")
    axes = figure.add_subplot(cells[1, :])
    step = seen["step"] + 1  # a logarithmic axis has no zero
    axes.plot(step, of["v"], color=clouds.LINE, lw=0.9, alpha=0.7)
    axes.plot(step, of["c"], color=clouds.FAKE, lw=2)
    axes.axhline(-np.log(4), color="#555555", lw=0.8, ls=":")
    low = -np.log(4) - 0.25 * (of["c"].max() + np.log(4))
    axes.set(
        xlim=(1, step[-1]), xscale="log", ylim=(low, max(of["c"].max() * 1.05, 0.05))
    )
    axes.set(xlabel="1 + step")
    right = {"ha": "right", "transform": axes.get_yaxis_transform()}
    axes.text(0.99, -np.log(4) + 0.03, r"$-\log 4$", color="#555555", **right)
    axes.text(
        0.99, of["c"].max() * 0.9, r"$C(G) = -\log 4 + 2\,\mathrm{JSD}$",
        color=clouds.FAKE, **right,
    )  # fmt: skip
    text = "$V(D, G)$, at the D that there is"
    axes.text(0.99, of["c"].max() * 0.9 - 0.22, text, color=clouds.LINE, **right)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def frame(config: Config, seen: dict[str, Any], c: float) -> np.ndarray:
    """One picture of the animation."""
    figure = figures.new(4.2, 3.6)
    draw(figure.subplots(), config, seen, f"step {seen['step']:,}: C(G) = {c:.3f}")
    return clouds.pixels(figure)


def main(config: Config) -> None:
    """Trains and draws."""
    seen = train(config)
    if not np.isfinite(seen["logits"]).all():
        raise ArithmeticError("training diverged; lower --model.learning-rate")
    of = values(SETS[config.data], seen)
    say(f"D on data  {of['d'][-1]:.3f}  (tends to 1/2)")
    say(f"C(G)      {of['c'][-1]:.4f}  (tends to -log 4 = {-np.log(4):.4f})")
    say(f"V(D, G)   {of['v'][-1]:.4f}")
    figures.save(
        config.workdir / "evolution.png", evolution(config, seen, of), "four times"
    )
    if config.frames:
        count = len(seen["step"])
        chosen = np.geomspace(1, count, config.frames).round().astype(int) - 1
        pictures = [
            frame(config, {n: x[i] for n, x in seen.items()}, float(of["c"][i]))
            for i in np.unique(chosen)
        ]
        clouds.save_frames(config.workdir / "animation.gif", pictures)
    figures.save_results(
        config.workdir / "results.json",
        {
            "d_on_data": float(of["d"][-1]),
            "c": float(of["c"][-1]),
            "v": float(of["v"][-1]),
            "minus_log_4": float(-np.log(4)),
            "mean_of_samples": float(seen["samples"][-1].mean()),
            "std_of_samples": float(seen["samples"][-1].std()),
        },
    )


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
