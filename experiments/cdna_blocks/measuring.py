"""Trains the runs, and measures what they guess under right and wrong actions."""

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from experiments.cdna_blocks import pictures
from jaxgan.compose import ema_variables
from jaxgan.data.synthetic import digits, pushed_blocks
from jaxgan.lab import blocks, figures, pixels, runs, session
from jaxgan.lab.capsules import TEST_SEED
from jaxgan.lab.session import Result
from jaxgan.models import cdna
from jaxgan.train import Feed, Run, directory
from jaxgan.train.terminal import say

SHOWN = 4  # clips on a sheet
TOLD = ("right", "shuffled", "absent", "carried_out")


class World(NamedTuple):
    """The blocks as data: they are drawn, so this is all that there is to know."""

    about: str = "pushed blocks, drawn as they are needed"
    fingerprint: str = "pushed_blocks"


def compare(config: Any, models: Mapping[str, cdna.Config]) -> None:
    """Trains each model that is not trained yet; writes tables and pictures."""
    run, model = config.run, config.model
    test = unseen(model, config.tests)
    found, kept = {}, {}
    for name, one in models.items():
        place = run.workdir / name
        part = runs.Part(dataclasses.replace(run, workdir=place), None, one)
        say(f"{name}: {place}")
        found[name] = runs.once(part, lambda part=part: _train(part, test))
        with np.load(place / "guesses.npz", allow_pickle=False) as file:
            kept[name] = dict(file)
    context = model.context
    last = np.repeat(test["clip"][:, context - 1 : context], model.frames - context, 1)
    psnr = {"last frame": _psnr(test["clip"][:, context:], last)}
    psnr |= {name: found[name]["psnr"] for name in models}
    errors = {name: found[name]["errors"] for name in models}
    errors["last frame"] = {"right": _error(test["clip"][:, context:], last)}
    say(f"{'':<14}" + "".join(f"{told:>13}" for told in TOLD))
    for name, row in errors.items():
        say(f"{name:<14}" + "".join(f"{row.get(t, np.nan):>13.5f}" for t in TOLD))
    guesses = {name: arrays["right"] for name, arrays in kept.items()}
    pictures.draw_clips(run.workdir / "clips.png", test["clip"], guesses, context)
    pictures.draw_psnr(run.workdir / "psnr.png", psnr, context)
    moved = [name for name, one in models.items() if one.motion != "none"]
    if moved:
        place, first = run.workdir / "motion.png", kept[moved[0]]
        pictures.draw_motion(place, test["clip"], first, context)
    figures.save_results(
        run.workdir / directory.RESULTS,
        {
            "data": World().about,
            "steps": run.steps,
            "batch_size": run.batch_size,
            "seed": run.seed,
            "tests": config.tests,
            "device": next(iter(found.values()))["device"],
            "psnr": psnr,
            "errors": errors,
        },
    )


def unseen(model: cdna.Config, count: int) -> dict[str, np.ndarray]:
    """Clips of a seed that no run has.

    Returns:
        `clip`, `state` and `action`, as the game takes them; `other_action`, that of
        another clip; and `other_clip`, what would have happened under it.
    """

    def one(position):
        key = digits.example_key(TEST_SEED, position)
        return pushed_blocks.clip(key, frames=model.frames, size=model.resolution)

    made = jax.jit(jax.vmap(one))(np.arange(count).astype(np.uint32))
    other = np.roll(np.asarray(made.action), 1, 0)
    # The same pushes while the context lasts: what is known must be the same.
    told = model.context - 1
    other = np.concatenate([made.action[:, :told], other[:, told:]], 1)
    first = jax.tree.map(lambda x: x[:, 0], made.scenes)

    def played(scene, action):
        return pushed_blocks.play(scene, action, model.resolution).clip

    return {
        **{
            name: np.asarray(getattr(made, name))
            for name in ("clip", "state", "action")
        },
        "other_action": other,
        "other_clip": np.asarray(jax.jit(jax.vmap(played))(first, other)),
    }


def _feed(model: cdna.Config, run: Run) -> Feed:
    """Batches of clips; each is a function of the seed and its place in the stream."""

    def items(start):
        for step in itertools.count(start):
            place = np.arange(step * run.batch_size, (step + 1) * run.batch_size)
            yield {"position": place.astype(np.uint32)}

    def one(position):
        key = digits.example_key(run.seed, position)
        made = pushed_blocks.clip(key, frames=model.frames, size=model.resolution)
        return {"clip": made.clip, "state": made.state, "action": made.action}

    return Feed((), items, lambda _, item: jax.vmap(one)(item["position"]))


def _train(part: runs.Part, test: Mapping[str, np.ndarray]) -> Result:
    """Trains one model, and keeps what it guesses for all unseen clips."""
    model, run = part.model, part.run
    work = session.begin("CDNA", part, World())
    told = {
        "right": test["action"],
        "shuffled": test["other_action"],
        "absent": np.zeros_like(test["action"]),
    }

    @jax.jit
    def guess(variables, clip, state, action):
        batch = {"clip": clip, "state": state, "action": action}
        return cdna.roll_out(model, variables, batch)

    def guessed(nets, action, count=None):
        arrays = (test["clip"], test["state"], action)
        return blocks.in_blocks(
            lambda *x: guess(nets, *x), *(x[:count] for x in arrays), size=32
        )

    after = model.context - 1

    def show(state):
        made = guessed(ema_variables(state), told["right"], 32).frames[:SHOWN]
        known = test["clip"][:SHOWN, : model.context]
        clips = np.concatenate([known, made[:, after:]], 1)
        both = np.stack([test["clip"][:SHOWN], clips], 1)
        rows = both.reshape(-1, *both.shape[2:])
        return {"clips": np.asarray(pixels.to_bytes(rows))}

    def measure(state):
        nets = ema_variables(state)
        made = {name: guessed(nets, action) for name, action in told.items()}
        frames = {name: one.frames[:, after:] for name, one in made.items()}
        true = test["clip"][:, model.context :]
        errors = {name: _error(true, x) for name, x in frames.items()}
        carried = test["other_clip"][:, model.context :]
        errors["carried_out"] = _error(carried, frames["shuffled"])
        right = made["right"]
        held = {"right": frames["right"], "masks": right.masks[:SHOWN]}
        if right.kernels is not None:
            held["kernels"] = right.kernels[:SHOWN]
        with (run.workdir / "guesses.npz").open("wb") as file:
            np.savez(file, **held)
        psnr = _psnr(true, frames["right"])
        return Result({"errors": errors, "psnr": psnr}, {})

    game = cdna.game(model)
    return session.train(work, game, _feed(model, run), show=show, measure=measure)


def _error(true: np.ndarray, guess: np.ndarray) -> float:
    """The mean squared error of all guessed frames."""
    return float(np.square(true - guess).mean())


def _psnr(true: np.ndarray, guess: np.ndarray) -> list[float]:
    """The PSNR of each frame of `[B, T, S, S, C]` in [0, 1], as a mean over clips."""
    error = np.square(true - guess).mean((2, 3, 4)).clip(1e-10)
    return (-10 * np.log10(error)).mean(0).tolist()
