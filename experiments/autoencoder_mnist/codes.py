"""Codes of images: where they are, where to draw new ones, and how good those are."""

from typing import Any

import jax
import numpy as np
from jax.scipy.special import ndtri

from experiments.autoencoder_mnist.networks import Coder
from jaxgan import data, losses
from jaxgan.lab import blocks
from jaxgan.lab.data import Set
from jaxgan.lab.judges import classifier, scores
from jaxgan.models import vae

SIDE = 15  # codes of a grid, each way
MARGIN = 0.03  # share of the codes left out of a grid at either end of an axis
SCORED = 2000  # digits from random codes that are scored
DRAWS = 10  # codes for each image, for the bound
MOST = 10_000  # training images that are encoded


def of_sets(coder: Coder, opened: Set, held: np.ndarray) -> dict[str, np.ndarray]:
    """Codes of training and of test images, `[N, 2]` each; for a VAE, their means."""
    images = opened.train["image"]
    some = images[data.some(len(images), MOST)].astype(np.float32) / 255
    return {"train": coder.encode(some), "test": coder.encode(held)}


def grid(name: str, codes: np.ndarray) -> np.ndarray:
    """Codes `[SIDE, SIDE, 2]`, from the top left: x to the right, y upwards.

    For the autoencoder they are percentiles of the codes of the training set along each
    axis; for the VAE, quantiles of the prior.
    """
    share = np.linspace(MARGIN, 1 - MARGIN, SIDE)
    if name == "vae":
        x = y = np.asarray(ndtri(share))
    else:
        x, y = np.quantile(codes, share, axis=0).T
    return np.stack(np.meshgrid(x, y[::-1]), -1).astype(np.float32)


def random_codes(name: str, codes: np.ndarray, key: jax.Array, count: int) -> jax.Array:
    """`[count, 2]`: from the VAE's prior, or from the box of an autoencoder's codes.

    An autoencoder has no distribution of codes; the box contains all codes of the
    training set.
    """
    if name == "vae":
        return jax.random.normal(key, (count, 2))
    low, high = codes.min(0), codes.max(0)
    return low[None] + (high - low)[None] * jax.random.uniform(key, (count, 2))


def measure(
    coder: Coder,
    opened: Set,
    held: np.ndarray,
    codes: dict[str, np.ndarray],
    seed: int,
) -> dict[str, Any]:
    """Numbers of a trained model.

    Args:
        coder: the trained model.
        opened: the data.
        held: test images in [0, 1].
        codes: from `of_sets`.
        seed: the seed of the run.
    """
    again = coder.decode(codes["test"])
    key = jax.random.key(seed + 2)
    drawn = coder.decode(random_codes(coder.name, codes["train"], key, SCORED))
    judge = classifier.trained(opened)
    found: dict[str, Any] = {
        "test_images": len(held),
        "squared_error": float(np.square(again - held).sum((1, 2, 3)).mean()),
        "random_codes": scores.score(judge, drawn, opened)
        | {"confident": confident(judge.logits(drawn))},
        "confident_of_data": confident(judge.logits(held)),
    }
    if coder.name == "vae":
        found |= bounds(coder, held, key)
    return found


def bounds(coder: Coder, held: np.ndarray, key: jax.Array) -> dict[str, float]:
    """The VAE's bound on the likelihood of test images, and the divergence in it."""
    model, variables = coder.model, coder.variables

    @jax.jit
    def bound(image, index):
        keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(index)
        each = lambda x, k: vae.log_likelihood_bound(  # noqa: E731
            model, variables, x[None], k, DRAWS
        )[0]
        mean, log_variance = vae.encode(model, variables, image)
        return jax.vmap(each)(image, keys), losses.gaussian_kl(mean, log_variance)

    found, divergence = blocks.in_blocks(bound, held, np.arange(len(held)))
    return {"bound": float(found.mean()), "divergence": float(divergence.mean())}


def confident(logits: np.ndarray, least: float = 0.9) -> float:
    """The share of images whose likeliest class has a probability of at least 0.9."""
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    return float((shifted.max(1) / shifted.sum(1) >= least).mean())
