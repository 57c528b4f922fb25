"""Generation by a discriminator alone, round by round.

    python -m experiments.discriminator_only
    python -m experiments.discriminator_only --digit-rounds 0
    python -m experiments.discriminator_only --preset paper --data idx:MNIST

What D likes best, found by gradient ascent, is what is generated; in the next round it
is a negative, and D learns otherwise, unless it is data. Without flags: eight Gaussians
in the plane, 40 rounds in seconds, then digits, minutes on two CPU cores. The
run directory gets

- plane.png: D's landscape after rounds, with the data, the negatives that were found,
  and the peaks that D takes for data where there are none: most go, some come back;
- rounds.png: how many peaks are left with data and without, and how many of the
  negatives lie where data do;
- digits.png: what D liked best after rounds, one row each, and the digits themselves;
- results.json.

The same command again goes on where it stopped.
"""

import dataclasses
import pathlib
from typing import Annotated, Any, Literal

import jax
import numpy as np
import tyro

from jaxgan import game, nn, report, train
from jaxgan.data.synthetic import points
from jaxgan.lab import cli, figures, mnist, session
from jaxgan.lab import digits as lab_digits
from jaxgan.models import discriminator_only as alone

PANELS = 10  # rounds of which the landscape is shown
GRID = 81  # places a side at which the landscape is looked at
NEAR = 3.0  # standard deviations from a mode that count as data
SHOWN = 12  # digits a round that are shown
ROWS = 9  # rounds of which digits are shown
DATA, FOUND, WRONG = "white", "#ff9f1c", "#e71d36"


@dataclasses.dataclass(frozen=True)
class Config:
    """The plane, and digits."""

    data: Annotated[mnist.Data, tyro.conf.arg(name="")]
    plane: alone.Config
    digits: alone.Config
    plane_rounds: int = 40
    """Rounds in the plane."""
    digit_rounds: int = 800
    """Rounds on digits; 0 leaves them out."""
    modes: int = 8
    """Gaussians on the ring."""
    batch_size: int = 64
    """Positives, and as many negatives, a minibatch."""
    seed: int = 0
    """Seed of weights, starts and data order."""
    devices: int = 0
    """Devices to train on; 0 takes all there are."""
    workdir: pathlib.Path = pathlib.Path("runs/discriminator_only")
    """Directory of the two runs and the pictures."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: larger and longer, for an accelerator. There
    is no paper: both are the project's own."""

    def __post_init__(self):
        figures.at_least(self, plane_rounds=1, digit_rounds=0, modes=1, batch_size=2)
        if self.plane.shape != (2,):
            raise ValueError(
                f"--plane.shape is {self.plane.shape}; points in the plane are (2,)"
            )
        size = (mnist.SIZE, mnist.SIZE, 1)
        if self.digits.shape != size:
            raise ValueError(
                f"--digits.shape is {self.digits.shape}; digits are {size}"
            )


PLANE = alone.Config(negatives=16, restarts=4, rounds_kept=40)
DIGITS = alone.Config(
    shape=(28, 28, 1), low=0.0, high=1.0, width=16, hidden=(128,), round_steps=5,
    negatives=64, rounds_kept=50, replay=0.5, restarts=1, ascent_steps=60,
    ascent_rate=3.0, ascent_reach=1.5, prior=0.02, penalty=0.1, learning_rate=5e-4,
)  # fmt: skip
PRESETS = {
    "laptop": Config(data=mnist.Data(), plane=PLANE, digits=DIGITS),
    "paper": Config(
        data=mnist.Data(),
        plane=PLANE,
        digits=dataclasses.replace(
            DIGITS, width=64, hidden=(512,), negatives=256, ascent_steps=200
        ),
        digit_rounds=10_000,
        batch_size=256,
        workdir=pathlib.Path("runs/discriminator_only_paper"),
        preset="paper",
    ),
}


@dataclasses.dataclass(frozen=True)
class Setting:
    """One of the runs."""

    run: train.Run
    data: Any
    model: alone.Config


@dataclasses.dataclass(frozen=True)
class Ring:
    """The set of the plane, as reports name it."""

    about: str
    fingerprint: str


