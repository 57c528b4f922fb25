"""LAPGAN: a Laplacian pyramid of conditional GANs, from coarse to fine.

Denton, Chintala, Szlam and Fergus, "Deep Generative Image Models using a Laplacian
Pyramid of Adversarial Networks", arXiv:1506.05751.

The coarsest level draws a small image from noise. Every finer level draws the residual
that is missing from the enlarged image of the level before it: the sum of both is the
next image. Levels are trained independently, all side by side in one program or one
after the other (`levels`), and each is given enlarged images of the data, never those
of the levels before it.

Reproduced: the networks of the CIFAR models with their classes as planes; the addition
in front of a discriminator's first layer; a discriminator's minibatch, one half real
and the other drawn on other images; SGD whose momentum grows and whose step size falls
with the epochs; the selection by an approximate Parzen window (`distances`).
`balance="lsun"` is the rule of the released script for LSUN.

Known differences: pixels are in [-1, 1], the paper's have mean 0 and variance 1 at
every place; a generator's minibatch holds the same images as its discriminator's, where
the paper draws new ones. Classes of the coarsest level are appended to its noise, and
to its pixels; its layers have the paper's sizes and the released code's first weights.
"""

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Annotated, Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen

from jaxgan import bounds, compose, losses, nn
from jaxgan.game import Batch, Game, Move, Player, TrainState, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import images, lapgan_nets
from jaxgan.models.parts.balance import resting, who_moves
from jaxgan.models.parts.classes import check_labelled
from jaxgan.models.parts.pyramid import enlarge, pyramid


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are those of the class-conditional CIFAR."""

    sizes: Annotated[tuple[bounds.Count, ...], bounds.Long(2)] = (8, 14, 28)
    """Sides of the images of all levels in pixels, from the coarsest; all but the first
    must be at least 9."""
    levels: tuple[bounds.Count, ...] = ()
    """Sides of the levels to train; all of them if left out. The networks of the others
    stay as they are."""
    channels: bounds.Count = 3
    """Image channels: 3 for colour, 1 for grey."""
    classes: bounds.Natural | None = 10
    """Number of classes of the labels; None for as many as the data has, 0 for a model
    without labels."""
    latent: bounds.Count = 100
    """Size of the coarsest level's noise; each finer level has a plane of noise."""
    hidden: bounds.Layers = (1200, 1200)
    """Units of the coarsest generator's hidden layers."""
    discriminator_hidden: bounds.Layers = (600, 600)
    """Units of the coarsest discriminator's hidden layers."""
    kernels: bounds.Layers = (7, 7, 5)
    """Sides of the kernels of the finer generators."""
    width: bounds.Count = 64
    """Channels of the finer levels' maps, in both networks."""
    dropout: bounds.Decay = 0.5
    """Share of features that discriminators drop."""
    balance: Literal["none", "lsun"] = "none"
    """Who moves: both players in turn; or one of both, as the discriminator's errors
    say (the released script for LSUN)."""
    optimizer: Literal["sgd", "adam"] = "sgd"
    """Optimiser of all players: the paper's, or Adam with `momentum` for beta1."""
    learning_rate: bounds.Rate = 0.02
    """First step size."""
    rate_decay: bounds.Weight = 4e-5
    """SGD's step size is divided by 1 plus this after each epoch."""
    momentum: bounds.Decay = 0.5
    """First momentum."""
    momentum_growth: bounds.Weight = 0.0008
    """What is added to SGD's momentum after each epoch."""
    last_momentum: bounds.Decay = 0.8
    """Largest momentum of SGD."""
    epoch: bounds.Count = 351
    """Steps of an epoch: 45,000 images of CIFAR, in minibatches of 128."""
    ema: bounds.Decay = 0.0
    """Decay of the moving averages of the generators' weights; 0 averages nothing."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the networks; parameters, sums of levels and losses stay float32."""

    def __post_init__(self):
        bounds.check(self)
        pairs = itertools.pairwise(self.sizes)
        if any(a >= b for a, b in pairs) or min(self.sizes[1:]) < 9:
            raise ValueError(
                f"sizes is {self.sizes}; give sides that grow, and of at least 9 pixels"
                " from the second on, such as 8 16 32"
            )
        if unknown := set(self.levels) - set(self.sizes):
            raise ValueError(
                f"levels names {sorted(unknown)}, but the sizes are {self.sizes}; give"
                " some of these"
            )


