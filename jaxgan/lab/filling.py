"""Semantic inpainting with a trained GAN (Yeh et al., arXiv:1607.07539).

A search finds latents whose images agree with what is known, and fills the holes.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from tqdm import tqdm

from jaxgan import losses
from jaxgan.analysis import blending, inpainting, search
from jaxgan.lab import inference

STOPS = (0, 10, 50, 100, 200, 500, 1000, 2000, 5000)  # iterations shown in a strip


class Nets(NamedTuple):
    """The networks and the latents of a search.

    Attributes:
        draw: latents and labels to images.
        judge: images and labels to logits, or None where the prior is left out.
        candidates: random latents, `[N, ...]`.
        drawn: label -> images of the candidates, `[N, H, W, C]`.
        range: the range of pixels.
    """

    draw: Callable
    judge: Callable | None
    candidates: Any
    drawn: dict[int, jax.Array]
    range: tuple[float, float]


def nets_of(trained: inference.Trained, labels: Any, config: Any) -> Nets:
    """The networks of a run, and what they draw of random latents.

    Args:
        trained: the run.
        labels: integers `[B]`, the classes of the images to fill; zeros without.
        config: the flags: `candidates`, `seed`, and `weight`, without which there is no
            judge.

    Raises:
        ValueError: the model draws nothing, or its discriminator gives no logits.
    """
    key = jax.random.key(config.seed)
    candidates = inference.latents(trained, key, config.candidates)
    draw = inference.drawing(trained)
    one = jax.tree.map(lambda x: x[:1], candidates)
    shape = jax.eval_shape(draw, one).shape[1:]
    judge = _judge(trained, shape) if config.weight else None
    drawn = {
        label: search.drawn_in_blocks(
            lambda z, label=label: draw(z, _full(z, label)), candidates
        )
        for label in sorted(set(np.asarray(labels).tolist()))
    }
    return Nets(draw, judge, candidates, drawn, inference.range_of(trained))


def searched(
    nets: Nets,
    images: jax.Array,
    labels: jax.Array,
    known: jax.Array,
    config: Any,
    title: str = "",
) -> dict[int, Any]:
    """Searches for latents that fill a hole.

    Args:
        nets: the networks of the run.
        images: `[B, H, W, C]`, in the model's range.
        labels: `[B]`.
        known: the mask, `[H, W]`.
        config: the flags: how to search.
        title: of the progress bar.

    Returns:
        iteration -> the best latents so far, for the iterations of `STOPS` and the
        last one.
    """
    weights = losses.inpainting_weights(known[None, :, :, None])
    prior_loss = (
        losses.inpainting_prior_loss
        if config.saturating
        else losses.non_saturating_generator_loss
    )

    def loss(latent, label, image):
        drawn = nets.draw(latent, label)
        total = losses.inpainting_contextual_loss(image, drawn, weights)
        if nets.judge is None:
            return total
        return total + config.weight * prior_loss(nets.judge(drawn, label))

    @jax.jit
    def far(image, drawn):
        repeated = jnp.broadcast_to(image[None], drawn.shape)
        return losses.inpainting_contextual_loss(repeated, drawn, weights)

    each = zip(images, labels.tolist(), strict=True)
    table = jnp.stack([far(image, nets.drawn[label]) for image, label in each])
    start = search.starts(table, nets.candidates, config.restarts)
    schedule = optax.cosine_decay_schedule(config.learning_rate, config.iterations)
    found = search.search(
        loss, optax.adam(schedule), project=search.within(nets.candidates)
    )
    data = [jnp.repeat(x, config.restarts, 0) for x in (labels, images)]
    step, state, kept = jax.jit(found.step), found.init(start), {}

    def best():
        return search.best_of(state.loss, state.best, config.restarts)[1]

    # One more step, since each step computes the loss of the last step's latents.
    steps = range(config.iterations + 1)
    for i in tqdm(steps, desc=title, unit="step", leave=False, disable=None):
        state = step(state, *data)
        if i in STOPS or i == config.iterations:
            kept[i] = best()
    return kept


def fills(
    nets: Nets,
    images: jax.Array,
    labels: jax.Array,
    known: jax.Array,
    latents: Any,
) -> dict[str, jax.Array]:
    """Fills the holes in every way, to images `[B, H, W, C]` each."""
    hole = ~known
    drawn = jax.jit(nets.draw)(latents, labels)
    blend = jax.jit(blending.poisson_blend)
    plain = jnp.where(known[None, :, :, None], images, 0)
    mean = plain.sum((1, 2), keepdims=True) / known.sum()
    return {
        "mean": inpainting.paste(jnp.broadcast_to(mean, images.shape), images, known),
        "laplace": jax.jit(blending.harmonic_fill)(plain, hole),
        "drawn": drawn,
        "pasted": inpainting.paste(drawn, images, known),
        "blended": blend(drawn, images, hole).clip(*nets.range),
    }


def measured(
    nets: Nets, images: jax.Array, known: jax.Array, filled: dict[str, jax.Array]
) -> dict[str, dict[str, list[float]]]:
    """Computes the PSNR of every image, in the hole and as a whole, for every fill."""
    low, high = nets.range

    def psnr(fill, where):
        error = np.square(np.asarray(fill - images, np.float64))[:, where]
        ratio = (high - low) ** 2 / np.maximum(error.mean((1, 2)), 1e-12)
        return (10 * np.log10(ratio)).tolist()

    hole = np.asarray(~known)
    return {
        name: {"hole": psnr(fill, hole), "whole": psnr(fill, np.ones_like(hole))}
        for name, fill in filled.items()
    }


def _judge(trained, shape):
    """The discriminator: images and labels to logits `[B]`."""
    real, labels = inference.training_images(trained, inference.REFERENCE)
    judge = inference.judging(trained, real, labels)
    out = jax.eval_shape(judge, jnp.zeros((2, *shape)))
    if getattr(out, "shape", None) != (2,):
        raise ValueError(
            f"the discriminator of {trained.name} does not give one logit for an"
            " image, which the prior loss needs: leave it out with --weight 0"
        )
    return judge


def _full(latents, label):
    return jnp.full(len(jax.tree.leaves(latents)[0]), label)
