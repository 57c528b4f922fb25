"""Draws where primary capsules send their output, iteration by iteration.

    python -m experiments.capsnet_routing
    python -m experiments.capsnet_routing --run runs/capsnet_mnist_paper --digit 18
    python -m experiments.capsnet_routing --iterations 6

Sabour, Frosst and Hinton (arXiv:1710.09829), procedure 1. Takes under a minute on a
CPU, with a run of experiments.capsnet_mnist. Writes routing_digit.png (the coefficients
c_ij of one test digit: all of them, on the grid of the capsules, and their means),
routing_mean.png (means over many digits: coupling to the true class, entropy, and the
lengths and the error had routing stopped earlier) and routing.json. In means, capsules
are weighted by their length. Expect 1/10 everywhere at first, and a growing share for
the class that is there. Three iterations move the mean by less than a tenth: they make
the right capsule longer, and hardly change which one is the longest. Ten iterations,
after training with three, double the share, and make more errors.
"""

import dataclasses
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.colors import TwoSlopeNorm

from jaxgan import bounds, capsules, data
from jaxgan.lab import blocks, capsnets, cli, figures
from jaxgan.models import capsnet

TRUE, OTHER, PALE = "#1f6f8b", "#d1495b", "#777777"
BLOCK = 25  # images whose coefficients are computed together
SHOWN = 4  # iterations whose coefficients are drawn

ALIASES = {"--out": "--workdir"}


