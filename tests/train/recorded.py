"""Records curves of scalars for test_diagnosis.py, in recorded_runs.json.

    python tests/train/recorded.py runs/dcgan_faces runs/pix2pix ...

Planted faults are trained here, in about a minute: most are a GAN of small perceptrons
on points, in which one thing is wrong. Runs that are named are taken for healthy; their
scalars are read, and samples are measured on their sheets where the data is portraits.
"""

import dataclasses
import json
import pathlib
import sys
import tempfile
import time

import jax
import numpy as np
import optax

from jaxgan import game as games
from jaxgan import parallel, report, train
from jaxgan.data import ArraySource
from jaxgan.game import algorithm
from jaxgan.lab import drawn, watch
from jaxgan.models.toys import points_gan
from jaxgan.train import directory

FILE = pathlib.Path(__file__).with_name("recorded_runs.json")
ROWS = 100  # of a run, at most
SMALL = {"generator": (32, 32), "discriminator": (32, 32), "discriminator_steps": 1}
RING = np.stack([np.cos(np.arange(8) * np.pi / 4), np.sin(np.arange(8) * np.pi / 4)], 1)
PLANTED = {
    # Steps are so long that all samples become one.
    "collapse": (
        {"loss": "non_saturating", "penalty": "none", "beta1": 0.9}, (3e-2, 3e-2),
    ),
    # The generator stands still.
    "the discriminator wins": (
        {"loss": "non_saturating", "penalty": "none"}, (1e-6, 1e-2),
    ),
    "the generator's gradient vanishes": (
        {"loss": "minimax", "penalty": "none"}, (1e-6, 1e-2),
    ),
    "the penalty flattens the discriminator": (
        {"loss": "non_saturating", "penalty": "r1", "weight": 1e4}, (1e-3, 1e-3),
    ),
    "clipping flattens the critic": (
        {"loss": "wasserstein", "penalty": "clip", "weight": 1e-3}, (1e-3, 1e-3),
    ),
    "NaN near": ({"loss": "wasserstein", "penalty": "none"}, (3e-2, 3e-2)),
}  # fmt: skip


def planted(name, fields, rates, steps=4000):
    """Rows of a game in which something is wrong."""
    config = points_gan.Config(**SMALL, **fields)
    game = points_gan.game(config)
    if name != "clipping flattens the critic":  # which is in the optimiser
        players = {
            player: dataclasses.replace(
                game.players[player],
                optimizer=optax.adam(rate, config.beta1, config.beta2),
            )
            for player, rate in zip(("generator", "discriminator"), rates, strict=True)
        }
        game = dataclasses.replace(game, players=players)
    rng = np.random.default_rng(0)
    spread = 1.0 if name == "collapse" else 0.02
    far = 3.0 * ("wins" in name or "vanishes" in name)
    data = RING[rng.integers(len(RING), size=4096)] * 2 + far
    data = np.float32(data + spread * rng.normal(size=data.shape))
    init, step = algorithm(game)
    state = init(jax.random.key(0), {"data": data[:64]})

    @jax.jit
    def many(state, batches):
        return jax.lax.scan(lambda s, b: step(s, {"data": b}), state, batches)

    rows, every = [], steps // ROWS
    for at in range(every, steps + 1, every):
        batches = data[rng.integers(len(data), size=(every, 64))]
        state, found = many(state, batches)
        rows.append({"step": at} | {k: float(x[-1]) for k, x in found.items()})
        if at % (10 * every) == 0:
            latent = points_gan.latent(config, jax.random.key(1), 100)
            ours = points_gan.sample(config, games.variables(state), latent)
            rows[-1] |= watch.compared(np.asarray(ours), data)
    return rows


def oscillating(steps=1500, rate=0.02):
    """Rows of a Dirac-GAN (Mescheder et al., arXiv:1801.04406), both players at once.

    Data is the point 0, the generator the point `at`, the critic linear; the loss is
    Wasserstein's.
    """
    at, slope, rows = 1.5, 1.5, []
    for step in range(1, steps + 1):
        fake = slope * at
        at, slope = at + rate * slope, slope - rate * at
        if step % (steps // ROWS) == 0:
            rows.append({"step": step, "critic/gap": -fake, "critic/loss": fake})
    return rows


def starved():
    """Rows of a run whose batches come late."""
    config = points_gan.Config(**SMALL)

    def items(start):
        while True:
            time.sleep(0.02)
            yield np.float32(np.random.default_rng(0).normal(size=(8, 2)))

    feed = train.Feed((), items, lambda _, item: {"data": item})
    with tempfile.TemporaryDirectory() as place:
        run = train.Run(
            workdir=pathlib.Path(place), steps=40, batch_size=8, log_every=1
        )
        mesh = parallel.mesh(jax.devices()[:1])
        played = algorithm(points_gan.game(config))
        train.train(played, feed, run, {}, lambda state: {}, mesh)
        return directory.scalars(run.workdir)


def copies():
    """Rows of a generator that draws training images, with noise that fades."""
    rng = np.random.default_rng(0)
    data = rng.normal(size=(500, 64))
    return [
        {
            "step": i,
            **watch.compared(data[:64] + noise * rng.normal(size=(64, 64)), data),
        }
        for i, noise in enumerate((1, 0.7, 0.5, 0.3, 0.1, 0.05))
    ]


def healthy(run, portraits):
    """Rows of a run, with its samples measured where the data is portraits."""
    rows = directory.scalars(run)
    rows = [row for row in rows if len(row) > 1]
    plain = directory.begun(run) or {}
    if plain["data"].get("data", "").startswith("portraits"):
        for step, path in directory.sheets(run, "ema").items():
            here = [row for row in rows if row["step"] == step]
            if here:
                ours = watch.small(report.tiles(path))
                here[0] |= watch.compared(ours, portraits)
    every = -(-len(rows) // ROWS)
    return [
        row for i, row in enumerate(rows)
        if i % every == every - 1 or "samples/diversity" in row
    ]  # fmt: skip


def columns(rows):
    """Rows as columns, with three digits: None where a row lacks a number."""
    names = sorted({name for row in rows for name in row} - {"images_per_second"})

    def short(x):
        return x if isinstance(x, int | None) else float(f"{x:.3g}")

    return {name: [short(row.get(name)) for row in rows] for name in names}


def main(runs):
    found = {name: planted(name, *rest) for name, rest in PLANTED.items()}
    found |= {
        "oscillation": oscillating(),
        "starved of input": starved(),
        "memorisation": copies(),
    }
    source = drawn.open_source("portraits:8192", size=64)
    assert isinstance(source, ArraySource)
    images = source.arrays["image"]
    data = watch.small(images[np.random.default_rng(0).permutation(4096)])
    fine = {name: healthy(pathlib.Path(name), data) for name in runs}
    names = {name: name.split("runs/")[-1] for name in runs}
    text = {
        "planted": {name: columns(rows) for name, rows in found.items()},
        "healthy": {names[name]: columns(rows) for name, rows in fine.items()},
    }
    FILE.write_text(json.dumps(text, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
