"""Plays rounds on digits, and draws the images that the discriminator rates highest."""

import pathlib

import jax
import numpy as np
from PIL import Image

from experiments.discriminator_only.plane import Part
from jaxgan import data as jaxgan_data
from jaxgan import game, report
from jaxgan.lab import feeds, figures, pixels, session
from jaxgan.lab.data import Data, Set, open_set
from jaxgan.lab.session import Numbers, Result
from jaxgan.models import discriminator_only as alone
from jaxgan.train import Run, directory

SHOWN = 12  # digits shown for each round
ROWS = 9  # rounds shown
JUDGED = 500  # largest number of test digits that the discriminator judges


def fit(run: Run, data: Data, model: alone.Config, out: pathlib.Path) -> Numbers:
    """Plays the rounds on digits, and draws them.

    Args:
        run: the run on digits.
        data: the data to train on.
        model: the discriminator, and how its negatives are found.
        out: the directory of the picture.
    """
    height, width, channels = model.shape
    opened = open_set(data, (height, width, channels), test=True)
    part = Part(run, data, model)
    work = session.begin("D alone, on digits", part, opened)
    feed = feeds.feed(opened, run, work.mesh)
    batches = feed._replace(
        prepare=lambda held, item: {"data": feed.prepare(held, item)["image"]}
    )
    chosen = jaxgan_data.some(len(opened.test["image"]), JUDGED)
    some = pixels.floats(opened.test["image"][chosen])
    judge = jax.jit(lambda v, x: alone.judge(model, v, x))

    def negatives(state):
        return np.asarray(state.stats["negatives"]["memory"]["past"])[-1]

    def show(state):
        found = negatives(state)
        logit = judge(game.variables(state), some).mean()
        return {
            "sheet": np.asarray(pixels.to_bytes(found[:64])),
            "test/logit of test digits": float(logit),
            "test/saturated": float(((found <= 0) | (found >= 1)).mean()),
        }

    def measure(state):
        found = negatives(state)
        v = game.variables(state)
        numbers = {
            "rounds": run.steps // model.round_steps,
            "logit_of_test_digits": float(judge(v, some).mean()),
            "logit_of_the_last_negatives": float(judge(v, found).mean()),
            "mean_pixel_of_test_digits": float(some.mean()),
            "mean_pixel_of_the_last_negatives": float(found.mean()),
            "test_images": len(some),
        }
        draw(out / "digits.png", run, model, opened)
        return Result(numbers, {"Negatives by round": out / "digits.png"})

    return session.train(
        work, alone.game(model), batches, show=show, measure=measure
    ).numbers


def draw(path: pathlib.Path, run: Run, model: alone.Config, opened: Set) -> None:
    """Draws digits of rounds 1, 2, 4 and so on, from the sheets of the whole run."""
    sheets = list(directory.sheets(run.workdir, "sheet").items())
    wanted = np.geomspace(1, len(sheets), min(ROWS, len(sheets))).round().astype(int)
    rows, labels = [], []
    for step, file in [sheets[i - 1] for i in sorted(set(wanted.tolist()))]:
        with Image.open(file) as image:
            found = tiles(np.asarray(image), *model.shape)
        rows.append(found[np.arange(SHOWN) % len(found)] / 255)
        rounds = step // model.round_steps
        labels.append(f"round {rounds}" if rounds else "random")
    index = np.resize(jaxgan_data.some(len(opened.test["image"]), SHOWN), SHOWN)
    digits = np.asarray(pixels.floats(opened.test["image"][index]))
    figure = figures.new(0.62 * SHOWN + 1, 0.62 * (len(rows) + 1))
    figures.tiles(
        figure.subplots(),
        np.stack([*rows, digits]),
        [*labels, "digits"],
        [""] * SHOWN,
    )
    figures.save(path, figure, "the images that D rated highest, by round")


def tiles(sheet: np.ndarray, height: int, width: int, channels: int) -> np.ndarray:
    """The images `[N, H, W, C]` of a sheet, row by row."""
    sheet = sheet.reshape(*sheet.shape[:2], channels)
    down, right = height + report.GAP, width + report.GAP
    rows = (sheet.shape[0] - report.GAP) // down
    columns = (sheet.shape[1] - report.GAP) // right
    cut = sheet[report.GAP :, report.GAP :][: rows * down, : columns * right]
    cut = np.pad(
        cut,
        [(0, rows * down - cut.shape[0]), (0, columns * right - cut.shape[1]), (0, 0)],
    )
    found = cut.reshape(rows, down, columns, right, channels).swapaxes(1, 2)
    return found.reshape(-1, down, right, channels)[:, :height, :width]
