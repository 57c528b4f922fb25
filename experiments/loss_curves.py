"""Draws the curves behind GAN losses: slopes, f-divergences, the best discriminator.

    python -m experiments.loss_curves
    python -m experiments.loss_curves --dpi 220 --workdir runs/slides

Takes five seconds on a CPU; nothing is trained. --workdir gets loss_curves.png, with
six panels: the saturating and the non-saturating generator loss against D and against
the logit, and their slopes (Goodfellow et al., arXiv:1406.2661); the f-divergence
family (Nowozin et al., arXiv:1606.00709); the best discriminator D* and the value C(G)
of the game while a Gaussian moves over the data, beside the Wasserstein distance, whose
slope does not die (Arjovsky et al., arXiv:1701.07875).
"""

import dataclasses
import pathlib

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from jaxgan import bounds, losses
from jaxgan.lab import cli

SATURATING, NON_SATURATING = "#d1495b", "#1f6f8b"
INK, PALE, FAINT = "#333333", "#777777", "#bbbbbb"
CONFIDENT = -4.0  # a logit at which D is sure of a fake


@dataclasses.dataclass(frozen=True)
class Config:
    """Drawing the loss curves."""

    workdir: pathlib.Path = pathlib.Path("runs/loss_curves")
    """Directory for the picture."""
    dpi: bounds.Count = 110
    """Dots per inch of the picture, which is 14.4 inches wide."""

    def __post_init__(self):
        bounds.check(self, flags=True)


GENERATORS = (
    (losses.minimax_generator_loss, SATURATING),
    (losses.non_saturating_generator_loss, NON_SATURATING),
)


def slope(loss, logits):
    """The derivative of an element-wise loss."""
    return jax.grad(lambda a: loss(a).sum())(logits)


def draw_against_d(axes: Axes) -> None:
    """Draws both generator losses against D(G(z)), with tangents where D is sure."""
    d = jnp.linspace(0.004, 0.996, 400)
    at = jnp.array([0.1])
    for loss, colour in GENERATORS:

        def of_d(d, loss=loss):
            return loss(jnp.log(d) - jnp.log1p(-d))

        steepness = float(slope(of_d, at)[0])
        axes.plot(d, of_d(d), color=colour, lw=2.2)
        reach = 0.1 if steepness < -5 else 0.22
        near = 0.1 + np.array([-min(reach, 0.1), reach])
        tangent = float(of_d(at)[0]) + steepness * (near - 0.1)
        axes.plot(near, tangent, color=colour, lw=1, ls="--")
        axes.plot(at, of_d(at), "o", color=colour, ms=5)
        place = (0.15, 2.6) if steepness < -5 else (0.02, -0.72)
        axes.annotate(f"slope ${steepness:.1f}$", place, color=colour, size=9.5)
    axes.annotate(r"$-\log D$", (0.42, 1.1), color=NON_SATURATING)
    axes.annotate(r"$\log(1 - D)$", (0.47, -1.75), color=SATURATING)
    axes.set(xlim=(0, 1), ylim=(-3.5, 4.5), ylabel="generator's loss")
    axes.set_xlabel("$D(G(z))$")
    axes.set_title("The generator's loss against D")


def draw_against_logit(axes: Axes) -> None:
    """Draws both generator losses against the logit, where networks are trained."""
    a = jnp.linspace(-6.0, 6.0, 300)
    for loss, colour in GENERATORS:
        axes.plot(a, loss(a), color=colour, lw=2.2)
    text = "non-saturating\n" r"$-\log D = \mathrm{softplus}(-a)$"
    axes.annotate(text, (-1.6, 3.0), color=NON_SATURATING)
    text = "saturating\n" r"$\log(1 - D) = -\mathrm{softplus}(a)$"
    axes.annotate(text, (-5.6, -2.4), color=SATURATING)
    shade_confident(axes, 0.03)
    axes.set(xlim=(-6, 6), ylim=(-5, 6), ylabel="generator's loss")
    axes.set_xlabel(r"logit $a$, $D = \sigma(a)$")
    axes.set_title("… and against its logit")


def draw_slopes(axes: Axes) -> None:
    """Draws the slope that reaches the generator through the logit."""
    a = jnp.linspace(-6.0, 6.0, 300)
    at = jnp.array([CONFIDENT])
    for loss, colour in GENERATORS:
        axes.plot(a, slope(loss, a), color=colour, lw=2.2)
        value = float(slope(loss, at)[0])
        axes.plot(at, [value], "o", color=colour, ms=5)
        place = (CONFIDENT, value - 0.08)
        axes.annotate(f"${value:.3f}$", place, color=colour, size=9.5, ha="center")
    axes.annotate(r"$-\sigma(a)$", (2.4, -0.83), color=SATURATING)
    axes.annotate(r"$-(1 - \sigma(a))$", (2.1, -0.24), color=NON_SATURATING)
    shade_confident(axes, 0.5)
    axes.set(xlim=(-6, 6), ylim=(-1.14, 0.1), ylabel="d loss / d$a$")
    axes.set_xlabel(r"logit $a$")
    axes.set_title("The slope that trains the generator")


def shade_confident(axes: Axes, height: float) -> None:
    """Marks where D is sure of a fake: the beginning of training."""
    axes.axvspan(-6, -2, color="#000000", alpha=0.05, lw=0)
    axes.text(
        -4.0,
        height,
        "D sure\nof a fake",
        transform=axes.get_xaxis_transform(),
        size=9,
        color=PALE,
        ha="center",
    )


def draw_divergences(axes: Axes) -> None:
    """Draws the f-divergence family, each f with its slope at 1 taken out."""
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
    """Log-density of N(mean, 1) on the grid."""
    return losses.gaussian_log_likelihood(
        GRID[:, None], jnp.full((GRID.size, 1), mean), 0.0
    )


def integral(values):
    """Over the grid."""
    return jnp.trapezoid(values, GRID)


@jax.jit
def value_of_the_game(mean):
    """C(G) for data N(0, 1) and fakes N(mean, 1): the value at the best logit."""
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


def draw_best_discriminators(axes: Axes) -> None:
    """Draws D* = p/(p + q) as the generator's Gaussian comes closer."""
    means = (4.0, 2.0, 1.0, 0.0)
    colours = [matplotlib.colormaps["viridis"](x) for x in (0.1, 0.4, 0.62, 0.85)]
    scale = 1.9  # densities, drawn below at a scale of their own
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


def main(config: Config) -> None:
    """Draws the six panels into one picture."""
    panels = (
        draw_against_d,
        draw_against_logit,
        draw_slopes,
        draw_divergences,
        draw_best_discriminators,
        draw_value,
    )
    plt.rc("font", size=10.5)
    plt.rc("axes", titlesize=12, titleweight="bold", titlecolor=INK, labelcolor=INK)
    figure, axes = plt.subplots(2, 3, figsize=(14.4, 8.1))
    for panel, axis in zip(panels, axes.flat, strict=True):
        panel(axis)
        axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout(w_pad=2.0, h_pad=2.5)
    config.workdir.mkdir(parents=True, exist_ok=True)
    path = config.workdir / "loss_curves.png"
    figure.savefig(path, dpi=config.dpi)
    plt.close(figure)
    print(path)


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
