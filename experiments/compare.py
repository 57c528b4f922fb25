"""Compares runs on one page: settings that differ, scores, sheets and curves.

    python -m experiments.compare runs/dcgan_faces runs/sngan_faces
    python -m experiments.compare runs/a runs/b runs/c --workdir runs/side_by_side

This takes seconds and only reads the runs, which may still be training. Writes
report.html, one file that needs no network: first the settings that differ, then the
scores with what is good, the latest sheets side by side, what is wrong with each run,
and one chart for each number that the runs log, with a curve for each run.
"""

import dataclasses
import json
import pathlib
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

import tyro

from jaxgan import report
from jaxgan.lab import cli
from jaxgan.report import charts
from jaxgan.report.document import document, escape, figure, grid
from jaxgan.train import diagnosis, directory, page, words
from jaxgan.train.terminal import say

# Settings that differ between any two runs, and say nothing.
IGNORED = ("run/workdir",)
LONG = 60  # letters of a setting, at most


@dataclasses.dataclass(frozen=True)
class Config:
    """The runs, and where to write."""

    runs: Annotated[
        tuple[pathlib.Path, ...],
        tyro.conf.Positional,
        tyro.conf.arg(metavar="RUN RUN ..."),
    ]
    """Directories of two runs or more."""
    workdir: pathlib.Path = pathlib.Path("runs/compare")
    """Directory for the page."""


class Seen(NamedTuple):
    """A run, as its files tell of it."""

    name: str
    place: pathlib.Path
    plain: Mapping[str, Any]
    numbers: Mapping[str, Any]
    rows: list[dict[str, Any]]


def main(config: Config) -> None:
    """Reads the runs and writes the page."""
    named = names(config.runs)
    if len(named) < 2:
        raise ValueError(
            f"compare was given {', '.join(map(str, named)) or 'nothing'}; give the"
            " directories of two or more runs"
        )
    seen = [read(place, name) for place, name in named.items()]
    path = config.workdir / directory.REPORT
    report.write(path, text(seen))
    say(f"{path}: {len(seen)} runs side by side")


def names(places: tuple[pathlib.Path, ...]) -> dict[pathlib.Path, str]:
    """Runs by the last parts of their paths, as many as tell them apart."""
    places = tuple(dict.fromkeys(places))
    for count in range(1, max((len(place.parts) for place in places), default=0) + 1):
        short = ["/".join(place.parts[-count:]) for place in places]
        if len(set(short)) == len(places):
            return dict(zip(places, short, strict=True))
    return {place: str(place) for place in places}


def read(place: pathlib.Path, name: str) -> Seen:
    """A run from its directory.

    Raises:
        ValueError: it holds no run.
    """
    plain = directory.begun(place)
    if plain is None:
        raise ValueError(
            f"{place} holds no run, since it has no {directory.CONFIG}; give"
            " directories of runs, such as runs/dcgan_faces"
        )
    results = place / directory.RESULTS
    numbers = json.loads(results.read_text()) if results.is_file() else {}
    return Seen(name, place, plain, numbers, directory.scalars(place))


def text(seen: list[Seen]) -> str:
    """The page of some runs."""
    title = f"{len(seen)} runs compared"
    body = [
        f"<h1>{title}</h1>",
        f"<h2>What differs</h2>{_settings(seen)}",
        _scores(seen),
        f'<h2>Latest sheets</h2><div class="beside">{"".join(map(_sheet, seen))}</div>',
        f"<h2>What the numbers say</h2>{''.join(map(_findings, seen))}",
        f'<h2>Curves</h2><div class="cards">{_curves(seen)}</div>',
    ]
    return document(title, "\n".join(body))


def settings(plain: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """The fields of a configuration, by their paths."""
    found = {}
    for name, value in plain.items():
        inner = isinstance(value, Mapping)
        path = f"{above}{name}"
        found |= settings(value, f"{path}/") if inner else {path: value}
    return found


def differing(seen: list[Seen]) -> dict[str, list[Any]]:
    """Settings that are not the same in all runs, with the value of each run."""
    each = [settings(one.plain) for one in seen]
    fields = sorted({field for one in each for field in one} - set(IGNORED))
    values = {field: [one.get(field, "(none)") for one in each] for field in fields}
    return {field: x for field, x in values.items() if any(y != x[0] for y in x)}


def _settings(seen: list[Seen]) -> str:
    rows = [
        (field, *(_short(value) for value in values))
        for field, values in differing(seen).items()
    ]
    if not rows:
        return "<p>Nothing but their directories.</p>"
    return grid(("setting", *(one.name for one in seen)), rows)


def _short(value: Any) -> str:
    text = json.dumps(value) if isinstance(value, list) else str(value)
    return text if len(text) <= LONG else f"{text[: LONG - 1]}…"


def _scores(seen: list[Seen]) -> str:
    """The scores whose meaning is known, with what is good."""
    each = [dict(page.flat(one.numbers)) for one in seen]
    rows = []
    for path in dict.fromkeys(path for one in each for path in one):
        if good := words.score(path.rpartition(": ")[2]):
            values = (f"{one[path]:.4g}" if path in one else "" for one in each)
            rows.append((path.replace("_", " "), *values, good))
    if not rows:
        return ""
    head = ("score", *(one.name for one in seen), "what is good")
    return f"<h2>Scores</h2>{grid(head, rows)}"


def _sheet(one: Seen) -> str:
    """The latest sheet of a run."""
    for name in directory.sheet_names(one.place)[:1]:
        step, path = list(directory.sheets(one.place, name).items())[-1]
        return figure(f"{one.name}, step {step:,}", path)
    return f"<p>{escape(one.name)} has drawn no sheet.</p>"


def _findings(one: Seen) -> str:
    wrong = diagnosis.findings(one.rows)
    said = "".join(f'<p class="warn">{escape(found)}</p>' for found in wrong)
    fine = '<p class="good">Nothing is wrong by the rules.</p>'
    return f"<h3>{escape(one.name)}</h3>{said or fine}"


def _curves(seen: list[Seen]) -> str:
    """A card for each number, with a curve for each run."""
    cards = []
    groups = page.groups([row for one in seen for row in one.rows])
    for name in (name for _, group in groups for name in group):
        curves = {}
        for one in seen:  # one without the number keeps its colour
            rows = [row for row in one.rows if name in row]
            curves[one.name] = [row["step"] for row in rows], [r[name] for r in rows]
        if chart := charts.chart(curves):
            player, _, metric = name.rpartition("/")
            said = words.curve(player, [metric])
            cards.append(
                f'<div class="card"><h3>{escape(name.replace("_", " "))}</h3>'
                f"{charts.legend(list(curves))}{chart}<p>{escape(said)}</p></div>"
            )
    return "".join(cards)


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
