"""The transforming auto-encoder: the first capsules, which learn to move what they see.

Hinton, Krizhevsky and Wang, "Transforming Auto-encoders" (ICANN 2011). Every capsule
sees the whole image. Its recognition units tell the probability p that its entity is
there, and the pose. The known transformation is applied to the pose, generation units
draw the capsule's contribution in the new pose, p gates it, and the sum over capsules
is the transformed image. The output learns of the transformation only through the
poses, so a capsule's pose has to move as the image does.

Differences from the paper, which does not tell its initial weights or its optimiser:
Adam; kernels at the scale of their fan-in, but ten times that for the poses, which
therefore differ by pixels from the start. If poses start nearly equal (or all weights
near 0.001), capsules tell positions apart by p and hardly learn poses: the median
change of a pose was 0.4 of the shift instead of 0.85, with the same digits and steps.
The output is linear, as in the paper; some ports put a sigmoid on the sum, so that
contributions do not add up to the image.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Literal

import jax
import jax.numpy as jnp
import optax
from flax import linen

from jaxgan import bounds, losses
from jaxgan.game import Batch, Game, Move, Player, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import images

_fan_in = linen.initializers.lecun_normal
_wide = linen.initializers.variance_scaling(100.0, "fan_in", "normal", batch_axis=0)
_POSES = {"translation": (2,), "affine": (3, 3)}


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training for translated digits.

    The sizes are a choice of ours, in the range of the paper's, as its own were not
    checked. For affine maps, 25 capsules of 40 recognition and 40 generation units are
    a start.
    """

    resolution: bounds.Count = 28
    """Height and width of an image."""
    channels: bounds.Count = 1
    """Channels of an image."""
    transform: Literal["translation", "affine"] = "translation"
    """translation: the pose is (row, column), and an offset in pixels is added; affine:
    the pose is a 3x3 matrix, and that of the transformation multiplies it from the
    left."""
    capsules: bounds.Count = 30
    """Capsules."""
    recognition: bounds.Count = 10
    """Recognition units of each capsule."""
    generation: bounds.Count = 20
    """Generation units of each capsule."""
    learning_rate: bounds.Rate = 1e-3
    """Adam's step size."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of products with pixels; everything between stays float32."""

    def __post_init__(self):
        bounds.check(self)

    @property
    def image(self) -> tuple[int, int, int]:
        """Shape of an image, `(H, W, C)`."""
        return (self.resolution, self.resolution, self.channels)

    @property
    def pose(self) -> tuple[int, ...]:
        """Shape of a pose: `(2,)` or `(3, 3)`."""
        return _POSES[self.transform]


