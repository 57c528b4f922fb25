"""Writes the fits and the cross table as text and as pictures."""

import numpy as np
from matplotlib.axes import Axes

from experiments.fgan_1d.exact import log_data, log_normal
from experiments.fgan_1d.fitting import TITLES
from jaxgan import report

COLOURS = ("#1f6f8b", "#d1495b", "#3f9b74", "#8d4fb0", "#e08e2b", "#555555")


def tables(fits, exact, table) -> str:
    """Both tables, as Markdown."""
    fitted = []
    for name, title in TITLES.items():
        row = [title]
        for i, best in enumerate(exact[name]):
            found = fits[name][:, i]
            row += [f"{found.mean():.3f} ± {found.std():.3f}", f"{best:.3f}"]
        fitted.append(row)
    titles = list(TITLES.values())
    cross = [
        [title, *map(_number, row)] for title, row in zip(titles, table, strict=True)
    ]
    head = ["trained", "mean", "exact", "deviation", "exact"]
    both = report.table(head, fitted), report.table(["trained, by", *titles], cross)
    return "\n\n".join(both) + "\n"


def draw_fits(axes: Axes, means) -> None:
    """Draws the density of the data and the fitted densities."""
    x = np.linspace(-3.6, 4.6, 500)
    axes.fill_between(x, np.exp(log_data(x)), color="#e3e3e3", label="data")
    for (name, title), colour in zip(TITLES.items(), COLOURS, strict=False):
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
    axes.set_title("One Gaussian fitted to two: its width depends on the divergence")


def draw_table(axes: Axes, table) -> None:
    """Draws each divergence of each fit, shaded by the excess over the best."""
    # GAN and JS differ only by a constant, so they give the same order.
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
    titles = list(TITLES.values())
    axes.set_xticks(range(len(titles)), titles, rotation=30, ha="left")
    axes.set_yticks(range(len(titles)), titles)
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)
    axes.set_ylabel("trained by")
    axes.set_xlabel("measured by (bold: least of its column)")


def _number(value: float) -> str:
    if np.isinf(value):
        return "∞"
    return f"{value:.3f}" if value < 1000 else f"{value:.0e}".replace("e+", "e")
