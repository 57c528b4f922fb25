"""Draws panels of f-divergences, the best discriminator, and the value of the game."""

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
from matplotlib.axes import Axes

from experiments.loss_curves.colours import FAINT, NON_SATURATING, PALE, SATURATING
from jaxgan import losses


def draw_divergences(axes: Axes) -> None:
    """Draws the f-divergence family, with the slope at 1 subtracted from each f."""
    u = jnp.linspace(0.005, 4.2, 800)
    labels = {  # name: text, its place, colour
        "pearson": (r"Pearson $\chi^2$", 2.62, 3.35, "#7b4ea3"),
        "kl": ("KL", 4.26, 2.83, "#1f6f8b"),
        "neyman": (r"Neyman $\chi^2$", 4.26, 2.44, "#d1495b"),
        "reverse_kl": ("reverse KL", 4.26, 1.83, "#e07b39"),
        "total_variation": ("total variation", 4.26, 1.55, "#777777"),
        "squared_hellinger": ("squared Hellinger", 4.26, 1.2, "#3a9d5d"),
        "jensen_shannon": ("2 JS, the GAN's", 4.26, 0.95, "#b8960c"),
    }
    for name, (text, x, y, colour) in labels.items():
        row = losses.f_divergence(name)
        f = row.generator(u) - row.generator(jnp.ones(1)) - row.threshold * (u - 1)
        axes.plot(u, f, color=colour, lw=1.9)
        side = "right" if name == "pearson" else "left"
        axes.text(x, y, text, color=colour, size=10, ha=side, va="center")
    axes.axvline(1.0, color=FAINT, lw=0.8, zorder=0)
    axes.set(xlim=(0, 6.1), ylim=(0, 3.6), xticks=range(5))
    axes.set_xlabel("$u = p/q$, the ratio of data to fakes", x=0.36)
    axes.set_ylabel(r"$f(u) - f\,'(1)(u - 1)$")
    axes.set_title("f-divergences: the price of a ratio")


GRID = jnp.linspace(-16.0, 16.0, 6401)


def normal(mean):
    """The log-density of N(mean, 1) on the grid."""
    return losses.gaussian_log_likelihood(
        GRID[:, None], jnp.full((GRID.size, 1), mean), 0.0
    )


def integral(values):
    """Over the grid."""
    return jnp.trapezoid(values, GRID)


@jax.jit
def value_of_the_game(mean):
    """C(G) for data N(0, 1) and fakes N(mean, 1), the value at the best logit."""
    log_p, log_q = normal(0.0), normal(mean)
    best = log_p - log_q
    real, fake = losses.minimax_discriminator_terms(best, best)
    return -integral(jnp.exp(log_p) * real + jnp.exp(log_q) * fake)


@jax.jit
def wasserstein_distance(mean):
    """The same for the best 1-Lipschitz critic, here a line of slope ±1."""
    critic = -jnp.sign(mean) * GRID
    real, fake = losses.wasserstein_discriminator_terms(critic, critic)
    return -integral(jnp.exp(normal(0.0)) * real + jnp.exp(normal(mean)) * fake)


def least_value() -> dict[str, float]:
    """The least value of the game for fakes at some mean, and that mean."""
    means = jnp.linspace(-6.0, 6.0, 241)
    values = jax.vmap(value_of_the_game)(means)
    return {"least": float(values.min()), "at": float(means[values.argmin()])}


def draw_best_discriminators(axes: Axes) -> None:
    """Draws D* = p/(p + q) as the generator's Gaussian comes closer."""
    means = (4.0, 2.0, 1.0, 0.0)
    colours = [matplotlib.colormaps["viridis"](x) for x in (0.1, 0.4, 0.62, 0.85)]
    scale = 1.9  # densities are drawn below, at their own scale
    density = scale * jnp.exp(normal(0.0))
    axes.fill_between(np.asarray(GRID), np.asarray(density), color="#e4e4e4", lw=0)
    for mean, colour in zip(means, colours, strict=True):
        axes.plot(GRID, scale * jnp.exp(normal(mean)), color=colour, lw=1, ls=":")
        best = jax.nn.sigmoid(normal(0.0) - normal(mean))
        axes.plot(GRID, best, color=colour, lw=2.2, label=rf"$\mu = {mean:g}$")
    axes.annotate("data $p$", (-0.75, 0.3), color=PALE)
    axes.annotate("fakes $q$", (4.8, 0.6), color=colours[0])
    axes.legend(loc="upper right", frameon=False, fontsize=9.5)
    axes.set(xlim=(-4, 7), ylim=(0, 1.04), xlabel="$x$")
    axes.set_ylabel(r"$D^*(x) = p/(p + q)$")
    axes.set_title(r"The best D of $\mathbf{N(0, 1)}$ and $\mathbf{N(\mu, 1)}$")


def draw_value(axes: Axes) -> None:
    """Draws C(G) and the Wasserstein distance against the generator's mean."""
    means = jnp.linspace(-6.0, 6.0, 241)
    axes.plot(
        means, jax.vmap(wasserstein_distance)(means), color=NON_SATURATING, lw=1.8
    )
    axes.plot(means, jax.vmap(value_of_the_game)(means), color=SATURATING, lw=2.2)
    for level, text in ((-np.log(4.0), r"$-\log 4$"), (0.0, "$0$")):
        axes.axhline(level, color=FAINT, lw=0.8, zorder=0)
        axes.text(6.15, level, text, color=PALE, va="center")
    text = r"$C(G) = -\log 4 + 2\,\mathrm{JS}$"
    axes.annotate(text, (-5.9, 0.2), color=SATURATING, size=10)
    axes.annotate(r"$W_1 = |\mu|$", (-3.7, 4.2), color=NON_SATURATING)
    far = 5.0
    for function, place, colour in (
        (wasserstein_distance, (4.75, 4.9), NON_SATURATING),
        (value_of_the_game, (far, -0.55), SATURATING),
    ):
        level, steepness = (float(x) for x in jax.value_and_grad(function)(far))
        axes.plot([far], [level], "o", color=colour, ms=5)
        side = "right" if function is wasserstein_distance else "center"
        text = f"slope ${steepness:.2f}$"
        axes.annotate(text, place, color=colour, size=9.5, ha=side)
    axes.set(xlim=(-6, 6), ylim=(-1.75, 5.6), xlabel=r"$\mu$, the mean of the fakes")
    axes.set_ylabel("value at the best D or critic")
    axes.set_title("What the generator feels from afar")
