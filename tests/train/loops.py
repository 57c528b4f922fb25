"""A small game, its feeds and a run of it, for the tests of training."""

import json

import chex
import jax
import jax.monitoring
import jax.numpy as jnp
import numpy as np
import optax

from jaxgan import data, losses, nn, parallel, train
from jaxgan.game import algorithm, pure, variables
from jaxgan.models.parts.two_players import adversarial


# A model without convolutions, which compiles fast: the loop does not care. The wide
# array of BIG is large enough for several devices to split it.
def game(width):
    return adversarial(
        nn.MLP((width,), 192),
        nn.MLP((8,), 1),
        latent=lambda key, count: jax.random.normal(key, (count, 6)),
        losses=(
            losses.non_saturating_discriminator_loss,
            losses.non_saturating_generator_loss,
        ),
        optimizer=optax.adam(1e-3),
        data="data",
    )


GAME, BIG = game(8), game(128)


IMAGES = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), np.uint8)


CONFIG = {"model": {"width": 4}, "steps": 0}


def make_run(workdir, **changes):
    options = {
        "steps": 8, "batch_size": 8, "log_every": 2, "sample_every": 4,
        "checkpoint_every": 4, "steps_per_call": 1,
    }  # fmt: skip
    return train.Run(workdir=workdir, **(options | changes))


def vectors(batch):
    return {"data": nn.from_uint8(batch["image"]).reshape(-1, 192)}


def resident(run):
    def plans(start):
        i = start
        while True:
            yield data.plan(run.seed, i, count=20, batch_size=run.batch_size, flip=True)
            i += 1

    def prepare(arrays, plan):
        batch = data.take(arrays, plan, xp=jnp)
        return vectors(batch)

    return train.Feed({"image": jnp.asarray(IMAGES)}, plans, prepare)


def streamed(run):
    def items(start):
        return data.stream(
            {"image": IMAGES}, run.seed, run.batch_size, flip=True, start=start
        )

    return train.Feed((), items, lambda _, batch: vectors(batch))


@jax.jit
def draw(variables):
    latent = jax.random.normal(jax.random.key(1), (4, 6))
    drawn, _ = pure(nn.MLP((8,), 192), "generator")(variables, latent)
    return nn.to_uint8(drawn.reshape(4, 8, 8, 3))


def sheets(state):
    return {"raw": np.asarray(draw(variables(state)))}


def play(run, *, game=GAME, feed=resident, mesh=None, config=CONFIG, show=sheets):
    mesh = mesh or parallel.mesh(jax.devices()[:1])
    return train.train(algorithm(game), feed(run), run, config, show, mesh)


def plain(state):
    return jax.device_get(state.replace(key=jax.random.key_data(state.key)))


def assert_same(a, b):
    chex.assert_trees_all_equal(plain(a), plain(b))


def scalars(workdir):
    timing = {"images_per_second", "waiting_for_data"}
    rows = map(json.loads, (workdir / "scalars.jsonl").read_text().splitlines())
    return [{k: v for k, v in row.items() if k not in timing} for row in rows]


def pictures(workdir):
    return {p.name: p.read_bytes() for p in (workdir / "samples").iterdir()}
