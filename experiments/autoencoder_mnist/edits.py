"""Compares one stray pixel with a stroke six pixels thicker: errors and logits.

Six stray pixels are the control: as many as thicken the stroke, with at least the same
squared error, which exposes a discriminator that merely prefers more ink.
"""

import dataclasses
import pathlib
from typing import Any

import jax
import numpy as np
import optax

from jaxgan import bounds, losses
from jaxgan.game import Game, Variables, pure
from jaxgan.lab import blocks, figures
from jaxgan.models.parts import digit_nets
from jaxgan.models.parts.two_players import Objective, adversarial
from jaxgan.train.terminal import say

EXAMPLES = 6  # edited digits that are shown
THICKER = 6  # pixels by which a stroke is thickened
APART = 3  # pixels between a stray pixel and the digit
BLOCK = 500  # images in a batch


@dataclasses.dataclass(frozen=True)
class Critic:
    """The GAN whose discriminator judges edited digits."""

    width: bounds.Count = 16
    """Channels of the discriminator's first maps, and of the generator's last."""
    hidden: bounds.Count = 128
    """Units of the dense layer of each net."""
    latent: bounds.Count = 64
    """Size of the latent vector."""
    penalty: bounds.Weight = 0.05
    """Weight of the squared slope of the discriminator on real digits."""
    learning_rate: bounds.Rate = 5e-4
    """Adam's step size for both players."""

    def __post_init__(self):
        bounds.check(self)


def game(model: Critic) -> Game:
    """A GAN on digits, whose discriminator judges each image by itself."""
    return adversarial(
        _generator(model),
        _discriminator(model),
        latent=lambda key, count: jax.random.normal(key, (count, model.latent)),
        losses=Objective(
            losses.non_saturating_discriminator_loss,
            losses.non_saturating_generator_loss,
            lambda critic, real, fake, key: (
                model.penalty / 2 * losses.r1_penalty(critic, real)
            ),
        ),
        optimizer=optax.adam(model.learning_rate, 0.5),
    )


def sample(model: Critic, variables: Variables, latent: jax.Array) -> jax.Array:
    """Images `[B, 28, 28, 1]` in [0, 1] from latents `[B, Z]`."""
    return pure(_generator(model), "generator")(variables, latent)[0]


def _generator(model):
    return digit_nets.Generator(model.width, model.hidden)


def _discriminator(model):
    # Without batch normalisation, so that a score depends on its image alone.
    return digit_nets.Discriminator(model.width, model.hidden, norm=False)


def edit(image: np.ndarray, rng: np.random.Generator) -> tuple | None:
    """Edits a digit: one stray pixel, a stroke six pixels thicker, or six strays.

    Stray pixels are white, at least three pixels from the digit, and at most three
    pixels outside its box. A stroke is thickened by turning adjacent dark pixels at its
    edge white.

    Args:
        image: `[H, W, 1]` in [0, 1].
        rng: decides the places.

    Returns:
        Three images, or None if the digit has no such places.
    """
    ink = image[..., 0] > 0.5
    if not ink.any():
        return None
    rows, columns = np.indices(ink.shape)
    there = np.argwhere(ink)
    away = np.abs(np.stack([rows, columns], -1)[:, :, None] - there).max(-1).min(-1)
    (top, left), (low, right) = there.min(0) - APART, there.max(0) + APART
    box = (rows >= top) & (rows <= low) & (columns >= left) & (columns <= right)
    free = np.argwhere(box & (away >= APART) & (image[..., 0] < 0.1))
    edge = np.argwhere(~ink & (away == 1))
    if min(len(free), len(edge)) < THICKER:
        return None
    stray, thick, strays = image.copy(), image.copy(), image.copy()
    apart = free[rng.permutation(len(free))[:THICKER]]
    stray[tuple(apart[0])] = 1.0
    strays[tuple(apart.T)] = 1.0
    middle = edge[rng.integers(len(edge))]
    nearest = np.argsort(np.square(edge - middle).sum(1), kind="stable")[:THICKER]
    thick[tuple(edge[nearest].T)] = 1.0
    return stray, thick, strays