class Recognition(linen.Module):
    """Recognition of all capsules: `[B, H, W, C]` to p `[B, n]`, poses `[B, n, *pose]`.

    A layer of all capsules is one product with a kernel `[n, in, out]`.
    """

    config: Config

    @linen.compact
    def __call__(self, image: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Maps images in [0, 1]."""
        c, (n, r) = self.config, (self.config.capsules, self.config.recognition)
        x = image.reshape(len(image), -1)
        size = x.shape[-1]
        kernel = self.param("units", _fan_in(batch_axis=0), (n, size, r))
        bias = self.param("units_bias", linen.initializers.zeros, (n, r))
        units = jax.nn.sigmoid(_product("bi,nir->bnr", x, kernel, c.dtype) + bias[None])
        kernel = self.param("presence", _fan_in(batch_axis=0), (n, r, 1))
        bias = self.param("presence_bias", linen.initializers.zeros, (n,))
        logit = jnp.einsum("bnr,nro->bno", units, kernel)[..., 0] + bias[None]
        values = 2 if c.transform == "translation" else 9
        kernel = self.param("pose", _wide, (n, r, values))
        bias = self.param("pose_bias", _pose_bias(c), (n, values))
        pose = jnp.einsum("bnr,nro->bno", units, kernel) + bias[None]
        return jax.nn.sigmoid(logit), pose.reshape(*pose.shape[:2], *c.pose)


class Generation(linen.Module):
    """Generation of all capsules together: p and poses to `[B, H, W, C]`."""

    config: Config

    @linen.compact
    def __call__(self, presence: jax.Array, pose: jax.Array) -> jax.Array:
        """Draws images; probabilities `[B, n]` gate the contributions to the sum."""
        c, (n, g) = self.config, (self.config.capsules, self.config.generation)
        pose = pose.reshape(*presence.shape, -1)
        kernel = self.param("units", _fan_in(batch_axis=0), (n, pose.shape[-1], g))
        bias = self.param("units_bias", linen.initializers.normal(1.0), (n, g))
        units = jax.nn.sigmoid(jnp.einsum("bnp,npg->bng", pose, kernel) + bias[None])
        size = c.resolution**2 * c.channels
        # One product sums over units and capsules, so its fan-in counts both.
        kernel = self.param("pixels", _fan_in(in_axis=(0, 1)), (n, g, size))
        bias = self.param("pixels_bias", linen.initializers.zeros, (n, size))
        # p(Wu + b) = W(pu) + pb, so only the sum of the capsules' images is stored.
        gated = presence[..., None] * units
        image = _product("bng,ngo->bo", gated, kernel, c.dtype)
        image += jnp.einsum("bn,no->bo", presence, bias)
        return image.reshape(len(image), *c.image)


def _product(how: str, x: jax.Array, kernel: jax.Array, dtype: str) -> jax.Array:
    x, kernel = x.astype(dtype), kernel.astype(dtype)
    return jnp.einsum(how, x, kernel).astype(jnp.float32)


def _pose_bias(config: Config):
    """The initial pose: no shift, or the identity."""
    if config.transform == "translation":
        return linen.initializers.zeros
    return lambda _, shape: jnp.broadcast_to(jnp.eye(3).reshape(1, 9), shape)


def _nets(config: Config) -> dict[str, linen.Module]:
    return {"recognition": Recognition(config), "generation": Generation(config)}


def _apply(config: Config, name: str) -> Callable[..., tuple]:
    return pure(_nets(config)[name], name)


def poses(
    config: Config, variables: Variables, image: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Recognises the entities of all capsules in images `[B, H, W, C]` in [0, 1].

    Returns:
        The probabilities `[B, n]` and the poses: `[B, n, 2]`, rows and columns in
        pixels from an origin that each capsule chooses, or matrices `[B, n, 3, 3]`.

    Raises:
        ValueError: the images have another shape than the model's.
    """
    if image.ndim != 4 or image.shape[1:] != config.image:
        raise ValueError(
            f"image has shape {image.shape}, expected (B, "
            f"{', '.join(map(str, config.image))}): fit the images, or set resolution "
            "and channels"
        )
    return _apply(config, "recognition")(variables, image)[0]


def moved(config: Config, pose: jax.Array, by: jax.Array) -> jax.Array:
    """Adds offsets `[B, 2]` to poses `[B, n, 2]`, or applies matrices `[B, 3, 3]`.

    Raises:
        ValueError: `by` has another shape.
    """
    if by.shape != (len(pose), *config.pose):
        raise ValueError(
            f"the {config.transform} has shape {by.shape}, expected "
            f"{(len(pose), *config.pose)}"
        )
    if config.transform == "translation":
        return pose + by[:, None]
    return jnp.einsum("bij,bnjk->bnik", by, pose, precision="highest")


def generate(
    config: Config, variables: Variables, presence: jax.Array, pose: jax.Array
) -> jax.Array:
    """Draws images `[B, H, W, C]` from probabilities `[B, n]` and poses, unclipped."""
    return _apply(config, "generation")(variables, presence, pose)[0]


def reconstruct(
    config: Config, variables: Variables, image: jax.Array, by: jax.Array
) -> jax.Array:
    """Draws transformed images `[B, H, W, C]` by the capsules, unclipped.

    Args:
        config: the model's config.
        variables: the variables of its nets.
        image: `[B, H, W, C]` in [0, 1].
        by: offsets `[B, 2]` (rows down, columns right), or matrices `[B, 3, 3]`.

    Raises:
        ValueError: an array has another shape than the model's.
    """
    presence, pose = poses(config, variables, image)
    return generate(config, variables, presence, moved(config, pose, by))


def game(config: Config) -> Game:
    """One player that owns both nets.

    Batches are `{"image": [B, H, W, C], "target": [B, H, W, C]}` in [0, 1] with
    `"offset": [B, 2]` or `"transform": [B, 3, 3]`, float32.
    """
    by = "offset" if config.transform == "translation" else "transform"

    def loss(variables, batch, turn):
        del turn
        out = reconstruct(config, variables, batch["image"], batch[by])
        error = losses.capsule_reconstruction_loss(batch["target"], out, scale=1.0)
        return error.mean(), (variables, {})

    nets = _nets(config)
    return Game(
        nets=nets,
        inputs=lambda batch: {
            "recognition": (batch["image"][:1],),
            "generation": (
                jnp.zeros((1, config.capsules)),
                jnp.zeros((1, config.capsules, *config.pose)),
            ),
        },
        players={
            "capsules": Player(loss, tuple(nets), optax.adam(config.learning_rate))
        },
        moves=(Move("capsules"),),
    )


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    image_key, target_key, by_key = jax.random.split(key, 3)
    by = "offset" if config.transform == "translation" else "transform"
    return {
        **images.batch(image_key, count, config.image),
        "target": jax.random.uniform(target_key, (count, *config.image)),
        by: jax.random.normal(by_key, (count, *config.pose)),
    }


def show(
    config: Config, variables: Variables, key: jax.Array, batch: Batch
) -> Mapping[str, jax.Array]:
    """Draws the images of a batch, transformed by the capsules."""
    del key
    by = batch["offset" if config.transform == "translation" else "transform"]
    drawn = reconstruct(config, variables, batch["image"], by)
    return {"transformed": jnp.clip(drawn, 0, 1)}


MODEL = Model(
    paper="Hinton et al. 2011",
    config=Config,
    game=game,
    batch=batch,
    show=show,
    tiny=Config(resolution=6, capsules=3, recognition=4, generation=5),
    exact=True,
)
