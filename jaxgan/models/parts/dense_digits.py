"""Dense nets on digits, and the training of 2014: what the GAN and the CGAN share."""

import dataclasses
import math
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen

from jaxgan import bounds, losses
from jaxgan.game import Move

SHAPE = (28, 28, 1)  # of an image


@dataclasses.dataclass(frozen=True)
class Training:
    """The training of the GAN and the CGAN; the defaults are the GAN's."""

    loss: Literal["non_saturating", "minimax"] = "non_saturating"
    """The generator's loss: -log D (with which the paper trains) or log(1 - D)."""
    smoothing: Annotated[float, bounds.Within(0, 1, below=True)] = 0.0
    """One-sided label smoothing: the target of real images is 1 minus this."""
    discriminator_steps: bounds.Count = 1
    """k, the updates of the discriminator for each update of the generator."""
    optimizer: Literal["momentum", "adam"] = "momentum"
    """SGD with momentum (the paper's), or Adam, which is faster."""
    learning_rate: bounds.Rate = 0.1
    """Step size of the first update; use about 2e-4 with Adam."""
    decay: Annotated[float, bounds.Within(1)] = 1.000004
    """Divisor of the step size after every update."""
    final_learning_rate: bounds.Weight = 1e-6
    """Step size at which it stops falling."""
    momentum: tuple[bounds.Decay, bounds.Decay] = (0.5, 0.7)
    """Momentum before and after its rise."""
    rise: tuple[bounds.Natural, bounds.Natural] = (500, 125_000)
    """Updates between which the momentum rises: epochs 1 to 250 of 500 updates each."""
    beta1: bounds.Decay = 0.5
    """Adam's first momentum."""
    generator_init: bounds.Rate = 0.05
    """The generator's initial weights are uniform between minus and plus this."""
    discriminator_init: bounds.Rate = 0.005
    """The discriminator's initial weights are uniform between minus and plus this."""
    ema: bounds.Decay = 0.0
    """Decay of the moving average of the generator's weights; 0 averages nothing."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the hidden layers; parameters and losses stay float32."""

    def __post_init__(self):
        bounds.check(self)
        if self.final_learning_rate > self.learning_rate:
            raise ValueError(
                f"learning_rate is {self.learning_rate} and final_learning_rate"
                f" {self.final_learning_rate}; the final one must not be above the"
                " first"
            )
        if self.optimizer == "adam" and self.learning_rate > 0.01:
            raise ValueError(
                f"learning_rate is {self.learning_rate}, which suits momentum; Adam"
                " needs about 2e-4, and at most 0.01"
            )
        if self.rise[0] >= self.rise[1]:
            raise ValueError(
                f"rise is {self.rise}; give two updates, the first before the second"
            )


def training(config: Training, together: bool = False) -> dict[str, Any]:
    """Makes losses, optimiser and schedule for `adversarial`.

    Args:
        config: of the training.
        together: whether both players move at once; otherwise the discriminator moves
            k times, then the generator.
    """
    loss = getattr(losses, f"{config.loss}_discriminator_loss")
    discriminator_loss = partial(loss, label_smoothing=config.smoothing)
    return {
        "losses": (
            lambda real, fake: 0.5 * discriminator_loss(real, fake),
            getattr(losses, f"{config.loss}_generator_loss"),
        ),
        "optimizer": optimizer(config),
        "moves": (Move("discriminator", "generator"),)
        if together
        else (
            Move("discriminator", repeat=config.discriminator_steps),
            Move("generator"),
        ),
        "ema": config.ema,
    }


def optimizer(config: Training) -> optax.GradientTransformation:
    """Momentum SGD with step sizes that fall with every update and momentum that rises.

    The step size is inside the velocity, as in the released code: v ← m·v − r·g.
    """

    def rate(count):
        # Computed in logs, as a power of 1.000004 would be off by a percent in float32.
        exponent = -math.log(config.decay) * count.astype(jnp.float32)
        return jnp.maximum(
            config.learning_rate * jnp.exp(exponent), config.final_learning_rate
        )

    if config.optimizer == "adam":
        return optax.adam(rate, config.beta1)
    (low, high), (first, last) = config.momentum, config.rise
    momentum = optax.linear_schedule(low, high, last - first, first)

    @optax.inject_hyperparams
    def descend(rate, momentum):
        return optax.chain(optax.scale(-rate), optax.trace(momentum))

    return descend(rate, momentum)


def uniform(width: float) -> Callable[..., jax.Array]:
    """Makes an initialiser that draws from U(-width, width)."""

    def init(key, shape, dtype=jnp.float32):
        return jax.random.uniform(key, shape, dtype, -width, width)

    return init


def pixel_bias(marginals: Any = None) -> Callable[..., jax.Array]:
    """Makes an initialiser of biases whose sigmoids are the mean training image.

    Args:
        marginals: that mean, `[28, 28, 1]` in [0, 1], or None for biases of zero.
            Pixels that are always black count as 1e-7.

    Raises:
        ValueError: the shape is another, or numbers are outside [0, 1].
    """
    if marginals is None:
        return linen.initializers.zeros_init()
    mean = np.asarray(marginals, np.float64)
    if mean.shape != SHAPE or not (mean.min() >= 0 and mean.max() <= 1):
        raise ValueError(
            f"marginals have shape {mean.shape} and values from {mean.min()} to"
            f" {mean.max()}, expected {SHAPE} and values in [0, 1]: give the mean of"
            " the training images"
        )
    mean = mean.clip(1e-7, 1 - 1e-7).ravel()
    bias = np.log(mean) - np.log1p(-mean)
    return lambda key, shape, dtype=jnp.float32: jnp.asarray(bias, dtype).reshape(shape)


def flatten(image: jax.Array) -> jax.Array:
    """Flattens images `[B, 28, 28, 1]` to vectors `[B, 784]`.

    Raises:
        ValueError: the images have another shape.
    """
    if image.shape[1:] != SHAPE:
        raise ValueError(f"images have shape {image.shape}, expected {('B', *SHAPE)}")
    return image.reshape(len(image), -1)


def drop(module: linen.Module, x: jax.Array, keep: float) -> jax.Array:
    """Keeps a share of units, scaled up, if the module has the stream "dropout"."""
    return linen.Dropout(1 - keep, deterministic=not module.has_rng("dropout"))(x)


def to_image(x: jax.Array, kernel_init: Callable, bias_init: Callable) -> jax.Array:
    """Applies a generator's last layer, in float32: `[B, N]` to `[B, 28, 28, 1]`."""
    dense = linen.Dense(
        math.prod(SHAPE),
        kernel_init=kernel_init,
        bias_init=bias_init,
        name="to_image",
    )
    return linen.sigmoid(dense(x.astype(jnp.float32))).reshape(-1, *SHAPE)


def to_logit(x: jax.Array, kernel_init: Callable) -> jax.Array:
    """Applies a discriminator's last layer, in float32: `[B, N]` to `[B]`."""
    dense = linen.Dense(1, kernel_init=kernel_init, name="to_logit")
    return dense(x.astype(jnp.float32))[:, 0]
