"""`--seeds N`: a command trains once for each seed, and tells how far seeds lie apart.

    python -m experiments.lsgan_mnist --seeds 3

Each seed is the run that `--seed` alone would make, in a folder of its own: it can be
opened, stops and resumes by itself, and is that run bit for bit. Where there are
several devices, seeds train at the same time, each on devices of its own; on one
device, in a run of several processes, and with --fsdp they train in turn.
"""

import dataclasses
import functools
import json
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax

from jaxgan import parallel, report
from jaxgan.lab import session
from jaxgan.lab.spread import Spread, spread
from jaxgan.train import Run, beside, directory
from jaxgan.train.terminal import say

MOST = 2**32  # of seeds, which `train.Run` bounds
SAME = ("setting", "seed", "steps", "batch_size")  # results that are no scores


def train(main: Callable[[Any], None], config: Any, count: int) -> None:
    """Calls `main` for each seed, then writes what all came to.

    Args:
        main: of the command; it leaves results.json in its `run.workdir`.
        config: of the command.
        count: how many seeds, from `config.run.seed` on.

    Raises:
        ValueError: there are not so many seeds.
    """
    first, folder = config.run.seed, config.run.workdir
    if first + count > MOST:
        raise ValueError(
            f"--seeds is {count} and --seed {first}, but seeds are below {MOST}; lower"
            " one of them"
        )
    places = {seed: folder / f"seed_{seed}" for seed in range(first, first + count)}
    shares = _shares(config.run, count)
    devices = 0 if shares else config.run.devices  # 0: all of its share

    def alone(seed: int) -> None:
        place = places[seed]
        if not shares:  # each line of those side by side begins so
            say(f"seed {seed}, {seed - first + 1} of {count}: {place}")
        changes = {"seed": seed, "workdir": place, "devices": devices}
        run = dataclasses.replace(config.run, **changes)
        try:
            main(dataclasses.replace(config, run=run))
        except SystemExit as stop:  # processes with nothing to measure end so
            if stop.code:
                raise
        except Exception as error:
            if shares:  # it is raised when the others have ended, which may be long
                say(str(error))
            raise

    jobs = {f"seed {seed}": functools.partial(alone, seed) for seed in places}
    if shares:
        beside.together(jobs, shares)
    else:
        for job in jobs.values():
            job()
    if parallel.is_main():
        _report(folder, places)
    parallel.agreed(True)  # the others wait for the main process


def _shares(run: Run, count: int) -> list[list[Any]]:
    """The devices of each seed that trains beside others; none for seeds in turn."""
    there = jax.devices()
    if jax.process_count() > 1 or run.fsdp > 1 or run.devices > len(there):
        return []
    there = there[: run.devices or None]
    most = max(1, len(there) // count)
    fits = [n for n in range(1, most + 1) if run.batch_size % (n * run.accumulate) == 0]
    size = max(fits, default=1)
    shares = [there[i * size : (i + 1) * size] for i in range(min(count, len(there)))]
    return shares if len(shares) > 1 else []


def numbers(results: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, float]]:
    """The scores of a run by their names, those of tables as `table, row`."""
    for name, value in results.items():
        if not above and name in SAME:
            continue
        name = f"{above}, {name}" if above else name
        if isinstance(value, Mapping):
            yield from numbers(value, name)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield name.replace("_", " "), float(value)


def together(results: Sequence[Mapping[str, Any]]) -> dict[str, Spread]:
    """Mean and standard deviation of every number that all runs have."""
    found = [dict(numbers(one)) for one in results]
    names = [name for name in found[0] if all(name in other for other in found)]
    return {name: spread([one[name] for one in found]) for name in names}


def _report(folder: pathlib.Path, places: Mapping[int, pathlib.Path]) -> None:
    """Writes results.json and report.html of all seeds, and prints the table."""
    results = {
        seed: json.loads((place / directory.RESULTS).read_text())
        for seed, place in places.items()
        if (place / directory.RESULTS).is_file()
    }
    if not results:
        return
    found = together(list(results.values()))
    table = {name: _text(score) for name, score in found.items()}
    width = max(map(len, table), default=0)
    for name, text in table.items():
        say(f"{name:>{width}}  {text}")
    seeds = list(results)
    session.save_json(
        folder / directory.RESULTS,
        {
            "seeds": seeds,
            "scores": {name: score._asdict() for name, score in found.items()},
            "runs": {place.name: results[seed] for seed, place in places.items()},
            "command": session.command(),
        },
    )
    title = str(results[seeds[0]].get("model", folder.name))
    facts = {f"mean ± standard deviation of {len(seeds)} seeds": table}
    pictures = {
        f"Seed {seed}: {sheet.name}": sheet
        for seed, place in places.items()
        for sheet in _last_sheets(place)
    }
    page = report.page(f"{title}, {len(seeds)} seeds", facts, pictures)
    report.write(folder / directory.REPORT, page)
    say(f"all seeds: {folder / directory.REPORT}")


def _text(score: Spread) -> str:
    """A mean with as many digits as its deviation has meaning."""
    if score.standard_deviation is None:
        return f"{score.mean:.4g}"
    return f"{score.mean:.4g} ± {score.standard_deviation:.2g}"


def _last_sheets(place: pathlib.Path) -> list[pathlib.Path]:
    """The newest picture of each kind among a run's samples."""
    newest = {
        path.stem.rpartition("_")[0]: path for path in sorted(place.glob("samples/*"))
    }
    return list(newest.values())
