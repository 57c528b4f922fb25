"""What f-divergences differ in: one Gaussian fitted to a mixture of two.

    python -m experiments.fgan_1d
    python -m experiments.fgan_1d --steps 40000 --seeds 8

Nowozin et al. (arXiv:1606.00709), the experiment in one dimension: a generator mu +
sigma z against a small network, both moved at once, for each divergence of the paper's
table. Without flags: half a minute on two CPU cores, all of it in one compiled call.

Writes fgan_1d.png, fgan_1d.md and results.json: the fitted mean and deviation beside
the exact minimiser, found by numerical integration; and how good each fit is by every
divergence, which should be least, or nearly, on the diagonal. Expect KL and Pearson to
cover both modes, reverse KL and Neyman to settle on the larger one. The Gaussian cannot
match the mixture, so the generator plays the game as it is written: the usual change
to raising E g(V) would move the end of the training away from the minimiser.
"""

import dataclasses
import pathlib
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen
from matplotlib.axes import Axes

from jaxgan import bounds, report
from jaxgan.game import Move, algorithm
from jaxgan.lab import cli, figures
from jaxgan.models import fgan
from jaxgan.models.parts.two_players import adversarial
from jaxgan.train.terminal import say

# Weight, mean and deviation of the two components of the data.
MIXTURE = ((0.7, -0.8, 0.5), (0.3, 1.4, 0.9))
# Total variation is left out: its T has hardly any slope where the two densities differ
# much, so that there is little to learn from.
NAMES = tuple(name for name in get_args(fgan.Divergence) if name != "total_variation")
TITLES = ("KL", "reverse KL", "Pearson", "Neyman", "Hellinger", "JS", "GAN")
COLOURS = ("#1f6f8b", "#d1495b", "#3f9b74", "#8d4fb0", "#e08e2b", "#555555")
PLANE = np.linspace(-40.0, 40.0, 4001)  # where densities are integrated
STEP = PLANE[1] - PLANE[0]


@dataclasses.dataclass(frozen=True)
class Config:
    """Fitting a Gaussian by every divergence."""

    workdir: pathlib.Path = pathlib.Path("runs/fgan_1d")
    """Where picture and tables go."""
    steps: bounds.Count = 10_000
    """Single steps of both players."""
    seeds: bounds.Count = 3
    """Runs of each divergence, whose results are averaged."""
    batch_size: bounds.Count = 256
    """Numbers a minibatch, real and generated each."""
    hidden: bounds.Count = 32
    """Units of each of the two tanh layers of V."""
    learning_rate: bounds.Rate = 1e-3
    """Adam's step size for the generator; V's is twice as large."""

    def __post_init__(self):
        bounds.check(self, flags=True)


class Affine(linen.Module):
    """mu + sigma z, `[B, 1]`; starts as a standard normal."""

    @linen.compact
    def __call__(self, latent: jax.Array) -> jax.Array:
        """Numbers from standard normal latents `[B, 1]`."""
        mean = self.param("mean", linen.initializers.zeros, ())
        deviation = self.param("deviation", linen.initializers.ones, ())
        return mean + deviation * latent


