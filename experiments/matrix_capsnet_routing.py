"""Looks into EM routing: entropy, coupling and error, iteration by iteration.

    python -m experiments.matrix_capsnet_routing
    python -m experiments.matrix_capsnet_routing --run runs/matrix_capsnet_mnist_paper

Hinton, Sabour and Frosst (2018), Procedure 1. Takes a minute on a CPU, with a run of
experiments.matrix_capsnet_mnist. Writes routing.png and routing.json: for each of the
three layers that route, the entropy of where capsules send their data, relative to that
of the first iteration, which sends it evenly to all; the share that goes to the true
class; the activations of the classes; and the error after each iteration, for a network
that was trained with three. Capsules are weighted by their activation.
"""

import dataclasses
import functools
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import bounds, data, game
from jaxgan.capsules.matrix import seen_by_windows
from jaxgan.lab import blocks, cli, figures, restored
from jaxgan.lab.capsules import open_for
from jaxgan.lab.data import of_plain
from jaxgan.models import matrix_capsnet

BLOCK = 25  # images that are routed together
LAYERS = ("capsules, first grid", "capsules, second grid", "classes")
TRUE, OTHER = "#1f6f8b", "#d1495b"
ALIASES = {"--out": "--workdir"}


@dataclasses.dataclass(frozen=True)
class Config:
    """Which images to route."""

    run: pathlib.Path = pathlib.Path("runs/matrix_capsnet_mnist")
    """Directory of a run of experiments.matrix_capsnet_mnist; it is only read."""
    workdir: pathlib.Path | None = None
    """Directory for the results; RUN/pictures if left out."""
    iterations: bounds.Depth = 5
    """Iterations of routing, at most."""
    images: bounds.Count = 1000
    """Test images to average over; each class has its share."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def main(config: Config) -> None:
    """Routes and draws."""
    found = restored.restore(config.run)
    if not isinstance(found.config, matrix_capsnet.Config):
        raise ValueError(
            f"{config.run} is a run of {found.name}, not of matrix capsules; train one"
            f" with `python -m experiments.matrix_capsnet_mnist --workdir {config.run}`"
        )
    model, sets = open_for(of_plain(found.plain), found.config)
    count = min(config.images, len(sets.test["label"]))
    index = data.some_of_each(sets.test["label"], count)
    image = sets.test["image"][index].astype(np.float32) / 255
    label = sets.test["label"][index]
    numbers = measure(
        model, game.variables(found.state), image, label, config.iterations
    )
    out = config.workdir or config.run / "pictures"
    about = f"EM routing, mean of {count} test images"
    figures.save(out / "routing.png", draw(numbers, about), about)
    figures.save_results(
        out / "routing.json",
        {"run": str(config.run), "trained_with": model.iterations, "images": count}
        | numbers,
    )


def measure(model, variables, image, label, iterations: int) -> dict[str, Any]:
    """Means over images, a list over iterations each."""
    most = dataclasses.replace(model, iterations=iterations)

    @jax.jit
    def look(variables, image, label):
        _, layers = matrix_capsnet.encode(most, variables, image, return_coupling=True)
        entropies = [entropy(a, r, i) for i, (a, r) in enumerate(layers)]
        return entropies, towards(layers[-1][0], layers[-1][1], label)

    see = functools.partial(look, variables)
    entropies, share = blocks.in_blocks(see, image, label, size=BLOCK)
    relative = [(h.sum(0) / h.sum(0)[0]).tolist() for h in entropies]
    own, other, error = [], [], []
    for n in range(1, iterations + 1):
        routed = dataclasses.replace(model, iterations=n)
        encode = functools.partial(_activations, routed, variables)
        active = blocks.in_blocks(encode, image)
        there = np.arange(active.shape[1]) == label[:, None]
        own.append(float(active[there].mean()))
        other.append(float(np.where(there, 0, active).max(1).mean()))
        error.append(float((active.argmax(1) != label).mean()))
    return {
        "relative_entropy": dict(zip(LAYERS, relative, strict=True)),
        "share_of_true_class": share.mean(0).tolist(),
        "activation": {"true_class": own, "largest_other": other},
        "error": error,
    }


@functools.partial(jax.jit, static_argnums=0)
def _activations(model, variables, image):
    return matrix_capsnet.encode(model, variables, image).activations


def entropy(below: jax.Array, r: jax.Array, layer: int) -> jax.Array:
    """The entropy of all capsules below, weighted by activation: `[B, iterations]`."""
    if layer < len(matrix_capsnet.STRIDES):
        kernel = r.shape[-2]
        seen = seen_by_windows(below.shape[1:3], kernel, matrix_capsnet.STRIDES[layer])
        weight = below.reshape(len(below), -1, below.shape[-1])[:, seen]
        r = r.reshape(*r.shape[:2], len(seen), r.shape[4], kernel**2, r.shape[-1])
        weight = weight[:, None, :, None]
    else:
        weight = below[:, None, None]
    each = -weight * r * jnp.log(jnp.maximum(r, 1e-30))
    return each.sum((2, 3, 4, 5))


def towards(below: jax.Array, r: jax.Array, label: jax.Array) -> jax.Array:
    """The share of the data that goes to the true class: `[B, iterations]`."""
    own = jnp.take_along_axis(r, label[:, None, None, None, None, None], 2)[:, :, 0]
    weight = below[:, None]
    return (own * weight).sum((2, 3, 4)) / weight.sum((2, 3, 4))


def draw(numbers: dict[str, Any], title: str):
    """Draws four panels over the iterations."""
    figure = figures.new(13, 3.6, space=0.05)
    figure.suptitle(title)
    panels = figure.subplots(1, 4)
    at = np.arange(1, len(numbers["error"]) + 1)
    for name, values in numbers["relative_entropy"].items():
        panels[0].plot(at, values, "o-", label=name)
    panels[0].set(title="entropy of R (1: even)", ylim=(0, 1.05))
    panels[0].legend(frameon=False, fontsize=8)
    panels[1].plot(at, numbers["share_of_true_class"], "o-", color=TRUE)
    panels[1].set(title="share of the true class", ylim=(0, 1))
    for (name, values), colour in zip(
        numbers["activation"].items(), (TRUE, OTHER), strict=True
    ):
        panels[2].plot(at, values, "o-", color=colour, label=name.replace("_", " "))
    panels[2].set(title="activation of classes", ylim=(0, 1.05))
    panels[2].legend(frameon=False, fontsize=8)
    panels[3].plot(at, 100 * np.array(numbers["error"]), "o-", color=OTHER)
    panels[3].set_title("error, %")
    panels[3].set_ylim(bottom=0)
    for panel in panels:
        panel.set_xticks(at)
        panel.set_xlabel("iterations of routing")
        panel.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__, aliases=ALIASES)