def nets(config: Config) -> dict[str, linen.Module]:
    """Networks of all levels, such as "generator8" and "discriminator8"."""
    c, (first, *finer) = config, config.sizes
    made: dict[str, linen.Module] = {
        f"generator{first}": lapgan_nets.CoarseGenerator(c.hidden, c.classes, c.dtype),
        f"discriminator{first}": lapgan_nets.CoarseDiscriminator(
            c.discriminator_hidden, c.classes, c.dropout, c.dtype
        ),
    }
    for size in finer:
        made[f"generator{size}"] = lapgan_nets.Generator(
            c.width, c.kernels, c.classes, c.dtype
        )
        made[f"discriminator{size}"] = lapgan_nets.Discriminator(
            c.width, c.classes, c.dropout, c.dtype
        )
    return made


def game(config: Config) -> Game:
    """Two players a level, which touch no other level.

    Batches are `{"image": [B, S, S, C] in [-1, 1]}` with B of at least 2, and `"label"`
    `[B]` where there are classes.
    """
    modules = nets(config)

    def inputs(batch):
        if config.classes != 0:
            check_labelled(batch)
        few = jax.tree.map(lambda x: x[:1], dict(batch))
        label, made = _labels(config, few), {}
        for at, level in enumerate(pyramid(few["image"], config.sizes)):
            size = config.sizes[at]
            noise = _noise(config, at, jax.random.key(0), 1)
            made[f"generator{size}"] = (noise, level.low, label)
            made[f"discriminator{size}"] = (level.residual, level.low, label)
        return made

    players = {
        f"{kind}{size}": Player(loss, (f"{kind}{size}",), resting(_optimizer(config)))
        for at, size in enumerate(config.sizes)
        if size in (config.levels or config.sizes)
        for kind, loss in _losses(config, modules, at).items()
    }
    kinds = [
        [name for name in players if name.startswith(kind)]
        for kind in ("discriminator", "generator")
    ]
    # By the rule, both players look at the same errors, so they move together.
    turns = [list(players)] if config.balance == "lsun" else kinds
    return Game(
        nets=modules,
        inputs=inputs,
        players=players,
        moves=tuple(Move(*names) for names in turns),
        ema={f"generator{size}": config.ema for size in config.sizes},
    )


def next_level(new: TrainState, old: TrainState) -> TrainState:
    """Starts to train other levels from the end of the ones before.

    Generators go on as the averages of their weights, which is what is left of those
    that were trained; the rest is as in `compose.adopt`.
    """
    state = compose.adopt(new, old)
    averages = jax.tree.map(jnp.copy, state.ema)
    return state.replace(params={**state.params, **averages})


def _losses(config, modules, at):
    """The losses of both players of a level."""
    size = config.sizes[at]
    generate, discriminate = (
        pure(modules[f"{name}{size}"], f"{name}{size}")
        for name in ("generator", "discriminator")
    )

    def level(batch):
        """The level of a batch, and labels."""
        return pyramid(batch["image"], config.sizes)[at], _labels(config, batch)

    def draw(variables, low, label, key):
        noise = _noise(config, at, key, low.shape[0])
        return generate(variables, noise, low, label)[0]

    def judge(variables, residual, low, label, key):
        return discriminate(variables, residual, low, label, rngs={"dropout": key})

    def errors(variables, batch, key):
        """Errors of the discriminator on real examples, and on fakes of others."""
        (low, residual), label = level(batch)
        pairs = len(low) // 2
        real, other = (
            jax.tree.map(lambda x, i=i: x[i : 2 * pairs : 2], (low, residual, label))
            for i in (0, 1)
        )
        fake_key, real_drop, fake_drop = jax.random.split(key, 3)
        fake = jax.lax.stop_gradient(draw(variables, other[0], other[2], fake_key))
        real_logits, variables = judge(variables, real[1], real[0], real[2], real_drop)
        fake_logits, variables = judge(variables, fake, other[0], other[2], fake_drop)
        terms = losses.non_saturating_discriminator_terms(real_logits, fake_logits)
        return *(term.mean() for term in terms), variables

    def discriminator_loss(variables, batch, turn):
        key = jax.random.fold_in(turn.key, size)
        real, fake, variables = errors(variables, batch, key)
        loss = (real + fake) / 2
        if config.balance == "lsun":
            loss *= who_moves(real, fake)[0]
        return loss, (variables, {"real": real, "fake": fake})

    def generator_loss(variables, batch, turn):
        key = jax.random.fold_in(turn.key, size)
        own, drop = jax.random.split(jax.random.fold_in(key, 1))
        (low, _), label = level(batch)
        fake = draw(variables, low, label, own)
        logits, _ = judge(variables, fake, low, label, drop)
        loss = losses.non_saturating_generator_loss(logits).mean()
        if config.balance == "lsun":
            real, fake_error, _ = errors(variables, batch, key)
            loss *= who_moves(real, fake_error)[1]
        return loss, (variables, {})

    return {"discriminator": discriminator_loss, "generator": generator_loss}