def judge(
    model: Critic, variables: Variables, held: np.ndarray, seed: int, path: pathlib.Path
) -> dict[str, Any]:
    """Counts how often the discriminator ranks the edits opposite to the squared error.

    Args:
        model: the discriminator's config.
        variables: the variables of its nets.
        held: the digits to edit, `[N, 28, 28, 1]` in [0, 1].
        seed: the seed of the places of edits.
        path: the file of the picture.

    Raises:
        ValueError: no digit has room for the edits.
    """
    rng = np.random.default_rng(seed)
    some = []
    for image in held:
        if (edited := edit(image, rng)) is not None:
            some.append((image, *edited))
    if not some:
        raise ValueError("no test image could be edited: they are blank, or too small")
    images = np.stack(some, 1)  # [4, N, H, W, 1]
    score = pure(_discriminator(model), "discriminator")
    see = jax.jit(lambda x: score(variables, x)[0])
    logits = np.stack([blocks.in_blocks(see, x, size=BLOCK) for x in images])
    error = np.square(images[1:] - images[:1]).sum((2, 3, 4))
    prefers = logits[2] > logits[1]
    results = {
        "digits": len(prefers),
        "squared_error_of_one_stray_pixel": float(error[0].mean()),
        "squared_error_of_six_at_a_stroke": float(error[1].mean()),
        "squared_error_prefers_the_stray_pixel": float((error[0] < error[1]).mean()),
        "discriminator_prefers_the_thicker_stroke": float(prefers.mean()),
        "discriminator_ranks_opposite": float((prefers & (error[0] < error[1])).mean()),
        "squared_error_of_six_stray_pixels": float(error[2].mean()),
        "discriminator_prefers_the_thicker_stroke_to_six_strays": float(
            (logits[2] > logits[3]).mean()
        ),
        "logit_of_digits": float(logits[0].mean()),
        "logit_with_a_stray_pixel": float(logits[1].mean()),
        "logit_with_a_thicker_stroke": float(logits[2].mean()),
        "logit_with_six_stray_pixels": float(logits[3].mean()),
    }
    _draw(path, images, error, logits, results)
    share = results["discriminator_ranks_opposite"]
    say(f"D ranks {share:.1%} of {len(prefers):,} edited digits opposite to L2")
    return results


NAMES = ("digit", "one stray pixel", "six at a stroke", "six stray pixels")


def _draw(path, images, error, logits, results) -> None:
    """Draws some digits, not selected, and the differences of D's logits of all."""
    shown = min(EXAMPLES, images.shape[1])
    figure = figures.new(11.0, 6.2)
    parts = figure.add_gridspec(1, 2, width_ratios=(shown, 3.4))
    left, right = (figure.add_subfigure(part) for part in parts)
    axes = left.subplots(len(NAMES), shown, squeeze=False)
    for j in range(shown):
        for i, name in enumerate(NAMES):
            panel = axes[i, j]
            panel.imshow(images[i, j, ..., 0], cmap="gray", vmin=0, vmax=1)
            panel.set(xticks=[], yticks=[])
            l2 = f"L2² {error[i - 1, j]:.1f}   " if i else ""
            panel.set_xlabel(f"{l2}D {logits[i, j]:+.2f}", size=9)
            if j == 0:
                panel.set_ylabel(name)
    against = (
        (1, "one stray pixel", results["discriminator_ranks_opposite"],
         "which L2 prefers"),
        (3, "six stray pixels",
         results["discriminator_prefers_the_thicker_stroke_to_six_strays"],
         "the control"),
    )  # fmt: skip
    for panel, (i, name, share, note) in zip(
        right.subplots(2, 1), against, strict=True
    ):
        gap = logits[2] - logits[i]
        low, high = np.quantile(gap, [0.005, 0.995])
        low, high = min(low, 0.0), max(high, 0.0)
        # Zero is the border of two bars, so that colours change where signs do.
        width = max(high - low, 1e-6) / 30
        edges = width * np.arange(np.floor(low / width), np.ceil(high / width) + 1)
        counts, _ = np.histogram(gap, edges)
        colours = np.where(edges[:-1] >= -width / 2, "#1f6f8b", "#d1495b")
        panel.bar(edges[:-1], counts, width, align="edge", color=colours)
        panel.axvline(0, color="#333333", lw=0.8)
        panel.set(xlabel="D's logit: stroke minus stray")
        panel.set_ylabel("digits")
        panel.set_title(f"against {name} ({note}):\nD prefers the stroke, {share:.0%}",
                        size=10)  # fmt: skip
        panel.spines[["top", "right"]].set_visible(False)
    figures.save(path, figure, "one stray pixel, or six")
