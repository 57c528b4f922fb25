"""Builds training steps of the library for the benchmarks, and counts their work."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen

from experiments.benchmarks.parts import residual as pair
from experiments.benchmarks.parts.roofline import Nets
from jaxgan import data, game, losses, nn, parallel
from jaxgan.lab.counting import networks
from jaxgan.lab.counting.networks import Layer, Play
from jaxgan.models import capsnet as capsnet_model
from jaxgan.models import dcgan as dcgan_model
from jaxgan.models.parts.two_players import adversarial

PIXELS = 784


class Subject(NamedTuple):
    """A game to be timed.

    Attributes:
        game: the game whose step it is.
        batch: the shapes of a batch.
        size: the number of examples in it.
        nets: the layers of each net, and how one step plays it.
    """

    game: game.Game
    batch: dict[str, jax.ShapeDtypeStruct]
    size: int
    nets: Nets


class Built(NamedTuple):
    """A step, ready to run.

    Attributes:
        play: `play(k)` plays k steps, waits for the last, and returns one of its
            metrics.
        compiled: one step, as compiled by XLA.
    """

    play: Callable[[int], float]
    compiled: Any


def dcgan(
    *,
    batch: int,
    resolution: int = 64,
    width: int = 32,
    kernel: int = 4,
    dtype: str = "float32",
) -> Subject:
    """The DCGAN of `dcgan_step.py`, at any resolution."""
    model = dcgan_model.Config(
        resolution=resolution,
        width=width,
        kernel=kernel,
        latent_distribution="normal",
        dtype=dtype,  # type: ignore[arg-type]
    )
    layers = networks.dcgan_layers(resolution, width, model.latent, kernel)
    image = jax.ShapeDtypeStruct((batch, resolution, resolution, 3), jnp.float32)
    nets = _adversarial(layers, average=model.ema > 0)
    return Subject(dcgan_model.game(model), {"image": image}, batch, nets)


def capsnet(
    *, batch: int, features: int = 256, types: int = 32, dtype: str = "float32"
) -> Subject:
    """CapsNet for MNIST; the defaults are the paper's."""
    model = capsnet_model.Config(features=features, types=types, dtype=dtype)  # type: ignore[arg-type]
    layers = networks.capsnet_layers(features=features, types=types)
    shapes = {
        "image": jax.ShapeDtypeStruct((batch, 28, 28, 1), jnp.float32),
        "label": jax.ShapeDtypeStruct((batch,), jnp.int32),
    }
    nets = {name: (net, Play()) for name, net in layers.items()}
    return Subject(capsnet_model.game(model), shapes, batch, nets)


def residual(
    *, batch: int, resolution: int = 128, width: int = 96, dtype: str = "float32"
) -> Subject:
    """The residual pair; the defaults are BigGAN's widths."""
    image = jax.ShapeDtypeStruct((batch, resolution, resolution, 3), jnp.float32)
    nets = _adversarial(pair.layers(resolution, width), average=False)
    return Subject(pair.game(resolution, width, dtype), {"image": image}, batch, nets)


def mlp(
    *, batch: int, hidden: int = 128, latent: int = 100, dtype: str = "float32"
) -> Subject:
    """The small GAN of `small_gan.py`: two hidden layers in each net."""
    net = (hidden, hidden)
    small = adversarial(
        linen.Sequential([nn.MLP(net, PIXELS, dtype), linen.sigmoid]),
        nn.MLP(net, 1, dtype),
        latent=lambda key, count: jax.random.normal(key, (count, latent)),
        losses=(
            losses.minimax_discriminator_loss,
            losses.non_saturating_generator_loss,
        ),
        optimizer=optax.adam(2e-4, b1=0.5),
    )
    layers = {
        "generator": networks.dense_layers([latent, *net, PIXELS]),
        "discriminator": networks.dense_layers([PIXELS, *net, 1]),
    }
    image = jax.ShapeDtypeStruct((batch, PIXELS), jnp.float32)
    return Subject(small, {"image": image}, batch, _adversarial(layers, average=False))


SUBJECTS = {f.__name__: f for f in (dcgan, capsnet, residual, mlp)}


def parse(words: str) -> Subject:
    """Makes the subject that a text such as `dcgan batch=64 dtype=bfloat16` names."""
    name, *pairs = words.split()
    sizes = dict(pair.split("=") for pair in pairs)
    settings: dict[str, Any] = {
        k: int(v) if v.isdigit() else v for k, v in sizes.items()
    }
    return SUBJECTS[name](**settings)


def _adversarial(layers: dict[str, list[Layer]], *, average: bool) -> Nets:
    """One update of each player, with separate batches for the discriminator."""
    plays = {
        "generator": Play(forward=1, train=1, average=average),
        "discriminator": Play(through=1, train=2, beside=2),
    }
    return {name: (net, plays[name]) for name, net in layers.items()}


def build(subject: Subject) -> Built:
    """Compiles jaxgan's step on one device, with a batch that stays there."""
    mesh = parallel.mesh(jax.local_devices()[:1])
    algorithm = parallel.compiled(game.algorithm(subject.game), mesh)
    batch = jax.device_put(_batch(subject), parallel.split(mesh))
    state = algorithm.init(jax.random.key(0), batch)
    step: Any = algorithm.step
    compiled = step.lower(state, batch).compile()

    def play(steps: int) -> float:
        nonlocal state
        metrics = {}
        for _ in range(steps):
            state, metrics = compiled(state, batch)
        jax.block_until_ready(state)
        return float(next(iter(metrics.values())))

    return Built(play, compiled)


def _batch(subject: Subject) -> dict[str, np.ndarray]:
    """Draws numbers in [0, 1] and labels of ten classes."""
    rng = np.random.default_rng(0)
    return {
        name: rng.random(x.shape, np.float32)
        if np.issubdtype(x.dtype, np.floating)
        else rng.integers(0, 10, x.shape, np.int32)
        for name, x in subject.batch.items()
    }


def build_loop(
    subject: Subject, *, steps: int, seeds: int = 1, images: int = 10_000
) -> Callable[[], float]:
    """Makes a call of many steps of the small GAN, of several runs at once.

    Args:
        subject: from `mlp`.
        steps: the steps in one compiled `lax.scan`.
        seeds: the number of runs, side by side under `vmap`.
        images: the images in memory, as bytes.

    Returns:
        The function; the host plans the batches at every call, as in training.
    """
    played = game.algorithm(subject.game)
    rng = np.random.default_rng(0)
    arrays = jax.device_put(rng.integers(0, 256, (images, PIXELS), np.uint8))

    def run(state, plan, arrays):
        def play(state, index):
            image = arrays[index].astype(jnp.float32) / 255
            return played.step(state, {"image": image})

        return jax.lax.scan(play, state, plan)

    def init(key):
        return played.init(key, {"image": jnp.zeros((1, PIXELS))})

    keys = jax.random.split(jax.random.key(0), seeds)
    states = jax.jit(jax.vmap(init))(keys)
    compiled = jax.jit(jax.vmap(run, (0, 0, None)), donate_argnums=0)
    turn = 0

    def play() -> float:
        nonlocal states, turn
        plans = [
            data.plan_many(i, turn, steps, count=images, batch_size=subject.size)
            for i in range(seeds)
        ]
        turn += 1
        index = np.stack([plan["index"] for plan in plans])
        states, metrics = compiled(states, index, arrays)
        jax.block_until_ready(states)
        return float(metrics["discriminator/loss"][0, -1])

    return play