@dataclasses.dataclass(frozen=True)
class Config:
    """Which digits to route."""

    run: pathlib.Path = pathlib.Path("runs/capsnet_mnist")
    """Directory of a run of experiments.capsnet_mnist; it is only read."""
    workdir: pathlib.Path | None = None
    """Directory for the pictures; RUN/pictures if left out."""
    digit: int = 0
    """Number of the test image to look at closely."""
    iterations: bounds.Natural = 0
    """Iterations of routing; 0 takes as many as in training."""
    images: bounds.Count = 1000
    """Test images to average over, of each class its share."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def main(config: Config) -> None:
    """Routes and draws."""
    model, variables, sets = capsnets.restore_single(config.run)
    capsnets.check_digit(sets, "digit", config.digit)
    if config.iterations:
        model = dataclasses.replace(model, iterations=config.iterations)
    out = config.workdir or config.run / "pictures"
    count = min(config.images, len(sets.test["label"]))
    some = data.some_of_each(sets.test["label"], count)
    index = np.concatenate([[config.digit], some])
    image, label = capsnets.images(sets, index), sets.test["label"][index]
    look = jax.jit(lambda variables, image: route(model, variables, image))
    coupling, weight = blocks.in_blocks(
        lambda image: look(variables, image), image, size=BLOCK
    )
    sums = coupling.sum(-1)
    flat = weight.reshape(len(weight), 1, -1, 1)
    share = (coupling * flat).sum(2) / flat.sum(2)  # [B, iterations, J]
    one = draw_digit(image[0], label[0], coupling[0], weight[0], share[0])
    about = f"the coupling of test image {config.digit}, a {label[0]}"
    figures.save(out / "routing_digit.png", one, about)

    there = label[1:, None] == np.arange(model.classes)
    means = {
        **of_classes(share[1:], there),
        "entropy": mean_entropy(coupling[1:], flat[1:]),
    }
    stopped = stop_early(model, variables, image[1:], label[1:])
    figure = draw_mean(means, stopped, count, model.classes)
    figures.save(out / "routing_mean.png", figure, f"means over {count} test images")
    numbers = {"means": means, "after_iterations": stopped}
    figures.save_results(
        out / "routing.json",
        {
            "run": str(config.run),
            "iterations": model.iterations,
            "leaky": model.leaky,
            "sums_over_classes": [float(sums.min()), float(sums.max())],
            "digit": {
                "test_image": config.digit,
                "label": int(label[0]),
                "mean_coupling": share[0].tolist(),
            },
            "images": count,
            **jax.tree.map(lambda x: np.asarray(x).tolist(), numbers),
        },
    )


def route(model: capsnet.Config, variables: Any, image: jax.Array):
    """Coupling `[B, iterations, I, J]`, lengths of primary capsules `[B, H, W, types]`.

    Capsules are numbered by row, column and type, `I = H * W * types`.
    """
    (_, coupling), seen = capsnet.Encoder(model).apply(
        variables["encoder"],
        image,
        return_coupling=True,
        capture_intermediates=lambda m, _: isinstance(m, capsules.PrimaryCaps),
        mutable="intermediates",
    )
    (primary,) = jax.tree.leaves(seen)
    return coupling.swapaxes(0, 1), capsules.lengths(primary)


def of_classes(values: np.ndarray, there: np.ndarray) -> dict[str, np.ndarray]:
    """Means over images of `[B, n, J]`, for the true class and for the others."""
    true = (values * there[:, None]).sum(2)
    others = np.where(there[:, None], -1, values)
    rest = (values.sum(2) - true) / max(1, values.shape[2] - 1)
    return {
        "true_class": true.mean(0),
        "largest_other": others.max(2).mean(0),
        "mean_other": rest.mean(0),
    }


def mean_entropy(coupling: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """How undecided capsules are in each iteration: from 0, certain, to 1, even."""
    c = np.maximum(coupling, 1e-30)
    entropy = -(c * np.log(c)).sum(-1, keepdims=True) / np.log(coupling.shape[-1])
    return ((entropy * weight).sum(2) / weight.sum(2)).mean((0, 2))


def stop_early(model, variables, image, label) -> dict[str, Any]:
    """Lengths of the class capsules and the error if routing stopped earlier."""
    v = [
        blocks.in_blocks(
            lambda image, n=n: capsnets.encode(
                dataclasses.replace(model, iterations=n), variables, image
            ),
            image,
        )
        for n in range(1, model.iterations + 1)
    ]
    length = np.stack([np.asarray(capsules.lengths(jnp.asarray(x))) for x in v], 1)
    error = (length.argmax(2) != label[:, None]).mean(0)
    there = label[:, None] == np.arange(model.classes)
    return {"error": error, "length": of_classes(length, there)}


def spread_out(iterations: int) -> np.ndarray:
    """Which iterations are drawn, from 0: first, last, and some between."""
    return np.unique(np.linspace(0, iterations - 1, SHOWN).round().astype(int))


def draw_digit(image, label, coupling, weight, share):
    """Draws all coefficients of an image, those to its class on the grid, and means."""
    classes, (height, width, types) = coupling.shape[-1], weight.shape
    shown = spread_out(len(coupling))
    coupling = coupling[shown]
    figure = figures.new(12, 4.3 + 1.25 * len(shown))
    figure.suptitle(
        f"Coupling from {weight.size} primary capsules to {classes} classes:"
        f" a digit {label}"
    )
    heights = (0.9 + 1.25 * len(shown), 2.8)
    top, bottom = figure.subfigures(2, 1, height_ratios=heights, squeeze=False)[:, 0]
    axes = top.subplots(
        len(shown) + 1, 1, sharex=True, height_ratios=(0.45, *[1] * len(shown))
    )
    # By type, and then by place: capsules of a type look for the same thing.
    ordered = coupling.reshape(len(shown), height * width, types, classes)
    ordered = ordered.transpose(0, 3, 2, 1).reshape(len(shown), classes, -1)
    lengths = weight.reshape(-1, types).T.ravel()
    axes[0].fill_between(np.arange(len(lengths)), lengths, step="mid", color=PALE, lw=0)
    axes[0].set(ylim=(0, 1), yticks=(0, 1), ylabel="length")
    ticks = (np.arange(types) + 0.5) * height * width - 0.5
    every = -(-types // 16)
    # Around an even share, from which three iterations do not lead far away.
    reach = max(1e-4, float(np.quantile(np.abs(coupling - 1 / classes), 0.999)))
    norm = TwoSlopeNorm(1 / classes, max(0, 1 / classes - reach), 1 / classes + reach)
    scale = {"norm": norm, "cmap": "RdBu_r", "aspect": "auto"}
    for n, ax in enumerate(axes[1:]):
        ax.imshow(ordered[n], interpolation="nearest", **scale)
        ax.set_ylabel(f"iteration {shown[n] + 1}\nclass")
        ax.set_yticks(range(classes), [str(c) for c in range(classes)], size=7)
        ax.get_yticklabels()[label].set_color(OTHER)
        ax.get_yticklabels()[label].set_weight("bold")
        for edge in np.arange(1, types) * height * width - 0.5:
            ax.axvline(edge, color=PALE, lw=0.6)
    axes[-1].set_xticks(ticks[::every], [f"type {t}" for t in range(0, types, every)])
    axes[-1].tick_params(axis="x", length=0)
    top.colorbar(axes[1].images[0], ax=axes[1:], label=r"$c_{ij}$", pad=0.01)

    axes = bottom.subplots(1, len(shown) + 2, width_ratios=(*[1] * (len(shown) + 1), 2))
    axes[0].imshow(image.squeeze(), cmap="gray", vmin=0, vmax=1)
    axes[0].set_title("input", size=10)
    own = coupling[..., label].reshape(-1, height, width, types)
    on_grid = (own * weight).sum(-1) / np.maximum(weight.sum(-1), 1e-9)
    for n, ax in enumerate(axes[1:-1]):
        ax.imshow(on_grid[n], **{**scale, "aspect": "equal"})
        ax.set_title(f"to class {label},\niteration {shown[n] + 1}", size=10)
    for ax in axes[:-1]:
        ax.set(xticks=(), yticks=())
    at = np.arange(1, len(share) + 1)
    for c in np.argsort(np.arange(classes) == label):
        colour = TRUE if c == label else PALE
        axes[-1].plot(at, share[:, c], "o-", color=colour, lw=1, ms=4)
    side = {"va": "top", "color": TRUE}
    axes[-1].text(0.05, 0.93, f"class {label}", transform=axes[-1].transAxes, **side)
    axes[-1].set(xlabel="iteration", title="mean coupling to each class", xticks=at)
    axes[-1].yaxis.get_major_formatter().set_useOffset(False)
    axes[-1].spines[["top", "right"]].set_visible(False)
    return figure


def draw_mean(means, stopped, count, classes):
    """Three panels against the iteration: coupling, entropy, lengths and error."""
    figure = figures.new(12, 3.8, space=0.06)
    figure.suptitle(f"Routing, mean of {count} test images")
    names = {
        "true_class": ("the true class", TRUE, "o-"),
        "largest_other": ("the strongest other class", OTHER, "o-"),
        "mean_other": ("the other classes, on average", PALE, "o--"),
    }
    at = np.arange(1, len(means["entropy"]) + 1)
    share, entropy, length = figure.subplots(1, 3)
    for name, (text, colour, line) in names.items():
        share.plot(at, means[name], line, color=colour, label=text)
        length.plot(at, stopped["length"][name], line, color=colour, label=text)
    share.set_title("coupling towards")
    share.axhline(1 / classes, color=PALE, lw=0.8, ls=":")
    share.legend(frameon=False, fontsize=9)
    entropy.plot(at, means["entropy"], "o-", color=TRUE)
    entropy.set_title("entropy of the coupling (1: even)")
    length.set(title="length of the capsule of (colours as left)", ylim=(0, 1.05))
    for i in spread_out(len(at)):
        place = (at[i], stopped["length"]["true_class"][i] - 0.05)
        text = f"error\n{stopped['error'][i]:.1%}"
        length.text(*place, text, ha="center", va="top", size=8)
    for ax in (share, entropy, length):
        ax.set_xticks(at)
        ax.set_xlabel("iterations of routing")
        ax.margins(x=0.15)
        ax.yaxis.get_major_formatter().set_useOffset(False)
        ax.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__, aliases=ALIASES)
