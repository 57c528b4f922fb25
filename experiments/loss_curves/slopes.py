"""Draws panels of the generator's losses, and of their slopes."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

from experiments.loss_curves.colours import (
    NON_SATURATING,
    PALE,
    SATURATING,
)
from jaxgan import losses

CONFIDENT = -4.0  # a logit at which D is sure of a fake
NAMES = ("saturating", "non_saturating")
GENERATORS = (
    (losses.minimax_generator_loss, SATURATING),
    (losses.non_saturating_generator_loss, NON_SATURATING),
)


def slope(loss, logits):
    """The derivative of an element-wise loss."""
    return jax.grad(lambda a: loss(a).sum())(logits)


def of_d(loss, d):
    """A loss of logits as one of probabilities D."""
    return loss(jnp.log(d) - jnp.log1p(-d))


def slopes_near_0(d: float = 1e-6) -> dict[str, dict[str, float]]:
    """The slopes of both losses in D and in its logit, where D is sure of a fake."""
    at = jnp.array([d])
    logit = jnp.log(at) - jnp.log1p(-at)
    return {
        name: {
            "d": float(slope(functools.partial(of_d, loss), at)[0]),
            "logit": float(slope(loss, logit)[0]),
        }
        for name, (loss, _) in zip(NAMES, GENERATORS, strict=True)
    }


def draw_against_d(axes: Axes) -> None:
    """Draws both generator losses against D(G(z)), with tangents where D is sure."""
    d = jnp.linspace(0.004, 0.996, 400)
    at = jnp.array([0.1])
    for loss, colour in GENERATORS:
        curve = functools.partial(of_d, loss)
        steepness = float(slope(curve, at)[0])
        axes.plot(d, curve(d), color=colour, lw=2.2)
        reach = 0.1 if steepness < -5 else 0.22
        near = 0.1 + np.array([-min(reach, 0.1), reach])
        tangent = float(curve(at)[0]) + steepness * (near - 0.1)
        axes.plot(near, tangent, color=colour, lw=1, ls="--")
        axes.plot(at, curve(at), "o", color=colour, ms=5)
        place = (0.15, 2.6) if steepness < -5 else (0.02, -0.72)
        axes.annotate(f"slope ${steepness:.1f}$", place, color=colour, size=9.5)
    axes.annotate(r"$-\log D$", (0.42, 1.1), color=NON_SATURATING)
    axes.annotate(r"$\log(1 - D)$", (0.47, -1.75), color=SATURATING)
    axes.set(xlim=(0, 1), ylim=(-3.5, 4.5), ylabel="generator's loss")
    axes.set_xlabel("$D(G(z))$")
    axes.set_title("The generator's loss against D")


def draw_against_logit(axes: Axes) -> None:
    """Draws both generator losses against the logit, the output that is trained."""
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
