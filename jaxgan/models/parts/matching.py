"""The losses of players who are told of texts: matching-aware discriminators.

Reed et al., "Generative Adversarial Text to Image Synthesis", arXiv:1605.05396,
algorithm 1: real images with their texts, against real images with texts that are not
true of them and images drawn for their texts, which have half the weight each.
"""

from collections.abc import Callable
from typing import Any

import jax
from jax import lax

from jaxgan import losses
from jaxgan.game import Batch, Metrics, Variables


def discriminator_loss(
    judge: Callable[..., Any],
    variables: Variables,
    batch: Batch,
    fake: jax.Array,
    *given: Any,
) -> tuple[jax.Array, tuple[Variables, Metrics]]:
    """What the discriminator minimises.

    Args:
        judge: `judge(variables, image, *given, *texts) -> (logits, variables)` with
            logits `[B]` for each of the texts.
        variables: of all nets.
        batch: with `image`, `text` and `wrong`.
        fake: images drawn for the texts.
        given: what else the discriminator is told, the same of real and drawn images.
    """
    image, text, wrong = (batch[name] for name in ("image", "text", "wrong"))
    (real, other), variables = judge(variables, image, *given, text, wrong)
    (drawn,), variables = judge(variables, lax.stop_gradient(fake), *given, text)
    loss = losses.matching_aware_discriminator_loss(real, other, drawn).mean()
    seen = {"real": real.mean(), "wrong": other.mean(), "fake": drawn.mean()}
    return loss, (variables, seen)


def generator_loss(
    judge: Callable[..., Any],
    variables: Variables,
    batch: Batch,
    fake: jax.Array,
    *given: Any,
) -> jax.Array:
    """What the generator minimises; arguments as those of `discriminator_loss`."""
    (logits,), _ = judge(variables, fake, *given, batch["text"])
    return losses.matching_aware_generator_loss(logits).mean()


def check_texts(batch: Batch, size: int) -> None:
    """Checks that a batch has embeddings of texts.

    Raises:
        ValueError: `text` or `wrong` is missing, or of another size.
    """
    for name in ("text", "wrong"):
        found = batch[name].shape[1:] if name in batch else "missing"
        if found != (size,):
            raise ValueError(
                f"{name} is {found}, but the game takes embeddings {(size,)} of texts"
                " that are true of the images (text) and not (wrong)"
            )
