"""Trains the runs, and measures and draws what they guess."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import metrics
from jaxgan.compose import ema_variables
from jaxgan.lab import blocks, clips, figures, pixels, runs, session
from jaxgan.lab.session import Result
from jaxgan.models import multiscale_video
from jaxgan.train import directory
from jaxgan.train.terminal import say

SHOWN = 8  # clips in a picture
OFFICIAL = 255 / 128  # the range that the authors' formulas have
BEST = 10 * np.log10(255**2 / 1e-4)  # and the most decibels that they tell
MEASURES = ("psnr", "ssim", "sharpness", "moving_psnr", "nearer", "decides")


def compare(config: Any, models: Mapping[str, multiscale_video.Config]) -> None:
    """Trains each model that is not trained yet; writes a table and a picture."""
    model, run = config.model, config.run
    shape = (model.resolution, model.resolution, model.channels)
    world = clips.open_clips(
        config.data, config.world, shape, model.past + 1, model.past
    )
    test = clips.unseen(world, config.data.tests)
    found, guesses = {}, {}
    for name, one in models.items():
        part = runs.part(config, name, one)
        say(f"loss {name}: {part.run.workdir}")
        place = part.run.workdir / "guesses.npz"
        found[name] = runs.once(part, lambda part=part: _train(part, world, test))
        guesses[name] = np.load(place, allow_pickle=False)["guesses"]
    past = model.past
    true, other = test["clip"][:, past], test["other"][:, past]
    answers = {
        "last frame": test["clip"][:, past - 1],
        "mean of both": (true + other) / 2,
        "the other": other,
    }
    if np.array_equal(true, other):
        answers = {"last frame": answers["last frame"]}
    table = {
        name: scores(test, guess, past)
        for name, guess in {**answers, **guesses}.items()
    }
    _tell(table)
    _draw(config, test, guesses, past)
    first = found[next(iter(models))]
    figures.save_results(
        run.workdir / directory.RESULTS,
        {
            "data": first["data"],
            "world": config.world,
            "steps": run.steps,
            "batch_size": run.batch_size,
            "seed": run.seed,
            "tests": config.data.tests,
            "device": first["device"],
            "scores": table,
        },
    )


def _train(part: runs.Part, world: clips.Clips, test: Mapping[str, np.ndarray]):
    """Trains one model, and keeps what it guesses for all unseen clips."""
    model, run = part.model, part.run
    work = session.begin("Multi-scale video", part, world)

    @jax.jit
    def guess(variables, clip):
        return multiscale_video.predict(model, variables, clip)[:, 0]

    def show(state):
        shown = test["clip"][:SHOWN]
        drawn = guess(ema_variables(state), shown)
        tiles = np.concatenate([shown, np.asarray(drawn)[:, None]], 1)
        return {"guesses": np.asarray(pixels.to_bytes(tiles, clips.RANGE))}

    def measure(state):
        nets = ema_variables(state)
        guesses = blocks.in_blocks(lambda clip: guess(nets, clip), test["clip"])
        with (run.workdir / "guesses.npz").open("wb") as file:
            np.savez(file, guesses=guesses)
        return Result(scores(test, guesses, model.past), {})

    batches = clips.feed(world, run, work.mesh)
    game = multiscale_video.game(model)
    return session.train(work, game, batches, show=show, measure=measure)


def scores(
    test: Mapping[str, np.ndarray], guesses: np.ndarray, past: int
) -> dict[str, float]:
    """How good guesses of the next frame are, as means over clips.

    Args:
        test: `clip` and `other`, `[N, P + 1, S, S, C]` in [-1, 1].
        guesses: `[N, S, S, C]`.
        past: P.

    Returns:
        `psnr`, `ssim` and `sharpness` by the authors' formulas; `moving_psnr` of the
        pixels alone that change, and `official_moving_psnr`, which makes all others
        equal and counts them; `nearer`, the root mean squared distance to the nearer of
        both true futures; `decides`, how far guesses are on the line from the mean of
        both (0) to either (1), or NaN where there is one future.
    """
    found = blocks.in_blocks(
        jax.jit(lambda *x: _scores(*x)),
        test["clip"][:, past - 1],
        test["clip"][:, past],
        test["other"][:, past],
        guesses,
    )
    return {
        name: float(np.nanmean(values)) if np.isfinite(values).any() else np.nan
        for name, values in found.items()
    }


def _scores(last, true, other, guess):
    def error(image):
        return jnp.square(guess - image).mean((1, 2, 3))

    moves = (jnp.abs(true - last) > 2 / 255).any(-1)
    still = jnp.where(moves[..., None], 0.0, 1.0)
    covered = [x * (1 - still) - still for x in (true, guess)]
    nearer = jnp.minimum(error(true), error(other))
    mean, half = (true + other) / 2, (true - other) / 2
    along = ((guess - mean) * half).sum((1, 2, 3)) / jnp.square(half).sum((1, 2, 3))
    official = {
        "psnr": metrics.psnr(true, guess, data_range=OFFICIAL),
        "sharpness": metrics.sharpness(true, guess, data_range=OFFICIAL),
        "official_moving_psnr": metrics.psnr(*covered, data_range=OFFICIAL),
    }
    return {name: jnp.minimum(value, BEST) for name, value in official.items()} | {
        "ssim": metrics.ssim(true, guess, data_range=2),
        "moving_psnr": metrics.masked_psnr(true, guess, moves, data_range=2),
        "nearer": jnp.sqrt(nearer),
        "decides": jnp.abs(along),
    }


def _tell(table: Mapping[str, Mapping[str, float]]) -> None:
    """Prints the scores, a line a loss."""
    say(f"{'':<14}" + "".join(f"{name:>13}" for name in MEASURES))
    for name, row in table.items():
        say(f"{name:<14}" + "".join(f"{row[score]:>13.3f}" for score in MEASURES))


def _draw(config, test, guesses, past) -> None:
    """Draws what was seen, the future or both, and all guesses: a row a clip."""
    known = [test["clip"][:SHOWN, i] for i in range(past)]
    futures = {"true": "clip", "or": "other"}
    if np.array_equal(test["clip"], test["other"]):
        del futures["or"]
    after = [test[name][:SHOWN, past] for name in futures.values()]
    columns = [*known, *after, *(guess[:SHOWN] for guess in guesses.values())]
    rows = (np.stack(columns, 1) + 1) / 2
    titles = [f"t - {past - i}" for i in range(past)] + [*futures, *guesses]
    figure = figures.new(0.3 + 0.8 * len(titles), 0.3 + 0.8 * len(rows))
    figures.tiles(figure.subplots(), rows, [""] * len(rows), titles)
    about = "what was seen, what came or could have come, and guesses"
    figures.save(config.run.workdir / "futures.png", figure, about)
