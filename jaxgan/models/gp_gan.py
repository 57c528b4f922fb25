"""GP-GAN: a network draws the colours of a composite, and its gradients stay.

Wu, Zheng, Zhang and Huang, "GP-GAN: Towards Realistic High-Resolution Image Blending",
arXiv:1703.07195. This is the blending network, which takes a copy-and-paste composite
to a small image without seams; `jaxgan.analysis.gaussian_poisson.blend` brings its
colours together with the gradients of the composite at any size.

Reproduced: an encoder-decoder through 4,000 units; the composite is an image with the
central square of another image of the same scene in it, and the target is the untouched
image; 0.999 times the mean squared error, and 0.001 times the critic's score; the
critic moves five times for each move of the generator, its weights clipped to ±0.01;
Adam with beta1 0.5, at 2e-3 for the generator and 2e-4 for the critic. As in the
authors' code, the critic gives real images low scores, all convolutions are without
bias, and images are blended with the running averages of batch norms.

Known differences: weights are clipped after an update and not before the next, so that
the generator sees clipped weights. The authors' code updates the critic a hundred times
at each of the first 25 steps of the generator and at every 500th; here it is always
`critic_steps`, because a game's schedule is the same at every step. The unsupervised
variant, which searches for a latent of a WGAN, is left out. With `residual` the
network learns what to add to the composite.
"""

import dataclasses
from collections.abc import Mapping
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from jaxgan import bounds, losses
from jaxgan.game import Batch, Game, Move, Player, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import bottleneck_nets, images
from jaxgan.models.parts.rates import falling


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are the paper's."""

    resolution: bounds.Count = 64
    """Height and width of images in pixels: a power of two, at least 8."""
    channels: bounds.Count = 3
    """Image channels: 3 for colour, 1 for grey."""
    width: bounds.Count = 64
    """Channels of the largest maps; they double at each halving, up to 8 times."""
    bottleneck: bounds.Count = 4000
    """Units between encoder and decoder."""
    residual: bool = False
    """Whether the generator draws what is added to the composite. The paper's draws all
    of the result, also where the composite is right."""
    reconstruction: bounds.Share = 0.999
    """Weight of the squared error; the critic's score has the rest."""
    critic_steps: bounds.Count = 5
    """Updates of the critic for each update of the generator."""
    clip: bounds.Rate = 0.01
    """Largest absolute value of a weight of the critic."""
    learning_rate: bounds.Rate = 2e-3
    """Adam's step size for the generator."""
    critic_learning_rate: bounds.Rate = 2e-4
    """Adam's step size for the critic."""
    beta1: bounds.Decay = 0.5
    """Adam's first momentum."""
    decay: bounds.Natural = 0
    """Steps in which the generator's step size falls to 0 along a straight line; 0
    leaves it as it is, as the authors do."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the networks; parameters, statistics and losses stay float32."""

    def __post_init__(self):
        bounds.check(self)
        bottleneck_nets.check_resolution("resolution", self.resolution, 8)


def game(config: Config) -> Game:
    """Critic k times, then generator.

    Batches are `{"image": [k, B, R, R, C], "source": the same}`, in [-1, 1]: two images
    of each scene, of which the square in the middle of the second is pasted into the
    first.
    """
    nets = _nets(config)
    generator, critic = (pure(module, name) for name, module in nets.items())

    def critic_loss(variables, batch, turn):
        del turn
        fake = generator(variables, composite(batch["source"], batch["image"]))[0]
        real_scores, variables = critic(variables, batch["image"])
        fake_scores, variables = critic(variables, lax.stop_gradient(fake))
        # Low scores are for real images, so the two change places.
        loss = losses.wasserstein_discriminator_loss(fake_scores, real_scores).mean()
        return loss, (variables, {"gap": (fake_scores - real_scores).mean()})

    def generator_loss(variables, batch, turn):
        del turn
        target = batch["image"]
        fake, variables = generator(variables, composite(batch["source"], target))
        scores, variables = critic(variables, fake)
        error = losses.l2_loss(target, fake).mean()
        share = config.reconstruction
        loss = share * error + (1 - share) * scores.mean()
        return loss, (variables, {"error": error, "score": scores.mean()})

    rate = falling(config.learning_rate, config.decay)
    adam = optax.adam(rate, config.beta1)
    critic_adam = optax.adam(config.critic_learning_rate, config.beta1)
    clipped = optax.chain(critic_adam, losses.weight_clipping(config.clip))
    return Game(
        nets=nets,
        inputs=lambda batch: dict.fromkeys(nets, (batch["image"][:1],)),
        players={
            "critic": Player(critic_loss, ("critic",), clipped),
            "generator": Player(generator_loss, ("generator",), adam),
        },
        moves=(Move("critic", repeat=config.critic_steps), Move("generator")),
    )


def centre(height: int, width: int) -> np.ndarray:
    """The mask of the square in the middle, `[H, W]` bool: half of each side."""
    rows, columns = (
        (np.arange(side) >= side // 4) & (np.arange(side) < side // 4 + side // 2)
        for side in (height, width)
    )
    return rows[:, None] & columns


def composite(source: jax.Array, target: jax.Array) -> jax.Array:
    """Pastes the square in the middle of one image into another, `[B, H, W, C]`."""
    return jnp.where(centre(*target.shape[-3:-1])[..., None], source, target)


def blend(config: Config, variables: Variables, image: jax.Array) -> jax.Array:
    """Draws images without seams, `[B, R, R, C]`, of composites, in [-1, 1].

    Raises:
        ValueError: the images are of another size.
    """
    expected = (config.resolution, config.resolution, config.channels)
    if image.shape[1:] != expected:
        raise ValueError(
            f"composites are {image.shape[1:]}, but the network takes {expected}: bring"
            " them to that size, and give `gaussian_poisson.blend` what it draws"
        )
    generator = pure(_nets(config)["generator"], "generator")
    return generator(variables, image, "running")[0].clip(-1, 1)


def _nets(config: Config):
    down = bottleneck_nets.widths(config.width, config.resolution)
    return {
        "generator": bottleneck_nets.EncoderDecoder(
            down,
            config.bottleneck,
            down[::-1],
            config.channels,
            config.residual,
            config.dtype,
        ),
        "critic": bottleneck_nets.Critic(down, config.dtype),
    }


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    shape = (config.resolution, config.resolution, config.channels)
    repeats = config.critic_steps
    both = images.batch(key, 2 * count, shape, repeats=repeats, low=-1.0)["image"]
    first, second = jnp.split(both, 2, axis=int(repeats > 1))
    return {"image": first, "source": second}


def show(
    config: Config, variables: Variables, key: jax.Array, batch: Batch
) -> Mapping[str, jax.Array]:
    """Shows composites, and what the network makes of them."""
    del key
    pasted = composite(batch["source"], batch["image"])
    return {"composites": pasted, "blended": blend(config, variables, pasted)}


MODEL = Model(
    paper="1703.07195",
    config=Config,
    game=game,
    batch=batch,
    show=show,
    tiny=Config(resolution=16, width=2, bottleneck=4, critic_steps=2),
    range=(-1.0, 1.0),
    exact=True,
)