def _optimizer(config):
    if config.optimizer == "adam":
        return optax.adam(config.learning_rate, config.momentum)

    def rate(step):
        return config.learning_rate / (1 + config.rate_decay) ** (step // config.epoch)

    def momentum(step):
        grown = config.momentum + config.momentum_growth * (step // config.epoch)
        return jnp.minimum(grown, max(config.momentum, config.last_momentum))

    return optax.inject_hyperparams(optax.sgd)(learning_rate=rate, momentum=momentum)


def _labels(config, batch):
    return None if config.classes == 0 else batch["label"]


def _noise_shapes(config):
    return [(config.latent,), *((size, size) for size in config.sizes[1:])]


def _noise(config, at, key, count):
    return jax.random.uniform(key, (count, *_noise_shapes(config)[at]), minval=-1)


def latent(config: Config, key: jax.Array, count: int) -> jax.Array:
    """Draws the noise of all levels, one after the other: `[count, Z + S² + ...]`."""
    size = sum(int(np.prod(shape)) for shape in _noise_shapes(config))
    return nn.sample_latent(key, count, size, "uniform")


def coarse_to_fine(
    config: Config,
    variables: Variables,
    latent: jax.Array,
    label: jax.Array | None = None,
) -> list[jax.Array]:
    """Draws the images `[B, S, S, C]` of all levels, from the coarsest."""
    modules, drawn = nets(config), []
    image = jnp.zeros((latent.shape[0], 1, 1, config.channels))
    for size, shape in zip(config.sizes, _noise_shapes(config), strict=True):
        noise, latent = jnp.split(latent, [int(np.prod(shape))], axis=1)
        low = enlarge(image, size)
        name = f"generator{size}"
        residual, _ = pure(modules[name], name)(
            variables, noise.reshape(-1, *shape), low, label
        )
        image = low + residual
        drawn.append(image)
    return drawn


def sample(
    config: Config,
    variables: Variables,
    latent: jax.Array,
    label: jax.Array | None = None,
) -> jax.Array:
    """Images `[B, S, S, C]` of the finest level, clipped to [-1, 1]."""
    return coarse_to_fine(config, variables, latent, label)[-1].clip(-1, 1)


def distances(
    config: Config, variables: Variables, batch: Batch, key: jax.Array
) -> dict[str, jax.Array]:
    """Draws residuals for real images once, and tells how far they are from the real.

    The smallest of many such distances, averaged over images that were not trained on,
    is the paper's approximate Parzen window, by which it selects networks.

    Returns:
        Root mean square over an image's numbers, `[B]`, by level, such as "level8".
    """
    modules, label, found = nets(config), _labels(config, batch), {}
    for at, (low, residual) in enumerate(pyramid(batch["image"], config.sizes)):
        size = config.sizes[at]
        name = f"generator{size}"
        noise = _noise(config, at, jax.random.fold_in(key, size), low.shape[0])
        drawn, _ = pure(modules[name], name)(variables, noise, low, label)
        square = jnp.square(drawn - residual).mean((1, 2, 3))
        found[f"level{size}"] = jnp.sqrt(square)
    return found


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    shape = (config.sizes[-1], config.sizes[-1], config.channels)
    return images.batch(key, count, shape, classes=config.classes, low=-1.0)


def show(
    config: Config, variables: Variables, key: jax.Array, batch: Batch
) -> Mapping[str, jax.Array]:
    """Draws samples, of the classes of the batch where there are any."""
    drawn = latent(config, key, len(batch["image"]))
    return {"samples": sample(config, variables, drawn, _labels(config, batch))}


MODEL = Model(
    paper="1506.05751",
    config=Config,
    game=game,
    batch=batch,
    show=show,
    tiny=Config(
        sizes=(4, 9), classes=3, latent=4, hidden=(6,), discriminator_hidden=(5,),
        kernels=(3, 3), width=2,
    ),
    latent=latent,
    sample=sample,
    labels=True,
    range=(-1.0, 1.0),
)  # fmt: skip