def main(config: Config) -> None:
    """Plays the rounds that are missing, then draws."""
    results = {"seed": config.seed, "plane": _plane(config)}
    if config.digit_rounds:
        results["digits"] = _digit_rounds(config)
    figures.save_results(config.workdir / "results.json", results)


def _run_of(config: Config, name: str, rounds: int) -> train.Run:
    model = getattr(config, name)
    every = model.round_steps * max(1, rounds // 100)  # sheets of a hundred rounds
    return train.Run(
        workdir=config.workdir / name,
        steps=rounds * model.round_steps,
        batch_size=config.batch_size,
        seed=config.seed,
        devices=config.devices,
        log_every=every,
        sample_every=every,
        checkpoint_every=model.round_steps * max(1, rounds // 5),
        keep=1,
    )


# --- the plane -----------------------------------------------------------------------


def wide_ring(modes: int) -> points.Points:
    """Gaussians on a circle of radius 2, wide enough for a small D to learn them."""
    angle = 2 * np.pi * np.arange(modes) / modes
    return points.mixture(2 * np.stack([np.cos(angle), np.sin(angle)], 1), 0.15)


def peaks(landscape: np.ndarray) -> np.ndarray:
    """Local maxima of a landscape `[G, G]`: indices `[P, 2]`, higher than all around.

    Only those of which D says that they are data (logits above 0) count, and that stand
    out from what surrounds them by a hundredth of the landscape's range. Places at the
    edge have fewer neighbours.
    """
    padded = np.pad(landscape, 2, constant_values=-np.inf)
    size = landscape.shape[0]
    around = np.stack(
        [
            padded[2 + i : 2 + i + size, 2 + j : 2 + j + size]
            for i in range(-2, 3)
            for j in range(-2, 3)
            if (i, j) != (0, 0)
        ]
    )
    ring = np.where(np.isfinite(around), around, np.inf).min(0)
    tall = landscape - ring > 0.01 * np.ptp(landscape)
    return np.argwhere((landscape > around.max(0)) & tall & (landscape > 0))


def _plane(config: Config) -> dict[str, Any]:
    model, ring = config.plane, wide_ring(config.modes)
    run = _run_of(config, "plane", config.plane_rounds)
    place = np.linspace(model.low, model.high, GRID).astype(np.float32)
    grid = np.stack(np.meshgrid(place, place), -1).reshape(-1, 2)
    judge = jax.jit(lambda v, x: alone.judge(model, v, x))
    seen: dict[int, dict[str, np.ndarray]] = {}
    kept = run.workdir / "rounds"

    def look(state):
        """Keeps what the pictures are made of, in a file a round."""
        v = game.variables(state)
        landscape = np.asarray(judge(v, grid)).reshape(GRID, GRID)
        found = np.asarray(v["negatives"]["memory"]["past"])[-1]
        step = int(state.step)
        kept.mkdir(parents=True, exist_ok=True)
        np.savez(kept / f"{step:07d}.npz", landscape=landscape, found=found)
        top = peaks(landscape)
        off = away(grid.reshape(GRID, GRID, 2)[tuple(top.T)])
        return {
            "peaks/with data": float((off <= NEAR).sum()),
            "peaks/without": float((off > NEAR).sum()),
            "negatives/near data": float((away(found) <= NEAR).mean()),
            "negatives/at the edge": float(
                ((found <= model.low) | (found >= model.high)).any(-1).mean()
            ),
        }

    def away(x):
        """How many standard deviations from the nearest mode, `[N]`."""
        gap = np.linalg.norm(x[:, None] - ring.centres[None], axis=-1)
        return gap.min(1) / ring.sigma

    def items(start):
        step = start
        while True:
            yield np.arange(step * run.batch_size, (step + 1) * run.batch_size)
            step += 1

    key = jax.random.key(config.seed + 1)
    batches = train.Feed(
        arrays=(),
        items=items,
        prepare=lambda _, position: {"data": points.stream(ring, key, position)},
    )
    results: dict[str, Any] = {}

    def finish(state):
        del state
        rows = [r for r in report.read_scalars(run.workdir / "scalars.jsonl")
                if "peaks/without" in r]  # fmt: skip
        for path in sorted(kept.glob("*.npz")):
            if int(path.stem) <= run.steps:
                with np.load(path, allow_pickle=False) as arrays:
                    seen[int(path.stem)] = dict(arrays)
        results.update(
            rounds=config.plane_rounds,
            modes=config.modes,
            at_start=_summary(rows[1:2]),
            last_quarter=_summary(rows[-max(1, len(rows) // 4) :]),
        )
        _draw_plane(config, ring, place, seen)
        _draw_rounds(config, rows)
        pictures = {
            "D's landscape": config.workdir / "plane.png",
            "Peaks and negatives": config.workdir / "rounds.png",
        }
        return {"last quarter": results["last_quarter"]}, pictures

    about = Ring(f"{config.modes} Gaussians on a ring", f"ring {config.modes}")
    session.train_and_report(
        "D alone, in the plane",
        alone.game(model),
        Setting(run, {"modes": config.modes}, model),
        batches,
        about,
        look,
        finish,
    )
    return results


def _summary(rows) -> dict[str, float]:
    names = ("peaks/with data", "peaks/without", "negatives/near data",
             "negatives/at the edge")  # fmt: skip
    return {name: float(np.mean([row[name] for row in rows])) for name in names}


def _draw_plane(config, ring, place, seen) -> None:
    """Writes plane.png: rounds that double, since much happens at first."""
    steps = sorted(seen)[1:]
    wanted = np.geomspace(1, len(steps), min(PANELS, len(steps))).round().astype(int)
    for i in range(1, len(wanted)):  # the first would repeat where they lie close
        wanted[i] = max(wanted[i], wanted[i - 1] + 1)
    chosen = [steps[i - 1] for i in wanted]
    some = np.asarray(ring.sample(jax.random.key(0), 300))
    figure = figures.new(13.0, 5.7)
    axes = figure.subplots(2, -(-len(chosen) // 2), squeeze=False)
    for panel in axes.flat[len(chosen) :]:
        panel.set_axis_off()
    for panel, step in zip(axes.flat, chosen, strict=False):
        landscape, found = seen[step]["landscape"], seen[step]["found"]
        d = 1 / (1 + np.exp(-landscape))
        panel.imshow(
            d, extent=[place[0], place[-1]] * 2, origin="lower", cmap="viridis", vmin=0
        )
        panel.scatter(*some.T, s=2, c=DATA, alpha=0.45, lw=0)
        panel.scatter(*found.T, s=16, c=FOUND, marker="o", lw=0.4, edgecolors="black")
        top = peaks(landscape)
        where = np.stack([place[top[:, 1]], place[top[:, 0]]], -1)
        gap = np.linalg.norm(where[:, None] - ring.centres[None], axis=-1).min(1)
        wrong = where[gap > NEAR * ring.sigma]
        panel.scatter(*wrong.T, s=70, c=WRONG, marker="x", lw=2)
        rounds = step // config.plane.round_steps
        panel.set_title(f"round {rounds}: {len(wrong)} without data", size=10)
        panel.set(xticks=[], yticks=[])
    figure.suptitle(
        "D after rounds (bright: real). Dots: the argmax of D, the next negatives;"
        " crosses: peaks above one half without data",
        size=11,
    )
    figures.save(config.workdir / "plane.png", figure, "D's landscape after rounds")


def _draw_rounds(config, rows) -> None:
    """Writes rounds.png."""
    figure = figures.new(9.0, 3.2)
    left, right = figure.subplots(1, 2)
    rounds = [row["step"] / config.plane.round_steps for row in rows]
    for name, colour in (("peaks/with data", "#1f6f8b"), ("peaks/without", WRONG)):
        left.plot(rounds, [row[name] for row in rows], color=colour, label=name[6:])
    left.set(xlabel="round", ylabel="peaks of D", ylim=(0, None))
    left.legend(frameon=False, title="peaks")
    near = [row["negatives/near data"] for row in rows]
    edge = [row["negatives/at the edge"] for row in rows]
    right.plot(rounds, near, color="#1f6f8b", label="where data lie")
    right.plot(rounds, edge, color=WRONG, label="at the edge of the box")
    right.set(xlabel="round", ylabel="share of negatives", ylim=(-0.02, 1.02))
    right.legend(frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figures.save(config.workdir / "rounds.png", figure, "peaks and negatives by round")


# --- digits --------------------------------------------------------------------------


def _digit_rounds(config: Config) -> dict[str, Any]:
    model, sets = config.digits, mnist.open_sets(config.data)
    run = _run_of(config, "digits", config.digit_rounds)
    feed = mnist.feed(sets, run, train.devices(run))
    batches = feed._replace(
        prepare=lambda held, item: {"data": feed.prepare(held, item)["image"]}
    )
    some = figures.images(sets, np.arange(min(500, len(sets.test["label"]))))
    judge = jax.jit(lambda v, x: alone.judge(model, v, x))

    def negatives(state):
        return np.asarray(state.stats["negatives"]["memory"]["past"])[-1]

    def look(state):
        found = negatives(state)
        logit = judge(game.variables(state), some).mean()
        return {
            "sheet": nn.to_uint8(2 * found[:64] - 1),
            "test/logit of test digits": float(logit),
            "test/saturated": float(((found <= 0) | (found >= 1)).mean()),
        }

    results: dict[str, Any] = {}

    def finish(state):
        found = negatives(state)
        v = game.variables(state)
        results.update(
            rounds=config.digit_rounds,
            data=sets.about,
            logit_of_test_digits=float(judge(v, some).mean()),
            logit_of_the_last_negatives=float(judge(v, found).mean()),
            mean_pixel_of_test_digits=float(some.mean()),
            mean_pixel_of_the_last_negatives=float(found.mean()),
            test_images=len(some),
        )
        _draw_digits(config, run, sets)
        return dict(results), {"Negatives by round": config.workdir / "digits.png"}

    session.train_and_report(
        "D alone, on digits",
        alone.game(model),
        Setting(run, config.data, model),
        batches,
        sets,
        look,
        finish,
    )
    return results


def _draw_digits(config: Config, run: train.Run, sets: lab_digits.Sets) -> None:
    """Writes digits.png from the sheets, which a resumed run has too."""
    from PIL import Image

    paths = sorted((run.workdir / "samples").glob("sheet_*.png"))
    wanted = np.geomspace(1, len(paths), min(ROWS, len(paths))).round().astype(int)
    rows, labels = [], []
    for path in [paths[i - 1] for i in sorted(set(wanted.tolist()))]:
        with Image.open(path) as image:
            sheet = np.asarray(image)
        tiles = _tiles(sheet)
        rows.append(tiles[np.arange(SHOWN) % len(tiles)] / 255)
        rounds = int(path.stem.rpartition("_")[2]) // config.digits.round_steps
        labels.append(f"round {rounds}" if rounds else "random")
    digits = figures.images(sets, np.arange(SHOWN) % len(sets.test["label"]))
    figure = figures.new(0.62 * SHOWN + 1, 0.62 * (len(rows) + 1))
    figures.tiles(
        figure.subplots(),
        np.stack([*rows, digits]),
        [*labels, "digits"],
        [""] * SHOWN,
    )
    figures.save(config.workdir / "digits.png", figure, "what D liked best, by round")


def _tiles(sheet: np.ndarray) -> np.ndarray:
    """The images `[N, 28, 28, 1]` of a sheet `[height, width]`, row by row."""
    pitch = mnist.SIZE + report.GAP
    rows, columns = ((side - report.GAP) // pitch for side in sheet.shape[:2])
    cut = sheet[report.GAP :, report.GAP :][: rows * pitch, : columns * pitch]
    cut = np.pad(
        cut, [(0, rows * pitch - cut.shape[0]), (0, columns * pitch - cut.shape[1])]
    )
    tiles = cut.reshape(rows, pitch, columns, pitch).swapaxes(1, 2)
    return tiles.reshape(-1, pitch, pitch, 1)[:, : mnist.SIZE, : mnist.SIZE]


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