class Variational(linen.Module):
    """V: numbers `[B, 1]` to raw outputs `[B]`."""

    hidden: int

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Judges numbers."""
        for _ in range(2):
            x = jnp.tanh(linen.Dense(self.hidden)(x))
        return linen.Dense(1)(x)[:, 0]


def draw(key: jax.Array, count: int) -> jax.Array:
    """Numbers of the mixture, `[count, 1]`."""
    which_key, key = jax.random.split(key)
    weight, mean, deviation = jnp.asarray(MIXTURE).T
    which = jax.random.choice(which_key, len(MIXTURE), (count,), p=weight)
    return (mean[which] + deviation[which] * jax.random.normal(key, (count,)))[:, None]


def fit(config: Config, name: fgan.Divergence, key: jax.Array) -> jax.Array:
    """Trains one Gaussian; its mean and deviation, averaged over the last steps: `[2]`.

    The averages are exponential ones of the parameters, whose noise they take out.
    """
    run = algorithm(
        adversarial(
            Affine(),
            Variational(config.hidden),
            latent=lambda key, count: jax.random.normal(key, (count, 1)),
            losses=fgan.objective(name, saturating=True),
            optimizer={
                "generator": optax.adam(config.learning_rate, 0.5),
                "discriminator": optax.adam(2 * config.learning_rate, 0.5),
            },
            data="data",
            moves=(Move("discriminator", "generator"),),
            ema=0.999,
        )
    )
    start_key, data_key = jax.random.split(key)

    def batch(step):
        key = jax.random.fold_in(data_key, step)
        return {"data": draw(key, config.batch_size)}

    def step(state, i):
        return run.step(state, batch(i))[0], None

    state = run.init(start_key, batch(0))
    state, _ = jax.lax.scan(step, state, jnp.arange(config.steps))
    ends = state.ema["generator"]
    return jnp.stack([ends["mean"], jnp.abs(ends["deviation"])])


def fit_all(config: Config) -> dict[str, np.ndarray]:
    """Every divergence with every seed, in one call: name -> `[seeds, 2]`."""
    keys = jax.random.split(jax.random.key(0), config.seeds)
    fits = jax.jit(
        lambda keys: {
            name: jax.vmap(lambda key, name=name: fit(config, name, key))(keys)
            for name in NAMES
        }
    )(keys)
    return {name: np.asarray(found, "float64") for name, found in fits.items()}


def log_normal(mean, deviation, x=PLANE) -> np.ndarray:
    """Log density of Gaussians at x; shapes broadcast."""
    return -0.5 * ((x - mean) / deviation) ** 2 - np.log(deviation * np.sqrt(2 * np.pi))


def log_data(x=PLANE) -> np.ndarray:
    """Log density of the mixture at x."""
    parts = [np.log(w) + log_normal(mean, std, x) for w, mean, std in MIXTURE]
    return np.logaddexp.reduce(parts)


def divergence(name: str, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """A divergence of the mixture from Gaussians, by numerical integration.

    Ratios are taken of logarithms, in double precision: far out, one density is zero
    long before the other.

    Args:
        name: one of NAMES.
        mean: any shape.
        deviation: the same shape.

    Returns:
        Numbers of that shape; infinity where the integral does not exist.
    """
    p, q = log_data(), log_normal(mean[..., None], deviation[..., None])
    value = INTEGRANDS[name](p, q).sum(-1) * STEP
    widest = max(std for _, _, std in MIXTURE)  # whose tails are all that counts
    if name == "pearson":
        return np.where(2 * deviation**2 > widest**2, value, np.inf)
    if name == "neyman":
        return np.where(deviation**2 < 2 * widest**2, value, np.inf)
    return value


def _exp(x):
    return np.exp(np.minimum(x, 600.0))


def _js(p, q):
    middle = np.logaddexp(p, q) - np.log(2)
    return _exp(p) * (p - middle) + _exp(q) * (q - middle)


# q f(p / q), of the logarithms of both densities.
INTEGRANDS = {
    "kl": lambda p, q: _exp(p) * (p - q),
    "reverse_kl": lambda p, q: _exp(q) * (q - p),
    "pearson": lambda p, q: _exp(2 * p - q) - 2 * _exp(p) + _exp(q),
    "neyman": lambda p, q: _exp(2 * q - p) - 2 * _exp(q) + _exp(p),
    "squared_hellinger": lambda p, q: (_exp(p / 2) - _exp(q / 2)) ** 2,
    "jensen_shannon": _js,
    "gan": lambda p, q: _js(p, q) - np.log(2) * (_exp(p) + _exp(q)),
}


def minimisers() -> dict[str, tuple[float, float]]:
    """The mean and deviation where each divergence is least.

    A grid over all that is sensible, then finer and finer ones around the best point.
    """
    best = {}
    for name in NAMES:
        mean, deviation, reach = 0.0, 2.0, np.array([2.0, 1.7])
        for _ in range(10):
            grid = np.linspace(-1, 1, 11)
            means = mean + reach[0] * grid[:, None] + 0 * grid[None]
            deviations = deviation + reach[1] * grid[None] + 0 * grid[:, None]
            value = divergence(name, means, deviations)
            at = np.unravel_index(value.argmin(), value.shape)
            mean, deviation, reach = means[at], deviations[at], reach / 3
        best[name] = (float(mean), float(deviation))
    return best


def main(config: Config) -> None:
    """Fits, integrates, compares, draws."""
    fits, exact = fit_all(config), minimisers()
    means = {name: fits[name].mean(0) for name in NAMES}
    # Rows: what was trained; columns: what it is measured by.
    mean, deviation = np.stack(list(means.values()), axis=1)
    table = np.stack([divergence(name, mean, deviation) for name in NAMES], axis=1)
    text = tables(fits, exact, table)
    say(text)
    figure = figures.new(12.6, 4.8, space=0.04)
    left, right = figure.subplots(1, 2, width_ratios=(1.35, 1))
    draw_fits(left, means)
    draw_table(right, table)
    figures.save(config.workdir / "fgan_1d.png", figure, "the fits, and a cross table")
    report.write(config.workdir / "fgan_1d.md", text.encode())
    figures.save_results(
        config.workdir / "results.json",
        {
            "mixture": MIXTURE,
            "fitted": {name: found.tolist() for name, found in fits.items()},
            "exact": exact,
            "cross": {  # null where infinite
                name: {
                    by: float(x) if np.isfinite(x) else None
                    for by, x in zip(NAMES, row, strict=True)
                }
                for name, row in zip(NAMES, table, strict=True)
            },
            "diagonal_above_least": dict(
                zip(NAMES, (table.diagonal() - table.min(0)).tolist(), strict=True)
            ),
        },
    )


def tables(fits, exact, table) -> str:
    """Both tables, as Markdown."""
    lines = ["| trained | mean | exact | deviation | exact |", "|---|---|---|---|---|"]
    for name, title in zip(NAMES, TITLES, strict=True):
        mean, deviation = fits[name].mean(0)
        spread = fits[name].std(0)
        lines.append(
            f"| {title} | {mean:.3f} ± {spread[0]:.3f} | {exact[name][0]:.3f}"
            f" | {deviation:.3f} ± {spread[1]:.3f} | {exact[name][1]:.3f} |"
        )
    lines += ["", f"| trained, by | {' | '.join(TITLES)} |", "|---" * 8 + "|"]
    for title, row in zip(TITLES, table, strict=True):
        lines.append(f"| {title} | {' | '.join(_number(x) for x in row)} |")
    return "\n".join(lines) + "\n"


def draw_fits(axes: Axes, means) -> None:
    """The data's density and the fitted ones."""
    x = np.linspace(-3.6, 4.6, 500)
    axes.fill_between(x, np.exp(log_data(x)), color="#e3e3e3", label="data")
    for name, title, colour in zip(NAMES, TITLES, COLOURS, strict=False):
        title = "JS, GAN" if title == "JS" else title
        strong = name in ("kl", "reverse_kl")
        mean, deviation = means[name]
        axes.plot(
            x,
            np.exp(log_normal(mean, deviation, x)),
            color=colour,
            lw=2.6 if strong else 1.5,
            label=f"{title}   ({mean:.2f}, {deviation:.2f})",
        )
    axes.set(xlim=(x[0], x[-1]), ylim=(0, None), yticks=())
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.legend(frameon=False, title="minimised   (mean, deviation)")
    axes.set_title(
        "One Gaussian fitted to two: wide or narrow, as the divergence has it"
    )


def draw_table(axes: Axes, table) -> None:
    """How good each fit is by each divergence, shaded by the excess over the best."""
    # By GAN and by JS the order is the same; only a constant differs.
    excess = table - table.min(0)
    typical = np.median(excess, axis=0) + 1e-9
    shade = 1 - typical / (excess + typical)
    axes.imshow(shade, cmap="Oranges", vmin=0, vmax=1.8, aspect="auto")
    for i, row in enumerate(table):
        for j, value in enumerate(row):
            best = value == table[:, j].min()
            axes.text(
                j, i, _number(value), ha="center", va="center", size=9,
                weight="bold" if best else "normal",
            )  # fmt: skip
    axes.set_xticks(range(len(TITLES)), TITLES, rotation=30, ha="left")
    axes.set_yticks(range(len(TITLES)), TITLES)
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)
    axes.set_ylabel("trained by")
    axes.set_xlabel("measured by (bold: least of its column)")


def _number(value: float) -> str:
    if np.isinf(value):
        return "∞"
    return f"{value:.3f}" if value < 1000 else f"{value:.0e}".replace("e+", "e")


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
